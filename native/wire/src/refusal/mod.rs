//! Why a provider refused: what it says ([`Evidence`]), and what that means ([`Signs`]).
//!
//! The two are apart because providers say the same things at different places and in different words. The reader
//! knows shapes and no meanings; it is the same for the body of any status, a 200 whose body is an error, an event of
//! a stream and an exception frame. The table (`signs.toml`) knows meanings and no shapes. What follows from a reason
//! is neither's business.

mod evidence;
mod signs;

use bytes::Bytes;

pub use evidence::Evidence;
pub use signs::{Reason, SignRow, Signs};

/// A failure that a provider reports in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it says.
    pub evidence: Evidence,
    /// The same as it came, without its framing: JSON, if it is any.
    pub body: Bytes,
}
