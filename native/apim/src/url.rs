//! How an endpoint's address becomes the URL that is called, signed and told to the host's analytics.

use std::fmt;

use crate::Unusable;
use crate::percent::{escaped, respelt};

/// Joins an endpoint's URL with the rest of the request's path, as the engine does: one slash between them, none before
/// a query.
pub fn join(url: &str, rest: &str) -> String {
    let base = url.strip_suffix('/').unwrap_or(url);
    match rest {
        "" => url.to_owned(),
        "/" => format!("{base}/"),
        _ if rest.starts_with("/?") => format!("{base}{}", &rest[1..]),
        _ if rest.starts_with(['/', '?']) => format!("{base}{rest}"),
        _ => format!("{base}/{rest}"),
    }
}

/// A URL without the parts that may hold a credential: user and password, query, fragment.
pub fn address(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let (scheme, rest) = match url.find("//") {
        Some(at) => url.split_at(at + 2),
        None => ("", url),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rfind('@') {
        Some(at) if !scheme.is_empty() => format!("{scheme}{}", &rest[at + 1..]),
        _ => url.to_owned(),
    }
}

const UNRESERVED: &[u8] = b"-._~";

/// As they are in a path; `*` and `~` are escaped: form encoding and the signature's differ in them.
const PLAIN_IN_PATH: &[u8] = b"-._:@!$&'()+,;=/";

/// A URL in the one spelling over which a signature holds: what signs it, what sends it and what checks it respell
/// nothing any more.
///
/// The query is in the canonical form of AWS Signature Version 4 (*AWS Signature Version 4 for API requests*, "Create a
/// canonical request"). In the path everything that Java's form encoding and the signature's encoding treat differently,
/// or that a URL parser would escape, is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignableUrl {
    /// Scheme and authority.
    server: String,
    path: String,
    /// Without its question mark; empty when there is none.
    query: String,
}

impl SignableUrl {
    /// Spells a URL so that it can be signed.
    ///
    /// # Errors
    /// When the path has no spelling over which a signature holds.
    pub fn new(url: &str) -> Result<SignableUrl, Unusable> {
        let authority = url.find("://").map_or(0, |at| at + 3);
        let (before, query) = url.split_once('?').unwrap_or((url, ""));
        let slash = before[authority..].find('/').map(|at| authority + at);
        let (server, path) = before.split_at(slash.unwrap_or(before.len()));
        let path = match path {
            "" => "/".to_owned(),
            _ => escaped(path, PLAIN_IN_PATH),
        };
        for segment in path[1..].split('/') {
            let dots = segment.replace("%2e", ".").replace("%2E", ".");
            if matches!(dots.as_str(), "" | "." | "..") {
                return Err(Unusable(format!(
                    "its credentials are a signature, which the path {path} can't have: a segment of it is empty or dots"
                )));
            }
        }
        Ok(SignableUrl {
            server: server.to_owned(),
            path,
            query: canonical_query(query),
        })
    }

    /// The path, from its first slash on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path and query.
    pub fn path_and_query(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

impl fmt::Display for SignableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path_and_query())
    }
}

fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (respelt(name, UNRESERVED), respelt(value, UNRESERVED))
        })
        .collect();
    parameters.sort();
    let spelt: Vec<String> = parameters
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    spelt.join("&")
}
