//! A panic ends the part of a call that it is in, and no more.
//!
//! What a part has half changed is thrown away with it: an attempt begins anew with the next candidate, a stream that
//! has begun is not read on.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;

use crate::gateway::Gateway;

/// Runs a part of a call; `None`: it panicked, and the gateway was told.
// No `async fn`: its future would hold the part twice, before it is polled and while it is.
pub(crate) fn caught<T, G: Gateway>(
    gateway: &G,
    part: impl Future<Output = T>,
) -> impl Future<Output = Option<T>> {
    AssertUnwindSafe(part)
        .catch_unwind()
        .map(|done| done.map_err(|panic| gateway.panicked(panic)).ok())
}

/// The same for what waits for nothing.
pub(crate) fn caught_now<T, G: Gateway>(gateway: &G, part: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(part)) {
        Ok(done) => Some(done),
        Err(panic) => {
            gateway.panicked(panic);
            None
        }
    }
}
