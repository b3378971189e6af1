//! Changing a JSON document where it stands. It is never parsed into a tree and written again: key order, spelling of
//! numbers, repeated keys and unknown fields must reach the provider as the client sent them.

use std::borrow::Cow;
use std::ops::Range;

use super::path::Step;
use super::values::values;
use crate::room::{Room, allocated};

/// What is to become of a document: places in it, and the text that each gets.
#[derive(Debug, Default)]
pub(crate) struct Edits<'t>(Vec<(Range<usize>, Cow<'t, str>)>);

impl<'t> Edits<'t> {
    /// Another text instead of what is there.
    pub(crate) fn replace(&mut self, place: Range<usize>, text: impl Into<Cow<'t, str>>) {
        self.0.push((place, text.into()));
    }

    /// A text between what is before and behind a place.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<Cow<'t, str>>) {
        self.replace(at..at, text);
    }

    /// The document with all of that; the same bytes where nothing changes. What lies within a place that is replaced
    /// goes with it. `None`: there is no room for it.
    pub(crate) fn apply<'d>(
        self,
        document: &'d [u8],
        room: &mut Room<'_>,
    ) -> Option<Cow<'d, [u8]>> {
        let Edits(mut edits) = self;
        if edits.is_empty() {
            return Some(Cow::Borrowed(document));
        }
        edits.sort_by_key(|(place, _)| place.start);
        let more: usize = edits.iter().map(|(_, text)| text.len()).sum();
        let mut out = room(document.len() + more)?;
        let mut from = 0;
        for (place, text) in edits {
            // One inside another: a provider's path may lead into what is replaced.
            if place.start < from {
                continue;
            }
            out.extend_from_slice(&document[from..place.start]);
            out.extend_from_slice(text.as_bytes());
            from = place.end;
        }
        out.extend_from_slice(&document[from..]);
        Some(Cow::Owned(out))
    }
}

/// A place for a new member, behind an object's opening brace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    at: usize,
    /// The member's name as JSON.
    key: String,
    alone: bool,
}

impl Gap {
    /// `at`: behind the object's opening brace. `alone`: the object has no member.
    pub(crate) fn new(at: usize, key: &str, alone: bool) -> Gap {
        let key = serde_json::Value::from(key).to_string();
        Gap { at, key, alone }
    }

    /// Where it is.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is put in there: the member with this value, which is JSON.
    pub(crate) fn filled_with(&self, value: &str) -> String {
        let comma = if self.alone { "" } else { "," };
        format!("{}:{value}{comma}", self.key)
    }

    /// The place of the last step, when the object around it is there.
    pub(crate) fn for_last_step(
        document: &str,
        steps: &[Step],
    ) -> Result<Option<Gap>, serde_json::Error> {
        let Some((Step::Key(key), around)) = steps.split_last() else {
            return Ok(None);
        };
        let object = if around.is_empty() {
            Some(document.trim_start())
        } else {
            values(document, &[around])?.concat().last().copied()
        };
        Ok(object
            .filter(|object| object.starts_with('{'))
            .map(|object| {
                let at = span(document.as_bytes(), object).start + 1;
                Gap::new(at, key, is_empty_object(object))
            }))
    }
}

/// Where a text lies that was lent from the body.
pub(crate) fn span(body: &[u8], text: &str) -> Range<usize> {
    let at = text.as_ptr() as usize - body.as_ptr() as usize;
    at..at + text.len()
}

/// Whether an object has no member.
pub(crate) fn is_empty_object(object: &str) -> bool {
    object[1..].trim_start().starts_with('}')
}

/// The body with `edit`'s text in place of the value of a top-level key, the last where it is repeated. `None` when
/// there is no such key, or `edit` makes nothing of its value.
pub(crate) fn replaced(
    body: &[u8],
    key: &str,
    edit: impl FnOnce(&str) -> Option<String>,
) -> Option<Vec<u8>> {
    let place = [Step::Key(key.to_owned())];
    let found = values(std::str::from_utf8(body).ok()?, &[&place]).ok()?;
    let old = *found.first()?.last()?;
    let mut edits = Edits::default();
    edits.replace(span(body, old), edit(old)?);
    edits.apply(body, &mut allocated).map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
