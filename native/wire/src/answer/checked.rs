//! Whether a complete 2xx answer is one.
//!
//! What a body is, it says itself: many a provider declares JSON as `text/plain`, or nothing at all. One pass over it
//! keeps what is asked below and nothing else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::finish::{is_failure, is_filtered};
use super::told::{Told, is_page, told};
use crate::json::with_plain_numbers;
use crate::media_type::{is_json, is_media};

/// Why a 2xx answer is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There is no body.
    #[error("an empty answer")]
    Empty,
    /// JSON was declared and something else came.
    #[error("JSON that does not parse")]
    NotJson,
    /// A page for people.
    #[error("a web page")]
    Page,
    /// JSON that says nothing, or a known format without what it must have.
    #[error("an answer with nothing in it")]
    Nothing,
    /// The body is an error report.
    #[error("an error reported with a success status")]
    Error,
    /// A finish reason that says that the model failed.
    #[error("an answer that the model could not finish")]
    Failed,
}

/// What a complete answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// One.
    Useful,
    /// One that a content filter has ended.
    Filtered,
}

/// Checks a complete 2xx answer. A 204 or 205 has no body by definition and is not checked here.
///
/// # Errors
/// What makes it no answer (`behaviour.md` §3).
pub fn check(content_type: Option<&str>, body: &[u8]) -> Result<Answer, NoAnswer> {
    let said = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let said = said.trim_ascii();
    let declared = content_type.is_some_and(is_json) && told(content_type, said) != Told::Events;
    match said.first() {
        None => Err(NoAnswer::Empty),
        Some(b'<') if is_page(said) => Err(NoAnswer::Page),
        // What is declared as one kind of media is not looked into.
        _ if content_type.is_some_and(is_media) => Ok(Answer::Useful),
        Some(b'{' | b'[') => match read(said) {
            Ok(top) => top.verdict(),
            Err(_) if declared => Err(NoAnswer::NotJson),
            Err(_) => Ok(Answer::Useful),
        },
        _ if matches!(said, b"null" | b"\"\"") => Err(NoAnswer::Nothing),
        _ if declared && serde_json::from_slice::<IgnoredAny>(said).is_err() => {
            Err(NoAnswer::NotJson)
        }
        _ => Ok(Answer::Useful),
    }
}

/// Reads a JSON document, or the first line of several, through what only a strict parser refuses.
fn read(body: &[u8]) -> Result<Top, serde_json::Error> {
    let first = |body: &[u8]| {
        let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<Top>();
        let first = documents.next().unwrap_or_else(|| Ok(Top::default()))?;
        // NDJSON: what follows is documents too.
        let rest = &body[documents.byte_offset()..];
        let mut more = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        more.try_for_each(|document| document.map(drop))?;
        Ok(first)
    };
    first(body).or_else(|error| match with_plain_numbers(body) {
        Cow::Owned(body) => first(&body),
        Cow::Borrowed(_) => Err(error),
    })
}

/// What of a document's top matters.
#[derive(Debug, Default)]
struct Top {
    /// Whether there is any member, or an element of an array that is more than nothing.
    says: bool,
    /// Members that are neither an explanation nor what goes with one.
    others: bool,
    explained: bool,
    error: bool,
    filtered: bool,
    failed: bool,
    /// Whether a list is there that a known format must have, and whether there is something in it.
    carrier: Option<bool>,
    /// Whether the document says that it is of a format that must have one.
    of_known_format: bool,
}

impl Top {
    fn verdict(&self) -> Result<Answer, NoAnswer> {
        let nothing = !self.says
            || self.carrier == Some(false)
            || self.carrier.is_none() && self.of_known_format;
        if self.error || self.explained && !self.others && self.carrier.is_none() {
            Err(NoAnswer::Error)
        } else if self.failed {
            Err(NoAnswer::Failed)
        } else if self.filtered {
            Ok(Answer::Filtered)
        } else if nothing {
            Err(NoAnswer::Nothing)
        } else {
            Ok(Answer::Useful)
        }
    }

    fn carries(&mut self, something: bool) {
        self.carrier = Some(self.carrier.unwrap_or(false) | something);
    }

    fn finish(&mut self, reason: &str) {
        self.failed |= is_failure(reason);
        self.filtered |= is_filtered(reason);
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Top, D::Error> {
        let mut top = Top::default();
        deserializer.deserialize_any(Part(&mut top, Place::Document))?;
        Ok(top)
    }
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The document, or an element of an array that is the document.
    Document,
    Element,
    /// A report, unless it is nothing: null, false, "", {} or [].
    Report,
    /// `detail` or a bare `message`: a report when it stands alone.
    Explanation,
    /// `object`, `type`, `status`: what the document says that it is.
    Label,
    Success,
    BaseResponse,
    StatusCode,
    /// `choices` or `candidates`, and one of them.
    List,
    Choice,
    /// `content`, `output`: any value but null.
    Content,
    PromptFeedback,
    Finish,
    Skipped,
}

impl Place {
    fn below(self, key: &str) -> Place {
        match (self, key) {
            (Place::Document | Place::Element, key) => match key {
                "error" | "errors" => Place::Report,
                "detail" | "message" | "Message" => Place::Explanation,
                "object" | "type" | "status" => Place::Label,
                "success" => Place::Success,
                "base_resp" => Place::BaseResponse,
                "choices" | "candidates" => Place::List,
                "content" | "output" => Place::Content,
                "promptFeedback" => Place::PromptFeedback,
                "stop_reason" | "stopReason" | "finish_reason" => Place::Finish,
                _ => Place::Skipped,
            },
            (Place::Choice, "error") => Place::Report,
            (Place::Choice, "finish_reason" | "finishReason") => Place::Finish,
            (Place::BaseResponse, "status_code") => Place::StatusCode,
            (Place::PromptFeedback, "blockReason") => Place::Finish,
            _ => Place::Skipped,
        }
    }
}

struct Part<'t>(&'t mut Top, Place);

impl Part<'_> {
    fn something(self) {
        match self.1 {
            Place::Report => self.0.error = true,
            Place::Content => self.0.carries(true),
            Place::Explanation => self.0.others = true,
            Place::Element => self.0.says = true,
            _ => {}
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.1 {
            Place::Skipped => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        if self.1 == Place::List {
            self.0.carries(false);
        }
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        match self.1 {
            Place::Success => self.0.error |= !value,
            _ if value => self.something(),
            _ => {}
        }
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        match self.1 {
            Place::StatusCode => self.0.error |= number != 0,
            _ => self.something(),
        }
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        match self.1 {
            Place::StatusCode => self.0.error |= number != 0,
            _ => self.something(),
        }
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.something();
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match self.1 {
            Place::Explanation => self.0.explained |= !text.is_empty(),
            Place::Label => {
                self.0.error |= text == "error";
                self.0.of_known_format |= matches!(
                    text,
                    "chat.completion" | "text_completion" | "message" | "response"
                );
            }
            Place::Finish => self.0.finish(text),
            _ if text.is_empty() => {}
            _ => self.something(),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Part(top, place) = self;
        let inner = match place {
            Place::Document => Place::Element,
            Place::List => Place::Choice,
            _ => Place::Skipped,
        };
        let mut any = false;
        while items.next_element_seed(Part(top, inner))?.is_some() {
            any = true;
        }
        match place {
            Place::Document => top.says |= any,
            Place::List => top.carries(any),
            // An empty list of content is an answer that says nothing more.
            Place::Content => top.carries(true),
            _ if any => Part(top, place).something(),
            _ => {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Part(top, place) = self;
        let mut any = false;
        while let Some(key) = members.next_key::<Cow<'_, str>>()? {
            any = true;
            let inner = place.below(&key);
            if place == Place::Document {
                top.others |= inner == Place::Skipped && !goes_with_an_explanation(&key);
            }
            members.next_value_seed(Part(top, inner))?;
        }
        match place {
            Place::Document => top.says |= any,
            Place::Choice | Place::BaseResponse | Place::PromptFeedback => {}
            _ if any => Part(top, place).something(),
            _ => {}
        }
        Ok(())
    }
}

/// What an explanation brings along.
fn goes_with_an_explanation(key: &str) -> bool {
    matches!(
        key,
        "code"
            | "title"
            | "instance"
            | "request_id"
            | "requestId"
            | "id"
            | "timestamp"
            | "path"
            | "param"
    )
}

#[cfg(test)]
mod tests;
