//! The model in a JSON request body, found and replaced where it stands ([`crate::json::edit`]). serde_json walks the
//! top level and lends the text of the `model` values; their places follow from where that text lies in the body.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::model::{LONGEST_NAME, MOST_MODELS, Model, NoRequest};
use crate::json::edit::{Edits, Gap, is_empty_object, span};
use crate::json::{NoPlaces, Path, Step, values};
use crate::room::Room;

/// What a JSON body says about its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonBody {
    /// The model that is asked for.
    pub(crate) model: Model,
    /// Whether a streamed answer is asked for.
    pub(crate) stream: bool,
    /// Where the model's values stand.
    spans: Vec<Range<usize>>,
    /// Where it is put in when it stands nowhere.
    gap: Option<Gap>,
    usage: Usage,
}

/// How the report of a stream's usage can be asked for (`stream_options`, OpenAI API reference).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Usage {
    /// These texts at these places ask for it.
    With(Vec<Range<usize>>, &'static str),
    /// The client asks for it, no stream is asked for, or its `stream_options` are not an object.
    Not,
}

impl JsonBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object, or repeats its model too often.
    pub(crate) fn read(body: &[u8]) -> Result<JsonBody, NoRequest> {
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
        Ok(JsonBody {
            model: model_of(top.models.last().map(|raw| raw.get())),
            stream: top.stream,
            spans: top.models.iter().map(|raw| span(body, raw.get())).collect(),
            gap: (top.models.is_empty()).then(|| Gap::new(first, "model", top.empty)),
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
    pub(crate) fn read_at(body: &[u8], path: &Path) -> Result<JsonBody, NoRequest> {
        let mut request = JsonBody::read(body)?;
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
        let found = values(document, &steps).map_err(malformed)?;
        // Only what can be a name is replaced.
        let names: Vec<(Model, &Vec<&str>)> = found
            .iter()
            .filter(|values| !values.is_empty())
            .map(|values| (model_of(values.last().copied()), values))
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
                Some(steps) => Gap::for_last_step(document, steps).map_err(malformed)?,
                None => None,
            };
        }
        Ok(request)
    }

    /// Whether the report of a stream's usage could be asked for in the client's stead.
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
        let mut edits = Edits::default();
        if let Some(model) = model {
            let value = serde_json::Value::from(model).to_string();
            if let Some(gap) = &self.gap {
                edits.insert(gap.at(), gap.filled_with(&value));
            }
            for span in &self.spans {
                edits.replace(span.clone(), value.clone());
            }
        }
        if let (true, Usage::With(spans, text)) = (ask_usage, &self.usage) {
            for span in spans {
                edits.replace(span.clone(), *text);
            }
        }
        edits.apply(body, room)
    }
}

/// The model that a value's JSON names.
fn model_of(value: Option<&str>) -> Model {
    if value.is_some_and(|value| value.len() > LONGEST_NAME) {
        return Model::NoName;
    }
    match value.map(serde_json::from_str::<Option<String>>) {
        Some(Ok(Some(name))) if !name.is_empty() => Model::Named(name),
        Some(Err(_)) => Model::NoName,
        _ => Model::Absent,
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
        let Ok(values) = values(options, &[&steps]) else {
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

/// Where something is put in.
fn nothing_at(at: usize) -> Range<usize> {
    at..at
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
