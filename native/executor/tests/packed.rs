//! A compressed request is read through its coding (`behaviour.md` §2). The codings themselves are tested in their crate.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;

use bytes::Bytes;
use failover_executor::{Arrival, Decision};
use failover_policy::KeyType;
use flate2::Compression;
use flate2::write::GzEncoder;
use support::*;

const JSON: Option<&str> = Some("application/json");

fn gzip(body: &str) -> Bytes {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(body.as_bytes()).unwrap();
    out.finish().unwrap().into()
}

fn two() -> Builder {
    api(&["a@east", "b@west"]).set("maxRequestBody", "2MiB")
}

fn decide(api: &Api, content_type: Option<&str>, encoding: &str, body: Bytes) -> Decision {
    let reserved = body.len() as u64;
    assert!(api.attached.count(0, reserved));
    let arrival = Arrival {
        content_type,
        content_encoding: Some(encoding),
        reserved,
        ..arrival("/chat/completions", body)
    };
    api.attached.prepare(KeyType::Production, arrival)
}

fn refused(decision: Decision) -> Option<u16> {
    match decision {
        Decision::Refuse(refusal) => Some(refusal.status()),
        Decision::Handle(_) | Decision::PassOn => None,
    }
}

#[tokio::test(start_paused = true)]
async fn each_candidate_is_sent_it_unpacked_and_with_its_own_model() {
    let api = two().bind();
    api.on("a@east", [status(429)]).on("b@west", [ok("hello")]);
    let Decision::Handle(call) = decide(&api, JSON, "gzip", gzip(&chat("a"))) else {
        panic!("it is not taken over");
    };
    let memory = api.world.registry.memory();
    assert_eq!(
        memory.buffered(),
        chat("a").len() as u64,
        "what came is gone"
    );
    let heard = api
        .start_with(call, api.client(KeyType::Production))
        .end()
        .await;
    assert!(heard.text().contains("hello"));
    let sent: Vec<String> = api
        .world
        .net
        .sent()
        .iter()
        .map(|s| s.text().to_owned())
        .collect();
    assert_eq!(sent, [chat("a"), chat("b")]);
    drop(heard);
    assert_eq!(memory.buffered(), 0);
}

#[test]
fn one_for_another_model_is_passed_on_and_what_it_was_read_into_is_given_back() {
    let api = two().bind();
    let packed = gzip(&chat("other"));
    let length = packed.len() as u64;
    let decision = decide(&api, JSON, "gzip", packed);
    assert!(matches!(decision, Decision::PassOn), "{decision:?}");
    assert_eq!(api.world.registry.memory().buffered(), length);
}

#[test]
fn a_coding_that_is_not_known_is_refused_for_what_is_declared_as_json_and_else_passed_on() {
    let api = two().bind();
    for (content_type, expected) in [
        (JSON, Some(415)),
        (Some("application/vnd.x+json; charset=utf-8"), Some(415)),
        (None, None),
        (Some("multipart/form-data; boundary=x"), None),
    ] {
        let decision = decide(&api, content_type, "compress", Bytes::from("x"));
        let status = refused(decision);
        assert_eq!(status, expected, "{content_type:?}");
    }
}

#[test]
fn what_is_not_what_its_coding_says_is_refused_as_bad_json_is() {
    let api = two().bind();
    let plain = || Bytes::from(chat("a"));
    assert_eq!(refused(decide(&api, JSON, "gzip", plain())), Some(400));
    assert_eq!(refused(decide(&api, None, "gzip", plain())), None);
    assert!(matches!(
        decide(&api, JSON, "identity", plain()),
        Decision::Handle(_)
    ));
}

#[test]
fn little_that_unpacks_to_much_is_too_large_or_has_no_room() {
    let api = two().set("maxMemory", "1MiB").bind();
    let held = |megabytes: usize| gzip(&says("a", &"a".repeat(megabytes << 20)));
    let memory = api.world.registry.memory();
    for (body, expected) in [(held(4), 503), (held(1), 503)] {
        let length = body.len() as u64;
        assert_eq!(refused(decide(&api, JSON, "gzip", body)), Some(expected));
        assert_eq!(memory.buffered(), length, "nothing of it is counted on");
        memory.release(length);
    }
    let roomy = two().bind();
    assert_eq!(refused(decide(&roomy, JSON, "gzip", held(4))), Some(413));
}
