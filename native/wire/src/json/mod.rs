//! JSON in which a few values matter: found, read and changed where they stand, without a tree of the whole.

pub(crate) mod edit;
mod lenient;
pub(crate) mod outline;
pub(crate) mod path;
mod values;

use serde_json::Value;

pub(crate) use lenient::{lenient, with_plain_numbers};
pub use path::Path;
pub(crate) use path::{NoPlaces, Step};
pub(crate) use values::values;

/// Puts a member into an object; into anything else there is nothing to put.
pub(crate) fn set(value: &mut Value, key: &str, new: impl Into<Value>) {
    if let Some(members) = value.as_object_mut() {
        members.insert(key.to_owned(), new.into());
    }
}
