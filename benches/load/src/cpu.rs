//! Processor time of another process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A process whose processor time is read from `/proc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Processor time of its threads so far, without a JVM's compiler threads: what they take is a matter of how long
    /// the JVM has run, not of requests. What threads that have ended took is missing. `None`: there is no such process.
    pub(crate) fn cpu(self) -> Option<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0)).ok()? {
            let thread = thread.ok()?.path();
            total += own(thread).unwrap_or_default();
        }
        Some(total)
    }
}

/// What [`Process::cpu`] says of a process, if there is one to ask about.
///
/// # Errors
/// There is no such process.
pub(crate) fn time_of(process: Option<Process>) -> Result<Option<Duration>, String> {
    let Some(process) = process else {
        return Ok(None);
    };
    match process.cpu() {
        Some(time) => Ok(Some(time)),
        None => Err(format!("no process {}", process.0)),
    }
}

/// `None` for a thread that has ended meanwhile, or compiles.
fn own(thread: PathBuf) -> Option<Duration> {
    let name = fs::read_to_string(thread.join("comm")).ok()?;
    if name.starts_with("C1 Compiler") || name.starts_with("C2 Compiler") {
        return None;
    }
    let times = fs::read_to_string(thread.join("schedstat")).ok()?;
    running(&times)
}

/// The first of the three numbers of a `schedstat`, which is nanoseconds on a processor.
fn running(schedstat: &str) -> Option<Duration> {
    let nanos = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_schedstat_is_time_on_a_processor() {
        assert_eq!(running("1500 20 3\n"), Some(Duration::from_nanos(1500)));
        assert_eq!(running(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_works_takes_time() {
        let this = Process(std::process::id());
        let before = this.cpu().unwrap_or_default();
        let mut n = 0_u64;
        while this.cpu().unwrap_or_default() < before + Duration::from_millis(5) {
            n = std::hint::black_box(n + 1);
        }
    }

    #[test]
    fn a_process_that_is_none_has_no_time() {
        assert_eq!(Process(u32::MAX).cpu(), None);
    }
}
