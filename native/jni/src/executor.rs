//! `org.modelfailover.executor.Executor`: what counts for the whole gateway.

use failover_apim::address;
use failover_executor::Refusal;
use failover_metrics::{Api, Served};
use failover_policy::{Configuration, GatewayFile};
use failover_wire::request;
use jni::objects::{JClass, JObject, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, count, log_lines, optional, string_array, strings, text};
use crate::exceptions::{Thrown, native};
use crate::operators;
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { static fn configure(toml: JString, properties: [JString]) -> [JString] },
    native! { static fn changed_settings() -> jint },
    native! { static fn system_properties(toml: JString) -> [JString] },
    native! { static fn limit_memory(bytes: jlong) },
    native! { static fn release(bytes: jlong) },
    native! { static fn buffered_bytes() -> jlong },
    native! { static fn no_room() },
    native! { static fn can_name_model(content_type: JString) -> jboolean },
    native! { static fn address(url: JString) -> JString, fn = bare_address },
    native! { static fn open_calls() -> jint },
    native! { static fn open_policies() -> jint },
    native! { static fn keep_threads(keep: jboolean) },
    native! { static fn shut_down() },
    native! { static fn tell(journal: "org.modelfailover.executor.Journal") },
    native! { static fn metrics_address() -> JString },
    native! { static fn cluster() -> JString },
    native! { static fn gateway() -> [JString] },
];

fn configure<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    toml: JString<'local>,
    properties: JStrings<'local>,
) -> Result<JStrings<'local>, Thrown> {
    let toml = optional(env, &toml)?;
    let properties = strings(env, &properties)?;
    let sys = |name: &str| {
        let mut pairs = properties.chunks_exact(2);
        let found = pairs.find(|pair| pair[0] == name);
        found.map(|pair| pair[1].clone())
    };
    let file = toml.as_deref().map(|text| GatewayFile {
        text,
        env: &|name| std::env::var(name).ok(),
        sys: &sys,
    });
    let configuration = runtime().configure(file.as_ref());
    Ok(log_lines(env, &configuration.diagnostics)?)
}

fn changed_settings(_: &mut Env<'_>, _: JClass<'_>) -> Result<jint, Thrown> {
    Ok(jint::try_from(runtime().changed_settings()).unwrap_or(jint::MAX))
}

fn system_properties<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    toml: JString<'local>,
) -> Result<JStrings<'local>, Thrown> {
    let text = text(env, &toml)?;
    let names = Vec::from_iter(Configuration::system_properties(&text));
    Ok(string_array(env, &names)?)
}

fn limit_memory(_: &mut Env<'_>, _: JClass<'_>, bytes: jlong) -> Result<(), Thrown> {
    runtime().registry.memory().limit_to(count(bytes));
    Ok(())
}

fn release(_: &mut Env<'_>, _: JClass<'_>, bytes: jlong) -> Result<(), Thrown> {
    runtime().registry.memory().release(count(bytes));
    Ok(())
}

fn buffered_bytes(_: &mut Env<'_>, _: JClass<'_>) -> Result<jlong, Thrown> {
    let buffered = runtime().registry.memory().buffered();
    Ok(jlong::try_from(buffered).unwrap_or(jlong::MAX))
}

/// Fails with what a client is told for whose body there is no room.
fn no_room(_: &mut Env<'_>, _: JClass<'_>) -> Result<(), Thrown> {
    Err(Refusal::NoMemory.into())
}

fn can_name_model(
    env: &mut Env<'_>,
    _: JClass<'_>,
    content_type: JString<'_>,
) -> Result<jboolean, Thrown> {
    let content_type = optional(env, &content_type)?;
    Ok(request::can_name_model(content_type.as_deref()))
}

fn bare_address<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    url: JString<'local>,
) -> Result<JString<'local>, Thrown> {
    let url = text(env, &url)?;
    Ok(env.new_string(address(&url))?)
}

fn open_calls(_: &mut Env<'_>, _: JClass<'_>) -> Result<jint, Thrown> {
    Ok(runtime().calls.len() as jint)
}

fn open_policies(_: &mut Env<'_>, _: JClass<'_>) -> Result<jint, Thrown> {
    Ok((runtime().policies.len() + runtime().attached.len()) as jint)
}

fn keep_threads(_: &mut Env<'_>, _: JClass<'_>, keep: jboolean) -> Result<(), Thrown> {
    runtime().keep_threads(keep);
    Ok(())
}

fn shut_down(_: &mut Env<'_>, _: JClass<'_>) -> Result<(), Thrown> {
    runtime().shut_down();
    Ok(())
}

fn tell(env: &mut Env<'_>, _: JClass<'_>, journal: JObject<'_>) -> Result<(), Thrown> {
    let journal = match journal.is_null() {
        true => None,
        false => Some(env.new_global_ref(journal)?),
    };
    runtime().operators.tell(journal);
    Ok(())
}

fn metrics_address<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
) -> Result<JString<'local>, Thrown> {
    Ok(env.new_string(runtime().operators.address())?)
}

fn cluster<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Result<JString<'local>, Thrown> {
    Ok(env.new_string(runtime().neighbours.word())?)
}

/// Names and numbers in turn.
fn gateway<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Result<JStrings<'local>, Thrown> {
    let snapshot = operators::snapshot();
    let health = &snapshot.health;
    let limit = health.max_memory.map_or(-1, |limit| limit as i64);
    let mut pairs = vec![
        ("heldBytes", health.held_bytes as i64),
        ("peakBytes", health.peak_bytes as i64),
        ("maxMemory", limit),
        ("memoryRefusals", health.memory_refusals as i64),
        ("openCalls", health.open_calls as i64),
        ("handles", health.handles as i64),
    ];
    let (mut retries, mut refused, mut continued, mut not_continued) = (0, 0, 0, 0);
    for api in &snapshot.apis {
        retries += api.retries;
        refused += api.retries_refused;
        continued += api.continued;
        not_continued += api.not_continued;
    }
    pairs.extend([
        ("retries", retries as i64),
        ("retriesRefused", refused as i64),
        ("streamsContinued", continued as i64),
        ("streamsNotContinued", not_continued as i64),
    ]);
    for (_, word) in Served::ALL {
        let of_api = |api: &Api| {
            api.requests
                .iter()
                .find(|(w, _)| *w == word)
                .map_or(0, |r| r.1)
        };
        let sum: u64 = snapshot.apis.iter().map(of_api).sum();
        pairs.push((word, sum as i64));
    }
    if let Some(cluster) = &health.cluster {
        let millis = |seconds: f64| (seconds * 1000.0) as i64;
        pairs.extend([
            ("cluster.operations", cluster.operations as i64),
            ("cluster.failed", cluster.failed as i64),
            ("cluster.dropped", cluster.dropped as i64),
            ("cluster.backlog", cluster.backlog as i64),
            ("cluster.heard", cluster.heard as i64),
            ("cluster.alone", cluster.alone as i64),
            ("cluster.collisions", cluster.collisions as i64),
            (
                "cluster.roundTripMillis",
                millis(cluster.round_trip_seconds),
            ),
            (
                "cluster.silentMillis",
                cluster.silent_seconds.map_or(-1, millis),
            ),
        ]);
    }
    let flat: Vec<String> = pairs
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.to_string()])
        .collect();
    Ok(string_array(env, &flat)?)
}
