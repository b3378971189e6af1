//! The library that the gateway's Java side loads: the only crate that mentions JNI, and the only one with `unsafe`.
//!
//! One file per Java class: [`native_executor`] implements `org.modelfailover.executor.NativeExecutor`, [`exchange`]
//! calls `org.modelfailover.executor.Exchange`, [`exceptions`] throws. Handles are numbers in a registry
//! ([`handles`]), not addresses: one that was closed, or never was, is an exception and not a crash.

mod engine;
mod exceptions;
mod exchange;
mod handles;
mod memory;
mod native_executor;
#[cfg(feature = "test-natives")]
mod panic_probe;
mod threads;

use std::ffi::c_void;

use jni::sys::{JNI_ERR, JNI_VERSION_1_8, JavaVM as RawJavaVm, jint};
use jni::{Env, JavaVM};

/// Called by the JVM when the library is loaded: registers the native methods and caches what upcalls need.
///
/// # Safety
/// The JVM calls it, with its own pointer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn JNI_OnLoad(vm: *mut RawJavaVm, _reserved: *mut c_void) -> jint {
    exceptions::keep_backtraces();
    memory::give_large_buffers_back();
    // SAFETY: the JVM hands its own pointer to the library that it loads.
    let vm = unsafe { JavaVM::from_raw(vm) };
    let loaded = vm.attach_current_thread(|env: &mut Env<'_>| -> jni::errors::Result<()> {
        exchange::cache(env)?;
        native_executor::register(env)
    });
    match loaded {
        Ok(()) => JNI_VERSION_1_8,
        Err(_) => JNI_ERR,
    }
}
