//! Suspensions shared by several gateways, through Redis or Valkey (`behaviour.md` §4).
//!
//! A node's gates decide, always: this room carries what they have come to know to the others, and theirs back. No
//! request waits for it. [`Node`] is the protocol, pure; `exchange.lua` the store's side of it; [`Cluster`] runs both.

#![deny(unsafe_code)]

#[cfg(test)]
extern crate self as failover_cluster;

mod candidate;
mod cluster;
mod node;
mod numbers;
mod options;
mod store;
mod words;

pub use cluster::{Cluster, Surroundings};
pub use node::{ANSWER, Node};
pub use numbers::{Counts, Status};
pub use options::{Options, Secret, Tls, Topology};
pub use words::{Message, Operation, Reply, Request, Stamp, State, Ticket, Token, Verdict};
