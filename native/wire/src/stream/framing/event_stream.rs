//! `application/vnd.amazon.eventstream`: binary frames with two checksums (AWS, "Event stream encoding").
//!
//! aws-smithy-eventstream reads and writes the frames. Only their length is looked at here, because a frame is passed
//! on with the bytes that it came in.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_eventstream::smithy::parse_response_headers;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as AwsMessage};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::{Content, Frame, MAX_FRAME, Message, content_of};
use crate::room::append;

/// Bytes of the shortest frame: two lengths and two checksums.
const SHORTEST: usize = 16;

/// The most that a frame's headers may take up, in bytes: the encoding's own limit. Each of them takes thirty times its
/// bytes when it is read.
const MOST_HEADERS: u32 = 128 * 1024;

/// Cuts a stream into its messages.
#[derive(Debug, Default)]
pub(crate) struct MessageReader {
    partial: Vec<u8>,
    broken: bool,
}

impl MessageReader {
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        if self.broken {
            return Vec::new();
        }
        let mut input = bytes.clone();
        if !self.partial.is_empty() {
            if !append(&mut self.partial, bytes) {
                return vec![self.give_up()];
            }
            // The buffer is given away only when a frame is complete, so that none is moved with every piece.
            if first(&self.partial) == First::Unfinished {
                return Vec::new();
            }
            input = std::mem::take(&mut self.partial).into();
        }
        let mut frames = Vec::new();
        loop {
            let frame = match first(&input) {
                First::Unfinished => break,
                First::Complete(length) => read(input.split_to(length)),
                First::Impossible => None,
            };
            match frame {
                Some(frame) => frames.push(frame),
                // What a damaged frame said can't be known, nor where the next one begins.
                None => {
                    frames.push(self.give_up());
                    return frames;
                }
            }
        }
        if !append(&mut self.partial, &input) {
            frames.push(self.give_up());
        }
        frames
    }

    fn give_up(&mut self) -> Frame {
        self.broken = true;
        self.partial = Vec::new();
        Frame::broken(Bytes::new())
    }

    pub(crate) fn finish(&mut self) -> Option<Frame> {
        (!self.partial.is_empty()).then(|| Frame::broken(std::mem::take(&mut self.partial).into()))
    }

    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }
}

/// What a buffer begins with.
#[derive(PartialEq, Eq)]
enum First {
    Unfinished,
    /// A frame of this length.
    Complete(usize),
    /// A length that no frame has.
    Impossible,
}

fn first(input: &[u8]) -> First {
    match input.first_chunk().map(|l| u32::from_be_bytes(*l) as usize) {
        None => First::Unfinished,
        Some(length) if !(SHORTEST..=MAX_FRAME).contains(&length) => First::Impossible,
        Some(length) if length > input.len() => First::Unfinished,
        Some(length) => First::Complete(length),
    }
}

/// `None`: the checksums or the headers are wrong, or too many.
fn read(raw: Bytes) -> Option<Frame> {
    let headers = raw
        .get(4..)?
        .first_chunk()
        .map(|l| u32::from_be_bytes(*l))?;
    if headers > MOST_HEADERS {
        return None;
    }
    let message = read_message_from(raw.clone()).ok()?;
    let payload = message.payload();
    let (name, content) = match parse_response_headers(&message) {
        Ok(headers) if headers.message_type.as_str() == "event" => (
            headers.smithy_type.as_str().to_owned(),
            match content_of(payload) {
                Ok(content) => content,
                Err(_) if payload.is_empty() => Content::Nothing,
                Err(_) => Content::Torn,
            },
        ),
        Ok(headers) => (
            headers.smithy_type.as_str().to_owned(),
            Content::Exception(payload.clone()),
        ),
        // `:message-type: error` is an error without a model (AWS, "Event stream encoding").
        Err(_) => (String::new(), Content::Exception(payload.clone())),
    };
    Some(Frame { raw, name, content })
}

/// A frame of our own.
pub(crate) fn write(message: &Message) -> Option<Bytes> {
    let text = |name: &'static str, value: &str| {
        Header::new(name, HeaderValue::String(value.to_owned().into()))
    };
    let (kind, type_header, name, data): (_, _, _, &Value) = match message {
        Message::Event(name, data) => ("event", ":event-type", name.as_str(), data),
        Message::Exception(name, data) => ("exception", ":exception-type", *name, data),
        Message::Word(_) => return None,
    };
    let message = AwsMessage::new(data.to_string().into_bytes())
        .add_header(text(type_header, name))
        .add_header(text(":content-type", "application/json"))
        .add_header(text(":message-type", kind));
    let mut out = BytesMut::new();
    write_message_to(&message, &mut out).ok()?;
    Some(out.freeze())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Framing, tests::cut};
    use super::*;

    fn framing() -> Framing {
        Framing::EventStream(MessageReader::default())
    }

    fn stream() -> Vec<u8> {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": "Hé"}});
        [
            write(&Message::Event("contentBlockDelta".into(), delta)).unwrap(),
            write(&Message::Exception(
                "throttlingException",
                json!({"message": "x"}),
            ))
            .unwrap(),
        ]
        .concat()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let frames = cut(&mut framing(), &stream(), &[]);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].name, "contentBlockDelta");
        assert!(matches!(&frames[0].content, Content::Json(v) if v["delta"]["text"] == "Hé"));
        assert_eq!(
            (frames[1].name.as_str(), &frames[1].content),
            (
                "throttlingException",
                &Content::Exception(Bytes::from_static(b"{\"message\":\"x\"}"))
            )
        );
    }

    #[test]
    fn a_wrong_checksum_or_length_ends_what_can_be_read() {
        for at in 0..stream().len() {
            let mut damaged = stream();
            damaged[at] ^= 1;
            let frames = cut(&mut framing(), &damaged, &[]);
            assert_eq!(
                frames.last().map(|f| &f.content),
                Some(&Content::Broken),
                "byte {at} was changed and nobody noticed"
            );
        }
    }

    proptest! {
        #[test]
        fn the_frames_do_not_depend_on_where_a_stream_is_cut(cuts in prop::collection::vec(0usize..600, 0..16)) {
            let whole = cut(&mut framing(), &stream(), &[]);
            prop_assert_eq!(cut(&mut framing(), &stream(), &cuts), whole);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(stream: Vec<u8>, cuts: Vec<usize>) {
            cut(&mut framing(), &stream, &cuts);
        }
    }
}
