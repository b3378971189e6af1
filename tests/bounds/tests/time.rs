//! Four times as much takes four times as long.

#![allow(clippy::expect_used, reason = "a test")]

use std::time::Duration;

use bounds::{Case, Input, cases, configurations};
use cpu_time::ThreadTime;

/// An input that takes less is measured by its noise.
const ENOUGH: Duration = Duration::from_millis(4);

/// Smaller, and what grows hides behind what each event or header costs anyway.
const SMALLEST: usize = 128 * 1024;
const LARGEST: usize = 1024 * 1024;

/// What is proportional to the square takes four times as long for a byte; what is proportional to the bytes may miss
/// the processor's caches.
const MOST: f64 = 2.5;

/// The processor's time, of this thread alone: what else the machine does is not in it.
fn time(input: &Input, times: usize) -> Duration {
    let once = |_| {
        let begun = ThreadTime::now();
        input.read();
        begun.elapsed()
    };
    (0..times).map(once).min().expect("at least once")
}

/// The time for a byte at four times the size, as a multiple of the one at the size.
fn growth(case: &Case) -> f64 {
    let mut size = SMALLEST;
    let mut small = case.of(size);
    while time(&small, 1) < ENOUGH && size < LARGEST {
        size *= 2;
        small = case.of(size);
    }
    let large = case.of(4 * size);
    let (mut least_small, mut least_large) = (Duration::MAX, Duration::MAX);
    let mut growth = f64::MAX;
    // Both get better the more often they are tried.
    for _ in 0..6 {
        least_small = least_small.min(time(&small, 2));
        least_large = least_large.min(time(&large, 2));
        let per_byte = |time: Duration, input: &Input| time.as_secs_f64() / input.bytes as f64;
        growth = per_byte(least_large, &large) / per_byte(least_small, &small).max(1e-12);
        if growth < MOST * 0.75 || least_large < Duration::from_millis(2) {
            return growth.min(1.0);
        }
    }
    growth
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without --release")]
fn the_time_for_a_byte_does_not_grow_with_their_number() {
    let mut slow = Vec::new();
    for case in cases().into_iter().chain(configurations()) {
        let growth = growth(&case);
        if growth > MOST {
            slow.push(format!(
                "{}: {growth:.1} times the time for a byte at four times the size",
                case.name
            ));
        }
    }
    assert!(slow.is_empty(), "not linear:\n{}", slow.join("\n"));
}
