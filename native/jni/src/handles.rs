//! Numbers for Java that stand for things here.
//!
//! Sixteen maps, each behind its own lock that is held for a look-up only, so that requests on different threads
//! seldom meet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

pub(crate) struct Handles<T> {
    next: AtomicU64,
    shards: [Mutex<HashMap<u64, Arc<T>>>; SHARDS],
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Handles {
            next: AtomicU64::new(1),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl<T> Handles<T> {
    fn shard(&self, handle: u64) -> MutexGuard<'_, HashMap<u64, Arc<T>>> {
        let shard = &self.shards[handle as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never 0, never used twice.
    pub(crate) fn add(&self, value: Arc<T>) -> u64 {
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        self.shard(handle).insert(handle, value);
        handle
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<T>> {
        self.shard(handle).get(&handle).cloned()
    }

    pub(crate) fn remove(&self, handle: u64) -> Option<Arc<T>> {
        self.shard(handle).remove(&handle)
    }

    /// Everything that is there, with its handles.
    pub(crate) fn all(&self) -> Vec<(u64, Arc<T>)> {
        (0..SHARDS as u64)
            .flat_map(|shard| {
                let shard = self.shard(shard);
                let all = shard.iter().map(|(handle, it)| (*handle, Arc::clone(it)));
                all.collect::<Vec<_>>()
            })
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        (0..SHARDS as u64)
            .map(|shard| self.shard(shard).len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_handle_stands_for_nothing_and_is_not_given_again() {
        let handles = Handles::default();
        let first = handles.add(Arc::new("a"));
        assert!(handles.remove(first).is_some());
        assert!(handles.get(first).is_none());
        assert_ne!(handles.add(Arc::new("b")), first);
        assert_eq!(handles.len(), 1);
        let all = handles.all();
        assert_eq!(all.len(), 1);
        assert!(handles.remove(all[0].0).is_some());
        assert_eq!(handles.len(), 0);
    }
}
