//! What becomes of a provider's frame.

use bytes::{Bytes, BytesMut};

use super::format::Worth;

/// What a frame of the provider's has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The bytes for the client; empty when there is nothing to pass on.
    pub bytes: Bytes,
    /// What it is worth.
    pub worth: Worth,
}

impl Event {
    /// One of which the client gets nothing.
    pub(super) fn nothing(worth: Worth) -> Event {
        let bytes = Bytes::new();
        Event { bytes, worth }
    }
}

/// Two pieces of a body, one after the other.
pub(super) fn joined(parts: [Bytes; 2]) -> Bytes {
    let [first, second] = parts;
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second,
        (_, true) => first,
        _ => {
            let mut both = BytesMut::from(first);
            both.extend_from_slice(&second);
            both.freeze()
        }
    }
}
