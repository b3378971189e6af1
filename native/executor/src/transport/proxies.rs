//! Which proxy a request takes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use failover_policy::{Diagnostic, Level};
use http::{HeaderValue, Uri};
use regex::Regex;
use zeroize::Zeroizing;

use super::network::{Login, Proxy};

struct Rule {
    secure: bool,
    /// `None`: for all that no other rule is for.
    hosts: Option<Vec<Regex>>,
    bypass: Vec<Regex>,
    via: Via,
}

/// A proxy, and who to be towards it.
#[derive(Clone)]
pub(crate) struct Via {
    pub(crate) at: Uri,
    /// The value of `Proxy-Authorization`.
    pub(crate) login: Option<HeaderValue>,
}

/// The proxies of a gateway.
pub(crate) struct Proxies(Vec<Rule>);

impl Proxies {
    pub(crate) fn new(proxies: Vec<Proxy>, said: &mut Vec<Diagnostic>) -> Self {
        Proxies(proxies.into_iter().map(|p| rule(p, said)).collect())
    }

    /// The proxy for a host, an IPv6 address in its brackets; `None`: it is called directly.
    pub(crate) fn select(&self, secure: bool, host: &str) -> Option<&Via> {
        let matching = |patterns: &[Regex]| patterns.iter().any(|p| p.is_match(host));
        let of_scheme = || self.0.iter().filter(|r| r.secure == secure);
        let rule = of_scheme()
            .find(|r| r.hosts.as_deref().is_some_and(matching))
            .or_else(|| of_scheme().find(|r| r.hosts.is_none()))?;
        (!matching(&rule.bypass)).then_some(&rule.via)
    }
}

fn rule(proxy: Proxy, said: &mut Vec<Diagnostic>) -> Rule {
    let address = format!("http://{}:{}", proxy.host, proxy.port);
    let at = address.parse().unwrap_or_else(|_| {
        said.push(Diagnostic {
            level: Level::Error,
            field: "http.proxyHost".to_owned(),
            message: format!("{:?} is no host", proxy.host),
        });
        // Nobody listens at port 0: a proxy that can't be used is not gone past.
        Uri::from_static("http://127.0.0.1:0")
    });
    let all = proxy.hosts.iter().any(|host| host == "*");
    Rule {
        secure: proxy.secure,
        hosts: (!all).then(|| patterns(&proxy.hosts)),
        bypass: patterns(&proxy.bypass),
        via: Via {
            at,
            login: proxy.login.as_ref().and_then(basic),
        },
    }
}

fn basic(login: &Login) -> Option<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", login.user, *login.password));
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", *encoded)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn patterns(entries: &[String]) -> Vec<Regex> {
    entries
        .iter()
        .map(|entry| entry.trim())
        .filter(|entry| !entry.is_empty())
        .filter_map(|entry| {
            let whole = |inner: &str| Regex::new(&format!("(?i)^(?:{inner})$"));
            let with_stars = || entry.split('*').map(regex::escape).collect::<Vec<_>>();
            whole(entry)
                .or_else(|_| whole(&with_stars().join(".*")))
                .ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
