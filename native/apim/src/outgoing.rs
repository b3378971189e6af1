//! What one candidate is sent: credentials are its own or nobody's.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Unusable;
use crate::headers::{self, Header, is_credential, is_for_the_gateway};
use crate::query::{well_formed, with_added, without, without_fragment};
use crate::url::{SignableUrl, join};

/// Where a signer says over which body it signed. The host's decodes the body, and signs another one where that is not
/// the gateway's encoding.
const BODY_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The path behind the API's context as providers may see it, query included: without the parameters that are
/// credentials for the gateway itself, and with no fragment.
pub fn path_for_providers(path: &str) -> Cow<'_, str> {
    match without(path, is_for_the_gateway) {
        Cow::Borrowed(path) => without_fragment(path),
        Cow::Owned(path) => without_fragment(&path).into_owned().into(),
    }
}

/// The headers of a client's request, as the flow before the policy has left them.
///
/// They do not print: credentials are among them.
pub struct ClientHeaders {
    all: Vec<Header>,
    /// Headers that providers do not get, beside those that are known by their names.
    others: HashSet<HeaderName>,
}

impl fmt::Debug for ClientHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} headers", self.all.len())
    }
}

/// The headers by which a trace goes on, from a block of `name:value\n` lines: one value for each name.
pub fn trace_headers(block: &Bytes) -> HeaderMap {
    headers::sendable(headers::read(block).iter())
}

impl ClientHeaders {
    /// Reads a block of `name:value\n` lines in ISO-8859-1: one for each name, behind them the further values of names
    /// that have several. A value that no line can hold stands there as a NUL.
    ///
    /// `received` is the block of the request as it came in, where that names headers of one connection (RFC 9110
    /// section 7.6.1): those stay with the gateway. Only as the client sent them: what the gateway itself has added or
    /// changed since stays, or a client could take it away. `for_the_gateway` are the headers that hold the API's
    /// credentials for the gateway, beside the usual ones.
    pub fn read(block: &Bytes, received: Option<&Bytes>, for_the_gateway: &[HeaderName]) -> Self {
        let all = headers::read(block);
        let mut others: HashSet<HeaderName> = for_the_gateway.iter().cloned().collect();
        if let Some(received) = received {
            others.extend(of_one_hop(&headers::read(received), &all));
        }
        ClientHeaders { all, others }
    }

    fn forwarded(&self) -> impl Iterator<Item = &Header> {
        self.all
            .iter()
            .filter(|header| header.is_forwarded() && !self.others.contains(&header.name))
    }

    /// Bytes of the longest header that every candidate is sent, and of all of them.
    pub fn lengths(&self) -> (usize, usize) {
        let lengths = self.forwarded().filter(|header| header.is_for_everybody());
        lengths
            .map(Header::length)
            .fold((0, 0), |(longest, all), length| {
                (longest.max(length), all.saturating_add(length))
            })
    }

    /// Which trace the request is a part of, as W3C Trace Context has it; `None` when it does not say.
    pub fn traceparent(&self) -> Option<&str> {
        let header = self.all.iter().find(|h| h.name == "traceparent")?;
        std::str::from_utf8(header.value()).ok()
    }

    /// The names of those that an endpoint's security mediators are not to find.
    pub fn withheld(&self) -> Vec<&str> {
        let withheld = self.all.iter().filter(|header| !self.is_offered(header));
        let mut names: Vec<&str> = withheld.map(|header| header.name.as_str()).collect();
        names.dedup();
        names
    }

    fn is_offered(&self, header: &Header) -> bool {
        header.may_stand_beside_credentials() && !self.others.contains(&header.name)
    }

    /// What an endpoint without credentials of its own is sent.
    pub fn for_provider(&self) -> HeaderMap {
        headers::sendable(first_content_type(self.forwarded()))
    }

    /// What an endpoint is sent whose mediators have made `after` of what they were offered.
    fn with_credentials(
        &self,
        offered: &Offered<'_>,
        after: &[Header],
        host: Option<HeaderValue>,
    ) -> HeaderMap {
        let unchanged = after.iter().filter(|header| is_unchanged(offered, header));
        let unchanged: HashSet<&HeaderName> = unchanged.map(|header| &header.name).collect();
        let further = self.all.iter().filter(|header| {
            unchanged.contains(&header.name)
                && self.is_offered(header)
                && !offered
                    .get(&header.name)
                    .is_some_and(|first| std::ptr::eq(*first, *header))
        });
        let all = after.iter().chain(further);
        let all = all.filter(|header| header.is_end_to_end());
        let mut map = headers::sendable(first_content_type(all));
        if let Some(host) = host {
            map.insert(HOST, host);
        }
        map
    }

    /// What security mediators start from: the first value of each.
    fn offered(&self) -> Offered<'_> {
        let mut offered = HashMap::new();
        for header in self.all.iter().filter(|header| self.is_offered(header)) {
            offered.entry(&header.name).or_insert(header);
        }
        offered
    }
}

/// What security mediators start from, by name.
type Offered<'a> = HashMap<&'a HeaderName, &'a Header>;

fn is_unchanged(offered: &Offered<'_>, header: &Header) -> bool {
    offered
        .get(&header.name)
        .is_some_and(|before| before.has_the_value_of(header))
}

/// What the client's `Connection` names.
fn of_one_hop(received: &[Header], now: &[Header]) -> Vec<HeaderName> {
    fn first<'a>(headers: &'a [Header], name: &HeaderName) -> Option<&'a Header> {
        headers.iter().find(|header| header.name == name)
    }
    let connection = received.iter().filter(|header| header.name == CONNECTION);
    connection
        .flat_map(|header| header.value().split(|byte| *byte == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        // It says what the body is (RFC 9110 section 7.6.1 forbids to name it).
        .filter(|name| *name != CONTENT_TYPE)
        .filter(|name| match (first(received, name), first(now, name)) {
            (Some(sent), Some(now)) => sent.has_the_value_of(now),
            _ => false,
        })
        .collect()
}

/// There is one body, and so one type.
fn first_content_type<'a>(
    headers: impl Iterator<Item = &'a Header>,
) -> impl Iterator<Item = &'a Header> {
    let mut typed = false;
    headers
        .filter(move |header| header.name != CONTENT_TYPE || !std::mem::replace(&mut typed, true))
}

/// What the security mediators of one endpoint are offered, and what comes of it.
#[derive(Debug)]
pub struct Offer {
    /// The path without the client's credentials, as the client spelt it.
    clients: String,
    /// The same as it is parsed.
    parsed: String,
    signed: Option<Signed>,
}

#[derive(Debug)]
struct Signed {
    url: SignableUrl,
    in_path: bool,
}

/// Where a candidate is called, and with which headers.
#[derive(Debug)]
pub struct Outgoing {
    /// The whole URL, query included.
    pub url: String,
    /// The headers, credentials included. Hop-by-hop headers and Content-Length are left out; Host stands there when a
    /// signature has another than the URL.
    pub headers: HeaderMap,
}

impl Offer {
    /// `path`: the path for providers ([`path_for_providers`]), with the candidate's model where it names one.
    pub fn new(path: &str) -> Offer {
        let clients = without(path, is_credential).into_owned();
        Offer {
            parsed: well_formed(&clients),
            clients,
            signed: None,
        }
    }

    /// The path that the mediators are to start from. What is parsed is not what is sent: that stays as the client
    /// spelt it.
    pub fn path(&self) -> &str {
        &self.parsed
    }

    /// The URL as signers are to find it, once all other mediators have run: signatures come last, over what the others
    /// made.
    ///
    /// `url` is the endpoint's, `path` what the mediators have made of [`Offer::path`], `content_type` the body's.
    ///
    /// # Errors
    /// When nothing can be signed that way.
    pub fn to_sign(
        &mut self,
        url: &str,
        path: &str,
        content_type: Option<&str>,
    ) -> Result<&SignableUrl, Unusable> {
        if content_type.is_some_and(|declared| !declared.to_lowercase().contains("json")) {
            let message = "its credentials are a signature over the body, which this gateway can make for JSON only";
            return Err(Unusable(message.to_owned()));
        }
        let made = with_added(&self.clients, &self.parsed, path);
        let signed = Signed {
            url: SignableUrl::new(&join(url, &made))?,
            in_path: path != self.parsed,
        };
        Ok(&self.signed.insert(signed).url)
    }

    /// Reads what the mediators have made: `path` of [`Offer::path`], or of the signable one, and the block `after` of the
    /// client's headers. `body` is what the candidate is sent.
    ///
    /// # Errors
    /// When credentials were not put in, or can't be sent, or are a signature over something else: nothing may be sent
    /// without them.
    pub fn applied(
        self,
        client: &ClientHeaders,
        url: &str,
        path: &str,
        after: &Bytes,
        body: &[u8],
    ) -> Result<Outgoing, Unusable> {
        let after = headers::read(after);
        let in_path = match &self.signed {
            Some(signed) => signed.in_path,
            None => path != self.parsed,
        };
        let offered = client.offered();
        check_applied(&offered, &after, in_path)?;
        let Some(signed) = self.signed else {
            let made = with_added(&self.clients, &self.parsed, path);
            return Ok(Outgoing {
                url: join(url, &made),
                headers: client.with_credentials(&offered, &after, None),
            });
        };
        check_signed(&signed.url, path, &after, body)?;
        let url = signed.url.to_string();
        let host = signed_host(&after, &url);
        Ok(Outgoing {
            headers: client.with_credentials(&offered, &after, host),
            url,
        })
    }
}

/// Some mediators only log that they have no credentials to put in.
fn check_applied(offered: &Offered<'_>, after: &[Header], in_path: bool) -> Result<(), Unusable> {
    let mut changed = after
        .iter()
        .filter(|header| !is_unchanged(offered, header))
        .peekable();
    if !in_path && changed.peek().is_none() {
        return Err(Unusable("its credentials were not put in".to_owned()));
    }
    match changed.find(|header| header.sendable().is_none()) {
        Some(header) => Err(Unusable(format!(
            "its credentials put into {} what no header can hold",
            header.name
        ))),
        None => Ok(()),
    }
}

fn check_signed(
    url: &SignableUrl,
    path: &str,
    after: &[Header],
    body: &[u8],
) -> Result<(), Unusable> {
    let hash = after.iter().find(|header| header.name == BODY_HASH);
    let of_body = || {
        let digest = ring::digest::digest(&ring::digest::SHA256, body);
        let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        hex.collect::<String>()
    };
    if hash.is_some_and(|hash| hash.value() != of_body().as_bytes()) {
        return Err(Unusable(
            "its credentials are a signature over another body".to_owned(),
        ));
    }
    if path != url.path() {
        return Err(Unusable(
            "its credentials change a path that is signed".to_owned(),
        ));
    }
    Ok(())
}

/// The host that was signed, where it is not what the URL says anyway.
fn signed_host(after: &[Header], url: &str) -> Option<HeaderValue> {
    let host = after
        .iter()
        .find(|header| header.name == HOST)?
        .sendable()?;
    let text = host.to_str().ok()?.to_lowercase();
    (!url.contains(&format!("://{text}/"))).then_some(host)
}
