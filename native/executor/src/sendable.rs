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

use crate::bound::Refusal;
use crate::gateway::Upstream;

/// Longest path with query that is sent, and longest header line, in bytes.
pub(crate) const LONGEST_LINE: usize = 8_000;

/// Longest path with query that a client may send.
pub(crate) const CLIENTS_PATH: usize = LONGEST_LINE - 1_000;

/// All header lines together, in bytes.
pub(crate) const ALL_HEADERS: usize = 32_000;

/// All header lines of a client.
pub(crate) const CLIENTS_HEADERS: usize = ALL_HEADERS - LONGEST_LINE;

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
        return Err(Refusal::LongPath);
    }
    if headers.longest > LONGEST_LINE || headers.all > CLIENTS_HEADERS {
        return Err(Refusal::LongHeaders);
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
mod tests {
    use http::{HeaderName, HeaderValue, Method};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dot_segments_are_found_in_every_spelling() {
        for path in [
            "/chat/../x",
            "/chat/..",
            "/./chat",
            "..",
            "/chat/%2e%2e/%2e%2e/tenant-b/v1/files",
            "/chat/.%2e/x",
            "/chat/%2E./x",
            "/chat/%2E",
            "/chat\\..\\x",
            "/chat/..\\x",
            "/chat%5c..%5Cx",
            "/chat%2f..%2Fx",
            "/chat/..;/x",
            "/chat/..;a=b/x",
            "/chat/.;/x",
            "/chat/%2e%2e%3b/x",
            "/chat/x/..?a=b",
        ] {
            assert!(has_dot_segments(path), "{path}");
        }
    }

    #[test]
    fn dots_that_stand_for_no_other_place_are_let_through() {
        for path in [
            "/chat/completions",
            "/v1.0/models/gemini-2.0-flash:generateContent",
            "/chat/...",
            "/chat/..a/b..",
            "/chat/.well-known/x",
            "/chat/%252e%252e/x",
            "/chat/%25%32%65./x",
            "/chat/x?file=../../x&a=/../",
            "/model/a%2Fb.c/invoke",
            "/files;v=../x",
            // It goes out escaped, as a part of its segment.
            "/chat/..#/x",
            "//chat//",
            "/chat/%2",
            "",
        ] {
            assert!(!has_dot_segments(path), "{path}");
        }
    }

    #[test]
    fn what_no_request_line_can_hold_is_refused() {
        for c in ['\t', '\r', '\n', '\0', '\x7f', ' '] {
            let path = format!("/chat{c}/completions");
            assert!(
                matches!(
                    check(&path, HeaderLengths::default()),
                    Err(Refusal::Path(_))
                ),
                "{path:?}"
            );
        }
    }

    #[test]
    fn the_limits_are_exact() {
        let none = HeaderLengths::default();
        let path = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert_eq!(check(&path(CLIENTS_PATH), none), Ok(()));
        assert_eq!(check(&path(CLIENTS_PATH + 1), none), Err(Refusal::LongPath));
        for escaped in ["é", "<"] {
            let path = escaped.repeat(CLIENTS_PATH / 3 + 1);
            assert_eq!(
                check(&path, none),
                Err(Refusal::LongPath),
                "it grows when it is escaped"
            );
        }
        let lengths = |longest, all| HeaderLengths { longest, all };
        for (headers, refused) in [
            (lengths(LONGEST_LINE, CLIENTS_HEADERS), false),
            (lengths(LONGEST_LINE + 1, LONGEST_LINE + 1), true),
            (lengths(10, CLIENTS_HEADERS + 1), true),
        ] {
            assert_eq!(check("/chat", headers).is_err(), refused, "{headers:?}");
        }
    }

    fn upstream(path: usize, headers: &[(usize, usize)]) -> Upstream {
        let mut map = HeaderMap::new();
        for (number, (name, value)) in headers.iter().enumerate() {
            let name = format!("{number:0>width$}", width = *name);
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(&"v".repeat(*value)).unwrap(),
            );
        }
        Upstream {
            method: Method::POST,
            url: format!(
                "https://a.example:8443/{}",
                "a".repeat(path.saturating_sub(1))
            ),
            headers: map,
            own_credential: true,
        }
    }

    /// How long a head is on the wire: lines, as HTTP/1.1 writes them.
    fn written(upstream: &Upstream) -> (usize, Vec<usize>) {
        let path = upstream
            .url
            .strip_prefix("https://a.example:8443")
            .unwrap()
            .len();
        let line = |(n, v): (&HeaderName, &HeaderValue)| format!("{n}: ").len() + v.len() + 2;
        (path, upstream.headers.iter().map(line).collect())
    }

    proptest! {
        #[test]
        fn what_fits_is_never_longer_than_the_limits_and_the_rest_never_fits(
            path in 1usize..9_000,
            headers in prop::collection::vec((5usize..40, 0usize..9_000), 0..12),
        ) {
            let upstream = upstream(path, &headers);
            let (target, lines) = written(&upstream);
            let within = target <= LONGEST_LINE
                && lines.iter().all(|l| *l <= LONGEST_LINE)
                && lines.iter().sum::<usize>() <= ALL_HEADERS;
            prop_assert_eq!(fits(&upstream), within);
        }

        #[test]
        fn a_dot_segment_is_found_wherever_and_however_it_is_written(
            before in "(/[a-z%;.]{1,6}){0,3}",
            dots in prop::sample::select(vec![".", "..", "%2e", "%2E", ".%2e", "%2e.", "%2E%2e"]),
            parameters in prop::sample::select(vec!["", ";", ";a=b", "%3B", ";;"]),
            slash in prop::sample::select(vec!["/", "\\", "%2f", "%2F", "%5c", "%5C"]),
            after in "(/[a-z]{1,6}){0,2}(\\?[a-z=&/.]{0,6})?",
        ) {
            // An escape that is cut off would take the slash with it.
            prop_assume!(!before.contains('%'));
            let path = format!("{before}{slash}{dots}{parameters}{after}");
            prop_assert!(has_dot_segments(&path), "{}", path);
        }

        /// The judge: the URL Standard's own reading, which resolves them.
        #[test]
        fn what_is_let_through_no_url_parser_resolves(path in "(/|\\\\|\\.|%2[eE]|%252e|[a-z;%]|\\?){0,12}") {
            let path = format!("/{path}");
            if !has_dot_segments(&path) {
                let url = url::Url::parse(&format!("https://a.example{path}")).unwrap();
                let before = path.split('?').next().unwrap().replace('\\', "/");
                prop_assert_eq!(url.path(), before);
            }
        }
    }
}
