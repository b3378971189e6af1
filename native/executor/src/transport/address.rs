//! What a URL says, without changing any of it.
//!
//! A provider may take a dot segment, a backslash or an escape for something that a library which tidies URLs up does
//! not, and a signature is over the bytes as they are. So path and query go out as they came in. Escaped is only what
//! can't stand in a request line or that the HTTP library refuses: such a request would fail at every candidate, and
//! they would be blamed for it.

use std::borrow::Cow;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use super::NetError;

/// A URL in two parts.
pub(super) struct Address {
    url: Bytes,
    /// Where path and query begin.
    target_at: usize,
    pub(super) target: PathAndQuery,
}

impl Address {
    /// # Errors
    /// [`NetError::Address`].
    pub(super) fn of(url: String) -> Result<Self, NetError> {
        let authority_at = url.find("://").ok_or(NetError::Address)? + "://".len();
        let is_end = |c| matches!(c, '/' | '?' | '#');
        let length = url[authority_at..].find(is_end);
        let target_at = length.map_or(url.len(), |length| authority_at + length);
        let url = Bytes::from(url);
        let target = target(&url, target_at).ok_or(NetError::Address)?;
        Ok(Address {
            url,
            target_at,
            target,
        })
    }

    /// Scheme and authority as they were given. Servers are told apart by it.
    pub(super) fn server(&self) -> &str {
        // Cut at an ASCII character of what was a string.
        std::str::from_utf8(&self.url[..self.target_at]).unwrap_or_default()
    }
}

fn target(url: &Bytes, at: usize) -> Option<PathAndQuery> {
    let given = std::str::from_utf8(&url[at..]).ok()?;
    let slash = if given.starts_with('/') { "" } else { "/" };
    match escaped(given) {
        Cow::Borrowed(_) if slash.is_empty() => {
            PathAndQuery::from_maybe_shared(url.slice(at..)).ok()
        }
        sendable => format!("{slash}{sendable}").parse().ok(),
    }
}

fn escaped(target: &str) -> Cow<'_, str> {
    if !target
        .bytes()
        .any(|b| must_be_escaped(b, false) || must_be_escaped(b, true))
    {
        return Cow::Borrowed(target);
    }
    let mut escaped = String::with_capacity(target.len() + 16);
    let mut in_query = false;
    for c in target.chars() {
        in_query |= c == '?';
        match u8::try_from(c) {
            Ok(byte) if must_be_escaped(byte, in_query) => {
                escaped.push_str(&format!("%{byte:02X}"));
            }
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// What `http` refuses, and `#`, at which it would cut.
fn must_be_escaped(byte: u8, in_query: bool) -> bool {
    match byte {
        0..=b' ' | b'#' | b'<' | b'>' | 0x7f => true,
        b'`' => !in_query,
        b'"' => in_query,
        _ => false,
    }
}

/// Scheme, host and port of a URL.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) secure: bool,
    /// In lower case; an IPv6 address in its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Without the port where that is the scheme's own.
    pub(super) authority: Authority,
    /// The same, for the header `Host`.
    pub(super) host_header: HeaderValue,
}

impl Server {
    /// By [`Address::server`]. User and password, if any, are left out.
    ///
    /// # Errors
    /// [`NetError::Address`].
    pub(super) fn of(server: &str) -> Result<Self, NetError> {
        let uri: Uri = server.parse().map_err(|_| NetError::Address)?;
        let (secure, own_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(NetError::Address),
        };
        let given = uri.authority().ok_or(NetError::Address)?;
        let after_user = given.as_str().rsplit('@').next().unwrap_or_default();
        let port = match after_user.strip_prefix(given.host()) {
            Some("" | ":") => own_port,
            Some(port) => given
                .port_u16()
                .filter(|_| port.starts_with(':'))
                .ok_or(NetError::Address)?,
            None => return Err(NetError::Address),
        };
        let host = given.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(NetError::Address);
        }
        let authority = match port == own_port {
            true => host.clone(),
            false => format!("{host}:{port}"),
        };
        Ok(Server {
            secure,
            host_header: HeaderValue::from_str(&authority).map_err(|_| NetError::Address)?,
            authority: authority.parse().map_err(|_| NetError::Address)?,
            host,
            port,
        })
    }

    /// The host as certificates and name servers know it.
    pub(super) fn bare_host(&self) -> &str {
        let inner = self.host.strip_prefix('[');
        inner
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(&self.host)
    }

    /// A URL for connectors, which know TCP alone.
    pub(super) fn plain_url(&self) -> Result<Uri, NetError> {
        let authority = format!("{}:{}", self.host, self.port);
        absolute(
            Scheme::HTTP,
            authority.parse().map_err(|_| NetError::Address)?,
            PathAndQuery::from_static("/"),
        )
    }
}

/// A whole URL.
pub(super) fn absolute(
    scheme: Scheme,
    authority: Authority,
    target: PathAndQuery,
) -> Result<Uri, NetError> {
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(target)
        .build()
        .map_err(|_| NetError::Address)
}

#[cfg(test)]
mod tests;
