//! OpenAI completions: the text of a prompt goes on (OpenAI API reference, "Completion object").

use serde_json::Value;

use super::chat::{self, Choices};
use super::{Format, Wishes, Worth, set, text_of};
use crate::json::edit;
use crate::stream::framing::Message;
use crate::stream::usage::Tokens;

/// A completion's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Completions {
    choices: Choices,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    let choices = event.get("choices")?.as_array()?;
    // Some (Together AI) put the text of a chat's delta beside it once more.
    let is = choices
        .iter()
        .any(|c| c.get("text").is_some() && c.get("delta").is_none())
        || text_of(event, "object") == "text_completion";
    is.then(|| Box::new(Completions::default()) as Box<dyn Format>)
}

impl Format for Completions {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        self.choices.read(event, |choice| {
            let text = text_of(choice, "text");
            said.push_str(text);
            !text.is_empty()
        })
    }

    fn read_word(&mut self, word: &[u8]) -> Worth {
        self.choices.read_word(word)
    }

    fn finished(&self) -> bool {
        self.choices.finished()
    }

    fn ended(&self) -> bool {
        self.choices.ended()
    }

    fn end_marker(&self) -> Option<Message> {
        self.choices.end_marker()
    }

    fn tokens(&self) -> Option<Tokens> {
        self.choices.tokens()
    }

    fn is_usage_only(&self, event: &Value) -> bool {
        Choices::is_usage_only(event)
    }

    fn model(&self) -> Option<&str> {
        self.choices.model()
    }

    fn error(&self, message: &str) -> Message {
        chat::error(message)
    }

    fn is_plain_text(&self) -> bool {
        self.choices.is_one()
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        request.number("/n") <= 1
            && request.number("/best_of") <= 1
            && !request.want_other_than("/logprobs", &[])
            // The prompt would be repeated in front of the rest.
            && request.get("/echo") != Some(&Value::Bool(true))
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        edit::replaced(request, "prompt", |prompt| {
            let prompt: String = serde_json::from_str(prompt).ok()?;
            Some(Value::from(prompt + text).to_string())
        })
    }

    fn go_on(&mut self) {
        self.choices.go_on();
    }

    fn join(&mut self, _: &str, event: Value, text: &str, _: bool) -> Vec<Message> {
        self.choices.join(event, |choice| {
            set(choice, "text", text);
            !text.is_empty()
        })
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}
