//! Attempts, clocks and streaming: what happens to one request from the moment it is taken over to its last byte.
//!
//! [`AttachedPolicy::prepare`] decides whether a request is ours and which candidate comes first; [`Call::run`] makes
//! the attempts. The gateway is a trait, [`Gateway`], and so is the network, [`Transport`]: nothing here knows of
//! Java, and every clock is tokio's, so that the tests run on virtual time.

#![deny(unsafe_code)]

mod accounting;
mod arrival;
mod asking;
mod attached;
mod attempt;
mod attempt_json;
mod attempt_log;
mod body;
mod budget;
mod call;
mod candidate;
mod caught;
mod client;
mod clock;
mod consequence;
mod control;
mod course;
mod deadline;
mod delivery;
mod forecast;
mod gateway;
mod judge;
mod memory;
mod outcome;
mod pursuit;
mod recording;
mod refusal;
mod registry;
mod relay;
mod report;
mod retry;
mod run;
mod sendable;
mod snapshot;
mod streaming;
mod transport;
mod turns;
mod upstream;

pub use arrival::{Arrival, Decision};
pub use asking::ContinuationMode;
pub use attached::AttachedPolicy;
pub use call::{Call, Candidates, PathRewriting};
pub use clock::Clock;
pub use deadline::Deadline;
pub use gateway::{Cause, Failure, Gateway, Head, Metadata, Panic, Unusable};
pub use memory::{Buffered, Memory};
pub use outcome::{Blame, Next, Outcome, Rule, WORDS};
pub use refusal::Refusal;
pub use registry::{Registry, Scope};
pub use report::{AttemptReport, Facts, Report};
pub use rustls::pki_types::CertificateDer;
pub use sendable::HeaderLengths;
pub use transport::{
    Answer, BodyStream, Handshake, Hostnames, HttpClient, HttpClients, Identity, Login, NetError,
    Network, Profile, Proxy, Transport, Trusted,
};
pub use upstream::Upstream;
