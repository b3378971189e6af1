//! The model in a JSON request body, found and replaced in place.
//!
//! The body is never parsed into a tree and written again: key order, spelling of numbers, repeated keys and unknown
//! fields must reach the provider as the client sent them. serde_json walks the top level and lends the text of the
//! `model` values; their places follow from where that text lies in the body.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json_path::{self, NoPlaces, Path, Step};
use crate::room::Room;

/// The most values of a model in one body. Each is replaced, and so many of them would make a body many times as large
/// as the one that was allowed.
pub(crate) const MOST_MODELS: usize = 64;

/// The longest value, in bytes, that is read as a model's name: of what is longer no copy is made.
pub(crate) const LONGEST_NAME: usize = 64 * 1024;

/// What a JSON body says about its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The model that is asked for.
    pub model: Model,
    /// Whether a streamed answer is asked for.
    pub stream: bool,
    /// Where the model's values stand.
    spans: Vec<Range<usize>>,
    /// Where it is put in when it stands nowhere.
    gap: Option<Gap>,
    usage: Usage,
}

/// A place for a new member, behind an object's opening brace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    at: usize,
    /// The member's name as JSON.
    key: String,
    alone: bool,
}

/// How the report of a stream's usage can be asked for (`stream_options`, OpenAI API reference).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Usage {
    /// These texts at these places ask for it.
    With(Vec<Range<usize>>, &'static str),
    /// The caller asks for it, no stream is asked for, or `stream_options` is nothing that could be added to.
    Not,
}

/// The model that a request asks for. With a repeated key the last one counts, as with the providers' parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// There is no `model`, or it is null or empty.
    Absent,
    /// Its name.
    Named(String),
    /// `model` is no string, or one that is too long for a name.
    NoName,
}

/// Why a body has no [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// It is not JSON: what was wrong, and the line and column.
    #[error("not valid JSON: {0}")]
    Malformed(String),
    /// It is declared as a multipart form and is none: what was wrong.
    #[error("not a valid multipart form: it {0}")]
    MalformedForm(String),
    /// It repeats the key of its model more often than anybody would by mistake.
    #[error("naming its model more than {MOST_MODELS} times")]
    TooManyModels,
    /// Its model stands at a JSONPath that is a query, and it has more values than a query looks through: the path.
    #[error("too large to look in it for the model at {0:?}")]
    TooMuchToSearch(String),
    /// It is JSON, but not an object, so it can't carry a model.
    #[error("not a JSON object")]
    NotAnObject,
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object, or repeats its model too often.
    pub fn read(body: &[u8]) -> Result<Request, NoRequest> {
        let malformed = |e: serde_json::Error| NoRequest::Malformed(e.to_string());
        let first = body
            .iter()
            .position(|b| !b.is_ascii_whitespace())
            .unwrap_or(body.len());
        if body.get(first) != Some(&b'{') {
            serde_json::from_slice::<IgnoredAny>(body).map_err(malformed)?;
            return Err(NoRequest::NotAnObject);
        }
        let top: TopLevel<'_> = serde_json::from_slice(body).map_err(malformed)?;
        if top.models.len() > MOST_MODELS {
            return Err(NoRequest::TooManyModels);
        }
        let first = first + 1;
        Ok(Request {
            model: Model::of(top.models.last().map(|raw| raw.get())),
            stream: top.stream,
            spans: top.models.iter().map(|raw| span(body, raw.get())).collect(),
            gap: top.models.is_empty().then(|| Gap {
                at: first,
                key: "\"model\"".to_owned(),
                alone: top.empty,
            }),
            usage: match top.stream {
                true => Usage::read(body, first, top.options.map(RawValue::get)),
                false => Usage::Not,
            },
        })
    }

    /// Reads a body whose model stands at `path`. When several values are there, the first that names one counts. A
    /// path that stands for one place is put in where it is absent, if the object around it is there; nothing is
    /// made up around it.
    ///
    /// # Errors
    /// When it is no JSON object, repeats its model too often, or has too much in it for a query.
    pub(crate) fn read_at(body: &[u8], path: &Path) -> Result<Request, NoRequest> {
        let mut request = Request::read(body)?;
        if path.is_top_level_model() {
            return Ok(request);
        }
        (request.model, request.spans, request.gap) = (Model::NoName, Vec::new(), None);
        let Ok(document) = std::str::from_utf8(body) else {
            return Ok(request);
        };
        let places = match path.places(document) {
            Ok(places) => places,
            Err(NoPlaces::TooLarge) => {
                return Err(NoRequest::TooMuchToSearch(path.text().to_owned()));
            }
            Err(NoPlaces::NotJson | NoPlaces::TooMany) => return Ok(request),
        };
        let malformed = |e: serde_json::Error| NoRequest::Malformed(e.to_string());
        let steps: Vec<&[Step]> = places.iter().map(Vec::as_slice).collect();
        let found = json_path::values(document, &steps).map_err(malformed)?;
        // Only what can be a name is replaced.
        let names: Vec<(Model, &Vec<&str>)> = found
            .iter()
            .filter(|values| !values.is_empty())
            .map(|values| (Model::of(values.last().copied()), values))
            .filter(|(model, _)| *model != Model::NoName)
            .collect();
        request.spans = names
            .iter()
            .flat_map(|(_, values)| values.iter().map(|value| span(body, value)))
            .collect();
        if request.spans.len() > MOST_MODELS {
            return Err(NoRequest::TooManyModels);
        }
        let named = names.iter().find(|(model, _)| *model != Model::Absent);
        if let Some((model, _)) = named.or(names.first()) {
            request.model = model.clone();
        } else if found.iter().all(Vec::is_empty) {
            request.model = Model::Absent;
            request.gap = match path.steps() {
                Some(steps) => Gap::of(document, steps).map_err(malformed)?,
                None => None,
            };
        }
        Ok(request)
    }

    /// Whether the report of a stream's usage could be asked for in the caller's stead.
    pub(crate) fn can_ask_usage(&self) -> bool {
        matches!(self.usage, Usage::With(..))
    }

    /// The body with another model, and with the report of a stream's usage asked for: every value of the model is
    /// replaced, or one is put in; the same body when nothing changes. `body` is the one that was read. `None`: there is
    /// no room for it.
    pub(crate) fn edited<'a>(
        &self,
        body: &'a [u8],
        model: Option<&str>,
        ask_usage: bool,
        room: &mut Room<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        let mut edits: Vec<(Range<usize>, Cow<'_, str>)> = Vec::new();
        if let Some(model) = model {
            let value = serde_json::Value::from(model).to_string();
            if let Some(Gap { at, key, alone }) = &self.gap {
                let comma = if *alone { "" } else { "," };
                edits.push((*at..*at, format!("{key}:{value}{comma}").into()));
            }
            edits.extend(
                self.spans
                    .iter()
                    .map(|span| (span.clone(), value.clone().into())),
            );
        }
        if let (true, Usage::With(spans, text)) = (ask_usage, &self.usage) {
            edits.extend(spans.iter().map(|span| (span.clone(), (*text).into())));
        }
        if edits.is_empty() {
            return Some(Cow::Borrowed(body));
        }
        edits.sort_by_key(|(span, _)| span.start);
        let more: usize = edits.iter().map(|(_, text)| text.len()).sum();
        let mut out = room(body.len() + more)?;
        let mut from = 0;
        for (span, text) in edits {
            // One inside another: a provider's path may lead into what is replaced.
            if span.start < from {
                continue;
            }
            out.extend_from_slice(&body[from..span.start]);
            out.extend_from_slice(text.as_bytes());
            from = span.end;
        }
        out.extend_from_slice(&body[from..]);
        Some(Cow::Owned(out))
    }
}

impl Model {
    /// The model that a value's JSON names.
    fn of(value: Option<&str>) -> Model {
        if value.is_some_and(|value| value.len() > LONGEST_NAME) {
            return Model::NoName;
        }
        match value.map(serde_json::from_str::<Option<String>>) {
            Some(Ok(Some(name))) if !name.is_empty() => Model::Named(name),
            Some(Err(_)) => Model::NoName,
            _ => Model::Absent,
        }
    }
}

impl Gap {
    /// The place of the last step, when the object around it is there.
    fn of(document: &str, steps: &[Step]) -> Result<Option<Gap>, serde_json::Error> {
        let Some((Step::Key(key), around)) = steps.split_last() else {
            return Ok(None);
        };
        let object = if around.is_empty() {
            Some(document.trim_start())
        } else {
            json_path::values(document, &[around])?
                .concat()
                .last()
                .copied()
        };
        Ok(object
            .filter(|object| object.starts_with('{'))
            .map(|object| Gap {
                at: span(document.as_bytes(), object).start + 1,
                key: serde_json::Value::from(key.as_str()).to_string(),
                alone: is_empty_object(object),
            }))
    }
}

impl Usage {
    /// What a streamed request's last `stream_options` say; `first` is behind the body's opening brace, in front of a
    /// member.
    fn read(body: &[u8], first: usize, options: Option<&str>) -> Usage {
        let Some(options) = options else {
            return Usage::With(
                vec![nothing_at(first)],
                "\"stream_options\":{\"include_usage\":true},",
            );
        };
        let place = span(body, options);
        if options == "null" {
            return Usage::With(vec![place], "{\"include_usage\":true}");
        }
        if !options.starts_with('{') {
            return Usage::Not;
        }
        let steps = [Step::Key("include_usage".to_owned())];
        let Ok(values) = json_path::values(options, &[&steps]) else {
            return Usage::Not;
        };
        let values = values.concat();
        match values.last() {
            Some(&"true") => Usage::Not,
            Some(_) if values.len() > MOST_MODELS => Usage::Not,
            Some(_) => Usage::With(
                values.iter().map(|value| span(body, value)).collect(),
                "true",
            ),
            None => {
                let inside = place.start + 1;
                Usage::With(
                    vec![nothing_at(inside)],
                    match is_empty_object(options) {
                        true => "\"include_usage\":true",
                        false => "\"include_usage\":true,",
                    },
                )
            }
        }
    }
}

/// Where a text lies that was lent from the body.
fn span(body: &[u8], text: &str) -> Range<usize> {
    let at = text.as_ptr() as usize - body.as_ptr() as usize;
    at..at + text.len()
}

/// Where something is put in.
fn nothing_at(at: usize) -> Range<usize> {
    at..at
}

fn is_empty_object(object: &str) -> bool {
    object[1..].trim_start().starts_with('}')
}

struct TopLevel<'a> {
    /// No more than are needed to know that they are too many.
    models: Vec<&'a RawValue>,
    /// The last counts.
    options: Option<&'a RawValue>,
    stream: bool,
    empty: bool,
}

impl<'de> Deserialize<'de> for TopLevel<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopLevelVisitor)
    }
}

struct TopLevelVisitor;

impl<'de> Visitor<'de> for TopLevelVisitor {
    type Value = TopLevel<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut top = TopLevel {
            models: Vec::with_capacity(1),
            options: None,
            stream: false,
            empty: true,
        };
        while let Some(key) = map.next_key::<Key>()? {
            top.empty = false;
            match key {
                Key::Model => {
                    let model = map.next_value()?;
                    if top.models.len() <= MOST_MODELS {
                        top.models.push(model);
                    }
                }
                Key::StreamOptions => top.options = Some(map.next_value()?),
                Key::Stream => {
                    let raw: &RawValue = map.next_value()?;
                    top.stream = raw.get() == "true";
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(top)
    }
}

enum Key {
    Model,
    Stream,
    StreamOptions,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "model" => Key::Model,
            "stream" => Key::Stream,
            "stream_options" => Key::StreamOptions,
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests;
