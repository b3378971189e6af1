//! Provider formats: where a request names its model, what an answer says. Pure: bytes in, facts out.

#![deny(unsafe_code)]

pub mod answer;
mod json;
pub mod media_type;
pub mod provider;
pub mod refusal;
pub mod request;
pub mod room;
pub mod stream;
mod uri_path;

pub use provider::Provider;
pub use request::ModelRequest;
