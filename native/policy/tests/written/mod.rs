//! Files that are made from the settings.

#![allow(clippy::expect_used, reason = "a test")]

use std::path::Path;

/// Compares a file of the repository with what is made of it, or with `UPDATE_DOCS` set makes it so.
#[track_caller]
pub(crate) fn check(name: &str, make: impl FnOnce(&str) -> String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    let written = std::fs::read_to_string(&file).expect("it is there");
    let made = make(&written);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, made).expect("it can be written");
        return;
    }
    assert!(
        written == made,
        "{name} is out of date: run UPDATE_DOCS=1 cargo test -p failover-policy"
    );
}

/// The text with a capital letter at its beginning.
pub(crate) fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}
