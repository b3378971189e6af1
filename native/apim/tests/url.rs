//! How an endpoint's address and the rest of a path meet.

use failover_apim::{address, join};
use proptest::prelude::*;

#[test]
fn the_engines_way_of_joining() {
    for (url, rest, whole) in [
        ("http://h/v1", "/chat", "http://h/v1/chat"),
        ("http://h/v1/", "/chat", "http://h/v1/chat"),
        ("http://h/v1", "chat", "http://h/v1/chat"),
        ("http://h/v1", "", "http://h/v1"),
        ("http://h/v1/", "", "http://h/v1/"),
        ("http://h/v1", "/", "http://h/v1/"),
        ("http://h/v1/", "?a=1", "http://h/v1?a=1"),
        ("http://h/v1", "/?a=1", "http://h/v1?a=1"),
    ] {
        assert_eq!(join(url, rest), whole, "{url} and {rest}");
    }
}

#[test]
fn an_address_is_what_may_be_told() {
    for (url, told) in [
        ("https://u:p@h:8080/v1?key=k#f", "https://h:8080/v1"),
        ("https://h/v1@2?k", "https://h/v1@2"),
        ("https://a@b@h/", "https://h/"),
        ("h/v1?k", "h/v1"),
    ] {
        assert_eq!(address(url), told);
    }
}

proptest! {
    #[test]
    fn no_secret_part_is_told(
        user in "[a-zA-Z0-9:]{0,8}",
        query in "[a-zA-Z0-9=&@?/#]{0,12}",
    ) {
        let told = address(&format!("https://{user}@host/path?{query}"));
        prop_assert_eq!(told, "https://host/path");
    }

    #[test]
    fn there_is_one_slash_between_them(base in "[a-z/]{1,8}[a-z]/?", rest in "/?[a-z]{1,8}") {
        let joined = join(&format!("http://{base}"), &rest);
        let (base, rest) = (base.trim_end_matches('/'), rest.trim_start_matches('/'));
        prop_assert_eq!(joined, format!("http://{base}/{rest}"));
    }
}
