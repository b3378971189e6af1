//! JSON in which a few values matter: found, read and changed where they stand, without a tree of the whole.

pub(crate) mod edit;
mod lenient;
pub(crate) mod outline;
pub(crate) mod path;
mod values;

pub(crate) use lenient::{lenient, with_plain_numbers};
pub use path::Path;
pub(crate) use path::{NoPlaces, Step};
pub(crate) use values::values;
