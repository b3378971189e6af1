//! What a candidate is sent, whatever clients and security mediators come up with.

#![allow(clippy::expect_used, reason = "a test")]

use bytes::Bytes;
use failover_apim::{ClientHeaders, Offer, Outgoing, SignableUrl, Unusable, path_for_providers};
use http::HeaderName;
use proptest::prelude::*;

const URL: &str = "https://provider.example/v1";

fn block(lines: &[(&str, &str)]) -> Bytes {
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"));
    lines.collect::<String>().into()
}

fn client(lines: &[(&str, &str)]) -> ClientHeaders {
    ClientHeaders::read(&block(lines), None, &[])
}

/// What an endpoint is sent whose one mediator sets a header.
fn with_key(client: &ClientHeaders, path: &str, key: (&str, &str)) -> Result<Outgoing, Unusable> {
    let offer = Offer::new(&path_for_providers(path));
    let parsed = offer.path().to_owned();
    offer.applied(client, URL, &parsed, &block(&[key]), b"{}")
}

#[test]
fn an_endpoint_without_credentials_gets_the_clients() {
    let client = client(&[
        ("Authorization", "Bearer mine"),
        ("X-Trace", "1"),
        ("x-trace", "2"),
    ]);
    let sent = client.for_provider();
    assert_eq!(sent["authorization"], "Bearer mine");
    assert_eq!(sent.get_all("x-trace").iter().count(), 2);
}

#[test]
fn nobody_gets_what_is_the_gateways_or_the_connections() {
    let all = [
        ("apikey", "k"),
        ("Internal-Key", "k"),
        ("Proxy-Authorization", "k"),
        ("Host", "gw"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "2"),
        ("Accept-Encoding", "gzip"),
        ("X-Gateway-Token", "k"),
    ];
    let special = [HeaderName::from_static("x-gateway-token")];
    let client = ClientHeaders::read(&block(&all), None, &special);
    assert!(client.for_provider().is_empty());
    assert_eq!(client.lengths(), (0, 0));
}

#[test]
fn a_header_of_the_gateways_name_that_a_mediator_puts_in_is_the_endpoints() {
    let client = client(&[("apikey", "the gateway's")]);
    let sent = with_key(&client, "/chat", ("apikey", "the endpoint's")).expect("applied");
    assert_eq!(sent.headers["apikey"], "the endpoint's");
}

#[test]
fn what_connection_names_stays_unless_the_gateway_has_set_it() {
    let received = block(&[
        ("Connection", "X-Hop, X-Set, Content-Type"),
        ("X-Hop", "1"),
        ("X-Set", "client"),
        ("Content-Type", "application/json"),
    ]);
    let now = block(&[
        ("X-Hop", "1"),
        ("X-Set", "gateway"),
        ("Content-Type", "application/json"),
    ]);
    let client = ClientHeaders::read(&now, Some(&received), &[]);
    let sent = client.for_provider();
    assert!(!sent.contains_key("x-hop"));
    assert_eq!(sent["x-set"], "gateway");
    assert_eq!(sent["content-type"], "application/json");
    assert_eq!(client.withheld(), ["x-hop"]);
}

#[test]
fn a_body_has_one_type() {
    let client = client(&[("Content-Type", "a/b"), ("Content-Type", "c/d")]);
    let sent = client.for_provider();
    assert_eq!(sent.get_all("content-type").iter().count(), 1);
    assert_eq!(sent["content-type"], "a/b");
}

#[test]
fn without_credentials_put_in_nothing_is_sent() {
    let client = client(&[("X-A", "1")]);
    let refused = with_key(&client, "/chat", ("x-a", "1")).expect_err("nothing was put in");
    assert!(refused.to_string().contains("not put in"), "{refused}");
}

#[test]
fn a_credential_that_no_header_can_hold_is_named_and_not_shown() {
    let refused = with_key(&client(&[]), "/chat", ("X-Key", "\0")).expect_err("a NUL");
    assert!(refused.to_string().contains("x-key"), "{refused}");
}

#[test]
fn a_key_in_the_query_takes_the_place_of_the_clients() {
    let offer = Offer::new("/chat?a=%41&key=mine&b");
    assert_eq!(offer.path(), "/chat?a=%41&b");
    let made = format!("{}&key=endpoints", offer.path());
    let sent = offer
        .applied(&client(&[]), URL, &made, &Bytes::new(), b"")
        .expect("applied");
    assert_eq!(
        sent.url,
        "https://provider.example/v1/chat?a=%41&b&key=endpoints"
    );
}

#[test]
fn a_signature_holds_for_the_url_that_is_sent() {
    let mut offer = Offer::new("/model/a:b*/converse?z=1&a=x y");
    let parsed = offer.path().to_owned();
    let signable = offer.to_sign(URL, &parsed, None).expect("can be signed");
    let (path, whole) = (signable.path().to_owned(), signable.path_and_query());
    assert_eq!(whole, "/v1/model/a:b%2A/converse?a=x%20y&z=1");
    let hash = (
        "x-amz-content-sha256",
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    );
    let after = block(&[hash, ("Authorization", "AWS4"), ("Host", "other.example")]);
    let sent = offer
        .applied(&client(&[]), URL, &path, &after, b"{}")
        .expect("applied");
    assert_eq!(sent.url, format!("https://provider.example{whole}"));
    assert_eq!(sent.headers["host"], "other.example");
}

#[test]
fn a_signature_over_something_else_is_refused() {
    for (body, path, expected) in [
        (&b"[]"[..], "/v1/chat", "another body"),
        (b"{}", "/other", "a path that is signed"),
    ] {
        let mut offer = Offer::new("/chat");
        offer.to_sign(URL, "/chat", None).expect("can be signed");
        let hash = (
            "x-amz-content-sha256",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        );
        let refused = offer
            .applied(&client(&[]), URL, path, &block(&[hash]), body)
            .expect_err("not what is sent");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

#[test]
fn only_json_can_be_signed() {
    let mut offer = Offer::new("/chat");
    assert!(
        offer
            .to_sign(URL, "/chat", Some("multipart/form-data"))
            .is_err()
    );
    assert!(
        offer
            .to_sign(URL, "/chat", Some("Application/JSON; charset=x"))
            .is_ok()
    );
}

/// In several spellings, so that a name is told by what it means.
fn credential_name() -> impl Strategy<Value = String> {
    let names = [
        "Authorization",
        "x-API-key",
        "API-Key",
        "cookie",
        "X-Amz-Date",
        "x-goog-api-key",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn parameter_name() -> impl Strategy<Value = String> {
    let names = [
        "key",
        "KEY",
        "%6bey",
        "api_key",
        "access%5Ftoken",
        "x-amz-signature",
        "apikey",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn other() -> impl Strategy<Value = String> {
    "[a-z]{1,6}(=[a-zA-Z0-9%.+/]{0,6})?".prop_filter("no credential", |text| {
        !text.contains("key") && !text.contains("token")
    })
}

proptest! {
    #[test]
    fn an_endpoint_with_credentials_sees_none_of_the_clients(
        names in prop::collection::vec(credential_name(), 0..6),
        parameters in prop::collection::vec(
            prop_oneof![other(), (other(), parameter_name()).prop_map(|(a, b)| format!("{a};{b}=SECRET")),
                parameter_name().prop_map(|name| format!("{name}=SECRET"))], 0..6),
    ) {
        let lines: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "SECRET")).collect();
        let path = format!("/chat?{}", parameters.join("&"));
        let client = client(&lines);
        prop_assert_eq!(client.lengths(), (0, 0), "credentials do not count");
        let sent = with_key(&client, &path, ("Authorization", "Bearer endpoint's")).expect("applied");
        prop_assert_eq!(sent.headers.len(), 1, "{:?}", sent.headers.keys().collect::<Vec<_>>());
        for parameter in sent.url.split('?').nth(1).unwrap_or("").split('&') {
            prop_assert!(
                !parameter.contains("SECRET") || parameter.contains("%3B"),
                "{} has the client's", sent.url
            );
        }
    }

    #[test]
    fn what_no_credential_demands_is_sent_as_it_is_spelt(
        parameters in prop::collection::vec(other(), 0..6),
        path in "(/[a-zA-Z0-9._~:-]{1,8}){1,3}",
    ) {
        let path = match parameters.is_empty() {
            true => path,
            false => format!("{path}?{}", parameters.join("&")),
        };
        prop_assert_eq!(path_for_providers(&path), path.as_str());
        let sent = with_key(&client(&[]), &path, ("x-key", "k")).expect("applied");
        prop_assert_eq!(sent.url, format!("{URL}{path}"));
    }

    #[test]
    fn what_a_mediator_adds_is_there_once(
        parameters in prop::collection::vec(other(), 0..6),
        name in "[a-z]{1,3}",
    ) {
        let path = format!("/chat?{}", parameters.join("&"));
        let offer = Offer::new(&path);
        let made = format!("{}&{name}=ADDED", offer.path());
        let sent = offer.applied(&client(&[]), URL, &made, &Bytes::new(), b"").expect("applied");
        let query = sent.url.split_once('?').expect("a query").1;
        let of_name: Vec<&str> = query
            .split('&')
            .filter(|parameter| parameter.split('=').next() == Some(&name))
            .collect();
        prop_assert_eq!(of_name, [format!("{name}=ADDED")]);
    }

    #[test]
    fn a_signable_spelling_is_one_already(rest in "(/[a-z*%~ ;éü2E.]{1,6}){1,3}(\\?[a-z&=+%2 é;]{0,12})?") {
        if let Ok(once) = SignableUrl::new(&format!("https://host{rest}")) {
            let again = SignableUrl::new(&once.to_string()).expect("it is one");
            prop_assert_eq!(&again, &once);
            prop_assert!(once.to_string().is_ascii());
            prop_assert!(!once.path().contains([' ', '*', '~']), "{}", once);
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let client = ClientHeaders::read(&Bytes::from(bytes), None, &[]);
        let (longest, all) = client.lengths();
        prop_assert!(longest <= all);
        prop_assert!(format!("{client:?}").ends_with("headers"), "no value prints");
        client.for_provider();
    }
}
