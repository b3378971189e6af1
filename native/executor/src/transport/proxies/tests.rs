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
