//! `text/event-stream` (HTML standard §9.2.6).
//!
//! An event is passed on, left out or buffered as a whole, so the stream is cut into blocks at its blank lines and
//! each block keeps its bytes. The libraries give an event's fields but not where they stood, and the one in use before
//! (eventsource-stream 0.2.3) panicked over byte order marks, was deaf after one byte that is not UTF-8, and took time
//! by the square of an event's lines; of the standard, what is needed here is a line's name and value.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::{Buf, Bytes};
use memchr::{memchr, memchr2_iter};

use super::{Content, Frame, Message, completed, content_of};
use crate::room::append;

/// Cuts a stream into its blocks, the blank lines included.
#[derive(Debug)]
pub(crate) struct BlockReader {
    partial: Vec<u8>,
    line_is_empty: bool,
    after_cr: bool,
    begun: bool,
}

impl Default for BlockReader {
    fn default() -> Self {
        BlockReader {
            partial: Vec::new(),
            line_is_empty: true,
            after_cr: false,
            begun: false,
        }
    }
}

impl BlockReader {
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        let (mut from, mut line) = (0, 0);
        // Where a run of blank lines began of which the last frame is made: one frame for each would be two hundred
        // times as large as its line.
        let mut blanks: Option<usize> = None;
        for at in memchr2_iter(b'\n', b'\r', bytes) {
            let after_cr = match at {
                0 => self.after_cr,
                _ => bytes[at - 1] == b'\r',
            };
            // A blank line, or the half of one that was cut between its CR and LF.
            let block_ends = match after_cr && bytes[at] == b'\n' {
                true => at == 0 && self.partial.is_empty(),
                false => at == line && self.line_is_empty,
            };
            if block_ends {
                let end = at + 1 + usize::from(bytes[at..].starts_with(b"\r\n"));
                let blank = at == from && self.partial.is_empty();
                match (blanks.filter(|_| blank), frames.last_mut()) {
                    (Some(run), Some(last)) => last.raw = bytes.slice(run..end),
                    _ => {
                        let raw = completed(&mut self.partial, bytes.slice(from..end));
                        let Some(raw) = raw else {
                            frames.push(Frame::broken(Bytes::new()));
                            return frames;
                        };
                        frames.push(self.read(raw));
                        blanks = blank.then_some(from);
                    }
                }
                from = end;
            }
            line = at + 1;
            self.line_is_empty = true;
        }
        self.line_is_empty &= line == bytes.len();
        self.after_cr = bytes.last().map_or(self.after_cr, |last| *last == b'\r');
        if !append(&mut self.partial, &bytes[from..]) {
            frames.push(Frame::broken(Bytes::new()));
        }
        frames
    }

    pub(crate) fn finish(&mut self) -> Option<Frame> {
        if self.partial.is_empty() {
            return None;
        }
        let raw = Bytes::from(std::mem::take(&mut self.partial));
        Some(self.read(raw))
    }

    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }

    /// What is left of the last line's end, when its CR came and its LF did not.
    pub(crate) fn closing(&self) -> Bytes {
        match self.after_cr {
            true => Bytes::from_static(b"\n"),
            false => Bytes::new(),
        }
    }

    fn read(&mut self, mut raw: Bytes) -> Frame {
        let first = !std::mem::replace(&mut self.begun, true);
        if first && raw.starts_with(BYTE_ORDER_MARK) {
            // The standard has clients skip it, and some of the providers' own don't.
            raw.advance(BYTE_ORDER_MARK.len());
        }
        let (name, content) = fields(&raw);
        Frame { raw, name, content }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn fields(block: &[u8]) -> (String, Content) {
    let Ok(text) = std::str::from_utf8(block) else {
        return (String::new(), Content::Torn);
    };
    let mut name = "";
    let mut data: Option<Cow<'_, str>> = None;
    let mut from = 0;
    for end in memchr2_iter(b'\n', b'\r', block).chain([block.len()]) {
        let line = &text[from..end];
        from = end + 1;
        let (field, value) = match memchr(b':', line.as_bytes()) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, ""),
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut data) {
            ("event", _) => name = value,
            ("data", None) => data = Some(value.into()),
            ("data", Some(data)) => {
                let data = data.to_mut();
                data.push('\n');
                data.push_str(value);
            }
            _ => {}
        }
    }
    // "message" is the name that an event has without a field for it.
    match data.as_deref().map(content).unwrap_or(Content::Nothing) {
        Content::Nothing => (String::new(), Content::Nothing),
        content if name == "message" => (String::new(), content),
        content => (name.to_owned(), content),
    }
}

fn content(data: &str) -> Content {
    let trimmed = data.trim();
    if trimmed.is_empty() {
        return Content::Nothing;
    }
    match content_of(trimmed.as_bytes()) {
        Ok(content) => content,
        Err(_) if trimmed.starts_with('{') => Content::Torn,
        Err(_) => Content::Text(Bytes::copy_from_slice(data.as_bytes())),
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

#[cfg(test)]
mod tests;
