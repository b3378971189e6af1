//! `org.modelfailover.executor.Policy`.

use failover_apim::provider::{self, Attribute};
use failover_executor::Scope;
use failover_policy::KeyType;
use failover_wire::Provider;
use http::HeaderName;
use jni::objects::{JClass, JLongArray, JObject, JString};
use jni::sys::{jboolean, jlong};
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, log_lines, string_array, strings, text};
use crate::exceptions::{Thrown, native};
use crate::native_object::handle_of;
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { static fn read(configs: JString, settings: JString) -> jlong },
    native! { fn limits() -> [jlong] },
    native! { fn diagnostics() -> [JString] },
    native! { fn endpoint_ids(production: jboolean) -> [JString] },
    native! { fn attached(tenant: JString, api: JString, version: JString, provider: [JString], headers: [JString]) -> jlong },
    native! { fn close() },
];

/// The key type by which a section of a policy is chosen.
pub(crate) fn key_type(production: jboolean) -> KeyType {
    if production {
        KeyType::Production
    } else {
        KeyType::Sandbox
    }
}

fn read(
    env: &mut Env<'_>,
    _: JClass<'_>,
    configs: JString<'_>,
    settings: JString<'_>,
) -> Result<jlong, Thrown> {
    let (configs, settings) = (text(env, &configs)?, text(env, &settings)?);
    let attributes: Vec<_> = form_urlencoded::parse(settings.as_bytes()).collect();
    let attributes: Vec<(&str, &str)> = attributes
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    runtime().read(&configs, &attributes)
}

fn limits<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
) -> Result<JLongArray<'local>, Thrown> {
    let policy = runtime().policies.get(env, &this)?;
    let settings = &policy.settings;
    let longest = settings.overall_timeout.max(settings.idle_timeout);
    let limits = [
        settings.max_request_body as jlong,
        settings.upload_timeout.as_millis() as jlong,
        longest.as_millis() as jlong,
    ];
    let array = env.new_long_array(limits.len())?;
    array.set_region(env, 0, &limits)?;
    Ok(array)
}

fn diagnostics<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
) -> Result<JStrings<'local>, Thrown> {
    let policy = runtime().policies.get(env, &this)?;
    Ok(log_lines(env, &policy.diagnostics)?)
}

fn endpoint_ids<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
    production: jboolean,
) -> Result<JStrings<'local>, Thrown> {
    let policy = runtime().policies.get(env, &this)?;
    let section = policy.section(key_type(production));
    let candidates = section.iter().flat_map(|section| section.candidates());
    let ids: Vec<&String> = candidates.map(|candidate| &candidate.endpoint_id).collect();
    Ok(string_array(env, &ids)?)
}

fn attached<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
    tenant: JString<'local>,
    api: JString<'local>,
    version: JString<'local>,
    provider: JStrings<'local>,
    headers: JStrings<'local>,
) -> Result<jlong, Thrown> {
    let policy = runtime().policies.get(env, &this)?;
    let scope = Scope {
        tenant: text(env, &tenant)?,
        api: text(env, &api)?,
        version: text(env, &version)?,
    };
    let provider = match provider.is_null() {
        true => None,
        false => provider_of(&strings(env, &provider)?),
    };
    let headers = strings(env, &headers)?;
    let headers = headers
        .iter()
        .filter_map(|name| name.parse::<HeaderName>().ok());
    runtime().attach(&policy, &scope, provider, headers.collect())
}

/// Name, version and connector type, then name, source and identifier of each attribute.
fn provider_of(flat: &[String]) -> Option<(Provider, Vec<String>)> {
    let [name, version, connector, attributes @ ..] = flat else {
        return None;
    };
    let attributes = attributes.as_chunks().0.iter();
    let attributes = attributes.map(|[name, source, identifier]| Attribute {
        name: name.clone(),
        source: source.clone(),
        identifier: identifier.clone(),
    });
    Some(provider::compile(
        name.clone(),
        version.clone(),
        connector,
        attributes,
    ))
}

fn close(env: &mut Env<'_>, this: JObject<'_>) -> Result<(), Thrown> {
    let handle = handle_of(env, &this)?;
    runtime().policies.remove(handle);
    Ok(())
}
