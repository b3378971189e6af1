//! Putting the beginning of an answer into a request, as the last turn of its conversation. Of the body nothing is kept
//! but the place.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::edit::replaced;
use crate::json::outline;

/// The body with one more item in the array under a top-level key. `None` when there is no such array, or its last
/// item has this role already: two turns of one role in a row are refused by some.
pub(crate) fn appended(body: &[u8], key: &str, role: &str, item: &Value) -> Option<Vec<u8>> {
    replaced(body, key, |array| {
        let last = last_item(array)?;
        if last.starts_with('{') {
            let its = outline::members(last.as_bytes(), &["role"])?.value;
            if its.get("role").and_then(Value::as_str) == Some(role) {
                return None;
            }
        }
        let open = array.trim_end().strip_suffix(']')?.trim_end();
        Some(format!("{open},{item}]"))
    })
}

fn last_item(array: &str) -> Option<&str> {
    let mut deserializer = serde_json::Deserializer::from_str(array);
    let last = deserializer.deserialize_seq(Last).ok()?;
    last.map(RawValue::get)
}

struct Last;

impl<'de> Visitor<'de> for Last {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut last = None;
        while let Some(item) = items.next_element()? {
            last = Some(item);
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_appended_and_nothing_else_changes() {
        let body =
            br#"{ "n":1.0, "messages": [ {"role":"user" , "content":"]"} ] , "messages2":[] }"#;
        let item = json!({"role": "assistant", "content": "a\"b"});
        let edited = appended(body, "messages", "assistant", &item).unwrap();
        assert_eq!(
            std::str::from_utf8(&edited).unwrap(),
            r#"{ "n":1.0, "messages": [ {"role":"user" , "content":"]"},{"role":"assistant","content":"a\"b"}] , "messages2":[] }"#
        );
    }

    #[test]
    fn what_is_no_conversation_is_left_alone() {
        let item = json!({"role": "assistant"});
        for body in [
            &br#"{"messages":[]}"#[..],
            br#"{"messages":"x"}"#,
            br#"{}"#,
            br#"[]"#,
            br#"{"messages":[{"role":"assistant","content":"x"}]}"#,
        ] {
            assert_eq!(appended(body, "messages", "assistant", &item), None);
        }
    }
}
