//! Ollama's own API (Ollama API, "Generate a completion" and "Generate a chat completion"): a document a line.

use serde_json::{Value, json};

use super::{Format, Wishes, Worth, is_error, name_once, says_something};
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

const NAMES: Names = Names {
    prompt: "prompt_eval_count",
    completion: "eval_count",
    total: None,
};

/// The stream of a completion or a chat. Nobody goes on with it: its API takes no beginning of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ollama {
    done: bool,
    usage: Usage,
    model: Option<String>,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    let says = event.get("response").is_some_and(Value::is_string)
        || event.get("message").is_some_and(Value::is_object);
    (says && event.get("done").is_some_and(Value::is_boolean))
        .then(|| Box::new(Ollama::default()) as Box<dyn Format>)
}

impl Format for Ollama {
    fn read(&mut self, _: &str, event: &Value, _: &mut String) -> Worth {
        if is_error(event) {
            return Worth::Failed;
        }
        name_once(&mut self.model, event.get("model"));
        self.done |= event.get("done") == Some(&Value::Bool(true));
        if self.done {
            self.usage.report(&NAMES, event);
        }
        let says = ["response", "message", "thinking"]
            .iter()
            .filter_map(|key| event.get(*key))
            .any(says_something);
        match says || self.done {
            true => Worth::Useful,
            false => Worth::Nothing,
        }
    }

    fn finished(&self) -> bool {
        self.done
    }

    fn ended(&self) -> bool {
        self.done
    }

    fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens()
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn error(&self, message: &str) -> Message {
        Message::Event(String::new(), json!({"error": message}))
    }

    fn is_plain_text(&self) -> bool {
        false
    }

    fn asks_for_plain_text(&self, _: &Wishes) -> bool {
        false
    }

    fn prefilled(&self, _: &[u8], _: &str, _: bool) -> Option<Vec<u8>> {
        None
    }

    fn go_on(&mut self) {}

    fn join(&mut self, _: &str, event: Value, _: &str, _: bool) -> Vec<Message> {
        vec![Message::Event(String::new(), event)]
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::stream::{Stream, Worth};

    fn worths(lines: &[&str]) -> Vec<Worth> {
        let mut stream =
            Stream::from_content_type(Some("application/x-ndjson"), false, 1024).unwrap();
        let body = lines.join("\n") + "\n";
        let events = stream.feed(&Bytes::from(body));
        events.into_iter().map(|e| e.worth).collect()
    }

    #[test]
    fn lines_are_judged_by_what_they_say() {
        assert_eq!(
            worths(&[
                r#"{"model":"m","response":"","done":false}"#,
                r#"{"model":"m","response":"a","done":false}"#,
                r#"{"model":"m","response":"","done":true,"eval_count":3}"#,
            ]),
            [Worth::Nothing, Worth::Useful, Worth::Useful]
        );
        assert_eq!(
            worths(&[r#"{"model":"m","message":{"role":"assistant","content":"a"},"done":false}"#]),
            [Worth::Useful]
        );
        assert_eq!(
            worths(&[r#"{"error":"model runner has stopped"}"#]),
            [Worth::Failed]
        );
    }
}
