//! Attempts, clocks and streaming: what happens to one request from the moment it is taken over to its last byte.
//!
//! [`Bound::prepare`] decides whether a request is ours and which candidate comes first; [`Call::run`] makes the
//! attempts. The gateway is a trait, [`Gateway`], and so is the network, [`Transport`]: nothing here knows of Java,
//! and every clock is tokio's, so that the tests run on virtual time.

#![deny(unsafe_code)]

mod accounting;
mod asking;
mod attempt;
mod body;
mod bound;
mod budget;
mod call;
mod caught;
mod client;
mod clock;
mod consequence;
mod course;
mod deadline;
mod delivery;
mod gateway;
mod judge;
mod memory;
mod outcome;
mod relay;
mod report;
mod retry;
mod sendable;
mod streaming;
mod transport;
mod turns;

pub use asking::Way;
pub use bound::{Arrival, Bound, Decision, Refusal, Registry, Scope};
pub use call::{Call, PathRewriting};
pub use caught::Panic;
pub use clock::Clock;
pub use deadline::Deadline;
pub use gateway::{Failure, Gateway, Head, Metadata, Unusable, Upstream};
pub use memory::{Held, Memory};
pub use outcome::{Blame, GoOn, Outcome, Rule};
pub use report::{AttemptReport, Report};
pub use rustls::pki_types::CertificateDer;
pub use sendable::HeaderLengths;
pub use transport::{
    Answer, BodyStream, Handshake, Hostnames, HttpClient, HttpClients, Identity, Login, NetError,
    Network, Profile, Proxy, Transport, Trusted,
};
