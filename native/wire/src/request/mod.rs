//! What a request asks for, and how another model is put into it: in its path, its JSON or its form, through whatever
//! coding the body came in.

pub mod coding;
mod form;
mod json;
mod model;
mod model_request;
mod path;

pub use model::{Model, NoRequest};
pub use model_request::{ModelRequest, can_name_model};
pub use path::PathModel;
