//! Which candidates may be called now (`behaviour.md` §4).
//!
//! A [`Gate`] is the state of one candidate, a [`Cache`] the gates of a gateway, [`hint`] reads what a provider said
//! about when to come back. Nothing here waits, reads a clock or does I/O: every method takes the [`Moment`] it is
//! to judge by, so that tests decide what time it is.

#![deny(unsafe_code)]

mod cache;
mod gate;
pub mod hint;
mod leave;
mod mark;
mod moment;
mod peers;
mod shared;
mod telling;
mod word;

pub use cache::{Cache, Introduction, Key, Status};
pub use gate::{Admission, Flowing, Gate, Permit, State, Suspected, Suspicion};
pub use mark::Failure;
pub use moment::Moment;
pub use peers::{Change, Ground, Peers};
pub use shared::View;
