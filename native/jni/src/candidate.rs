//! `org.modelfailover.executor.Candidate`: what operators see and steer.

use std::time::Duration;

use failover_suspension::{Gate, Key, State, Status};
use jni::objects::{JClass, JString};
use jni::sys::jboolean;
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, string_array, text};
use crate::exceptions::{Thrown, native};
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { static fn all() -> [JString] },
    native! { static fn clear(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
    native! { static fn hold(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
    native! { static fn release(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
];

fn all<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Result<JStrings<'local>, Thrown> {
    let registry = &runtime().registry;
    let now = registry.clock().now();
    let fields = |status: Status| {
        let (state, left) = match status.state {
            State::Healthy => ("HEALTHY", Duration::ZERO),
            State::Suspected => ("SUSPECTED", Duration::ZERO),
            State::Suspended { until } => ("SUSPENDED", now.until(until)),
            State::Probing => ("PROBING", Duration::ZERO),
            State::Due => ("DUE", Duration::ZERO),
            State::Held => ("HELD", Duration::ZERO),
        };
        let key = status.key;
        [
            key.tenant,
            key.api,
            key.version,
            key.endpoint_id,
            key.model,
            state.to_owned(),
            left.as_millis().to_string(),
            status.failed_probes.to_string(),
            status.marked.to_string(),
        ]
    };
    let all = registry.cache().list(now);
    let flat: Vec<String> = all.into_iter().flat_map(fields).collect();
    Ok(string_array(env, &flat)?)
}

macro_rules! operations {
    ($($name:ident),*) => {$(
        fn $name(
            env: &mut Env<'_>,
            _: JClass<'_>,
            tenant: JString<'_>,
            api: JString<'_>,
            version: JString<'_>,
            endpoint_id: JString<'_>,
            model: JString<'_>,
        ) -> Result<jboolean, Thrown> {
            let key = [tenant, api, version, endpoint_id, model];
            steer(env, &key, |gate| gate.$name())
        }
    )*};
}

operations!(clear, hold, release);

/// Does something to a candidate; whether it is known.
fn steer<T>(
    env: &mut Env<'_>,
    [tenant, api, version, endpoint_id, model]: &[JString<'_>; 5],
    operation: impl FnOnce(&Gate) -> T,
) -> Result<jboolean, Thrown> {
    let key = Key {
        tenant: text(env, tenant)?,
        api: text(env, api)?,
        version: text(env, version)?,
        endpoint_id: text(env, endpoint_id)?,
        model: text(env, model)?,
    };
    let gate = runtime().registry.cache().find(&key);
    Ok(gate.map(|gate| operation(&gate)).is_some())
}
