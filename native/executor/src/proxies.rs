//! Which proxy a request takes.

use std::sync::Arc;

use failover_policy::{Diagnostic, Level};
use regex_lite::Regex;
use reqwest::Url;

use crate::network::{Login, Proxy};

struct Rule {
    secure: bool,
    /// `None`: for all that no other rule is for.
    hosts: Option<Vec<Regex>>,
    bypass: Vec<Regex>,
    url: Url,
    login: Option<Login>,
}

/// The proxies for reqwest, which asks each in turn and takes the first that is willing.
pub(crate) struct Proxies(Arc<Vec<Rule>>);

impl Proxies {
    pub(crate) fn new(proxies: Vec<Proxy>, said: &mut Vec<Diagnostic>) -> Result<Self, String> {
        let rules: Result<_, String> = proxies.into_iter().map(|p| rule(p, said)).collect();
        Ok(Proxies(Arc::new(rules?)))
    }

    pub(crate) fn for_reqwest(&self) -> impl Iterator<Item = reqwest::Proxy> {
        (0..self.0.len()).map(|index| {
            let rules = Arc::clone(&self.0);
            let proxy = reqwest::Proxy::custom(move |url| {
                (select(&rules, url) == Some(index)).then(|| rules[index].url.clone())
            });
            match &self.0[index].login {
                Some(login) => proxy.basic_auth(&login.user, &login.password),
                None => proxy,
            }
        })
    }
}

fn rule(proxy: Proxy, said: &mut Vec<Diagnostic>) -> Result<Rule, String> {
    let address = format!("http://{}:{}", proxy.host, proxy.port);
    let url = Url::parse(&address).or_else(|_| {
        said.push(Diagnostic {
            level: Level::Error,
            field: "http.proxyHost".to_owned(),
            message: format!("{:?} is no host", proxy.host),
        });
        // Nobody listens at port 0: a proxy that can't be used is not gone past.
        Url::parse("http://127.0.0.1:0")
    });
    let all = proxy.hosts.iter().any(|host| host == "*");
    Ok(Rule {
        secure: proxy.secure,
        hosts: (!all).then(|| patterns(&proxy.hosts)),
        bypass: patterns(&proxy.bypass),
        url: url.map_err(|e| e.to_string())?,
        login: proxy.login,
    })
}

fn select(rules: &[Rule], url: &Url) -> Option<usize> {
    let host = url.host_str()?;
    let secure = url.scheme() == "https";
    let matching = |patterns: &[Regex]| patterns.iter().any(|p| p.is_match(host));
    let of_scheme = || rules.iter().enumerate().filter(|(_, r)| r.secure == secure);
    let (index, rule) = of_scheme()
        .find(|(_, r)| r.hosts.as_deref().is_some_and(matching))
        .or_else(|| of_scheme().find(|(_, r)| r.hosts.is_none()))?;
    (!matching(&rule.bypass)).then_some(index)
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
        let mut said = Vec::new();
        let proxies = Proxies::new(proxies, &mut said).unwrap();
        let index = select(&proxies.0, &url.parse().unwrap())?;
        proxies.0[index].url.host_str().map(str::to_owned)
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
        let proxies = Proxies::new(vec![proxy("no host", &["*"], &[])], &mut said).unwrap();
        assert!(said[0].to_string().contains("\"no host\""), "{said:?}");
        assert_eq!(
            select(&proxies.0, &"https://a.example".parse().unwrap()),
            Some(0)
        );
    }
}
