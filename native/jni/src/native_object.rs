//! `org.modelfailover.executor.NativeObject`: the numbers by which Java's objects are known here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jni::errors::Error;
use jni::ids::JFieldID;
use jni::objects::JObject;
use jni::signature::{JavaType, Primitive};
use jni::sys::jlong;
use jni::{Env, jni_sig, jni_str};
use once_cell::sync::OnceCell;

use crate::exceptions::Thrown;

/// It stays valid without a reference to the class, which would keep its class loader for ever: that loader has loaded
/// this library too, and takes it along.
static HANDLE: OnceCell<JFieldID> = OnceCell::new();

pub(crate) fn cache(env: &mut Env<'_>) -> Result<(), Error> {
    let class = env.find_class(jni_str!("org/modelfailover/executor/NativeObject"))?;
    let handle = env.get_field_id(class, jni_str!("handle"), jni_sig!(jlong))?;
    let _ = HANDLE.set(handle);
    Ok(())
}

/// The handle of an object whose native method was called.
pub(crate) fn handle_of(env: &mut Env<'_>, object: &JObject<'_>) -> Result<u64, Thrown> {
    let field = HANDLE
        .get()
        .ok_or(Error::JniCall(jni::errors::JniError::Unknown))?;
    let long = JavaType::Primitive(Primitive::Long);
    // SAFETY: `object` is the receiver of a method of a class that extends NativeObject, and the field is its long.
    let handle = unsafe { env.get_field_unchecked(object, field, long) }?.j()?;
    Ok(handle as u64)
}

/// How many maps the things of one type are spread over. Each has its own lock, held for a look-up only, so that requests
/// on different threads seldom meet.
const SHARDS: usize = 16;

/// One number for all types: that of another type is found nowhere.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What Java knows by number.
pub(crate) struct Handles<T> {
    shards: [Mutex<HashMap<u64, Arc<T>>>; SHARDS],
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Handles {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl<T> Handles<T> {
    fn shard(&self, handle: u64) -> MutexGuard<'_, HashMap<u64, Arc<T>>> {
        let shard = &self.shards[handle as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it a handle: never 0, never used twice.
    pub(crate) fn add(&self, value: T) -> jlong {
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        self.shard(handle).insert(handle, Arc::new(value));
        handle as jlong
    }

    /// What the handle stands for; `None` once it is closed.
    pub(crate) fn find(&self, handle: u64) -> Option<Arc<T>> {
        self.shard(handle).get(&handle).cloned()
    }

    /// What the receiver of a native method stands for.
    pub(crate) fn get(&self, env: &mut Env<'_>, object: &JObject<'_>) -> Result<Arc<T>, Thrown> {
        let handle = handle_of(env, object)?;
        self.find(handle).ok_or(Thrown::Handle(handle))
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
        let first = handles.add("a") as u64;
        assert!(handles.remove(first).is_some());
        assert!(handles.find(first).is_none());
        assert_ne!(handles.add("b") as u64, first);
        assert_eq!(handles.len(), 1);
        let all = handles.all();
        assert_eq!(all.len(), 1);
        assert!(handles.remove(all[0].0).is_some());
        assert_eq!(handles.len(), 0);
    }

    #[test]
    fn a_handle_of_another_type_stands_for_nothing() {
        let (numbers, words) = (Handles::default(), Handles::default());
        let number = numbers.add(1) as u64;
        words.add("a");
        assert!(words.find(number).is_none());
    }
}
