//! `org.modelfailover.executor.Candidate`: what operators see and steer.

use failover_metrics::{Candidate, CandidateName, Operation};
use jni::objects::{JClass, JString};
use jni::sys::jboolean;
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, string_array, text};
use crate::exceptions::{Thrown, native};
use crate::operators;
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { static fn all() -> [JString] },
    native! { static fn clear(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
    native! { static fn hold(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
    native! { static fn release(tenant: JString, api: JString, version: JString, endpoint_id: JString, model: JString) -> jboolean },
];

/// What Java reads of each candidate, in its order.
fn all<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Result<JStrings<'local>, Thrown> {
    let snapshot = operators::snapshot();
    let mut flat = Vec::new();
    for api in snapshot.apis {
        for candidate in api.candidates {
            flat.extend([api.tenant.clone(), api.name.clone(), api.version.clone()]);
            flat.extend(fields(candidate));
        }
    }
    Ok(string_array(env, &flat)?)
}

fn fields(candidate: Candidate) -> [String; 16] {
    let millis = |latency: Option<u64>| latency.map_or("-1".to_owned(), |ms| ms.to_string());
    let latency = candidate.latency;
    let failure = candidate.failures.first();
    [
        candidate.endpoint,
        candidate.model,
        candidate.state.word().to_uppercase(),
        candidate.suspended_ms.to_string(),
        candidate.failed_probes.to_string(),
        candidate.marked.to_string(),
        candidate.why.unwrap_or_default(),
        candidate.in_flight.to_string(),
        counts(&candidate.attempts),
        counts(&candidate.suspensions),
        counts(&candidate.probes),
        millis(latency.p50),
        millis(latency.p95),
        millis(latency.p99),
        millis(latency.first_chunk_p95),
        failure.map_or(String::new(), |f| {
            format!("{} s ago: {}", f.seconds_ago, f.words)
        }),
    ]
}

/// Words and numbers in turn, with a space between.
fn counts(counts: &[(&'static str, u64)]) -> String {
    let pairs: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    pairs.join(" ")
}

macro_rules! operations {
    ($($name:ident: $operation:expr),*) => {$(
        fn $name(
            env: &mut Env<'_>,
            _: JClass<'_>,
            tenant: JString<'_>,
            api: JString<'_>,
            version: JString<'_>,
            endpoint_id: JString<'_>,
            model: JString<'_>,
        ) -> Result<jboolean, Thrown> {
            steer(env, &[tenant, api, version, endpoint_id, model], $operation)
        }
    )*};
}

operations!(clear: Operation::Clear, hold: Operation::Hold, release: Operation::Release);

/// Does something to a candidate; whether it is known.
fn steer(
    env: &mut Env<'_>,
    [tenant, api, version, endpoint_id, model]: &[JString<'_>; 5],
    operation: Operation,
) -> Result<jboolean, Thrown> {
    let candidate = CandidateName {
        tenant: text(env, tenant)?,
        api: text(env, api)?,
        version: text(env, version)?,
        endpoint: text(env, endpoint_id)?,
        model: text(env, model)?,
    };
    Ok(runtime().registry.steer(&candidate, operation))
}
