//! `org.modelfailover.executor.NativeExecutor`: the native methods, in one table.

use std::ffi::c_void;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use failover_apim::provider::{self, Attribute};
use failover_executor::{
    Arrival, CertificateDer, Decision, HeaderLengths, Hostnames, Identity, Login, Network, Profile,
    Proxy, Refusal, Scope, Trusted, Unusable, Upstream,
};
use failover_policy::{Configuration, Diagnostic, GatewayFile, KeyType, Level};
use failover_suspension::{Key, State, Status};
use failover_wire::Provider;
use failover_wire::request;
use failover_wire::room::allocated;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jni::errors::Error;
use jni::objects::{IntoAuto, JByteArray, JClass, JObject, JObjectArray, JString};
use jni::strings::JNIStr;
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned, NativeMethod, jni_str};

use crate::engine::{Attached, Running, engine};
use crate::exceptions::{Throw, Thrown};
use crate::exchange::Exchange;

/// One native method.
pub(crate) struct Entry {
    pub(crate) name: &'static JNIStr,
    pub(crate) signature: &'static JNIStr,
    function: *mut c_void,
}

macro_rules! entries {
    ($($name:literal $signature:literal => $function:ident),* $(,)?) => {
        [$(Entry {
            name: jni_str!($name),
            signature: jni_str!($signature),
            function: $function as *mut c_void,
        }),*]
    };
}

/// The one list of native methods. A test on the Java side compares it with the declarations.
pub(crate) fn table() -> [Entry; 38] {
    entries![
        "configure" "(Ljava/lang/String;[Ljava/lang/String;)[Ljava/lang/String;" => configure,
        "systemProperties" "(Ljava/lang/String;)[Ljava/lang/String;" => system_properties,
        "limitMemory" "(J)V" => limit_memory,
        "openNetwork" "(Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/String;)J" => open_network,
        "addProfile" "(JLjava/lang/String;[Ljava/lang/String;[[B[[B)V" => add_profile,
        "addIdentity" "(JLjava/lang/String;[[B[B)V" => add_identity,
        "addProxy" "(JZ[Ljava/lang/String;[Ljava/lang/String;Ljava/lang/String;ILjava/lang/String;Ljava/lang/String;)V" => add_proxy,
        "useNetwork" "(J)[Ljava/lang/String;" => use_network,
        "open" "(Ljava/lang/String;[Ljava/lang/String;)J" => open,
        "diagnostics" "(J)[Ljava/lang/String;" => diagnostics,
        "maxRequestBody" "(J)J" => max_request_body,
        "uploadTimeout" "(J)J" => upload_timeout,
        "longestWait" "(J)J" => longest_wait,
        "bind" "(JLjava/lang/String;Ljava/lang/String;Ljava/lang/String;[Ljava/lang/String;)J" => bind,
        "endpointIds" "(JZ)[Ljava/lang/String;" => endpoint_ids,
        "close" "(J)V" => close,
        "reserve" "(JJJ)Z" => reserve,
        "reserveAnswer" "(JJJJ)I" => reserve_answer,
        "release" "(J)V" => release_bytes,
        "heldBytes" "()J" => held_bytes,
        "canNameModel" "(Ljava/lang/String;)Z" => can_name_model,
        "prepare" "(JZLjava/lang/String;Ljava/lang/String;Ljava/lang/String;II[BJ)J" => prepare,
        "firstCandidate" "(J)I" => first_candidate,
        "body" "(J)[B" => body,
        "pathFor" "(JLjava/lang/String;I)Ljava/lang/String;" => path_for,
        "start" "(JLorg/modelfailover/executor/Exchange;Z)V" => start,
        "resolved" "(JLjava/lang/String;Ljava/lang/String;[BZ)V" => resolved,
        "unusable" "(JLjava/lang/String;)V" => unusable,
        "writable" "(J)V" => writable,
        "cancel" "(J)V" => cancel,
        "candidates" "()[Ljava/lang/String;" => candidates,
        "clear" "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)Z" => clear,
        "hold" "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)Z" => hold,
        "release" "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)Z" => release,
        "openCalls" "()I" => open_calls,
        "openPolicies" "()I" => open_policies,
        "keepThreads" "(Z)V" => keep_threads,
        "shutDown" "()V" => shut_down,
    ]
}

pub(crate) fn register(env: &mut Env<'_>) -> Result<(), Error> {
    let class = env.find_class(jni_str!("org/modelfailover/executor/NativeExecutor"))?;
    let methods: Vec<NativeMethod<'_>> = table()
        .into_iter()
        // SAFETY: each function below takes what its signature says.
        .map(|e| unsafe { NativeMethod::from_raw_parts(e.name, e.signature, e.function) })
        .collect();
    // SAFETY: as above; the functions live as long as the library.
    unsafe { env.register_native_methods(class, &methods) }
}

// An array may have more elements than a method may have local references: each goes at once.
fn strings(env: &mut Env<'_>, array: &JObjectArray<'_, JString<'_>>) -> Result<Vec<String>, Error> {
    (0..array.len(env)?)
        .map(|index| {
            let item = array.get_element(env, index)?.auto();
            text(env, &item).map(Option::unwrap_or_default)
        })
        .collect()
}

pub(crate) fn string_array<'local>(
    env: &mut Env<'local>,
    items: &[impl AsRef<str>],
) -> Result<JObjectArray<'local, JString<'local>>, Error> {
    let empty = env.new_string("")?;
    let array = JObjectArray::<JString<'_>>::new(env, items.len(), &empty)?;
    for (index, item) in items.iter().enumerate() {
        let item = env.new_string(item.as_ref())?.auto();
        array.set_element(env, index, &item)?;
    }
    Ok(array)
}

fn text(env: &mut Env<'_>, string: &JString<'_>) -> Result<Option<String>, Error> {
    if string.is_null() {
        return Ok(None);
    }
    string.try_to_string(env).map(Some)
}

fn required(env: &mut Env<'_>, string: &JString<'_>) -> Result<String, Error> {
    Ok(text(env, string)?.unwrap_or_default())
}

/// The bytes of an array; the buffer is asked for, because it is as large as a client's body.
fn bytes(env: &mut Env<'_>, array: &JByteArray<'_>) -> Result<Vec<u8>, Thrown> {
    if array.is_null() {
        return Err(Error::NullPtr("a byte array").into());
    }
    let length = array.len(env)?;
    let mut bytes = allocated(length).ok_or(Refusal::NoMemory)?;
    bytes.resize(length, 0);
    // SAFETY: an i8 has the size and alignment of a u8, and both have all values.
    let signed = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), length) };
    array.get_region(env, 0, signed)?;
    Ok(bytes)
}

/// Certificates, DER.
fn certificates(
    env: &mut Env<'_>,
    array: &JObjectArray<'_, JByteArray<'_>>,
) -> Result<Vec<CertificateDer<'static>>, Thrown> {
    (0..array.len(env)?)
        .map(|index| {
            let item = array.get_element(env, index)?.auto();
            bytes(env, &item).map(CertificateDer::from)
        })
        .collect()
}

/// Changes a network that is still being described.
fn describe(handle: jlong, change: impl FnOnce(&mut Network)) -> Result<(), Thrown> {
    let network = engine().networks.get(handle as u64);
    let network = network.ok_or(Thrown::Handle(handle as u64))?;
    change(&mut network.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(())
}

fn pairs(flat: &[String]) -> Vec<(&str, &str)> {
    flat.chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect()
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|d| match d.level {
            Level::Error => format!("ERROR {d}"),
            Level::Warn => format!("WARN {d}"),
        })
        .collect()
}

fn key_type(production: bool) -> KeyType {
    if production {
        KeyType::Production
    } else {
        KeyType::Sandbox
    }
}

extern "system" fn configure<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    deployment_toml: JString<'local>,
    system_properties: JObjectArray<'local, JString<'local>>,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let toml = text(env, &deployment_toml)?;
        let flat = strings(env, &system_properties)?;
        let properties = pairs(&flat);
        let sys = |name: &str| {
            let found = properties.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let file = toml.as_deref().map(|text| GatewayFile {
            text,
            env: &|name| std::env::var(name).ok(),
            sys: &sys,
        });
        let configuration = engine().configure(file.as_ref());
        Ok(string_array(env, &lines(&configuration.diagnostics))?)
    })
    .resolve::<Throw>()
}

extern "system" fn system_properties<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    deployment_toml: JString<'local>,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let text = required(env, &deployment_toml)?;
        let names = Vec::from_iter(Configuration::system_properties(&text));
        Ok(string_array(env, &names)?)
    })
    .resolve::<Throw>()
}

extern "system" fn open_network<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    hostname_verifier: JString<'local>,
    protocols: JObjectArray<'local, JString<'local>>,
    cipher_suites: JObjectArray<'local, JString<'local>>,
) -> jlong {
    env.with_env(|env| -> Result<_, Thrown> {
        let network = Network {
            hostnames: Hostnames::of_word(&required(env, &hostname_verifier)?),
            protocols: strings(env, &protocols)?,
            cipher_suites: strings(env, &cipher_suites)?,
            ..Network::default()
        };
        Ok(engine().networks.add(Arc::new(Mutex::new(network))) as jlong)
    })
    .resolve::<Throw>()
}

extern "system" fn add_profile<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    network: jlong,
    source: JString<'local>,
    servers: JObjectArray<'local, JString<'local>>,
    authorities: JObjectArray<'local, JByteArray<'local>>,
    own: JObjectArray<'local, JByteArray<'local>>,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let trusted = if authorities.is_null() {
            None
        } else {
            Some(Trusted {
                source: required(env, &source)?,
                authorities: certificates(env, &authorities)?,
                servers: certificates(env, &own)?,
            })
        };
        let profile = Profile {
            servers: strings(env, &servers)?,
            trusted,
            identities: Vec::new(),
        };
        describe(network, |network| network.profiles.push(profile))
    })
    .resolve::<Throw>();
}

extern "system" fn add_identity<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    network: jlong,
    source: JString<'local>,
    chain: JObjectArray<'local, JByteArray<'local>>,
    key: JByteArray<'local>,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let identity = Identity {
            source: required(env, &source)?,
            chain: certificates(env, &chain)?,
            key: bytes(env, &key)?.into(),
        };
        describe(network, |network| {
            if let Some(profile) = network.profiles.last_mut() {
                profile.identities.push(identity);
            }
        })
    })
    .resolve::<Throw>();
}

#[allow(clippy::too_many_arguments)]
extern "system" fn add_proxy<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    network: jlong,
    secure: jboolean,
    hosts: JObjectArray<'local, JString<'local>>,
    bypass: JObjectArray<'local, JString<'local>>,
    host: JString<'local>,
    port: jint,
    user: JString<'local>,
    password: JString<'local>,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let password = required(env, &password)?.into();
        let proxy = Proxy {
            secure,
            hosts: strings(env, &hosts)?,
            bypass: strings(env, &bypass)?,
            host: required(env, &host)?,
            port: u16::try_from(port).unwrap_or(0),
            login: text(env, &user)?.map(|user| Login { user, password }),
        };
        describe(network, |network| network.proxies.push(proxy))
    })
    .resolve::<Throw>();
}

extern "system" fn use_network<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    network: jlong,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let said = engine().use_network(network as u64)?;
        Ok(string_array(env, &lines(&said))?)
    })
    .resolve::<Throw>()
}

extern "system" fn open<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    failover_configs: JString<'local>,
    attributes: JObjectArray<'local, JString<'local>>,
) -> jlong {
    env.with_env(|env| -> Result<_, Thrown> {
        let configs = required(env, &failover_configs)?;
        let attributes = strings(env, &attributes)?;
        Ok(engine().open(&configs, &pairs(&attributes))? as jlong)
    })
    .resolve::<Throw>()
}

extern "system" fn diagnostics<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let handle = handle as u64;
        let said = match engine().policies.get(handle).as_deref() {
            Some(Attached::Read(policy)) => lines(&policy.diagnostics),
            Some(Attached::Bound { warnings, .. }) => {
                warnings.iter().map(|w| format!("WARN {w}")).collect()
            }
            None => return Err(Thrown::Handle(handle)),
        };
        Ok(string_array(env, &said)?)
    })
    .resolve::<Throw>()
}

extern "system" fn max_request_body<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    policy: jlong,
) -> jlong {
    env.with_env(|_| -> Result<_, Thrown> {
        Ok(engine().policy(policy as u64)?.settings.max_request_body as jlong)
    })
    .resolve::<Throw>()
}

extern "system" fn upload_timeout<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    policy: jlong,
) -> jlong {
    env.with_env(|_| -> Result<_, Thrown> {
        let settings = &engine().policy(policy as u64)?.settings;
        Ok(settings.upload_timeout.as_millis() as jlong)
    })
    .resolve::<Throw>()
}

extern "system" fn longest_wait<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    policy: jlong,
) -> jlong {
    env.with_env(|_| -> Result<_, Thrown> {
        let policy = engine().policy(policy as u64)?;
        let (overall, idle) = (
            policy.settings.overall_timeout,
            policy.settings.idle_timeout,
        );
        Ok(overall.max(idle).as_millis() as jlong)
    })
    .resolve::<Throw>()
}

extern "system" fn bind<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    policy: jlong,
    tenant: JString<'local>,
    api: JString<'local>,
    version: JString<'local>,
    provider: JObjectArray<'local, JString<'local>>,
) -> jlong {
    env.with_env(|env| -> Result<_, Thrown> {
        let scope = Scope {
            tenant: required(env, &tenant)?,
            api: required(env, &api)?,
            version: required(env, &version)?,
        };
        let provider = match provider.is_null() {
            true => None,
            false => provider_of(&strings(env, &provider)?),
        };
        Ok(engine().bind(policy as u64, &scope, provider)? as jlong)
    })
    .resolve::<Throw>()
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

extern "system" fn endpoint_ids<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    policy: jlong,
    production: jboolean,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let attached = engine().policies.get(policy as u64);
        let policy = match attached.as_deref() {
            Some(Attached::Read(policy)) => policy,
            Some(Attached::Bound { bound, .. }) => bound.policy(),
            None => return Err(Thrown::Handle(policy as u64)),
        };
        let section = policy.section(key_type(production));
        let ids: Vec<&String> = section
            .iter()
            .flat_map(|s| s.candidates())
            .map(|c| &c.endpoint_id)
            .collect();
        Ok(string_array(env, &ids)?)
    })
    .resolve::<Throw>()
}

extern "system" fn close<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().policies.remove(handle as u64);
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn limit_memory<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    bytes: jlong,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().registry.memory().limit_to(count(bytes));
        Ok(())
    })
    .resolve::<Throw>();
}

/// A number of bytes from Java.
fn count(bytes: jlong) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

extern "system" fn reserve<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    bound: jlong,
    own: jlong,
    bytes: jlong,
) -> jboolean {
    env.with_env(|_| -> Result<_, Thrown> {
        let bound = engine().bound(bound as u64)?;
        Ok(bound.count(count(own), count(bytes)))
    })
    .resolve::<Throw>()
}

extern "system" fn reserve_answer<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
    length: jlong,
    own: jlong,
    bytes: jlong,
) -> jint {
    env.with_env(|_| -> Result<_, Thrown> {
        // The call can have been cancelled meanwhile.
        let Ok(running) = engine().call(call as u64) else {
            return Ok(502);
        };
        Ok(match running.bound.policy().settings.max_answer_body {
            most if count(length) > most => 502,
            _ if running.bound.count(count(own), count(bytes)) => 0,
            _ => 503,
        })
    })
    .resolve::<Throw>()
}

extern "system" fn release_bytes<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    bytes: jlong,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().registry.memory().release(count(bytes));
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn held_bytes<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jlong {
    env.with_env(|_| -> Result<_, Thrown> {
        let held = engine().registry.memory().held();
        Ok(jlong::try_from(held).unwrap_or(jlong::MAX))
    })
    .resolve::<Throw>()
}

extern "system" fn can_name_model<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    content_type: JString<'local>,
) -> jboolean {
    env.with_env(|env| -> Result<_, Thrown> {
        Ok(request::can_name_model(
            text(env, &content_type)?.as_deref(),
        ))
    })
    .resolve::<Throw>()
}

extern "system" fn prepare<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    bound: jlong,
    production: jboolean,
    path: JString<'local>,
    content_type: JString<'local>,
    content_encoding: JString<'local>,
    longest_header: jint,
    all_headers: jint,
    body: JByteArray<'local>,
    reserved: jlong,
) -> jlong {
    env.with_env(|env| -> Result<_, Thrown> {
        let attached = engine().policies.get(bound as u64);
        let Some(Attached::Bound { bound, client, .. }) = attached.as_deref() else {
            return Err(Thrown::Handle(bound as u64));
        };
        let path = required(env, &path)?;
        let content_type = text(env, &content_type)?;
        let content_encoding = text(env, &content_encoding)?;
        let body = Bytes::from(bytes(env, &body)?);
        let bytes_of = |length| usize::try_from(length).unwrap_or(usize::MAX);
        let headers = HeaderLengths {
            longest: bytes_of(longest_header),
            all: bytes_of(all_headers),
        };
        let arrival = Arrival {
            path: &path,
            content_type: content_type.as_deref(),
            content_encoding: content_encoding.as_deref(),
            headers,
            body,
            reserved: count(reserved),
        };
        match bound.prepare(key_type(production), arrival) {
            Decision::PassOn => Ok(0),
            Decision::Refuse(refusal) => Err(refusal.into()),
            Decision::Handle(call) => {
                let running = Running::new(call, client.clone(), Arc::clone(bound));
                Ok(engine().calls.add(Arc::new(running)) as jlong)
            }
        }
    })
    .resolve::<Throw>()
}

extern "system" fn first_candidate<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
) -> jint {
    env.with_env(|_| -> Result<_, Thrown> {
        let running = engine().call(call as u64)?;
        let mut prepared = running
            .prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = prepared
            .as_mut()
            .and_then(|(call, _)| call.first_candidate());
        Ok(match first {
            Some((index, body)) => {
                running.signals.will_send(&body);
                index as jint
            }
            None => -1,
        })
    })
    .resolve::<Throw>()
}

extern "system" fn path_for<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
    path: JString<'local>,
    candidate: jint,
) -> JString<'local> {
    env.with_env(|env| -> Result<_, Thrown> {
        let running = engine().call(call as u64)?;
        let Some(rewriting) = &running.rewriting else {
            return Ok(path);
        };
        let path = required(env, &path)?;
        let rewritten = rewriting.path_for(&path, usize::try_from(candidate).unwrap_or(0));
        Ok(env.new_string(rewritten)?)
    })
    .resolve::<Throw>()
}

extern "system" fn body<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
) -> JByteArray<'local> {
    env.with_env(|env| -> Result<_, Thrown> {
        let body = engine().call(call as u64)?.signals.body();
        Ok(env.byte_array_from_slice(&body)?)
    })
    .resolve::<Throw>()
}

extern "system" fn start<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
    exchange: JObject<'local>,
    verbose: jboolean,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let running = engine().call(call as u64)?;
        let exchange = Arc::new(Exchange {
            object: env.new_global_ref(exchange)?,
            signals: Arc::clone(&running.signals),
            verbose,
            has_failed: AtomicBool::new(false),
        });
        engine().start(call as u64, exchange)
    })
    .resolve::<Throw>();
}

extern "system" fn resolved<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
    method: JString<'local>,
    url: JString<'local>,
    headers: JByteArray<'local>,
    own_credential: jboolean,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let method = required(env, &method)?;
        let url = required(env, &url)?;
        let headers = parse_headers(&bytes(env, &headers)?);
        // The call can have been cancelled meanwhile.
        if let Ok(running) = engine().call(call as u64) {
            running.signals.resolved(match method.parse::<Method>() {
                Ok(method) => Ok(Upstream {
                    method,
                    url,
                    headers,
                    own_credential,
                }),
                Err(_) => Err(Unusable("the method is none".to_owned())),
            });
        }
        Ok(())
    })
    .resolve::<Throw>();
}

/// Reads `name:value\n` lines. What is no header is left out: it could not be sent. So is what a map can't hold, which
/// is many times more than is sent.
fn parse_headers(block: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in block.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            value.set_sensitive(true);
            if headers.try_append(name, value).is_err() {
                break;
            }
        }
    }
    headers
}

extern "system" fn unusable<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
    why: JString<'local>,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let why = required(env, &why)?;
        if let Ok(running) = engine().call(call as u64) {
            running.signals.resolved(Err(Unusable(why)));
        }
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn writable<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        if let Ok(running) = engine().call(call as u64) {
            running.signals.writable.notify_one();
        }
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn cancel<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    call: jlong,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().cancel(call as u64);
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn candidates<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JObjectArray<'local, JString<'local>> {
    env.with_env(|env| -> Result<_, Thrown> {
        let registry = &engine().registry;
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
            let Key {
                tenant,
                api,
                version,
                endpoint_id,
                model,
            } = status.key;
            [
                tenant,
                api,
                version,
                endpoint_id,
                model,
                state.to_owned(),
                left.as_millis().to_string(),
                status.failed_probes.to_string(),
                status.marked.to_string(),
            ]
        };
        let flat: Vec<String> = registry
            .cache()
            .list(now)
            .into_iter()
            .flat_map(fields)
            .collect();
        Ok(string_array(env, &flat)?)
    })
    .resolve::<Throw>()
}

macro_rules! operator_methods {
    ($($name:ident),*) => {$(
        extern "system" fn $name<'local>(
            mut env: EnvUnowned<'local>,
            _class: JClass<'local>,
            tenant: JString<'local>,
            api: JString<'local>,
            version: JString<'local>,
            endpoint_id: JString<'local>,
            model: JString<'local>,
        ) -> jboolean {
            env.with_env(|env| -> Result<_, Thrown> {
                let key = Key {
                    tenant: required(env, &tenant)?,
                    api: required(env, &api)?,
                    version: required(env, &version)?,
                    endpoint_id: required(env, &endpoint_id)?,
                    model: required(env, &model)?,
                };
                let gate = engine().registry.cache().find(&key);
                Ok(gate.map(|gate| gate.$name()).is_some())
            })
            .resolve::<Throw>()
        }
    )*};
}

operator_methods!(clear, hold, release);

extern "system" fn open_calls<'local>(mut env: EnvUnowned<'local>, _class: JClass<'local>) -> jint {
    env.with_env(|_| -> Result<_, Thrown> { Ok(engine().calls.len() as jint) })
        .resolve::<Throw>()
}

extern "system" fn open_policies<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jint {
    env.with_env(|_| -> Result<_, Thrown> { Ok(engine().policies.len() as jint) })
        .resolve::<Throw>()
}

extern "system" fn keep_threads<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    keep: jboolean,
) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().keep_threads(keep);
        Ok(())
    })
    .resolve::<Throw>();
}

extern "system" fn shut_down<'local>(mut env: EnvUnowned<'local>, _class: JClass<'local>) {
    env.with_env(|_| -> Result<(), Thrown> {
        engine().shut_down();
        Ok(())
    })
    .resolve::<Throw>();
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAVA: &str = include_str!(
        "../../../java-shim/src/main/java/org/modelfailover/executor/NativeExecutor.java"
    );

    /// The JNI signature of a Java declaration `<type> <name>(<type> <name>, …)`.
    fn signature(declaration: &str) -> (String, String) {
        let jni_type = |java: &str| {
            let element = java.trim_end_matches("[]");
            let name = match element {
                "void" => "V".to_owned(),
                "boolean" => "Z".to_owned(),
                "byte" => "B".to_owned(),
                "int" => "I".to_owned(),
                "long" => "J".to_owned(),
                "String" => "Ljava/lang/String;".to_owned(),
                "Exchange" => "Lorg/modelfailover/executor/Exchange;".to_owned(),
                other => panic!("the test does not know the type {other}"),
            };
            "[".repeat((java.len() - element.len()) / 2) + &name
        };
        let (head, parameters) = declaration.split_once('(').unwrap();
        let (returns, name) = head.trim().split_once(' ').unwrap();
        let parameters: String = parameters
            .split(',')
            .filter_map(|p| p.trim().split_once(' '))
            .map(|(java, _)| jni_type(java))
            .collect();
        (
            name.to_owned(),
            format!("({parameters}){}", jni_type(returns)),
        )
    }

    #[test]
    fn the_table_is_what_java_declares() {
        let mut declared: Vec<(String, String)> = JAVA
            .split("static native ")
            .skip(1)
            .map(|rest| rest.split_once(')').unwrap().0)
            .map(|d| signature(&d.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        let mut registered: Vec<(String, String)> = table()
            .iter()
            .map(|e| {
                (
                    e.name.to_str().into_owned(),
                    e.signature.to_str().into_owned(),
                )
            })
            .collect();
        declared.sort();
        registered.sort();
        assert_eq!(registered, declared);
    }

    #[test]
    fn headers_are_read_line_by_line_and_nonsense_is_left_out() {
        let headers = parse_headers(
            b"Content-Type:application/json\nx-a: 1\nx-a:2\nno colon\nb\xe4d:x\n:y\n",
        );
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert_eq!(headers.keys_len(), 2);
    }

    #[test]
    fn more_headers_than_a_map_can_hold_are_no_panic() {
        let block: String = (0..40_000).map(|n| format!("h{n}:\n")).collect();
        let headers = parse_headers(block.as_bytes());
        assert!(headers.len() > 20_000, "and still far too many to be sent");
    }

    #[test]
    fn header_values_do_not_print() {
        let headers = parse_headers(b"Authorization:Bearer sk-secret\n");
        assert!(!format!("{headers:?}").contains("sk-secret"));
    }
}
