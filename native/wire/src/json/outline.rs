//! JSON as a tree of bounded size.
//!
//! A tree costs far more than the bytes that it was read from: `[0,0,…]` about forty times as much, `{"a":0,…}` more.
//! What a peer sends is therefore read up to a number of values, in one pass; what is beyond is skipped and not kept.
//! So a tree takes no more than [`MOST_VALUES`] and as many again near the root, about 24 MiB at worst, besides the
//! strings, which take their bytes. serde_json reads; only what is kept of it is decided here.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The values of a tree. An event with the log probabilities of a thousand tokens has about so many.
pub(crate) const MOST_VALUES: usize = 1 << 16;

/// Members so near to the root are read nevertheless, as many again: an event's type and usage may stand behind what
/// fills it.
const NEAR: usize = 3;

/// Levels. serde_json gives up at 128.
const DEEPEST: usize = 100;

/// What a document says.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) value: Value,
    /// Whether nothing was skipped.
    pub(crate) whole: bool,
}

/// Reads a document.
///
/// # Errors
/// When it is no JSON.
pub(crate) fn read(json: &[u8]) -> Result<Outline, serde_json::Error> {
    match std::str::from_utf8(json) {
        // Looked at once, instead of each of its strings.
        Ok(text) => whole(serde_json::Deserializer::from_str(text)),
        Err(_) => whole(serde_json::Deserializer::from_slice(json)),
    }
}

fn whole<'de, R: serde_json::de::Read<'de>>(
    mut deserializer: serde_json::Deserializer<R>,
) -> Result<Outline, serde_json::Error> {
    let mut budget = Budget::default();
    let value = Node::root(&mut budget).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Outline {
        value,
        whole: budget.whole,
    })
}

/// The members of an object that have one of these names, the last where a name is repeated. What else it has is
/// passed over. `None`: it is no JSON object.
pub(crate) fn members(json: &[u8], names: &[&str]) -> Option<Outline> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let outline = deserializer.deserialize_map(Members(names)).ok()?;
    deserializer.end().ok()?;
    Some(outline)
}

/// About how much memory a value takes, in bytes.
pub(crate) fn room(value: &Value) -> usize {
    const EACH: usize = 128;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(room).sum(),
        Value::Object(members) => members.iter().map(|(key, v)| key.len() + room(v)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// What may still be kept.
struct Budget {
    left: usize,
    near: usize,
    whole: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            left: MOST_VALUES,
            near: MOST_VALUES,
            whole: true,
        }
    }
}

impl Budget {
    /// Whether one more may be kept; `near`: it is a member near the root.
    fn take(&mut self, near: bool) -> bool {
        let from = match self.left {
            0 if near => &mut self.near,
            _ => &mut self.left,
        };
        match from.checked_sub(1) {
            Some(left) => {
                *from = left;
                true
            }
            None => false,
        }
    }
}

struct Node<'b> {
    budget: &'b mut Budget,
    depth: usize,
}

impl<'b> Node<'b> {
    fn root(budget: &'b mut Budget) -> Self {
        Node { budget, depth: 0 }
    }

    fn below(&mut self) -> Node<'_> {
        Node {
            budget: self.budget,
            depth: self.depth + 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let deep = self.depth >= DEEPEST;
        loop {
            if deep || !self.budget.take(false) {
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    self.budget.whole = false;
                }
                return Ok(Value::Array(items));
            }
            match seq.next_element_seed(self.below())? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let (deep, near) = (self.depth >= DEEPEST, self.depth < NEAR);
        loop {
            if deep || !self.budget.take(near) {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    self.budget.whole = false;
                }
                return Ok(Value::Object(members));
            }
            let Some(key) = map.next_key()? else {
                return Ok(Value::Object(members));
            };
            if self.depth == 0 && members.is_empty() {
                // Most events have about so many, and it is made only once for each.
                members = Map::with_capacity(8);
            }
            members.insert(key, map.next_value_seed(self.below())?);
        }
    }
}

struct Members<'n>(&'n [&'n str]);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut members = Map::new();
        let mut whole = true;
        while let Some(name) = map.next_key_seed(NameOf(self.0))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let mut budget = Budget::default();
            let value = map.next_value_seed(Node::root(&mut budget))?;
            whole &= budget.whole;
            members.insert(name.to_owned(), value);
        }
        Ok(Outline {
            value: Value::Object(members),
            whole,
        })
    }
}

/// The name that a key is, if it is one of these. Nothing is kept of another.
struct NameOf<'n>(&'n [&'n str]);

impl<'de, 'n> DeserializeSeed<'de> for NameOf<'n> {
    type Value = Option<&'n str>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for NameOf<'n> {
    type Value = Option<&'n str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn outline(json: &str) -> Outline {
        read(json.as_bytes()).unwrap()
    }

    #[test]
    fn what_fills_an_event_is_cut_and_what_stands_behind_it_is_read() {
        let zeros = "0,".repeat(3 * MOST_VALUES);
        let event = format!(
            r#"{{"type":"t","a":{{"list":[{zeros}0],"usage":{{"n":7,"m":{{"deep":1}}}}}},"z":[1],"end":true}}"#
        );
        let Outline { value, whole } = outline(&event);
        assert!(!whole);
        assert!(value["a"]["list"].as_array().unwrap().len() < MOST_VALUES);
        assert_eq!(
            (&value["type"], &value["a"]["usage"]["n"], &value["end"]),
            (&json!("t"), &json!(7), &json!(true))
        );
        assert_eq!(
            (&value["a"]["usage"]["m"], &value["z"]),
            (&json!({}), &json!([]))
        );
    }

    #[test]
    fn members_near_the_root_have_a_bound_too() {
        let members: String = (0..3 * MOST_VALUES)
            .map(|n| format!("\"{n}\":0,"))
            .collect();
        let Outline { value, whole } = outline(&format!("{{{members}\"z\":0}}"));
        assert!(!whole);
        assert_eq!(value.as_object().unwrap().len(), 2 * MOST_VALUES);
    }

    #[test]
    fn nesting_without_an_end_in_sight_is_cut() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = 100_000;
            let text = format!("{}1{}", open.repeat(deep), close.repeat(deep));
            assert!(!outline(&text).whole, "{open}");
            assert!(read(&text.as_bytes()[..text.len() - 1]).is_err(), "{open}");
        }
    }

    #[test]
    fn only_the_members_that_are_asked_for_are_kept() {
        let body = br#"{"a":1,"b":{"c":2},"mod\u0065l":"m","a":[3]}"#;
        let found = members(body, &["a", "model", "n"]).unwrap();
        assert_eq!(found.value, json!({"a": [3], "model": "m"}));
        for body in ["[]", "1", "{\"a\":1", "{} x", ""] {
            assert!(members(body.as_bytes(), &["a"]).is_none(), "{body}");
        }
    }

    #[test]
    fn a_value_takes_room_for_its_values_and_its_text() {
        assert_eq!(room(&json!({"a": [1, "xy"]})), 4 * 128 + 3);
    }

    proptest! {
        #[test]
        fn a_small_document_is_read_as_serde_json_reads_it(text in r#"[{}\[\]":,0-9.eE\-truefalsn \\u]{0,40}"#) {
            let expected = serde_json::from_str::<Value>(&text);
            let found = read(text.as_bytes());
            prop_assert_eq!(found.is_ok(), expected.is_ok());
            if let (Ok(found), Ok(expected)) = (found, expected) {
                prop_assert!(found.whole);
                prop_assert_eq!(found.value, expected);
            }
        }
    }
}
