//! Provider formats: where a request names its model, what an answer says. Pure: bytes in, facts out.

#![deny(unsafe_code)]

pub mod answer;
pub mod asked;
pub mod coding;
pub mod form;
mod json_path;
mod outline;
pub mod path;
pub mod provider;
pub mod refusal;
pub mod request;
pub mod room;
pub mod stream;
pub mod told;

pub use asked::Asked;
pub use provider::Provider;
