//! NDJSON: a JSON document on each line (Ollama API, "Streaming responses").
//!
//! One document over several lines is read too, as a whole when it ends: an error, written for people.

use bytes::Bytes;
use memchr::memchr_iter;

use super::{Content, Frame, Message, append, completed, content_of};

/// Cuts a body into its lines.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    partial: Vec<u8>,
    begun: bool,
    /// Whether the first line is no document: the body is one.
    whole: bool,
}

impl LineReader {
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut from = 0;
        for at in memchr_iter(b'\n', bytes) {
            if self.whole {
                break;
            }
            let Some(raw) = completed(&mut self.partial, bytes.slice(from..=at)) else {
                frames.push(Frame::broken(Bytes::new()));
                return frames;
            };
            from = at + 1;
            let frame = read(raw);
            if !self.begun && frame.content == Content::Torn {
                self.whole = true;
                self.partial = frame.raw.into();
                break;
            }
            self.begun |= frame.content != Content::Nothing;
            frames.push(frame);
        }
        if !append(&mut self.partial, &bytes[from..]) {
            frames.push(Frame::broken(Bytes::new()));
        }
        frames
    }

    pub(crate) fn finish(&mut self) -> Option<Frame> {
        if self.partial.is_empty() {
            return None;
        }
        Some(read(std::mem::take(&mut self.partial).into()))
    }

    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }
}

fn read(raw: Bytes) -> Frame {
    let said = raw.trim_ascii();
    let content = match said.is_empty() {
        true => Content::Nothing,
        false => content_of(said).unwrap_or(Content::Torn),
    };
    Frame {
        raw,
        name: String::new(),
        content,
    }
}

/// A line of our own.
pub(crate) fn write(message: &Message) -> Option<Bytes> {
    match message {
        Message::Event(_, data) | Message::Exception(_, data) => {
            Some(Bytes::from(format!("{data}\n")))
        }
        Message::Word(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Framing, tests::cut};
    use super::*;

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let body = b"{\"response\":\"a\"}\n\n{\"response\":\"b\",\"done\":true}";
        for at in 0..=body.len() {
            let mut framing =
                Framing::from_content_type(Some("application/x-ndjson"), false).unwrap();
            let frames = cut(&mut framing, body, &[at]);
            let said: Vec<Content> = frames.into_iter().map(|f| f.content).collect();
            assert_eq!(
                said,
                [
                    Content::Json(json!({"response": "a"})),
                    Content::Nothing,
                    Content::Json(json!({"response": "b", "done": true})),
                ],
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_document_over_several_lines_is_one() {
        let body = b"{\n  \"error\": \"overloaded\"\n}\n";
        let mut framing = Framing::from_content_type(Some("application/jsonl"), false).unwrap();
        let frames = cut(&mut framing, body, &[1, 3, 9]);
        assert_eq!(frames.len(), 1);
        assert_eq!(
            frames[0].content,
            Content::Json(json!({"error": "overloaded"}))
        );
        assert_eq!(&frames[0].raw[..], body);
    }
}
