//! The model in a JSON request body, found and replaced in place.
//!
//! The body is never parsed into a tree and written again: key order, spelling of numbers, repeated keys and unknown
//! fields must reach the provider as the client sent them. serde_json walks the top level and lends the text of the
//! `model` values; their places follow from where that text lies in the body.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a JSON body says at its top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The model that is asked for.
    pub model: Model,
    /// Whether a streamed answer is asked for.
    pub stream: bool,
    /// Where `model` values stand, in order.
    spans: Vec<Range<usize>>,
    /// Behind the opening brace.
    first: usize,
    empty: bool,
}

/// The model that a request asks for. With a repeated key the last one counts, as with the providers' parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// There is no `model`, or it is null or empty.
    Absent,
    /// Its name.
    Named(String),
    /// `model` is no string.
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
    /// It is JSON, but not an object, so it can't carry a model.
    #[error("not a JSON object")]
    NotAnObject,
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object.
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
        let model = match top.models.last() {
            None => Model::Absent,
            Some(raw) => match serde_json::from_str::<Option<String>>(raw.get()) {
                Ok(Some(name)) if !name.is_empty() => Model::Named(name),
                Ok(_) => Model::Absent,
                Err(_) => Model::NoName,
            },
        };
        let start = body.as_ptr() as usize;
        Ok(Request {
            model,
            stream: top.stream,
            spans: top
                .models
                .iter()
                .map(|raw| {
                    let at = raw.get().as_ptr() as usize - start;
                    at..at + raw.get().len()
                })
                .collect(),
            first: first + 1,
            empty: top.empty,
        })
    }

    /// The body with `model` as its model: every `model` value is replaced, or one is put first where there is none.
    /// `body` is the one that was read.
    pub fn with_model(&self, body: &[u8], model: &str) -> Vec<u8> {
        let value = serde_json::Value::from(model).to_string();
        let mut out = Vec::with_capacity(body.len() + value.len() + 10);
        let mut from = 0;
        if self.spans.is_empty() {
            out.extend_from_slice(&body[..self.first]);
            out.extend_from_slice(b"\"model\":");
            out.extend_from_slice(value.as_bytes());
            if !self.empty {
                out.push(b',');
            }
            from = self.first;
        }
        for span in &self.spans {
            out.extend_from_slice(&body[from..span.start]);
            out.extend_from_slice(value.as_bytes());
            from = span.end;
        }
        out.extend_from_slice(&body[from..]);
        out
    }
}

struct TopLevel<'a> {
    models: Vec<&'a RawValue>,
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
            stream: false,
            empty: true,
        };
        while let Some(key) = map.next_key::<Key>()? {
            top.empty = false;
            match key {
                Key::Model => top.models.push(map.next_value()?),
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
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &str) -> Request {
        Request::read(body.as_bytes()).unwrap()
    }

    fn rewritten(body: &str, model: &str) -> String {
        String::from_utf8(read(body).with_model(body.as_bytes(), model)).unwrap()
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
        for body in [
            r#"{"model":1}"#,
            r#"{"model":["a"]}"#,
            r#"{"model":{"a":1}}"#,
        ] {
            assert_eq!(read(body).model, Model::NoName, "{body}");
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
            prop_assert_eq!(String::from_utf8(request.with_model(body.as_bytes(), &new)).unwrap(), expected);
        }

        #[test]
        fn a_rewritten_document_names_the_new_model(value in any_json(), new in "\\PC{1,12}") {
            let body = value.to_string();
            if let Ok(request) = Request::read(body.as_bytes()) {
                let out = request.with_model(body.as_bytes(), &new);
                prop_assert_eq!(Request::read(&out).unwrap().model, Model::Named(new));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(body: Vec<u8>) {
            let _ = Request::read(&body);
            let _ = Request::read(&[b"{\"model\":".as_slice(), &body, b"}"].concat());
        }
    }
}
