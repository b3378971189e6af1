//! How another candidate goes on with a stream, and why none can.

use std::fmt;

/// How a candidate was asked to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuation {
    /// With the answer so far as the beginning of its own: it goes on, but may say some of it once more.
    Prefilled,
    /// With the request as it was: it says everything once more.
    Again,
}

/// Why no other candidate can go on with a stream. The words are for the attempt log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWayOn {
    /// Its format is not known here, or its framing has no frames.
    UnknownFormat,
    /// A tool call, audio or structured output, or several answers in one.
    NotPlainText,
    /// There is more text than is kept.
    TooLong,
}

impl fmt::Display for NoWayOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoWayOn::UnknownFormat => "unknown-format",
            NoWayOn::NotPlainText => "not-plain-text",
            NoWayOn::TooLong => "too-long",
        })
    }
}
