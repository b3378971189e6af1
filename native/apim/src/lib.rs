//! Facts of the host, API Manager, as pure code: whose a header is, and how an endpoint's address, the client's path and
//! what security mediators put in become what is signed and sent.
//!
//! It knows nothing of requests on their way, and nothing of Java: bytes in, facts out.

#![deny(unsafe_code)]

pub mod conventions;
pub mod error_code;
mod headers;
mod outgoing;
mod percent;
pub mod provider;
mod query;
mod url;

pub use outgoing::{ClientHeaders, Offer, Outgoing, path_for_providers, trace_headers};
pub use url::{SignableUrl, address, join};

/// A candidate can't be called; the message says why, and holds no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);
