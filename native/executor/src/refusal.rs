use failover_wire::request::coding::Undecodable;

/// Why a request is answered by the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the body is declared as JSON and can't be read as such.
    #[error("The request body is {0}")]
    Malformed(String),
    /// 413.
    #[error(
        "The request body is larger than {limit} bytes, the most that can be kept for a fallback"
    )]
    TooLarge {
        /// `max_request_body`.
        limit: u64,
    },
    /// 413: little that unpacks to too much.
    #[error("The request body is {0}")]
    UnpacksToTooMuch(Undecodable),
    /// 415: the body is declared as JSON, in a coding that is not known.
    #[error("The request body is {0}")]
    UnknownCoding(Undecodable),
    /// 503: there is no room for its body.
    #[error("The gateway holds as many bodies as max_memory allows")]
    NoMemory,
    /// 400: a path that could mean another one than it says.
    #[error("The request's path has {0}")]
    Path(&'static str),
    /// 400: the client's `x-failover`.
    #[error("The request's header x-failover {0}")]
    Control(&'static str),
    /// 414.
    #[error("The request's path and query are longer than {most} bytes, more than providers take")]
    LongPath {
        /// The most that is sent, in bytes.
        most: usize,
    },
    /// 431.
    #[error(
        "The request has a header of more than {line} bytes, or more than {all} bytes of headers, more than providers \
         take"
    )]
    LongHeaders {
        /// The longest line that is sent, in bytes.
        line: usize,
        /// The most that all lines together may have, in bytes.
        all: usize,
    },
}

impl Refusal {
    /// The HTTP status for the client.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::TooLarge { .. } | Refusal::UnpacksToTooMuch(_) => 413,
            Refusal::UnknownCoding(_) => 415,
            Refusal::NoMemory => 503,
            Refusal::Path(_) | Refusal::Control(_) => 400,
            Refusal::LongPath { .. } => 414,
            Refusal::LongHeaders { .. } => 431,
        }
    }
}
