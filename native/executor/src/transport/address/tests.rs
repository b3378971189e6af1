use super::*;

fn sent(url: &str) -> String {
    Address::of(url.to_owned()).unwrap().target.to_string()
}

#[test]
fn path_and_query_go_out_byte_for_byte() {
    for target in [
        "/v1/../files?x=/../y",
        "/v1/%2e%2e/%2E./a",
        "/a\\b\\..\\c",
        "//double///",
        "/a;b=c?d=e&f=%20+%zz&g",
        "/{model}/\"quoted\"|^~[]@:!$&'()*,;=",
        "/caf\u{e9}?q=\u{4e2d}",
        "/?",
        "/v1?a=b?c",
    ] {
        assert_eq!(sent(&format!("https://a.example{target}")), target);
    }
    assert_eq!(sent("https://a.example"), "/");
    assert_eq!(sent("https://a.example?x=1"), "/?x=1");
}

#[test]
fn what_no_request_line_can_hold_is_escaped_and_nothing_else_of_the_ascii_characters() {
    for byte in 0..128u8 {
        for target in [
            format!("/a{}b", char::from(byte)),
            format!("/a?{}b", char::from(byte)),
        ] {
            let plain = target.parse::<PathAndQuery>();
            let plain = plain.is_ok_and(|t| t.as_str() == target);
            let sent = sent(&format!("http://a.example{target}"));
            match plain {
                true => assert_eq!(sent, target),
                false => assert_eq!(
                    sent,
                    target.replace(char::from(byte), &format!("%{byte:02X}"))
                ),
            }
        }
    }
}

#[test]
fn what_is_no_url_is_an_address_error() {
    for url in ["", "a.example/v1", "/v1", "https:/a.example"] {
        assert_eq!(
            Address::of(url.to_owned()).err(),
            Some(NetError::Address),
            "{url}"
        );
    }
    for server in [
        "ftp://a.example",
        "https://",
        "https://:443",
        "https://a.example:port",
        "https://a.example:99999",
        "https://a b",
        "https://[::1",
        "https://user@",
    ] {
        assert_eq!(
            Server::of(server).err(),
            Some(NetError::Address),
            "{server}"
        );
    }
}

#[test]
fn a_server_is_its_scheme_host_and_port() {
    let of = |url: &str| {
        let server = Server::of(url).unwrap();
        (server.authority.to_string(), server.port, server.secure)
    };
    assert_eq!(
        of("https://API.example"),
        ("api.example".to_owned(), 443, true)
    );
    assert_eq!(
        of("HTTPS://api.example:443"),
        ("api.example".to_owned(), 443, true)
    );
    assert_eq!(
        of("http://api.example:443"),
        ("api.example:443".to_owned(), 443, false)
    );
    assert_eq!(
        of("https://user:p@api.example:8443"),
        ("api.example:8443".to_owned(), 8443, true)
    );
    assert_eq!(of("http://[::1]:80"), ("[::1]".to_owned(), 80, false));
    assert_eq!(Server::of("http://[::1]:80").unwrap().bare_host(), "::1");
}
