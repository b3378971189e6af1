//! Java's strings and arrays, and what they are here.

use failover_executor::{CertificateDer, Refusal};
use failover_policy::{Diagnostic, Level};
use failover_wire::room::allocated;
use jni::Env;
use jni::errors::Error;
use jni::objects::{IntoAuto, JByteArray, JObjectArray, JString};
use jni::sys::jlong;

use crate::exceptions::Thrown;

/// An array of Java strings.
pub(crate) type JStrings<'local> = JObjectArray<'local, JString<'local>>;

// An array may have more elements than a method may have local references: each goes at once.
pub(crate) fn strings(env: &mut Env<'_>, array: &JStrings<'_>) -> Result<Vec<String>, Error> {
    (0..array.len(env)?)
        .map(|index| {
            let item = array.get_element(env, index)?.auto();
            optional(env, &item).map(Option::unwrap_or_default)
        })
        .collect()
}

pub(crate) fn string_array<'local>(
    env: &mut Env<'local>,
    items: &[impl AsRef<str>],
) -> Result<JStrings<'local>, Error> {
    let empty = env.new_string("")?;
    let array = JObjectArray::<JString<'_>>::new(env, items.len(), &empty)?;
    for (index, item) in items.iter().enumerate() {
        let item = env.new_string(item.as_ref())?.auto();
        array.set_element(env, index, &item)?;
    }
    Ok(array)
}

/// The text of a string; `None` for null.
pub(crate) fn optional(env: &mut Env<'_>, string: &JString<'_>) -> Result<Option<String>, Error> {
    if string.is_null() {
        return Ok(None);
    }
    string.try_to_string(env).map(Some)
}

/// The text of a string; empty for null.
pub(crate) fn text(env: &mut Env<'_>, string: &JString<'_>) -> Result<String, Error> {
    Ok(optional(env, string)?.unwrap_or_default())
}

/// The bytes of an array; the buffer is asked for, because it is as large as a client's body.
pub(crate) fn bytes(env: &mut Env<'_>, array: &JByteArray<'_>) -> Result<Vec<u8>, Thrown> {
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
pub(crate) fn certificates(
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

/// Lines for the gateway's log.
pub(crate) fn log_lines<'local>(
    env: &mut Env<'local>,
    diagnostics: &[Diagnostic],
) -> Result<JStrings<'local>, Error> {
    let line = |said: &Diagnostic| match said.level {
        Level::Error => format!("ERROR {said}"),
        Level::Warn => format!("WARN {said}"),
    };
    let lines: Vec<String> = diagnostics.iter().map(line).collect();
    string_array(env, &lines)
}

/// A number of bytes from Java.
pub(crate) fn count(bytes: jlong) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
