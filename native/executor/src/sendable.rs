//! What can be sent to a provider: how long it may be, and which paths mean what they say.
//!
//! A request that is longer than servers take is refused by each of them in its own way: nginx answers 400 or 414, and
//! on a connection that many calls share (HTTP/2) it ends the connection, and with it everybody else's calls. So it is
//! not sent. The numbers are those that a server with its defaults takes, a little less:
//!
//! | server | request line | one header | all headers |
//! |---|---|---|---|
//! | RFC 9112 section 3, at least | 8,000 | – | – |
//! | nginx, `large_client_header_buffers` | 8,192 | 8,192 | 32,768 |
//! | Apache, `LimitRequestLine`, `LimitRequestFieldSize` | 8,190 | 8,190 | – |
//! | Kestrel (.NET), `KestrelServerLimits` | 8,192 | – | 32,768 |
//! | Fastly, "VCL constraints and limitations" | 8 KB | – | 69 KB |
//! | AWS load balancers, "Quotas for your Application Load Balancers" | 16 K | 16 K | 64 K |
//!
//! A part of each is kept for what an endpoint adds, its own path and credentials: where the whole is too long all the
//! same, that is the endpoint's doing, and not the client's.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;
use crate::upstream::Upstream;

/// Longest path with query that is sent, and longest header line, in bytes.
const LONGEST_LINE: usize = 8_000;

/// Longest path with query that a client may send.
const CLIENTS_PATH: usize = LONGEST_LINE - 1_000;

/// All header lines together, in bytes.
const ALL_HEADERS: usize = 32_000;

/// All header lines of a client.
const CLIENTS_HEADERS: usize = ALL_HEADERS - LONGEST_LINE;

/// How long the headers are that a client wants to be sent on, each line with its separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeaderLengths {
    /// The longest line, in bytes.
    pub longest: usize,
    /// All of them.
    pub all: usize,
}

impl HeaderLengths {
    /// Adds a line.
    fn add(&mut self, name: usize, value: usize) {
        // ": " and CRLF.
        let line = name + value + 4;
        self.longest = self.longest.max(line);
        self.all += line;
    }

    fn of(headers: &HeaderMap) -> Self {
        let mut lengths = HeaderLengths::default();
        for (name, value) in headers {
            lengths.add(name.as_str().len(), value.len());
        }
        lengths
    }
}

/// Whether a client's path, query included, and its headers can be sent to any candidate.
///
/// # Errors
/// What the client is told (`behaviour.md` §2).
pub(crate) fn check(path: &str, headers: HeaderLengths) -> Result<(), Refusal> {
    if path.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        // RFC 9112 section 3.2: no request line can hold it.
        return Err(Refusal::Path("a character in it that no URL has"));
    }
    if has_dot_segments(path) {
        return Err(Refusal::Path("a segment of dots"));
    }
    if sent_length(path) > CLIENTS_PATH {
        return Err(Refusal::LongPath { most: CLIENTS_PATH });
    }
    if headers.longest > LONGEST_LINE || headers.all > CLIENTS_HEADERS {
        return Err(Refusal::LongHeaders {
            line: LONGEST_LINE,
            all: CLIENTS_HEADERS,
        });
    }
    Ok(())
}

/// Whether a request with all that an endpoint adds to it is one that providers take.
pub(crate) fn fits(upstream: &Upstream) -> bool {
    headers_fit(&upstream.headers) && sent_length(path_of(&upstream.url)) <= LONGEST_LINE
}

/// The same for its headers alone.
pub(crate) fn headers_fit(headers: &HeaderMap) -> bool {
    let HeaderLengths { longest, all } = HeaderLengths::of(headers);
    longest <= LONGEST_LINE && all <= ALL_HEADERS
}

/// The most bytes that a path has on the wire: what no URL may hold can go out escaped.
fn sent_length(path: &str) -> usize {
    let length = |c: char| match c {
        '"' | '#' | '<' | '>' | '`' => 3,
        c if c.is_ascii() => 1,
        c => 3 * c.len_utf8(),
    };
    path.chars().map(length).sum()
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
    &rest[at..]
}

/// Whether a path has segments that stand for another place in it (RFC 3986 section 3.3), as some server or other would
/// read it: with escapes, backslashes, or the parameters of a segment (`..;a=b`). What is escaped twice is not.
///
/// Nobody resolves them here, but a provider can: behind the endpoint's path, with the endpoint's credentials.
fn has_dot_segments(path: &str) -> bool {
    let before = path.split('?').next().unwrap_or_default();
    let decoded: Vec<u8> = percent_decode_str(before).collect();
    decoded.split(|b| matches!(b, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|b| *b == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

#[cfg(test)]
mod tests;
