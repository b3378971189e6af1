//! Whose a header or a query parameter is: the provider's, the gateway's own, one connection's, or a credential.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Belong to one connection (RFC 9110 section 7.6.1), or are set by whoever frames the body.
const NOT_FORWARDED: [HeaderName; 12] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HOST,
    CONTENT_LENGTH,
    EXPECT,
    // What is taken over is sent unpacked: another model was put into it.
    CONTENT_ENCODING,
    // An answer must come as it can be judged.
    ACCEPT_ENCODING,
];

/// Credentials for the gateway itself: no provider ever sees them.
const FOR_THE_GATEWAY: [&str; 3] = ["apikey", "internal-key", "proxy-authorization"];

/// Where clients carry credentials for a provider, in headers and in the query.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "key",
    "api_key",
    "apikey",
    "access_token",
];

/// A signature of AWS, its token and its date.
const SIGNATURE: &str = "x-amz-";

/// Choose an account, which has to be that of the credentials.
const ACCOUNTS: [&str; 3] = [
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
];

/// Whether a header or query parameter of this name is a credential for the gateway itself.
pub(crate) fn is_for_the_gateway(name: &str) -> bool {
    FOR_THE_GATEWAY.contains(&name.to_lowercase().as_str())
}

/// Whether a header or query parameter of this name is a credential of the client's.
pub(crate) fn is_credential(name: &str) -> bool {
    names_credential(&name.to_lowercase())
}

fn names_credential(lower: &str) -> bool {
    CREDENTIALS.contains(&lower) || lower.starts_with(SIGNATURE)
}

/// A header as the gateway has it. Its value may be one that can't be sent.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) name: HeaderName,
    value: Bytes,
    kind: Kind,
}

/// Whose a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The provider's.
    EndToEnd,
    /// One connection's, or the framing's.
    OneHop,
    /// For the gateway itself.
    Gateway,
    /// A credential of the client's. What is for the gateway too is [`Kind::Gateway`].
    Credential,
    /// Chooses an account.
    Account,
}

impl Kind {
    fn of(name: &HeaderName) -> Kind {
        let lower = name.as_str();
        if FOR_THE_GATEWAY.contains(&lower) {
            Kind::Gateway
        } else if NOT_FORWARDED.contains(name) {
            Kind::OneHop
        } else if names_credential(lower) {
            Kind::Credential
        } else if ACCOUNTS.contains(&lower) {
            Kind::Account
        } else {
            Kind::EndToEnd
        }
    }
}

impl Header {
    /// Whether a client's header of this name is sent to a provider, credentials included.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.is_end_to_end() && self.kind != Kind::Gateway
    }

    /// Whether it is the sender's to set. One with the gateway's own name that a security mediator has put in is the
    /// endpoint's.
    pub(crate) fn is_end_to_end(&self) -> bool {
        self.kind != Kind::OneHop
    }

    /// Whether it is sent to every provider.
    pub(crate) fn is_for_everybody(&self) -> bool {
        self.is_forwarded() && self.kind != Kind::Credential
    }

    /// Whether an endpoint that has credentials of its own may see it. A host that is there afterwards is one that was
    /// signed.
    pub(crate) fn may_stand_beside_credentials(&self) -> bool {
        !matches!(self.kind, Kind::Gateway | Kind::Credential | Kind::Account) && self.name != HOST
    }

    /// Its value as it can be sent (RFC 9110 section 5.5), marked so that it does not print.
    pub(crate) fn sendable(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_maybe_shared(self.value.clone()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(crate) fn has_the_value_of(&self, other: &Header) -> bool {
        self.value == other.value
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Bytes that it takes in a message, with its separators.
    pub(crate) fn length(&self) -> usize {
        self.name.as_str().len() + self.value.len() + 4
    }
}

/// Reads `name:value\n` lines in ISO-8859-1. What is no header's name is left out: it could not be sent.
pub(crate) fn read(block: &Bytes) -> Vec<Header> {
    let mut headers = Vec::new();
    let mut from = 0;
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let start = from;
        from += line.len();
        let Some(line) = line.strip_suffix(b"\n") else {
            continue;
        };
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        if let Ok(name) = HeaderName::from_bytes(&line[..colon]) {
            headers.push(Header {
                kind: Kind::of(&name),
                name,
                value: block.slice(start + colon + 1..start + line.len()),
            });
        }
    }
    headers
}

/// Those headers whose values can be sent. A map that is full takes no more: it holds many times what anybody would
/// accept.
pub(crate) fn sendable<'a>(headers: impl Iterator<Item = &'a Header>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        if let Some(value) = header.sendable()
            && map.try_append(header.name.clone(), value).is_err()
        {
            break;
        }
    }
    map
}
