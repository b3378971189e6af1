//! JSON bodies.

use bytes::Bytes;
use serde::Serialize;

/// Serialising this crate's types can't fail; should it ever, the body says so.
pub(crate) fn to_json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .unwrap_or_else(|error| error.to_string().into_bytes())
        .into()
}
