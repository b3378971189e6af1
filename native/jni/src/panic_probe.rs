//! `org.modelfailover.gateway.PanicProbe`, a class of the gateway's tests: what a defect in here looks like in Java.

use jni::EnvUnowned;
use jni::objects::{JClass, JString};

use crate::exceptions::{Throw, Thrown};

/// Panics with the message.
///
/// # Safety
/// The JVM calls it, by its name.
#[unsafe(no_mangle)]
unsafe extern "system" fn Java_org_modelfailover_gateway_PanicProbe_panic<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    message: JString<'local>,
) {
    env.with_env(|env| -> Result<(), Thrown> {
        let message = message.try_to_string(env)?;
        panic!("{message}");
    })
    .resolve::<Throw>();
}
