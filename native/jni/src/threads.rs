//! The runtime's threads and the JVM.

use jni::JavaVM;
use tokio::runtime::{Builder, Runtime};

/// The runtime on which all calls run: one per loaded library.
pub(crate) fn start() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_io()
        .enable_time()
        .thread_name("model-failover")
        .on_thread_start(attach)
        .on_thread_stop(detach)
        .build()
}

/// Attaches this thread, as a daemon: the jni crate attaches as a user thread only, and those keep a gateway that
/// is shutting down from exiting. From then on the crate finds the thread attached.
pub(crate) fn attach() {
    let Ok(vm) = JavaVM::singleton() else { return };
    let vm = vm.get_raw();
    let mut args = jni::sys::JavaVMAttachArgs {
        version: jni::sys::JNI_VERSION_1_8,
        name: c"model-failover".as_ptr().cast_mut(),
        group: std::ptr::null_mut(),
    };
    let mut env = std::ptr::null_mut();
    // SAFETY: `vm` is the JVM that loaded this library; the arguments outlive the call. A thread that can't be
    // attached here is attached by the first upcall instead.
    unsafe {
        let attach = (**vm).v1_4.AttachCurrentThreadAsDaemon;
        attach(vm, &mut env, (&raw mut args).cast());
    }
}

/// Takes this thread away from the JVM again.
pub(crate) fn detach() {
    let Ok(vm) = JavaVM::singleton() else { return };
    let vm = vm.get_raw();
    // SAFETY: `vm` is the JVM that loaded this library; no Java frame is below us on a runtime's thread.
    unsafe {
        let detach = (**vm).v1_1.DetachCurrentThread;
        detach(vm);
    }
}
