//! Provider formats: where a request names its model, what an answer says. Pure: bytes in, facts out.

#![deny(unsafe_code)]

pub mod answer;
pub mod asked;
pub mod form;
pub mod path;
pub mod reason;
pub mod request;
pub mod stream;

pub use asked::Asked;
pub use reason::Reason;
