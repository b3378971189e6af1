//! What peers send, made up by libFuzzer: `FUZZ_TARGET` names the reader. `tools/fuzz.sh` builds and runs it.

#![no_main]

mod hints;
mod policies;
mod requests;
mod streams;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// The targets; tools/fuzz.sh has them from here.
const TARGETS: [(&str, fn(&[u8])); 10] = [
    ("streams", streams::cut_anywhere),
    ("rescue", streams::gone_on_with),
    ("overlap", streams::joined),
    ("requests", requests::json),
    ("paths", requests::path),
    ("forms", requests::form),
    ("codings", requests::packed),
    ("hints", hints::headers),
    ("errors", hints::bodies),
    ("policies", policies::read),
];

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, target)) = target else {
        panic!("FUZZ_TARGET is {name:?}, and none of the targets");
    };
    *target
});

fuzz_target!(|data: &[u8]| TARGET(data));

/// Splits the first bytes off, which say how the rest is read; zeros where there are none.
fn head<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    let (head, rest) = data.split_at(data.len().min(N));
    let mut bytes = [0; N];
    bytes[..head.len()].copy_from_slice(head);
    (bytes, rest)
}

/// Lengths of pieces, made up from a seed.
struct Pieces(u64);

impl Pieces {
    fn next(&mut self, most: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + (self.0 as usize) % most
    }
}
