//! What a request says about the form of its answer: a few members, of a body that may have many megabytes.

use serde_json::Value;

use super::is_other_than;
use crate::json::outline::{self, Outline};

/// The members that the formats ask for.
const NAMES: [&str; 15] = [
    "additionalModelRequestFields",
    "best_of",
    "echo",
    "generationConfig",
    "generation_config",
    "logprobs",
    "modalities",
    "n",
    "outputConfig",
    "output_config",
    "output_format",
    "response_format",
    "text",
    "thinking",
    "top_logprobs",
];

/// The members of a request that say what its answer is to be like. Read in one pass that keeps nothing else.
#[derive(Debug)]
pub(crate) struct Wishes(Outline);

impl Wishes {
    /// `None`: the body is no JSON object.
    pub(crate) fn read(request: &[u8]) -> Option<Wishes> {
        outline::members(request, &NAMES).map(Wishes)
    }

    /// Whether all was read that they say.
    pub(crate) fn are_whole(&self) -> bool {
        self.0.whole
    }

    /// What stands at a JSON pointer.
    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        debug_assert!(
            NAMES.contains(&pointer[1..].split('/').next().unwrap_or_default()),
            "{pointer} is not among the members that are read"
        );
        self.0.value.pointer(pointer)
    }

    /// A count; 0 where there is none.
    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.get(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Whether a member is there and is neither null nor false nor one of these words.
    pub(super) fn want_other_than(&self, pointer: &str, words: &[&str]) -> bool {
        is_other_than(self.get(pointer), words)
    }
}
