//! `org.modelfailover.executor.Network`.

use std::sync::{Mutex, PoisonError};

use failover_executor::{Hostnames, Identity, Login, Network, Profile, Proxy, Trusted};
use jni::objects::{JByteArray, JClass, JObject, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, bytes, certificates, log_lines, optional, strings, text};
use crate::exceptions::{Thrown, native};
use crate::native_object::handle_of;
use crate::runtime::runtime;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { static fn open(verifier: JString, protocols: [JString], cipher_suites: [JString]) -> jlong },
    native! { fn add_profile(source: JString, servers: [JString], authorities: jbyte[][], own: jbyte[][]) },
    native! { fn add_identity(source: JString, chain: jbyte[][], key: [jbyte]) },
    native! { fn add_proxy(
    secure: jboolean, hosts: [JString], bypass: [JString], host: JString, port: jint, user: JString,
    password: JString) },
    native! { fn use_() -> [JString], name = "use" },
];

type Certificates<'local> = JObjectArray<'local, JByteArray<'local>>;

fn open(
    env: &mut Env<'_>,
    _: JClass<'_>,
    verifier: JString<'_>,
    protocols: JStrings<'_>,
    cipher_suites: JStrings<'_>,
) -> Result<jlong, Thrown> {
    let network = Network {
        hostnames: Hostnames::of_word(&text(env, &verifier)?),
        protocols: strings(env, &protocols)?,
        cipher_suites: strings(env, &cipher_suites)?,
        ..Network::default()
    };
    Ok(runtime().networks.add(Mutex::new(network)))
}

/// Changes a network that is still being described.
fn describe(
    env: &mut Env<'_>,
    this: &JObject<'_>,
    change: impl FnOnce(&mut Network),
) -> Result<(), Thrown> {
    let network = runtime().networks.get(env, this)?;
    change(&mut network.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(())
}

fn add_profile(
    env: &mut Env<'_>,
    this: JObject<'_>,
    source: JString<'_>,
    servers: JStrings<'_>,
    authorities: Certificates<'_>,
    own: Certificates<'_>,
) -> Result<(), Thrown> {
    let trusted = if authorities.is_null() {
        None
    } else {
        Some(Trusted {
            source: text(env, &source)?,
            authorities: certificates(env, &authorities)?,
            servers: certificates(env, &own)?,
        })
    };
    let profile = Profile {
        servers: strings(env, &servers)?,
        trusted,
        identities: Vec::new(),
    };
    describe(env, &this, |network| network.profiles.push(profile))
}

fn add_identity(
    env: &mut Env<'_>,
    this: JObject<'_>,
    source: JString<'_>,
    chain: Certificates<'_>,
    key: JByteArray<'_>,
) -> Result<(), Thrown> {
    let identity = Identity {
        source: text(env, &source)?,
        chain: certificates(env, &chain)?,
        key: bytes(env, &key)?.into(),
    };
    describe(env, &this, |network| {
        if let Some(profile) = network.profiles.last_mut() {
            profile.identities.push(identity);
        }
    })
}

#[allow(clippy::too_many_arguments, reason = "what Java has of a proxy")]
fn add_proxy(
    env: &mut Env<'_>,
    this: JObject<'_>,
    secure: jboolean,
    hosts: JStrings<'_>,
    bypass: JStrings<'_>,
    host: JString<'_>,
    port: jint,
    user: JString<'_>,
    password: JString<'_>,
) -> Result<(), Thrown> {
    let password = text(env, &password)?.into();
    let proxy = Proxy {
        secure,
        hosts: strings(env, &hosts)?,
        bypass: strings(env, &bypass)?,
        host: text(env, &host)?,
        port: u16::try_from(port).unwrap_or(0),
        login: optional(env, &user)?.map(|user| Login { user, password }),
    };
    describe(env, &this, |network| network.proxies.push(proxy))
}

fn use_<'local>(env: &mut Env<'local>, this: JObject<'local>) -> Result<JStrings<'local>, Thrown> {
    let handle = handle_of(env, &this)?;
    let said = runtime().use_network(handle)?;
    Ok(log_lines(env, &said)?)
}
