//! How a body is cut into frames. What a frame says is the format's business ([`super::format`]).

mod event_stream;
mod json_array;
mod lines;
mod sse;

use bytes::Bytes;
use serde_json::Value;

use crate::json::{lenient, outline, outline::Outline};
use crate::media_type;
use crate::room::append;
use event_stream::MessageReader;
use json_array::ElementReader;
use lines::LineReader;
use sse::BlockReader;

/// The most that one frame may take up, in bytes. A provider whose frame does not end is not read for ever.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// A piece of a stream that is passed on, left out or buffered as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// Its bytes as they came, with what separates it from others.
    pub(crate) raw: Bytes,
    /// The event's name or type; empty where the framing has none.
    pub(crate) name: String,
    /// What it says.
    pub(crate) content: Content,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Nothing: a comment, a ping, white space.
    Nothing,
    /// JSON.
    Json(Value),
    /// JSON of which only a part was read, because it is made of too many values.
    Outline(Value),
    /// What is no JSON and need not be: `[DONE]`, plain text.
    Text(Bytes),
    /// JSON that is torn.
    Torn,
    /// An exception of the event stream encoding, with its payload; the frame's name is its type.
    Exception(Bytes),
    /// The framing's own end: the bracket that closes an array.
    End,
    /// Nothing can be read after it: a wrong checksum, a frame without an end.
    Broken,
}

impl Frame {
    /// In place of one that is left out.
    pub(crate) fn empty() -> Frame {
        Frame {
            raw: Bytes::new(),
            name: String::new(),
            content: Content::Nothing,
        }
    }

    pub(crate) fn broken(raw: Bytes) -> Frame {
        Frame {
            raw,
            name: String::new(),
            content: Content::Broken,
        }
    }
}

/// The framings, by the answer's content type.
#[derive(Debug)]
pub(crate) enum Framing {
    /// `text/event-stream` (HTML standard §9.2).
    Sse(BlockReader),
    /// One JSON array, its elements sent as they are made: Gemini without `alt=sse`.
    JsonArray(ElementReader),
    /// `application/vnd.amazon.eventstream`.
    EventStream(MessageReader),
    /// NDJSON: a document a line (Ollama).
    Lines(LineReader),
    /// Anything else: each piece is a frame.
    Opaque,
}

impl Framing {
    /// The framing of an answer. `None`: a whole JSON document, not a stream. `in_array`: the request's format
    /// streams an array of JSON.
    pub(crate) fn from_content_type(content_type: Option<&str>, in_array: bool) -> Option<Framing> {
        match content_type {
            Some(t) if media_type::is_event_stream(t) => Some(Framing::Sse(BlockReader::default())),
            Some(t) if media_type::is_amazon_event_stream(t) => {
                Some(Framing::EventStream(MessageReader::default()))
            }
            Some(t) if media_type::is_json(t) => {
                in_array.then(|| Framing::JsonArray(ElementReader::default()))
            }
            Some(t) if media_type::is_ndjson(t) => Some(Framing::Lines(LineReader::default())),
            _ => Some(Framing::Opaque),
        }
    }

    /// Whether frames of one can follow frames of the other in one body.
    pub(crate) fn is_like(&self, other: &Framing) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Takes the next bytes, cut anywhere, and gives the frames that they complete. They may be many and each takes more
    /// room than its bytes: give a few KiB at a time.
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        let mut frames = match self {
            Framing::Lines(reader) => reader.feed(bytes),
            Framing::Sse(reader) => reader.feed(bytes),
            Framing::JsonArray(reader) => reader.feed(bytes),
            Framing::EventStream(reader) => reader.feed(bytes),
            Framing::Opaque => vec![Frame {
                raw: bytes.clone(),
                name: String::new(),
                content: Content::Text(bytes.clone()),
            }],
        };
        if self.pending() > MAX_FRAME {
            frames.push(Frame::broken(Bytes::new()));
        }
        frames
    }

    /// What was left without an end when the body ended.
    pub(crate) fn finish(&mut self) -> Option<Frame> {
        match self {
            Framing::Lines(reader) => reader.finish(),
            Framing::Sse(reader) => reader.finish(),
            Framing::JsonArray(reader) => reader.finish(),
            Framing::EventStream(reader) => reader.finish(),
            Framing::Opaque => None,
        }
    }

    /// Bytes of a frame that is not complete yet.
    pub(crate) fn pending(&self) -> usize {
        match self {
            Framing::Sse(reader) => reader.pending(),
            Framing::JsonArray(reader) => reader.pending(),
            Framing::EventStream(reader) => reader.pending(),
            Framing::Lines(reader) => reader.pending(),
            Framing::Opaque => 0,
        }
    }

    /// A frame of our own, to follow others. `None`: the framing has no frames.
    pub(crate) fn write(&self, message: &Message) -> Option<Bytes> {
        match self {
            Framing::Sse(_) => Some(sse::write(message)),
            Framing::JsonArray(_) => json_array::write(message),
            Framing::EventStream(_) => event_stream::write(message),
            Framing::Lines(_) => lines::write(message),
            Framing::Opaque => None,
        }
    }

    /// What ends a body after its last frame.
    pub(crate) fn closing(&self) -> Bytes {
        match self {
            Framing::Sse(reader) => reader.closing(),
            Framing::JsonArray(_) => Bytes::from_static(b"]"),
            _ => Bytes::new(),
        }
    }

    /// A line that client libraries pass over. `None`: the framing has no such thing.
    pub(crate) fn comment(&self, text: &str) -> Option<Bytes> {
        match self {
            Framing::Sse(_) => Some(Bytes::from(format!(": {text}\n\n"))),
            _ => None,
        }
    }
}

/// What JSON says. What only a strict parser refuses (half of a surrogate pair, `NaN`) is read as if it were in order;
/// as with what was not read, nobody goes on from it.
fn content_of(json: &[u8]) -> Result<Content, serde_json::Error> {
    match outline::read(json) {
        Ok(Outline { value, whole: true }) => Ok(Content::Json(value)),
        Ok(Outline { value, .. }) => Ok(Content::Outline(value)),
        Err(error) => match outline::read(&lenient(json)) {
            Ok(Outline { value, .. }) => Ok(Content::Outline(value)),
            Err(_) => Err(error),
        },
    }
}

/// A frame's bytes, when its last ones have come. The buffer is given away: a waiting stream keeps none. `None`: there
/// is no memory for it.
fn completed(partial: &mut Vec<u8>, last: Bytes) -> Option<Bytes> {
    if partial.is_empty() {
        return Some(last);
    }
    let mut whole = std::mem::take(partial);
    append(&mut whole, &last).then(|| whole.into())
}

/// A frame to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// An event with JSON.
    Event(String, Value),
    /// An event whose data is a mere word.
    Word(&'static str),
    /// An exception of the event stream encoding, with its type.
    Exception(&'static str, Value),
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Feeds a stream cut at these places.
    pub(crate) fn cut(framing: &mut Framing, stream: &[u8], cuts: &[usize]) -> Vec<Frame> {
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut frames = Vec::new();
        for pair in cuts.windows(2) {
            frames.extend(framing.feed(&Bytes::copy_from_slice(&stream[pair[0]..pair[1]])));
        }
        frames.extend(framing.finish());
        frames
    }

    #[test]
    fn a_frame_without_an_end_is_given_up() {
        for content_type in ["text/event-stream", "application/json"] {
            let mut framing = Framing::from_content_type(Some(content_type), true).unwrap();
            framing.feed(&Bytes::from_static(b"[{\"x\":\""));
            let mut frames = Vec::new();
            for _ in 0..=16 {
                frames = framing.feed(&Bytes::from(vec![b'x'; 1024 * 1024]));
            }
            assert_eq!(
                frames.last().map(|f| &f.content),
                Some(&Content::Broken),
                "{content_type}"
            );
        }
    }
}
