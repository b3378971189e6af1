//! `org.modelfailover.executor.AttachedPolicy`.

use bytes::Bytes;
use failover_apim::{ClientHeaders, path_for_providers};
use failover_executor::{Arrival, Decision, HeaderLengths};
use failover_metrics::TraceId;
use jni::objects::{JByteArray, JObject, JString};
use jni::sys::{jboolean, jlong};
use jni::{Env, NativeMethod};

use crate::convert::{JStrings, bytes, count, optional, string_array, text};
use crate::exceptions::{Thrown, native};
use crate::native_object::handle_of;
use crate::policy::key_type;
use crate::running::Running;
use crate::runtime::runtime;
use crate::signals::Sent;

pub(crate) const METHODS: &[NativeMethod] = &[
    native! { fn diagnostics() -> [JString] },
    native! { fn reserve(own: jlong, bytes: jlong) -> jboolean },
    native! { fn prepared(
    production: jboolean, method: JString, path: JString, content_type: JString, content_encoding: JString,
    control: JString, headers: [jbyte], received: [jbyte], body: [jbyte], reserved: jlong) -> jlong },
    native! { fn close() },
];

fn diagnostics<'local>(
    env: &mut Env<'local>,
    this: JObject<'local>,
) -> Result<JStrings<'local>, Thrown> {
    let attached = runtime().attached.get(env, &this)?;
    let lines: Vec<String> = attached
        .warnings
        .iter()
        .map(|said| format!("WARN {said}"))
        .collect();
    Ok(string_array(env, &lines)?)
}

fn reserve(
    env: &mut Env<'_>,
    this: JObject<'_>,
    own: jlong,
    bytes: jlong,
) -> Result<jboolean, Thrown> {
    let attached = runtime().attached.get(env, &this)?;
    Ok(attached.policy.count(count(own), count(bytes)))
}

#[allow(clippy::too_many_arguments, reason = "what Java has of a request")]
fn prepared(
    env: &mut Env<'_>,
    this: JObject<'_>,
    production: jboolean,
    method: JString<'_>,
    path: JString<'_>,
    content_type: JString<'_>,
    content_encoding: JString<'_>,
    control: JString<'_>,
    headers: JByteArray<'_>,
    received: JByteArray<'_>,
    body: JByteArray<'_>,
    reserved: jlong,
) -> Result<jlong, Thrown> {
    let attached = runtime().attached.get(env, &this)?;
    let path = text(env, &path)?;
    let content_type = optional(env, &content_type)?;
    let content_encoding = optional(env, &content_encoding)?;
    let control = optional(env, &control)?;
    let block = Bytes::from(bytes(env, &headers)?);
    let received = match received.is_null() {
        true => None,
        false => Some(Bytes::from(bytes(env, &received)?)),
    };
    let headers = ClientHeaders::read(&block, received.as_ref(), &attached.credential_headers);
    let (longest, all) = headers.lengths();
    let arrival = Arrival {
        path: &path,
        content_type: content_type.as_deref(),
        content_encoding: content_encoding.as_deref(),
        control: control.as_deref(),
        headers: HeaderLengths { longest, all },
        body: Bytes::from(bytes(env, &body)?),
        reserved: count(reserved),
    };
    match attached.policy.prepare(key_type(production), arrival) {
        Decision::PassOn => Ok(0),
        Decision::Refuse(refusal) => Err(refusal.into()),
        Decision::Handle(mut call) => {
            call.belongs_to(headers.traceparent().and_then(TraceId::of_traceparent));
            let sent = Sent {
                method: text(env, &method)?,
                path: path_for_providers(&path).into_owned(),
                content_type,
                headers,
            };
            let running = Running::new(call, attached.client.clone(), sent);
            Ok(runtime().calls.add(running))
        }
    }
}

fn close(env: &mut Env<'_>, this: JObject<'_>) -> Result<(), Thrown> {
    let handle = handle_of(env, &this)?;
    runtime().attached.remove(handle);
    Ok(())
}
