//! The library that the gateway's Java side loads: the only crate that mentions JNI, and the only one with `unsafe`.
//!
//! One file per class of `org.modelfailover.executor`: [`executor`], [`policy`], [`attached_policy`], [`call`],
//! [`network`], [`candidate`] have its native methods, [`exchange`] calls it, [`exceptions`] throws. Handles are numbers
//! ([`native_object`]), not addresses: one that was closed, or never was, is an exception and not a crash.
//!
//! Native methods are written with the jni crate's `native_method!`, which compares each with its signature. Its
//! `bind_java_type!` serves for nothing here: what it makes keeps a reference to the class, and with it the class loader
//! of every bundle that was ever replaced.

mod attached_policy;
mod call;
mod candidate;
mod convert;
#[cfg(feature = "test-natives")]
mod crossing_probe;
mod exceptions;
mod exchange;
mod executor;
mod memory;
mod native_object;
mod network;
mod operators;
#[cfg(feature = "test-natives")]
mod panic_probe;
mod policy;
mod running;
mod runtime;
mod sharing;
mod signals;
mod threads;

use std::ffi::c_void;

use jni::objects::JClass;
use jni::sys::{JNI_ERR, JNI_VERSION_1_8, JavaVM as RawJavaVm, jint};
use jni::{Env, JavaVM, NativeMethod, jni_str};

const PACKAGE: &str = "org.modelfailover.executor";

/// The classes with native methods.
const CLASSES: [(&str, &[NativeMethod]); 6] = [
    ("Executor", executor::METHODS),
    ("Policy", policy::METHODS),
    ("AttachedPolicy", attached_policy::METHODS),
    ("Call", call::METHODS),
    ("Network", network::METHODS),
    ("Candidate", candidate::METHODS),
];

/// Binds the native methods. The classes are not initialised: another thread may be about to, and would wait for this
/// one.
fn register(env: &mut Env<'_>) -> jni::errors::Result<()> {
    let own = env.find_class(jni_str!("org/modelfailover/executor/NativeLibrary"))?;
    let loader = own.get_class_loader(env)?;
    for (class, methods) in CLASSES {
        let name = env.new_string(format!("{PACKAGE}.{class}"))?;
        let class = JClass::for_name_with_loader(env, &name, false, &loader)?;
        // SAFETY: the macro that makes them has compared each function with its signature, and whether they are static is
        // checked at the first call; the functions live as long as the library.
        unsafe { env.register_native_methods(class, methods) }?;
    }
    Ok(())
}

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
        native_object::cache(env)?;
        exchange::cache(env)?;
        register(env)
    });
    match loaded {
        Ok(()) => JNI_VERSION_1_8,
        Err(_) => JNI_ERR,
    }
}

#[cfg(test)]
mod tests {
    use super::CLASSES;

    /// A method that is bound and not declared fails when the library is loaded, one that is declared and not bound only
    /// when it is called.
    #[test]
    fn every_native_method_that_java_declares_is_bound() {
        macro_rules! source {
            ($class:literal) => {
                (
                    $class,
                    include_str!(concat!(
                        "../../../java-shim/src/main/java/org/modelfailover/executor/",
                        $class,
                        ".java"
                    )),
                )
            };
        }
        let sources = [
            source!("Executor"),
            source!("Policy"),
            source!("AttachedPolicy"),
            source!("Call"),
            source!("Network"),
            source!("Candidate"),
        ];
        for (class, methods) in CLASSES {
            let source = sources.iter().find(|(name, _)| *name == class);
            let source = source.map_or("", |(_, text)| text);
            let code = source
                .lines()
                .filter(|l| !l.trim_start().starts_with(['*', '/']));
            let declared = code.filter(|l| l.contains(" native ")).count();
            assert_eq!(methods.len(), declared, "{class}");
        }
    }
}
