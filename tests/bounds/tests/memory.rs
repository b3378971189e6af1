//! Memory grows with the bytes that have come, by a small factor.

use bounds::cases;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZE: usize = 4 * 1024 * 1024;

/// What a reader may take beside the input that it is given: copies of it, with room to grow, and what is bounded
/// whatever the size: the tree of an event or of a provider's query.
const COPIES: usize = 5;
const BOUNDED: usize = 32 * 1024 * 1024;

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without --release")]
fn no_reader_takes_more_than_a_few_copies_of_what_it_reads() {
    let mut large = Vec::new();
    // What comes byte by byte is the same in larger pieces.
    for case in cases().iter().filter(|c| !c.name.contains("byte by byte")) {
        let input = case.of(SIZE);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        input.read();
        let taken = MEMORY.peak_usage().saturating_sub(before);
        if taken > COPIES * input.bytes + BOUNDED {
            let mib = taken / (1024 * 1024);
            large.push(format!(
                "{}: {mib} MiB for {} MiB",
                case.name,
                input.bytes / (1024 * 1024)
            ));
        }
    }
    assert!(large.is_empty(), "too large:\n{}", large.join("\n"));
}
