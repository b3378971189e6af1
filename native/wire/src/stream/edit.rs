//! Putting the beginning of an answer into a request. Like the model ([`crate::request`]) it is put in where it
//! belongs, and everything else stays as the client sent it.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::room::allocated;

/// The body with `edit`'s text in place of the value of a top-level key. `None` when there is no such key, or `edit`
/// makes nothing of its value.
pub(crate) fn replaced(
    body: &[u8],
    key: &str,
    edit: impl FnOnce(&str) -> Option<String>,
) -> Option<Vec<u8>> {
    let top: HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let old = top.get(key)?.get();
    let at = old.as_ptr() as usize - body.as_ptr() as usize;
    let new = edit(old)?;
    let mut out = allocated(body.len() + new.len())?;
    out.extend_from_slice(&body[..at]);
    out.extend_from_slice(new.as_bytes());
    out.extend_from_slice(&body[at + old.len()..]);
    Some(out)
}

/// The body with one more item in the array under a top-level key. `None` when there is no such array, or its last
/// item has this role already: two turns of one role in a row are refused by some.
pub(crate) fn appended(body: &[u8], key: &str, role: &str, item: &Value) -> Option<Vec<u8>> {
    replaced(body, key, |array| {
        let items: Vec<&RawValue> = serde_json::from_str(array).ok()?;
        let last: Value = serde_json::from_str(items.last()?.get()).ok()?;
        if last.get("role").and_then(Value::as_str) == Some(role) {
            return None;
        }
        let open = array.trim_end().strip_suffix(']')?.trim_end();
        Some(format!("{open},{item}]"))
    })
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
