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

use crate::diagnostics::ConfigError;

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
mod tests;
