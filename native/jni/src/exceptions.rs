//! What is thrown into Java: `InvalidConfigurationException`, `RefusedException`, `UnusableException`,
//! `NativePanicException`.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;

use failover_apim::error_code;
use failover_executor::Refusal;
use failover_policy::ConfigError;
use jni::errors::{Error, ErrorPolicy};
use jni::objects::{JThrowable, JValue};
use jni::strings::{JNIStr, JNIString};
use jni::{Env, jni_sig, jni_str};

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

// Looked up when one is thrown, which is always in a native method: a reference that is kept would keep their class
// loader for ever, and with it every bundle that was ever replaced.
const INVALID: &JNIStr = jni_str!("org/modelfailover/executor/InvalidConfigurationException");
const REFUSED: &JNIStr = jni_str!("org/modelfailover/executor/RefusedException");
const UNUSABLE: &JNIStr = jni_str!("org/modelfailover/executor/UnusableException");
const PANIC: &JNIStr = jni_str!("org/modelfailover/executor/NativePanicException");

/// Why a native method failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Thrown {
    #[error(transparent)]
    Jni(#[from] Error),
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Unusable(#[from] failover_apim::Unusable),
    #[error("the handle {0} is closed or was never given")]
    Handle(u64),
    #[error("{0}")]
    Other(String),
}

/// A native method, whose Rust function the compiler compares with its signature; what that fails with is thrown.
macro_rules! native {
    ($($method:tt)*) => {
        {
            use $crate::exceptions::Throw;
            jni::native_method! { $($method)*, error_policy = Throw }
        }
    };
}
pub(crate) use native;

/// One, and those that came about while it unwound. Nobody asks for what a library catches by itself.
const PANICS_KEPT: usize = 4;

/// Keeps the place and the stack of a panic for [`last_panic`], instead of printing them to the gateway's console.
pub(crate) fn keep_backtraces() {
    std::panic::set_hook(Box::new(|info| {
        let text = format!("{info}\n{}", Backtrace::force_capture());
        // Not `with`: a thread that ends has none any more, and a panic in here ends the process.
        let _ = PANICS.try_with(|panics| {
            let mut panics = panics.borrow_mut();
            if panics.len() == PANICS_KEPT {
                panics.remove(0);
            }
            panics.push(text);
        });
    }));
}

/// The message, place and stack of the panic that was caught last on this thread.
pub(crate) fn last_panic(payload: &(dyn Any + Send)) -> String {
    let last = PANICS.try_with(|panics| panics.borrow_mut().pop());
    last.ok().flatten().unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

/// Throws what a native method failed with; a panic with the Rust stack in the message, beside Java's own.
#[derive(Debug)]
pub(crate) struct Throw;

impl<T: Default> ErrorPolicy<T, Thrown> for Throw {
    type Captures<'unowned_env_local: 'native_method, 'native_method> = ();

    fn on_error<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        (): &mut Self::Captures<'unowned_env_local, 'native_method>,
        error: Thrown,
    ) -> jni::errors::Result<T> {
        if !env.exception_check() {
            let text = JNIString::new(error.to_string());
            let thrown = match &error {
                Thrown::Configuration(_) => env.throw_new(INVALID, &text),
                Thrown::Unusable(_) => env.throw_new(UNUSABLE, &text),
                Thrown::Refused(refusal) => refused(env, refusal).and_then(|e| env.throw(e)),
                _ => env.throw_new(jni_str!("java/lang/IllegalStateException"), &text),
            };
            // Throwing is reported as an error by the crate; there is nobody left to tell.
            let _ = thrown;
        }
        Ok(T::default())
    }

    fn on_panic<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        (): &mut Self::Captures<'unowned_env_local, 'native_method>,
        payload: Box<dyn Any + Send + 'static>,
    ) -> jni::errors::Result<T> {
        let text = JNIString::new(last_panic(payload.as_ref()));
        if !env.exception_check() {
            let _ = env.throw_new(PANIC, &text);
        }
        Ok(T::default())
    }
}

/// Seconds after which there may be room for a body again.
const RETRY_AFTER: i64 = 1;

fn refused<'local>(env: &mut Env<'local>, refusal: &Refusal) -> Result<JThrowable<'local>, Error> {
    let message = env.new_string(refusal.to_string())?;
    let (code, retry_after) = match refusal {
        Refusal::NoMemory => (error_code::NO_MEMORY as i32, RETRY_AFTER),
        _ => (i32::from(refusal.status()), -1),
    };
    let args = [
        JValue::Int(i32::from(refusal.status())),
        JValue::Int(code),
        JValue::Object(&message),
        JValue::Long(retry_after),
    ];
    let exception = env.new_object(
        REFUSED,
        jni_sig!((status: jint, code: jint, message: java.lang.String, retry_after: jlong) -> void),
        &args,
    )?;
    env.cast_local::<JThrowable<'_>>(exception)
}
