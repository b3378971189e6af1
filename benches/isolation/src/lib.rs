//! What `benches/isolation.sh` and `benches/instructions.sh` give to the parts that they measure: requests of a size,
//! recorded streams, chunk by chunk, failures with a hint, and a whole call.

pub mod call;
pub mod hints;

use std::error::Error;
use std::fs;
use std::path::Path;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use bytes::Bytes;
use failover_wire::stream::Stream;

/// Bytes of text that a stream keeps for another candidate, as by default for a gateway.
const KEPT: usize = 1 << 20;

/// A chat request of so many bytes.
pub fn request(bytes: usize) -> Vec<u8> {
    let with = |content: &str| {
        let body = serde_json::json!({
            "messages": [{"role": "user", "content": content}],
            "model": "gpt-4o",
        });
        body.to_string()
    };
    let rest = bytes.saturating_sub(with("").len());
    with(&"x".repeat(rest)).into_bytes()
}

/// A stream as a provider has sent it.
pub struct Recording {
    /// The format's name.
    pub name: &'static str,
    content_type: &'static str,
    /// One event each.
    pub chunks: Vec<Bytes>,
}

impl Recording {
    /// The recordings of all formats, from the tests of `native/wire`.
    ///
    /// # Errors
    /// A file that is not there, or is none.
    pub fn all() -> Result<Vec<Recording>, Box<dyn Error>> {
        let files = [
            ("chat", "chat-text.sse"),
            ("completions", "completions-text.sse"),
            ("responses", "responses-text.sse"),
            ("messages", "messages-text.sse"),
            ("gemini", "gemini-text.sse"),
            ("mistral", "mistral-text.sse"),
            ("converse", "converse-text.base64"),
            ("invoke", "invoke-messages.base64"),
        ];
        files
            .map(|(name, file)| Recording::read(name, file))
            .into_iter()
            .collect()
    }

    fn read(name: &'static str, file: &str) -> Result<Recording, Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../native/wire/tests/recorded");
        let text = fs::read_to_string(folder.join(file))?;
        let (content_type, chunks) = if file.ends_with(".base64") {
            ("application/vnd.amazon.eventstream", messages(&text)?)
        } else {
            ("text/event-stream", events(&text))
        };
        Ok(Recording {
            name,
            content_type,
            chunks,
        })
    }

    /// Feeds a new stream with all chunks and tells how many events came out.
    pub fn play(&self) -> usize {
        let Some(mut stream) = Stream::from_content_type(Some(self.content_type), false, KEPT)
        else {
            return 0;
        };
        self.chunks
            .iter()
            .map(|chunk| stream.feed(chunk).len())
            .sum()
    }
}

/// Server-sent events, each with the empty line that ends it.
fn events(text: &str) -> Vec<Bytes> {
    let text = text.replace("\r\n", "\n");
    text.split_inclusive("\n\n")
        .map(|event| Bytes::from(event.to_owned()))
        .collect()
}

/// Messages of AWS's event stream: a line each, between lines that say in `#` what they are.
fn messages(text: &str) -> Result<Vec<Bytes>, DecodeError> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| STANDARD.decode(line).map(Bytes::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_of_a_recording_is_an_event() -> Result<(), Box<dyn Error>> {
        for recording in Recording::all()? {
            let (events, chunks) = (recording.play(), recording.chunks.len());
            assert!(events >= 3, "{}: {events} events", recording.name);
            assert_eq!(events, chunks, "{}", recording.name);
        }
        Ok(())
    }

    #[test]
    fn a_request_has_the_bytes_that_were_asked_for() {
        assert_eq!(request(10_240).len(), 10_240);
    }
}
