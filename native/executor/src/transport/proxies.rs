//! Which proxy a request takes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use failover_policy::{Diagnostic, Level};
use http::{HeaderValue, Uri};
use regex_lite::Regex;
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
            let with_stars = || entry.split('*').map(regex_lite::escape).collect::<Vec<_>>();
            whole(entry)
                .or_else(|_| whole(&with_stars().join(".*")))
                .ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(proxies: Vec<Proxy>, url: &str) -> Option<String> {
        let url: Uri = url.parse().unwrap();
        let proxies = Proxies::new(proxies, &mut Vec::new());
        let secure = url.scheme_str() == Some("https");
        let via = proxies.select(secure, url.host().unwrap())?;
        via.at.host().map(str::to_owned)
    }

    fn proxy(host: &str, hosts: &[&str], bypass: &[&str]) -> Proxy {
        let owned = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
        Proxy {
            secure: true,
            hosts: owned(hosts),
            bypass: owned(bypass),
            host: host.to_owned(),
            port: 3128,
            login: None,
        }
    }

    #[test]
    fn the_bypass_list_takes_the_gateways_expressions_and_javas_stars() {
        let list = [
            "localhost",
            "10\\..*",
            "*.corp.example",
            " api[0-9]+.example ",
            "(",
        ];
        for direct in [
            "localhost",
            "LOCALHOST",
            "10.1.2.3",
            "models.corp.example",
            "api12.example",
        ] {
            let url = format!("https://{direct}/v1");
            assert_eq!(
                chosen(vec![proxy("p", &["*"], &list)], &url),
                None,
                "{direct}"
            );
        }
        for proxied in [
            "localhost.example",
            "110.1.2.3",
            "corp.example",
            "api.openai.com",
        ] {
            let url = format!("https://{proxied}/v1");
            let found = chosen(vec![proxy("p", &["*"], &list)], &url);
            assert_eq!(found.as_deref(), Some("p"), "{proxied}");
        }
    }

    #[test]
    fn a_profile_of_its_own_goes_before_the_one_for_all_and_its_bypass_is_final() {
        let all = || {
            vec![
                proxy("for-all", &["*"], &[]),
                proxy("for-eu", &[".*[.]eu"], &["direct[.]eu"]),
            ]
        };
        assert_eq!(
            chosen(all(), "https://model.us/").as_deref(),
            Some("for-all")
        );
        assert_eq!(
            chosen(all(), "https://model.eu/").as_deref(),
            Some("for-eu")
        );
        assert_eq!(chosen(all(), "https://direct.eu/"), None);
        assert_eq!(
            chosen(all(), "http://model.eu/"),
            None,
            "there is none for http"
        );
    }

    #[test]
    fn a_proxy_whose_host_is_none_is_named_and_not_gone_past() {
        let mut said = Vec::new();
        let proxies = Proxies::new(vec![proxy("no host", &["*"], &[])], &mut said);
        assert!(said[0].to_string().contains("\"no host\""), "{said:?}");
        let via = proxies.select(true, "a.example").unwrap();
        assert_eq!(via.at.port_u16(), Some(0));
    }
}
