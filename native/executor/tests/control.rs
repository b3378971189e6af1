//! What a client may say of failing over (`behaviour.md` §2), and what it is told of the attempts (§8).

mod support;

use bytes::Bytes;
use failover_executor::{Arrival, Decision};
use failover_policy::KeyType;
use proptest::prelude::*;
use support::*;

fn three() -> Api {
    api(&["a@east", "b@west", "b@east"])
        .set("clientControl", "true")
        .set("targetRetries", "0")
        .bind()
}

fn decide(api: &Api, control: &str) -> Decision {
    let arrival = Arrival {
        control: Some(control),
        ..arrival("/chat/completions", Bytes::from(chat("a")))
    };
    api.attached.prepare(KeyType::Production, arrival)
}

/// Who is asked when everybody fails, or the status of a refusal.
async fn asked(api: &Api, control: &str) -> Result<Vec<String>, u16> {
    for who in ["a@east", "b@west", "b@east"] {
        api.on(who, [answer(200, "")]);
    }
    match decide(api, control) {
        Decision::Handle(call) => {
            let client = api.client(KeyType::Production);
            api.start_with(call, client).end().await;
            Ok(api.called())
        }
        Decision::Refuse(refusal) => Err(refusal.status()),
        Decision::PassOn => panic!("it was passed on"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_leaves_out_whom_it_names() {
    let all = ["a@east", "b@west", "b@east"];
    for (control, left) in [
        ("off", &all[..1]),
        (" Off ", &all[..1]),
        ("b", &all[..1]),
        ("a", &all[1..]),
        ("b;endpoint=west", &["a@east", "b@east"]),
        ("b ; endpoint=west , b;endpoint=east", &all[..1]),
        (";endpoint=east", &["b@west"]),
        ("%62", &all[..1]),
        ("", &all),
        (",;,", &all),
        ("nobody", &all),
        ("b;region=west", &all),
        ("off, nobody", &all),
    ] {
        let was = asked(&three(), control).await;
        let left = left.iter().map(ToString::to_string).collect();
        assert_eq!(was, Ok(left), "x-failover: {control}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_nobody_is_refused() {
    let long = "x,".repeat(2049);
    for control in ["a, b", ";endpoint=east, ;endpoint=west", long.as_str()] {
        assert_eq!(asked(&three(), control).await, Err(400), "{control}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_says_does_not_count_where_the_api_does_not_allow_it() {
    let api = api(&["a@east", "b@west", "b@east"])
        .set("targetRetries", "0")
        .bind();
    for control in ["off", "a, b"] {
        let was = asked(api.forget(), control).await;
        assert_eq!(was.map(|who| who.len()), Ok(3), "{control}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_target_is_not_asked_by_a_client_that_wants_no_other() {
    let api = three();
    api.on("a@east", [status(503)]).on("b@west", [ok("x")]);
    api.send(&chat("a")).await;
    assert!(api.is_suspended("a@east"));

    // The first may probe it, as with one candidate alone; the next has to wait.
    api.forget().on("a@east", [silent()]);
    let start = |api: &Api| match decide(api, "off") {
        Decision::Handle(call) => api.start_with(call, api.client(KeyType::Production)),
        other => panic!("{other:?}"),
    };
    let probe = start(&api);
    wait(0.1).await;
    let heard = start(&api).end().await;
    assert_eq!(heard.status(), 503);
    assert_eq!(api.called(), ["a@east"]);
    probe.cancel().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_client_that_wants_no_other_is_not_continued() {
    let api = three();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("one")), breaks(0.1)])],
    );
    let arrival = Arrival {
        control: Some("off"),
        ..arrival("/chat/completions", Bytes::from(streamed("a")))
    };
    let Decision::Handle(call) = api.attached.prepare(KeyType::Production, arrival) else {
        panic!("it is not taken over");
    };
    let heard = api
        .start_with(call, api.client(KeyType::Production))
        .end()
        .await;
    assert!(!heard.text().contains("[DONE]"), "{}", heard.text());
    assert_eq!(
        heard.report().not_continued.as_deref(),
        Some("no-candidate")
    );
    assert_eq!(api.called(), ["a@east"]);
    let left_out = &heard.report().skipped;
    assert!(
        left_out.iter().all(|(.., why)| *why == "left-out") && left_out.len() == 2,
        "{left_out:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_reasons_name_the_attempts_that_failed_in_order() {
    let refused = || answer(401, r#"{"error":{"message":"no"}}"#);
    for body in [chat("a"), streamed("a")] {
        let api = three();
        let last = match body == chat("a") {
            true => ok("x"),
            false => ok_stream("x"),
        };
        api.on("a@east", [status(500)])
            .on("b@west", [refused()])
            .on("b@east", [last]);
        let heard = api.send(&body).await;
        assert_eq!(
            heard.header("x-failover-reason"),
            Some("unavailable, credentials-refused")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_failure_there_are_no_reasons() {
    let api = three();
    api.on("a@east", [ok("x").header("x-failover-reason", "forged")]);
    assert_eq!(api.send(&chat("a")).await.header("x-failover-reason"), None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_all_says_the_reasons_unless_they_are_switched_off() {
    for (switch, reasons) in [("true", "no-answer, no-answer, no-answer"), ("false", "")] {
        let api = api(&["a@east", "b@west", "b@east"])
            .set("targetRetries", "0")
            .set("responseHeaders", switch)
            .bind();
        for who in ["a@east", "b@west", "b@east"] {
            api.on(who, [answer(200, "")]);
        }
        assert_eq!(api.send(&chat("a")).await.failure().reasons, reasons);
    }
}

proptest! {
    /// Whatever a client says, somebody is left, or it is told so.
    #[test]
    fn no_value_leaves_a_call_without_anybody(control in "[ab;,=%a-z0-9 ]{0,40}|\\PC{0,80}") {
        let api = three();
        match decide(&api, &control) {
            Decision::Handle(mut call) => prop_assert!(call.first_candidate().is_some()),
            Decision::Refuse(refusal) => prop_assert_eq!(refusal.status(), 400),
            Decision::PassOn => prop_assert!(false, "passed on"),
        }
    }
}
