//! The bytes of bodies that the gateway buffers at one time, over all APIs: one counter, and its limit (`behaviour.md`
//! §9, `max_memory`).
//!
//! Counted, each byte once, for as long as it is buffered:
//! - a request's body: while it is read, and until its call needs it no longer;
//! - the copy of it with a candidate's model, or with the beginning of an answer: until that is sent;
//! - a whole answer, an error's body: until it is delivered, or another candidate's takes its place;
//! - of a stream: what comes before its first useful chunk, an event that is not complete, the event that its
//!   client is slow to take, the text that it could be continued from;
//! - a stream that is collected because the gateway needs whole answers.
//!
//! No body may become larger than what all bodies together leave free: whoever sends many large ones, or whatever
//! provider does, leaves room for everybody else's small ones.
//!
//! Not counted, because it has a small bound of its own:
//! - the first 16 KiB of each answer, of each copy and of each stream. Most calls need no more, so that they end as
//!   they began when others have used the memory up;
//! - the buffers of connections: 400 KiB for what was read from one and has not been looked at, the pipe of 16 KiB to
//!   the client;
//! - what lives while one event or body is read, moved or copied, on one of the runtime's threads or the gateway's
//!   workers: an event of 16 MiB as a tree, a request on its way out of the JVM, a signature's copy;
//! - heads, paths, candidates: bounded by the lengths that the network and the configuration allow them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use failover_policy::Settings;

/// One counter for a gateway. No lock: every change is one atomic step, and nothing else is ordered by it.
#[derive(Debug)]
pub struct Memory {
    buffered: AtomicU64,
    peak: AtomicU64,
    refused: AtomicU64,
    /// The limit where no `max_memory` is set.
    usual_limit: AtomicU64,
}

impl Default for Memory {
    /// Without a limit, until [`Memory::limit_to`] sets one.
    fn default() -> Self {
        Memory {
            buffered: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            usual_limit: AtomicU64::new(u64::MAX),
        }
    }
}

impl Memory {
    /// Sets the limit of the policies without `max_memory` that are attached from now on, in bytes.
    pub fn limit_to(&self, bytes: u64) {
        self.usual_limit.store(bytes, Relaxed);
    }

    /// The limit under these settings, in bytes.
    pub fn limit(&self, settings: &Settings) -> u64 {
        let usual = || self.usual_limit.load(Relaxed);
        settings.max_memory.unwrap_or_else(usual)
    }

    /// Bytes that are buffered now.
    pub fn buffered(&self) -> u64 {
        self.buffered.load(Relaxed)
    }

    /// The most bytes that were ever buffered.
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// How often a limit was in the way.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Counts more bytes of a body of which `own` are counted already, if as many as it then has are left free under
    /// `limit`. Whoever counts owes a [`Memory::release`].
    pub fn count(&self, own: u64, bytes: u64, limit: u64) -> bool {
        if bytes == 0 {
            return true;
        }
        let within = |buffered: u64| {
            let sum = buffered.checked_add(bytes)?;
            let free = limit.checked_sub(sum)?;
            (own.checked_add(bytes)? <= free).then_some(sum)
        };
        match self.buffered.fetch_update(Relaxed, Relaxed, within) {
            Ok(before) => {
                self.peak.fetch_max(before + bytes, Relaxed);
                true
            }
            Err(_) => {
                self.refused.fetch_add(1, Relaxed);
                false
            }
        }
    }

    /// Gives back what [`Memory::count`] counted. The sum never goes below nothing.
    pub fn release(&self, bytes: u64) {
        let less = |buffered: u64| Some(buffered.saturating_sub(bytes));
        let _ = self.buffered.fetch_update(Relaxed, Relaxed, less);
    }

    /// Counts a body's bytes for as long as what is returned lives; `None`: there is no room for them.
    pub fn reserve(self: &Arc<Self>, bytes: u64, limit: u64) -> Option<Buffered> {
        self.count(0, bytes, limit).then(|| self.adopt(bytes))
    }

    /// Takes over the giving back of bytes that were counted.
    pub fn adopt(self: &Arc<Self>, bytes: u64) -> Buffered {
        Buffered {
            memory: Arc::clone(self),
            bytes,
        }
    }
}

/// The bytes of a body, which are counted while this lives.
#[derive(Debug)]
pub struct Buffered {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Buffered {
    /// How many.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts more; `false`, and nothing more is counted, when there is no room for it.
    pub fn grow(&mut self, bytes: u64, limit: u64) -> bool {
        let counted = self.memory.count(self.bytes, bytes, limit);
        if counted {
            self.bytes += bytes;
        }
        counted
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let more = self.bytes.saturating_sub(bytes);
        self.memory.release(more);
        self.bytes -= more;
    }

    /// Counts `bytes` in all, as far as `limit` lets it grow.
    pub fn resize(&mut self, bytes: u64, limit: u64) -> bool {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes, limit);
        }
        self.shrink_to(bytes);
        true
    }

    /// Counts on, and leaves the giving back to somebody else.
    pub fn forget(mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        self.memory.release(self.bytes);
    }
}

#[cfg(test)]
mod tests;
