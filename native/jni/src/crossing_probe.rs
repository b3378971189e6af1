//! `org.modelfailover.jni.CrossingProbe`, a class of `benches/jni`: upcalls without a call around them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use failover_executor::{Gateway, Head};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jni::EnvUnowned;
use jni::objects::{JClass, JObject};
use jni::sys::jint;

use crate::exceptions::{Throw, Thrown};
use crate::exchange::Exchange;
use crate::runtime::runtime;

/// What a healthy provider's answer has, and what the policy adds to it.
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("date", "Mon, 30 Nov 2026 03:00:00 GMT"),
    ("x-failover-model", "gpt-4o"),
    ("x-failover-endpoint", "default_production_endpoint"),
    ("x-failover-attempts", "1"),
];

/// Answers the exchange of a call so many times, with 512 bytes each.
///
/// # Safety
/// The JVM calls it, by its name.
#[unsafe(no_mangle)]
unsafe extern "system" fn Java_org_modelfailover_jni_CrossingProbe_answer<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: JObject<'local>,
    exchange: JObject<'local>,
    times: jint,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let running = runtime().calls.get(env, &call)?;
        let exchange = Exchange {
            object: env.new_global_ref(exchange)?,
            signals: Arc::clone(&running.signals),
            verbose: false,
            observed: false,
            has_failed: AtomicBool::new(false),
        };
        let headers = HEADERS.map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let head = Head {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(headers),
            candidate: 0,
            metadata: Vec::new(),
        };
        let body = Bytes::from(vec![b' '; 512]);
        for _ in 0..times {
            exchange.answer(head.clone(), body.clone());
        }
        Ok(())
    })
    .resolve::<Throw>();
}
