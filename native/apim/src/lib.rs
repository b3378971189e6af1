//! Facts of the host, API Manager, as pure code: bytes in, facts out.

#![deny(unsafe_code)]

pub mod provider;
