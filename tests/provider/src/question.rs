//! What the caller asked for, in whichever format.

use serde_json::Value;

/// Longest part of the user's message that is echoed, in characters.
const ECHO: usize = 60;
/// Most choices that are given to one request.
const MAX_CHOICES: u64 = 128;

#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) choices: usize,
    /// What the user said last, shortened.
    pub(crate) last_user_message: String,
    /// The same, whole.
    pub(crate) asked: String,
    pub(crate) prompt_tokens: usize,
    pub(crate) begun: Option<Begun>,
    /// The whole request.
    pub(crate) body: Value,
}

/// The part of the answer that the request already has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// An assistant's message at the end of the conversation.
    Prefill {
        text: String,
        /// Mistral's `"prefix": true`.
        prefix: bool,
    },
    /// A prompt without roles, whose end may be the answer's beginning.
    Prompt(String),
}

impl Question {
    pub(crate) fn read(model: String, stream: bool, body: Value) -> Self {
        let turns = ["messages", "contents", "input"]
            .iter()
            .find_map(|list| body[*list].as_array())
            .map_or(&[][..], Vec::as_slice);
        let last_user = turns.iter().rfind(|turn| turn["role"] == "user");
        let prompt = text(&body["prompt"]);
        let asked = match last_user {
            Some(turn) => said(turn),
            None => prompt.clone() + &text(&body["input"]),
        };
        let words = |text: &str| text.split_whitespace().count();
        let in_turns: usize = turns.iter().map(|turn| words(&said(turn))).sum();
        let begun = begun(turns, prompt);
        Self {
            model,
            stream: stream || body["stream"] == true,
            include_usage: body["stream_options"]["include_usage"] == true,
            choices: body["n"].as_u64().unwrap_or(1).clamp(1, MAX_CHOICES) as usize,
            prompt_tokens: in_turns.max(words(&asked)),
            last_user_message: shortened(&asked),
            asked,
            begun,
            body,
        }
    }

    /// An assistant's turn at the end of the conversation, and whether it is marked as a prefix.
    pub(crate) fn prefill(&self) -> Option<(&str, bool)> {
        match &self.begun {
            Some(Begun::Prefill { text, prefix }) => Some((text, *prefix)),
            _ => None,
        }
    }
}

fn begun(turns: &[Value], prompt: String) -> Option<Begun> {
    let last = turns.last();
    let assistant = last.filter(|turn| turn["role"] == "assistant" || turn["role"] == "model");
    match assistant {
        Some(turn) => Some(Begun::Prefill {
            text: said(turn),
            prefix: turn["prefix"] == true,
        }),
        None => (!prompt.is_empty()).then_some(Begun::Prompt(prompt)),
    }
}

/// What one turn says: `content` everywhere but in Gemini's `parts`.
fn said(turn: &Value) -> String {
    text(&turn["content"]) + &text(&turn["parts"])
}

/// A string, or a list of strings or of parts that have a text.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.as_str().or_else(|| part["text"].as_str()))
            .collect(),
        _ => String::new(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ECHO) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Question {
        Question::read("m".to_owned(), false, body)
    }

    #[test]
    fn the_last_user_message_is_found_in_every_format() {
        for body in [
            json!({"messages": [{"role": "user", "content": "hello there"}, {"role": "assistant", "content": "x"}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "hello there"}]}]}),
            json!({"messages": [{"role": "user", "content": [{"text": "hello there"}]}]}),
            json!({"contents": [{"role": "user", "parts": [{"text": "hello "}, {"text": "there"}]}]}),
            json!({"input": "hello there"}),
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello there"}]}]}),
            json!({"prompt": "hello there"}),
            json!({"prompt": ["hello there"]}),
        ] {
            assert_eq!(
                read(body.clone()).last_user_message,
                "hello there",
                "{body}"
            );
        }
    }

    #[test]
    fn an_assistant_turn_at_the_end_is_a_prefill_in_every_format() {
        for (body, prefix) in [
            (
                json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "one two"}]}),
                false,
            ),
            (
                json!({"messages": [{"role": "assistant", "content": "one two", "prefix": true}]}),
                true,
            ),
            (
                json!({"contents": [{"role": "model", "parts": [{"text": "one two"}]}]}),
                false,
            ),
            (
                json!({"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "one two"}]}]}),
                false,
            ),
        ] {
            let text = "one two".to_owned();
            assert_eq!(
                read(body.clone()).begun,
                Some(Begun::Prefill { text, prefix }),
                "{body}"
            );
        }
        let user_last = json!({"messages": [{"role": "assistant", "content": "one"}, {"role": "user", "content": "x"}]});
        assert_eq!(read(user_last).begun, None);
        let prompt = json!({"prompt": "Count: one"});
        assert_eq!(
            read(prompt).begun,
            Some(Begun::Prompt("Count: one".to_owned()))
        );
    }
}
