//! The stored text as a tree.
//!
//! The portal writes `JSON.stringify(config)` with every `"` turned into `'` and nothing escaped, so an apostrophe in
//! a name looks like the end of a string. No JSON library reads that. [`to_json`] turns it back into strict JSON
//! with one rule, "an apostrophe ends a string when a structural character follows", and the rest is left to
//! serde_json: what the rule got wrong is then either a repeated key or text after a value, and both are errors.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::policy::ConfigError;

/// A JSON value whose objects have no repeated keys. Numbers keep their text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads strict JSON, the portal's apostrophe form, or JSON whose quotes are `&quot;`.
    pub(crate) fn parse(text: &str) -> Result<Node, ConfigError> {
        let json = to_json(text);
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let node = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
            let path = e.path().to_string();
            ConfigError::new(&path, e.into_inner().to_string())
        })?;
        deserializer
            .end()
            .map_err(|e| ConfigError::new(".", format!("text after the configuration: {e}")))?;
        Ok(node)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Object(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Number(_) => "a number",
            Node::String(_) => "a string",
            Node::Array(_) => "an array",
            Node::Object(_) => "an object",
        }
    }
}

fn to_json(text: &str) -> Cow<'_, str> {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    match inside {
        Some(rest) if rest.starts_with("&quot;") => Cow::Owned(text.replace("&quot;", "\"")),
        Some(rest) if rest.starts_with('\'') => Cow::Owned(apostrophes_to_json(text)),
        _ => Cow::Borrowed(text),
    }
}

fn apostrophes_to_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 8);
    let mut chars = text.char_indices();
    let mut in_string = false;
    while let Some((at, c)) = chars.next() {
        match (in_string, c) {
            (false, '\'') => {
                in_string = true;
                json.push('"');
            }
            (true, '\'') if ends_string(&text[at + 1..]) => {
                in_string = false;
                json.push('"');
            }
            (true, '"') => json.push_str("\\\""),
            (true, '\\') => match chars.next() {
                Some((_, '\'')) => json.push_str("\\\""),
                Some((_, escaped)) => {
                    json.push('\\');
                    json.push(escaped);
                }
                None => json.push('\\'),
            },
            _ => json.push(c),
        }
    }
    json
}

fn ends_string(rest: &str) -> bool {
    matches!(
        rest.trim_start().chars().next(),
        None | Some(',' | '}' | ']' | ':')
    )
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Bool(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::String(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut known = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !known.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key '{key}' is repeated")));
            }
            let value = map.next_value()?;
            entries.push((key, value));
        }
        Ok(Node::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_the_portal_stores(json: &str) -> String {
        json.replace('"', "'")
    }

    #[test]
    fn an_apostrophe_in_a_name_survives() {
        let node = Node::parse("{'endpointName':'O'Brien's endpoint','model':'m'}").unwrap();
        assert_eq!(
            node.get("endpointName"),
            Some(&Node::String("O'Brien's endpoint".into()))
        );
    }

    #[test]
    fn a_quote_in_a_name_survives() {
        let stored = as_the_portal_stores(r#"{"endpointName":"the \"best\" one","model":"m"}"#);
        let node = Node::parse(&stored).unwrap();
        assert_eq!(
            node.get("endpointName"),
            Some(&Node::String("the \"best\" one".into()))
        );
    }

    #[test]
    fn a_name_cannot_bring_a_second_key() {
        let error = Node::parse("{'model':'a','endpointName':'x','model':'evil'}").unwrap_err();
        assert!(error.to_string().contains("'model' is repeated"), "{error}");
    }

    #[test]
    fn text_after_the_apostrophe_that_ends_a_name_is_refused_and_named() {
        let error = Node::parse("{'production':{'targetModel':{'endpointName':'rock 'n', roll'}}}")
            .unwrap_err();
        assert!(
            error.field.starts_with("production.targetModel"),
            "the error must name the place: {error:?}"
        );
    }

    #[test]
    fn very_many_keys_are_read_in_time() {
        let json = |n: usize| {
            let keys: String = (0..n).map(|k| format!("'{k}':'',")).collect();
            format!("{{{keys}'end':''}}")
        };
        let begun = std::time::Instant::now();
        assert!(Node::parse(&json(100_000)).is_ok());
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn quote_entities_are_quotes_only_where_they_delimit() {
        let node = Node::parse("{&quot;model&quot;:&quot;m&quot;}").unwrap();
        assert_eq!(node.get("model"), Some(&Node::String("m".into())));
        let node = Node::parse("{'model':'a&quot;b'}").unwrap();
        assert_eq!(node.get("model"), Some(&Node::String("a&quot;b".into())));
    }

    proptest! {
        #[test]
        fn what_the_portal_stores_without_apostrophes_is_read_back_equal(
            name in "[^'\\p{Cc}]{0,24}", model in "[^'\\p{Cc}]{1,24}"
        ) {
            let json = serde_json::json!({"model": model, "endpointName": name}).to_string();
            // An escaped quote directly before structure is the one thing the swap makes ambiguous.
            let node = Node::parse(&as_the_portal_stores(&json)).unwrap();
            prop_assert_eq!(node.get("model"), Some(&Node::String(model)));
            prop_assert_eq!(node.get("endpointName"), Some(&Node::String(name)));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,64}") {
            let _ = Node::parse(&text);
            let _ = Node::parse(&format!("{{'{text}"));
        }
    }
}
