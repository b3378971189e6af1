//! What a body is. Many a provider, and many a proxy before one, declares a stream as JSON, JSON as a stream, and an
//! error as whatever the answer would have been; the first bytes don't lie.

use crate::media_type::{is_json, is_media};

/// What the first bytes of a body say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing else than its declared type.
    AsDeclared,
    /// More of them are needed.
    TooLittle,
    /// `text/event-stream`.
    Events,
    /// JSON: one document, or one on each line.
    Documents,
    /// One JSON document.
    Document,
    /// A page for people.
    Page,
}

/// What a body is that begins so, and is declared as `content_type`.
pub fn told(content_type: Option<&str>, beginning: &[u8]) -> Told {
    let said = match beginning.strip_prefix(BYTE_ORDER_MARK) {
        None if BYTE_ORDER_MARK.starts_with(beginning) => return Told::TooLittle,
        marked => marked.unwrap_or(beginning).trim_ascii_start(),
    };
    let is_json = content_type.is_some_and(is_json);
    match said.first() {
        // Nothing that explains itself in words.
        _ if content_type.is_some_and(is_media) => Told::AsDeclared,
        None => Told::TooLittle,
        Some(b'{' | b'[') if is_json => Told::AsDeclared,
        Some(b'{') => Told::Documents,
        Some(b'[') => Told::Document,
        _ if PAGES.iter().any(|tag| begins_with(said, tag)) => Told::Page,
        _ if FIELDS.iter().any(|field| said.starts_with(field)) => Told::Events,
        _ if PAGES.iter().any(|tag| begins_with(tag, said)) => Told::TooLittle,
        _ if FIELDS.iter().any(|field| field.starts_with(said)) => Told::TooLittle,
        _ => Told::AsDeclared,
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a page for people begins.
const PAGES: [&[u8]; 2] = [b"<!doctype html", b"<html"];

/// The fields of an event (HTML standard §9.2.6).
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// Whatever its case.
fn begins_with(text: &[u8], beginning: &[u8]) -> bool {
    text.get(..beginning.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(beginning))
}

/// Whether a body is a page for people.
pub(crate) fn is_page(body: &[u8]) -> bool {
    PAGES.iter().any(|tag| begins_with(body, tag))
}

impl Told {
    /// The type of such a body.
    pub fn content_type(self, declared: Option<&str>) -> Option<&str> {
        match self {
            Told::AsDeclared | Told::TooLittle => declared,
            Told::Events => Some("text/event-stream"),
            Told::Documents => Some("application/x-ndjson"),
            Told::Document | Told::Page => Some("application/json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_is_its_first_bytes_say_wherever_they_are_cut() {
        for (body, expected) in [
            (&b"data: {}\n\n"[..], Told::Events),
            (b"\xef\xbb\xbf\n: ping\n\n", Told::Events),
            (b"event: a\ndata: 1\n\n", Told::Events),
            (b" {\"a\":1}", Told::Documents),
            (b"[{}]", Told::Document),
            (b"<!DOCTYPE HTML><p>busy", Told::Page),
            (b"<HTML>", Told::Page),
            (b"<?xml version", Told::AsDeclared),
            (b"date and time", Told::AsDeclared),
            (b"null", Told::AsDeclared),
        ] {
            for declared in [None, Some("text/plain"), Some("text/event-stream")] {
                let mut before = Told::TooLittle;
                for end in 0..=body.len() {
                    let now = told(declared, &body[..end]);
                    assert!(before == Told::TooLittle || before == now, "{body:?} {end}");
                    before = now;
                }
                assert_eq!(before, expected, "{body:?}");
            }
        }
    }

    #[test]
    fn what_is_declared_as_json_and_is_some_is_not_looked_into_nor_is_media() {
        assert_eq!(told(Some("application/json"), b"{"), Told::AsDeclared);
        assert_eq!(told(Some("application/json"), b"data: 1"), Told::Events);
        assert_eq!(told(Some("audio/mpeg"), b"data: 1"), Told::AsDeclared);
    }
}
