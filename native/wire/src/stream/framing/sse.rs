//! `text/event-stream`.
//!
//! An event is passed on, left out or held back as a whole, so the stream is cut into blocks at its blank lines (HTML
//! standard §9.2.6) and each block keeps its bytes; what a block says is read by eventsource-stream, which gives the
//! fields but not where they stood.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use eventsource_stream::EventStream;
use futures_core::Stream;

use super::{Content, Frame, Message};

/// Cuts a stream into its blocks, the blank lines included.
pub(crate) struct BlockReader {
    events: EventStream<Feed>,
    feed: Feed,
    partial: BytesMut,
    line_is_empty: bool,
    after_cr: bool,
    begun: bool,
}

impl fmt::Debug for BlockReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockReader")
            .field("pending", &self.partial.len())
            .finish_non_exhaustive()
    }
}

impl Default for BlockReader {
    fn default() -> Self {
        let feed = Feed::default();
        BlockReader {
            events: EventStream::new(feed.clone()),
            feed,
            partial: BytesMut::new(),
            line_is_empty: true,
            after_cr: false,
            begun: false,
        }
    }
}

impl BlockReader {
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let line_ends = match byte {
                // The second half of a line's end.
                b'\n' if self.after_cr => false,
                b'\n' | b'\r' => true,
                _ => {
                    self.line_is_empty = false;
                    false
                }
            };
            self.after_cr = *byte == b'\r';
            if line_ends {
                if self.line_is_empty {
                    let end = at + 1 + usize::from(bytes[at..].starts_with(b"\r\n"));
                    let raw = self.complete(bytes.slice(from..end));
                    frames.push(self.read(raw));
                    from = end;
                }
                self.line_is_empty = true;
            }
        }
        self.partial.extend_from_slice(&bytes[from..]);
        frames
    }

    pub(crate) fn finish(&mut self) -> Option<Frame> {
        if self.partial.is_empty() {
            return None;
        }
        let raw = self.partial.split().freeze();
        Some(self.read(raw))
    }

    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }

    fn complete(&mut self, end: Bytes) -> Bytes {
        if self.partial.is_empty() {
            return end;
        }
        self.partial.extend_from_slice(&end);
        self.partial.split().freeze()
    }

    fn read(&mut self, raw: Bytes) -> Frame {
        // eventsource-stream panics over a byte order mark.
        let mark = match std::mem::replace(&mut self.begun, true) {
            false if raw.starts_with(b"\xef\xbb\xbf") => 3,
            _ => 0,
        };
        self.feed.put(raw.slice(mark..));
        // A blank line that was cut between its CR and LF, or is missing at the end.
        self.feed.put(Bytes::from_static(b"\n\n"));
        let mut context = Context::from_waker(Waker::noop());
        let mut frame = Frame {
            raw,
            name: String::new(),
            content: Content::Nothing,
        };
        while let Poll::Ready(Some(event)) = Pin::new(&mut self.events).poll_next(&mut context) {
            match event {
                Ok(event) => {
                    frame.content = content(event.data);
                    // The name that an event has without a field for it (HTML standard §9.2.6).
                    frame.name = match event.event.as_str() {
                        "message" => String::new(),
                        _ => event.event,
                    };
                }
                // Not UTF-8.
                Err(_) => frame.content = Content::Torn,
            }
        }
        frame
    }
}

fn content(data: String) -> Content {
    let trimmed = data.trim();
    if trimmed.is_empty() {
        return Content::Nothing;
    }
    match serde_json::from_str(trimmed) {
        Ok(value) => Content::Json(value),
        Err(_) if trimmed.starts_with('{') => Content::Torn,
        Err(_) => Content::Text(data.into()),
    }
}

pub(crate) fn write(message: &Message) -> Bytes {
    let mut out = String::with_capacity(256);
    let _ = match message {
        Message::Event(name, data) if name.is_empty() => write!(out, "data: {data}\n\n"),
        Message::Event(name, data) => write!(out, "event: {name}\ndata: {data}\n\n"),
        Message::Exception(name, data) => write!(out, "event: {name}\ndata: {data}\n\n"),
        Message::Word(word) => write!(out, "data: {word}\n\n"),
    };
    out.into()
}

/// The stream that the framing library reads: what was put in, then nothing until more is put in.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<VecDeque<Bytes>>>);

impl Feed {
    fn put(&self, bytes: Bytes) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(bytes);
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
        {
            Some(bytes) => Poll::Ready(Some(Ok(bytes))),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Framing, tests::cut};
    use super::*;

    fn framing() -> Framing {
        Framing::Sse(BlockReader::default())
    }

    fn one(text: &str) -> Frame {
        let mut frames = cut(&mut framing(), text.as_bytes(), &[]);
        assert_eq!(frames.len(), 1, "{text:?} is one event");
        frames.remove(0)
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        assert_eq!(one(": ping\n\n").content, Content::Nothing);
        assert_eq!(one("event: ping\n\n").content, Content::Nothing);
        assert_eq!(one("event: a\ndata: {}\n\n").name, "a");
        assert_eq!(
            one("data: [DONE]\n\n").content,
            Content::Text("[DONE]".into())
        );
        assert_eq!(one("data: {\"x\":\n\n").content, Content::Torn);
        assert_eq!(one("data:\n\n").content, Content::Nothing);
        let spread = "\u{feff}data: {\ndata: \"x\": 1\ndata: }\n\n";
        assert_eq!(
            one(spread).content,
            Content::Json(serde_json::json!({"x": 1}))
        );
    }

    #[test]
    fn what_has_no_blank_line_at_the_end_is_an_event_all_the_same() {
        let mut reader = BlockReader::default();
        assert_eq!(reader.feed(&Bytes::from_static(b"data: hello")), []);
        assert_eq!(reader.pending(), 11);
        let last = reader.finish().unwrap();
        assert_eq!(
            (&last.raw[..], last.content),
            (&b"data: hello"[..], Content::Text("hello".into()))
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let message = Message::Event("error".into(), serde_json::json!({"x": "a\nb"}));
        let frame = one(std::str::from_utf8(&write(&message)).unwrap());
        assert_eq!(
            message,
            Message::Event(
                frame.name,
                match frame.content {
                    Content::Json(value) => value,
                    other => panic!("{other:?}"),
                }
            )
        );
    }

    proptest! {
        #[test]
        fn the_frames_do_not_depend_on_where_a_stream_is_cut(cuts in prop::collection::vec(0usize..600, 0..16), end in "\n|\r\n|\r") {
            let text = "\u{feff}: hi\n\ndata: {\"t\":\"H\u{e9}\u{1f600}\"}\n\nevent: x\ndata: a\ndata: b\n\nid: 1\nretry: 3\n\ndata: [DONE]\n\n";
            let stream = text.replace('\n', &end).into_bytes();
            let expected = cut(&mut framing(), &stream, &[]);
            let contents = |frames: &[Frame]| frames.iter().map(|f| (f.name.clone(), f.content.clone())).filter(|(_, c)| *c != Content::Nothing).collect::<Vec<_>>();
            prop_assert_eq!(contents(&expected).len(), 3);
            let frames = cut(&mut framing(), &stream, &cuts);
            prop_assert_eq!(contents(&frames), contents(&expected));
            prop_assert_eq!(frames.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<u8>>(), stream);
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_get_lost(chunks: Vec<Vec<u8>>) {
            let stream = chunks.concat();
            let mut at = 0;
            let cuts: Vec<usize> = chunks.iter().map(|c| { at += c.len(); at }).collect();
            let frames = cut(&mut framing(), &stream, &cuts);
            prop_assert_eq!(frames.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<u8>>(), stream);
        }
    }
}
