//! `org.modelfailover.executor.Call`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use jni::objects::{JByteArray, JObject, JString};
use jni::sys::{jboolean, jint};
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, bytes, string_array, text};
use crate::exceptions::{Thrown, native};
use crate::exchange::Exchange;
use crate::native_object::handle_of;
use crate::running::Running;
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { fn start(exchange: "org.modelfailover.executor.Exchange", verbose: jboolean, whole: jboolean, observed: jboolean) },
    native! { fn described(candidate: jint) -> [JString] },
    native! { fn trace(headers: [jbyte]) },
    native! { fn resolved(url: JString, path: JString, headers: [jbyte]) },
    native! { fn to_sign(url: JString, path: JString) -> [JString] },
    native! { fn body() -> [jbyte] },
    native! { fn unusable(why: JString) },
    native! { fn writable() },
    native! { fn cancel() },
];

fn start(
    env: &mut Env<'_>,
    this: JObject<'_>,
    exchange: JObject<'_>,
    verbose: jboolean,
    whole: jboolean,
    observed: jboolean,
) -> Result<(), Thrown> {
    let handle = handle_of(env, &this)?;
    let running = runtime().calls.find(handle).ok_or(Thrown::Handle(handle))?;
    let exchange = Arc::new(Exchange {
        object: env.new_global_ref(exchange)?,
        signals: Arc::clone(&running.signals),
        verbose,
        observed,
        has_failed: AtomicBool::new(false),
    });
    runtime().start(handle, &running, exchange, whole)
}

fn described<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
    candidate: jint,
) -> Result<JStrings<'local>, Thrown> {
    let running = runtime().calls.get(env, &this)?;
    let candidate = usize::try_from(candidate).unwrap_or(usize::MAX);
    Ok(string_array(env, &running.signals.described(candidate))?)
}

fn trace(env: &mut Env<'_>, this: JObject<'_>, headers: JByteArray<'_>) -> Result<(), Thrown> {
    if let Some(running) = still_open(env, &this)? {
        let block = Bytes::from(bytes(env, &headers)?);
        running.signals.trace(&block);
    }
    Ok(())
}

/// The call of a method that comes too late when it has been cancelled.
fn still_open(env: &mut Env<'_>, this: &JObject<'_>) -> Result<Option<Arc<Running>>, Thrown> {
    let handle = handle_of(env, this)?;
    Ok(runtime().calls.find(handle))
}

fn resolved(
    env: &mut Env<'_>,
    this: JObject<'_>,
    url: JString<'_>,
    path: JString<'_>,
    headers: JByteArray<'_>,
) -> Result<(), Thrown> {
    let Some(running) = still_open(env, &this)? else {
        return Ok(());
    };
    let url = text(env, &url)?;
    if path.is_null() {
        running.signals.plain(&url);
        return Ok(());
    }
    let path = text(env, &path)?;
    let after = Bytes::from(bytes(env, &headers)?);
    running.signals.credentialed(&url, &path, &after)
}

fn to_sign<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
    url: JString<'local>,
    path: JString<'local>,
) -> Result<JStrings<'local>, Thrown> {
    let running = runtime().calls.get(env, &this)?;
    let (url, path) = (text(env, &url)?, text(env, &path)?);
    let spelt = running.signals.to_sign(&url, &path)?;
    Ok(string_array(env, &spelt)?)
}

fn body<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
) -> Result<JByteArray<'local>, Thrown> {
    let running = runtime().calls.get(env, &this)?;
    Ok(env.byte_array_from_slice(&running.signals.body())?)
}

fn unusable(env: &mut Env<'_>, this: JObject<'_>, why: JString<'_>) -> Result<(), Thrown> {
    let why = text(env, &why)?;
    if let Some(running) = still_open(env, &this)? {
        running.signals.unusable(why);
    }
    Ok(())
}

fn writable(env: &mut Env<'_>, this: JObject<'_>) -> Result<(), Thrown> {
    if let Some(running) = still_open(env, &this)? {
        running.signals.writable.notify_one();
    }
    Ok(())
}

fn cancel(env: &mut Env<'_>, this: JObject<'_>) -> Result<(), Thrown> {
    let handle = handle_of(env, &this)?;
    runtime().cancel(handle);
    Ok(())
}
