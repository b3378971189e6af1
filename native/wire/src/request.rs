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
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::room::allocated;

    fn read(body: &str) -> Request {
        Request::read(body.as_bytes()).unwrap()
    }

    fn edited(request: &Request, body: &str, model: Option<&str>, ask_usage: bool) -> String {
        let out = request.edited(body.as_bytes(), model, ask_usage, &mut allocated);
        String::from_utf8(out.unwrap().into_owned()).unwrap()
    }

    fn rewritten(body: &str, model: &str) -> String {
        edited(&read(body), body, Some(model), false)
    }

    fn read_at(path: &str, body: &str) -> Request {
        Request::read_at(body.as_bytes(), &Path::parse(path).unwrap()).unwrap()
    }

    #[test]
    fn only_the_bytes_of_the_value_change() {
        let body = "{ \"n\" : 1.00e+2,\"model\" :\t\"gpt-4o\" , \"messages\":[{\"model\":\"inner\"}], \"x\":1, \"x\":2}\n";
        assert_eq!(read(body).model, Model::Named("gpt-4o".into()));
        assert_eq!(
            rewritten(body, "mini"),
            body.replacen("\"gpt-4o\"", "\"mini\"", 1)
        );
    }

    #[test]
    fn an_escaped_spelling_of_the_key_is_the_key() {
        let body = r#"{"mod\u0065l":"a\u0062"}"#;
        assert_eq!(read(body).model, Model::Named("ab".into()));
        assert_eq!(rewritten(body, "c"), r#"{"mod\u0065l":"c"}"#);
    }

    #[test]
    fn with_a_repeated_key_the_last_counts_and_all_are_replaced() {
        let body = r#"{"model":"a","model":"b"}"#;
        assert_eq!(read(body).model, Model::Named("b".into()));
        assert_eq!(rewritten(body, "c"), r#"{"model":"c","model":"c"}"#);
    }

    #[test]
    fn a_missing_model_is_put_in() {
        assert_eq!(rewritten(" {} ", "m"), r#" {"model":"m"} "#);
        assert_eq!(rewritten(r#"{"a":1}"#, "m"), r#"{"model":"m","a":1}"#);
        assert_eq!(rewritten(r#"{"model":null}"#, "m"), r#"{"model":"m"}"#);
        for body in [
            "{}",
            r#"{"model":null}"#,
            r#"{"model":""}"#,
            r#"{"messages":[{"model":"x"}]}"#,
        ] {
            assert_eq!(read(body).model, Model::Absent, "{body}");
        }
    }

    #[test]
    fn a_model_that_is_no_string_has_no_name() {
        let long = format!(r#"{{"model":"{}"}}"#, "a".repeat(1 << 20));
        for body in [
            r#"{"model":1}"#,
            r#"{"model":["a"]}"#,
            r#"{"model":{"a":1}}"#,
            &long,
        ] {
            assert_eq!(read(body).model, Model::NoName, "{body:.50}");
        }
    }

    #[test]
    fn streaming_is_asked_for_by_true_alone() {
        assert!(read(r#"{"stream": true}"#).stream);
        assert!(!read(r#"{"stream":false}"#).stream);
        assert!(!read(r#"{"a":{"stream":true}}"#).stream);
    }

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json() {
        assert_eq!(Request::read(b"[1]"), Err(NoRequest::NotAnObject));
        assert_eq!(Request::read(b"\"x\""), Err(NoRequest::NotAnObject));
        for body in ["", "{", "{\"a\":}", "[1", "nonsense", "{} {}", "{\"a\" 1}"] {
            match Request::read(body.as_bytes()) {
                Err(NoRequest::Malformed(message)) => {
                    assert!(message.contains("line 1 column"), "{body}: {message}");
                }
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = format!(
            "{{\"a\":{}{},\"model\":\"m\"}}",
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert_eq!(read(&deep).model, Model::Named("m".into()));
    }

    #[test]
    fn a_model_at_another_place_is_found_and_replaced() {
        for (path, body, model, expected) in [
            (
                "$.engine.name",
                r#"{"model":"x", "engine" : {"name": "a", "n":1.0}}"#,
                "a",
                r#"{"model":"x", "engine" : {"name": "b", "n":1.0}}"#,
            ),
            (
                "$['x'][0].y",
                r#"{"x":[{"y":"a"},{"y":"c"}]}"#,
                "a",
                r#"{"x":[{"y":"b"},{"y":"c"}]}"#,
            ),
            (
                "$..deployment",
                r#"{"p":[{"deployment":null}],"q":{"deployment":"a"}}"#,
                "a",
                r#"{"p":[{"deployment":"b"}],"q":{"deployment":"b"}}"#,
            ),
            (
                "$.e.n",
                r#"{"e":{"n":"z"},"e":{"n":"y","n":"a"}}"#,
                "a",
                r#"{"e":{"n":"z"},"e":{"n":"b","n":"b"}}"#,
            ),
            (
                "$.a[?(@.t=='m')].v",
                r#"{"a":[{"t":"m","v":"a"},{"t":"n","v":"c"}]}"#,
                "a",
                r#"{"a":[{"t":"m","v":"b"},{"t":"n","v":"c"}]}"#,
            ),
        ] {
            let request = read_at(path, body);
            assert_eq!(
                request.model,
                Model::Named(model.into()),
                "{path} in {body}"
            );
            assert_eq!(edited(&request, body, Some("b"), false), expected, "{path}");
        }
    }

    #[test]
    fn a_missing_model_is_put_in_where_the_object_around_it_is() {
        for (path, body, expected) in [
            (
                "$.engine.name",
                r#"{"engine":{"a":1}}"#,
                r#"{"engine":{"name":"m","a":1}}"#,
            ),
            (
                "$.engine.name",
                r#"{"engine": { } }"#,
                r#"{"engine": {"name":"m" } }"#,
            ),
            ("$['de\"p']", " {\"a\":1}", " {\"de\\\"p\":\"m\",\"a\":1}"),
            ("$.deployment", " {}", r#" {"deployment":"m"}"#),
            (
                "$.engine.name",
                r#"{"engine":{"name":""}}"#,
                r#"{"engine":{"name":"m"}}"#,
            ),
            ("$.engine.name", r#"{"model":"x"}"#, r#"{"model":"x"}"#),
            ("$.engine.name", r#"{"engine":"x"}"#, r#"{"engine":"x"}"#),
            ("$.engines[0]", r#"{"engines":[]}"#, r#"{"engines":[]}"#),
            ("$..name", r#"{"engine":{}}"#, r#"{"engine":{}}"#),
        ] {
            let request = read_at(path, body);
            assert_eq!(request.model, Model::Absent, "{path} in {body}");
            assert_eq!(edited(&request, body, Some("m"), false), expected, "{path}");
        }
    }

    #[test]
    fn a_body_with_more_than_a_query_looks_through_is_refused_with_the_path_named() {
        let long = format!("[{}0]", "0,".repeat(1 << 17));
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let path = Path::parse("$..n").unwrap();
        for list in [long, deep] {
            let body = format!(r#"{{"n":"a","list":{list}}}"#);
            let refused = Request::read_at(body.as_bytes(), &path).unwrap_err();
            assert_eq!(refused, NoRequest::TooMuchToSearch("$..n".to_owned()));
            assert_eq!(read_at("$.n", &body).model, Model::Named("a".into()));
        }
    }

    #[test]
    fn a_place_that_holds_no_name_or_can_not_be_told_names_none() {
        let many = format!("[{}]", vec![r#"{"n":"a"}"#; MANY].join(","));
        for (path, body) in [
            ("$.engine", r#"{"engine":{"name":"a"}}"#.to_owned()),
            ("$..n", format!(r#"{{"a":{many}}}"#)),
        ] {
            let request = read_at(path, &body);
            assert_eq!(request.model, Model::NoName, "{path}");
            assert_eq!(edited(&request, &body, Some("m"), false), body);
        }
    }

    /// More places than a path may stand for.
    const MANY: usize = 100;

    #[test]
    fn the_usage_of_a_stream_is_asked_for_in_place() {
        for (body, expected) in [
            (
                r#"{"stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (
                r#"{"stream":true,"stream_options": null}"#,
                r#"{"stream":true,"stream_options": {"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{ }}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true }}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"a":1}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_usage" :false, "a":1}}"#,
                r#"{"stream":true,"stream_options":{"include_usage" :true, "a":1}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_usage":null}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"x":1},"stream_options":null}"#,
                r#"{"stream":true,"stream_options":{"x":1},"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            let request = read(body);
            assert!(request.can_ask_usage(), "{body}");
            assert_eq!(edited(&request, body, None, true), expected);
            assert_eq!(edited(&request, body, None, false), body);
            assert!(!read(expected).can_ask_usage(), "{expected}");
        }
    }

    #[test]
    fn usage_is_not_asked_for_without_a_stream_twice_or_in_nonsense() {
        for body in [
            r#"{"stream":false}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":"x"}"#,
        ] {
            let request = read(body);
            assert!(!request.can_ask_usage(), "{body}");
            assert_eq!(edited(&request, body, None, true), body);
        }
    }

    #[test]
    fn a_body_of_nothing_but_models_is_refused_because_each_would_be_replaced() {
        let flat = |times| format!("{{{}\"x\":1}}", "\"model\":\"\",".repeat(times));
        let deep = |times| format!("{{\"a\":{}}}", flat(times));
        let path = Path::parse("$.a.model").unwrap();
        for times in [1, 64] {
            assert!(Request::read(flat(times).as_bytes()).is_ok());
            assert!(Request::read_at(deep(times).as_bytes(), &path).is_ok());
        }
        for times in [65, 320] {
            let refused = Err(NoRequest::TooManyModels);
            assert_eq!(Request::read(flat(times).as_bytes()), refused);
            assert_eq!(Request::read_at(deep(times).as_bytes(), &path), refused);
        }
    }

    #[test]
    fn model_and_usage_are_put_in_together() {
        let body = r#"{"stream":true}"#;
        assert_eq!(
            edited(&read(body), body, Some("m"), true),
            r#"{"model":"m","stream_options":{"include_usage":true},"stream":true}"#
        );
        let body = r#"{"stream_options":null,"stream":true,"model":"a"}"#;
        assert_eq!(
            edited(&read(body), body, Some("m"), true),
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"m"}"#
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("model|stream|\\PC{0,6}", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_rest_of_any_document_stays_byte_for_byte(
            before in prop::collection::vec(("[a-l]{1,6}", any_json()), 0..4),
            after in prop::collection::vec(("[n-z]{1,6}", any_json()), 0..4),
            old in "\\PC{1,12}", new in "\\PC{0,12}", pretty: bool,
        ) {
            let write = |v: &Value| if pretty { serde_json::to_string_pretty(v).unwrap() } else { v.to_string() };
            let members = |list: &[(String, Value)]| list.iter().map(|(k, v)| format!("{}: {}", json!(k), write(v))).collect::<Vec<_>>();
            let head = members(&before).iter().map(|m| format!("{m},")).collect::<String>();
            let tail = members(&after).iter().map(|m| format!(" ,{m}")).collect::<String>();
            let body = format!("{{{head}\n\"model\" : {}{tail}}}", json!(old));
            let expected = format!("{{{head}\n\"model\" : {}{tail}}}", json!(new));
            let request = Request::read(body.as_bytes()).unwrap();
            prop_assert_eq!(&request.model, &Model::Named(old));
            prop_assert_eq!(edited(&request, &body, Some(&new), false), expected);
        }

        #[test]
        fn a_rewritten_document_names_the_new_model(value in any_json(), new in "\\PC{1,12}") {
            let body = value.to_string();
            if let Ok(request) = Request::read(body.as_bytes()) {
                let out = edited(&request, &body, Some(&new), false);
                prop_assert_eq!(read(&out).model, Model::Named(new));
            }
        }

        #[test]
        fn with_usage_asked_for_every_other_member_keeps_its_value(
            members in prop::collection::vec(("model|stream_options|\\PC{0,6}", any_json()), 0..5),
            model in "\\PC{1,8}", inside in any_json(),
        ) {
            let mut value = Value::Object(members.into_iter().collect());
            value["stream"] = true.into();
            if inside.is_object() {
                value["stream_options"] = inside;
            }
            let body = value.to_string();
            let request = read(&body);
            let out: Value = serde_json::from_str(&edited(&request, &body, Some(&model), true)).unwrap();
            // Read back as well: floats do not survive that to the last digit.
            let mut value: Value = serde_json::from_str(&body).unwrap();
            value["model"] = model.into();
            if request.can_ask_usage() {
                value["stream_options"]["include_usage"] = true.into();
            }
            prop_assert_eq!(out, value);
        }

        #[test]
        fn wherever_the_model_stands_the_rest_keeps_its_bytes(
            before in any_json(), after in any_json(), old in "\\PC{1,12}", new in "\\PC{1,12}",
            path in prop::sample::select(vec!["$.e[1].name", "$['e'][1].name", "$.e[1]..name", "$.e[?(@.here==1)].name"]),
        ) {
            let document = |name: &str| format!(
                r#"{{"a" : {before}, "e":[{{"name":1}}, {{"here":1.0, "name" : {} }}], "z":{after} }}"#, json!(name)
            );
            let body = document(&old);
            let request = read_at(path, &body);
            prop_assert_eq!(&request.model, &Model::Named(old));
            prop_assert_eq!(edited(&request, &body, Some(&new), false), document(&new));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(body: Vec<u8>, text in r#"[{}\[\]":,a n]{0,24}"#) {
            let paths = ["$.a.a", "$..a", "$.a[0]", "$['a'].stream_options"].map(|p| Path::parse(p).unwrap());
            for body in [
                body.clone(),
                [b"{\"model\":".as_slice(), &body, b"}"].concat(),
                text.clone().into_bytes(),
                format!(r#"{{"stream":true,"stream_options":{text},"a":{text}}}"#).into_bytes(),
            ] {
                let _ = Request::read(&body);
                for path in &paths {
                    if let Ok(request) = Request::read_at(&body, path) {
                        let _ = request.edited(&body, Some("m"), true, &mut allocated);
                    }
                }
            }
        }
    }
}
