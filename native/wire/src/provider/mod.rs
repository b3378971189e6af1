//! Where one provider's requests and answers say what, when it is known: plain data, made by whoever knows it, and the
//! reader of answers by it.

mod accounting;
mod observed;
mod places;

pub use crate::json::Path as JsonPath;
pub use observed::Observed;
pub use places::{Account, Fact, ModelPlace, Names, Provider};
