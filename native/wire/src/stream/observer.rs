//! Reading a stream along with its format.

use std::fmt;

use serde_json::Value;

use super::usage::Tokens;

/// Reads events for who knows more of them than is known here: an administrator's own provider.
pub trait Observer: fmt::Debug + Send + Sync {
    /// The next event.
    fn observe(&mut self, event: &Value);

    /// What has been used, as far as the events have said.
    fn tokens(&self) -> Option<Tokens>;

    /// The model that the events name.
    fn model(&self) -> Option<&str>;
}
