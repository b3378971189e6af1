//! One JSON array whose elements come as they are made.
//!
//! The elements are found by counting brackets outside of strings; serde_json reads them. Its own stream reader
//! starts an element anew whenever more of it arrives, which is quadratic for a picture in a thousand pieces, and
//! does not know the array's brackets.

use bytes::Bytes;

use super::{Content, Frame, Message, completed, content_of};
use crate::room::append;

/// Cuts an array into its elements, each with the bracket or comma and the white space before it.
#[derive(Debug, Default)]
pub(crate) struct ElementReader {
    partial: Vec<u8>,
    depth: u32,
    in_array: bool,
    in_string: bool,
    escaped: bool,
    element_from: usize,
    /// Whether the opening bracket is in the frame that is read, and whether it has been given out with one that
    /// was not torn, and so not left out.
    opens: bool,
    opened: bool,
}

impl ElementReader {
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    if self.depth == 1 {
                        self.in_array = *byte == b'[';
                        self.opens = self.in_array;
                    } else if self.depth == 2 {
                        self.element_from = self.partial.len() + at - from;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth <= u32::from(self.in_array) {
                        let Some(raw) = completed(&mut self.partial, bytes.slice(from..=at)) else {
                            frames.push(Frame::broken(Bytes::new()));
                            return frames;
                        };
                        from = at + 1;
                        frames.push(self.read(raw));
                    }
                }
                _ => {}
            }
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
        let raw = Bytes::from(std::mem::take(&mut self.partial));
        let content = match raw.iter().all(u8::is_ascii_whitespace) {
            true => Content::Nothing,
            false => Content::Torn,
        };
        Some(Frame {
            raw,
            name: String::new(),
            content,
        })
    }

    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }

    fn read(&mut self, mut raw: Bytes) -> Frame {
        let ends = self.depth == 0 && self.in_array;
        let from = match (self.in_array, ends) {
            // An error that is reported outside of an array.
            (false, _) => 0,
            (true, true) => raw.len() - 1,
            (true, false) => self.element_from,
        };
        let element = raw.slice(from..);
        let content = match ends {
            true => Content::End,
            false => content_of(&element).unwrap_or(Content::Torn),
        };
        let opens = std::mem::take(&mut self.opens);
        if self.in_array && content != Content::Torn {
            if !self.opened && !opens {
                raw = [b"[", &element[..]].concat().into();
            }
            self.opened = true;
        }
        Frame {
            raw,
            name: String::new(),
            content,
        }
    }
}

/// An element that follows another.
pub(crate) fn write(message: &Message) -> Option<Bytes> {
    match message {
        Message::Event(_, data) | Message::Exception(_, data) => {
            Some(Bytes::from(format!(",\r\n{data}")))
        }
        Message::Word(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Framing, tests::cut};
    use super::*;

    fn framing() -> Framing {
        Framing::JsonArray(ElementReader::default())
    }

    #[test]
    fn an_error_object_outside_of_an_array_is_one_element() {
        let frames = cut(&mut framing(), b"{\"error\":503}", &[]);
        let contents: Vec<&Content> = frames.iter().map(|f| &f.content).collect();
        assert_eq!(contents, [&Content::Json(json!({"error": 503}))]);
    }

    #[test]
    fn an_array_whose_first_element_is_torn_begins_with_the_next() {
        for (stream, passed) in [
            ("[{\"\"},\n{\"a\":1}\n,{}]", "[{\"a\":1}\n,{}]"),
            (" [{\"a\"}\n]", "[]"),
        ] {
            let frames = cut(&mut framing(), stream.as_bytes(), &[]);
            let whole = frames.iter().filter(|f| f.content != Content::Torn);
            let raw: Vec<u8> = whole.flat_map(|f| f.raw.to_vec()).collect();
            assert_eq!(String::from_utf8(raw).unwrap(), passed);
        }
    }

    /// What is passed on, if nothing is left out of it.
    fn passed(frames: &[Frame]) -> Option<Vec<u8>> {
        let whole = frames.iter().all(|f| f.content != Content::Torn);
        whole.then(|| frames.iter().flat_map(|f| f.raw.to_vec()).collect())
    }

    proptest! {
        #[test]
        fn the_elements_do_not_depend_on_where_an_array_is_cut(cuts in prop::collection::vec(0usize..600, 0..16)) {
            let elements = [json!({"a": "]}\"\\ é😀", "b": [1, [2]]}), json!({}), json!([{"c": null}])];
            let text = format!(" [{}\n,\r\n{},{}\n]\n", elements[0], elements[1], elements[2]);
            let frames = cut(&mut framing(), text.as_bytes(), &cuts);
            let read: Vec<Value> = frames.iter().filter_map(|f| match &f.content {
                Content::Json(value) => Some(value.clone()),
                _ => None,
            }).collect();
            prop_assert_eq!(read, elements);
            prop_assert_eq!(frames.iter().filter(|f| f.content == Content::End).count(), 1);
            prop_assert_eq!(frames.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<u8>>(), text.as_bytes());
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_get_lost(stream: Vec<u8>, cuts: Vec<usize>) {
            let frames = cut(&mut framing(), &stream, &cuts);
            prop_assert!(passed(&frames).is_none_or(|p| p == stream));
        }

        #[test]
        fn brackets_in_any_order_do_no_harm(stream in "[\\[\\]{}\", a\\\\]{0,40}", cuts: Vec<usize>) {
            let frames = cut(&mut framing(), stream.as_bytes(), &cuts);
            prop_assert!(passed(&frames).is_none_or(|p| p == stream.as_bytes()));
        }
    }
}
