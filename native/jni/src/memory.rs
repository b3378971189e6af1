//! The process's allocator.

/// Buffers of at least so many bytes go back to the system when they are freed.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 512 * 1024;

/// Has glibc give large buffers back to the system as soon as they are freed. By itself it raises its thresholds with
/// the first large ones to 32 and 64 MiB, and each thread's arena can keep as much for ever: hundreds of MiB beside a
/// heap of 512, although `max_memory` is 128 MiB. Other allocators keep no such bodies.
pub(crate) fn give_large_buffers_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both take a number, and are safe at any time and from any thread. 0, for a value that is refused, leaves
    // what was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 8 * LARGE);
    }
}
