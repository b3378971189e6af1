//! Nodes that share suspensions through a real Redis.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod gateways;
mod servers;
mod sharing;
mod topologies;
