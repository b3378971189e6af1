//! A defect in here is one call's failure: the next candidate answers, and nothing is left behind (`behaviour.md` §9).

mod support;

use failover_executor::{Cause, Outcome};
use failover_suspension::State;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_anything_was_sent_goes_on_to_the_next_candidate() {
    for (body, first, second) in [
        (chat("a"), panics(), ok("hello")),
        (
            chat("a"),
            ok("x").pieces([panics_on_reading()]),
            ok("hello"),
        ),
        (streamed("a"), panics(), ok_stream("hello")),
        (
            streamed("a"),
            events([panics_on_reading()]),
            ok_stream("hello"),
        ),
        (
            streamed("a"),
            events([now(ROLE), panics_on_reading()]),
            ok_stream("hello"),
        ),
    ] {
        let api = two().bind();
        api.on("a@east", [first]).on("b@west", [second]);
        let heard = api.send(&body).await;
        assert_eq!(heard.status(), 200, "{body}");
        assert!(heard.text().contains("hello"), "{}", heard.text());
        assert_eq!(heard.header("x-failover-model"), Some("b"));
        assert_eq!(heard.panics.len(), 1, "told once: {:?}", heard.panics);
        assert!(heard.panics[0].contains("a defect"), "{:?}", heard.panics);
        assert_eq!(heard.report().attempts[0].outcome, Outcome::Panicked);
        assert!(
            !api.is_suspended("a@east"),
            "it says nothing about the candidate"
        );
        assert!(!api.is_suspended("b@west"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_with_nobody_left_is_an_answer_all_the_same() {
    let api = two().bind();
    api.on("a@east", [panics()]).on("b@west", [panics()]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status.as_u16(), 500);
    assert_eq!(heard.failure().cause, Cause::Broken);
    assert_eq!(heard.panics.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_answer_is_given_when_the_rest_panics() {
    let api = two().set("targetRetries", "0").bind();
    api.on("a@east", [status(503)]).on("b@west", [panics()]);
    assert_eq!(api.send(&chat("a")).await.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_panic_poisons_nothing() {
    let api = two().bind();
    api.on("a@east", [panics(), ok("again")])
        .on("b@west", [ok("other")]);
    assert!(api.send(&chat("a")).await.text().contains("other"));
    assert!(api.send(&chat("a")).await.text().contains("again"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_gives_its_permit_back() {
    let api = two().set("targetRetries", "0").bind();
    api.on("a@east", [status(500), panics(), ok("back")])
        .on("b@west", [ok("other")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    assert!(api.send(&chat("a")).await.text().contains("other"));
    assert_eq!(
        api.state("a@east"),
        State::Due,
        "the next request may probe it"
    );
    assert!(api.send(&chat("a")).await.text().contains("back"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_stream_that_has_begun_ends_it_with_its_error_event() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([
            now(ROLE),
            now(&delta("The sea")),
            later(0.1, PING),
            panics_on_reading(),
        ])],
    );
    let heard = api.send(&streamed("a")).await;
    assert!(heard.text().contains("The sea"));
    assert!(heard.text().contains("\"error\""), "{}", heard.text());
    assert!(!heard.text().contains("[DONE]"), "{}", heard.text());
    assert!(heard.ended && !heard.aborted);
    assert_eq!(heard.panics.len(), 1, "told once: {:?}", heard.panics);
    assert_eq!(
        api.called(),
        ["a@east"],
        "nobody knows how much of it the client has"
    );
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_candidate_that_goes_on_leads_to_the_next() {
    let api = api(&["a@east", "b@west", "c@north"]).bind();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("The sea")), breaks(0.1)])],
    )
    .on("b@west", [panics()])
    .on("c@north", [ok_stream(" is deep")]);
    let heard = api.send(&streamed("a")).await;
    assert!(
        heard.text().contains(" is deep") && heard.text().contains("[DONE]"),
        "{}",
        heard.text()
    );
    assert_eq!(heard.panics.len(), 1);
}

/// The stream is dropped by the panic, and says on its way what it has used: were that a panic too, the process would
/// end. This test is over then.
#[tokio::test(start_paused = true)]
async fn a_second_panic_while_the_first_unwinds_does_not_end_the_process() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("x")), now(STOP), now(DONE)])],
    );
    for defects in [
        &["data", "used"][..],
        &["data", "used", "panicked"],
        &["end", "panicked"],
    ] {
        let client = api.client(failover_policy::KeyType::Production);
        defects.iter().for_each(|upcall| client.panics_in(upcall));
        let running = api.start_with(api.take(&streamed("a")), client.clone());
        let ended = running.join().await;
        assert!(
            ended.is_err_and(|e| e.is_panic()),
            "what the gateway itself does is caught by who runs the call"
        );
    }
    assert!(
        api.send(&streamed("a")).await.text().contains("[DONE]"),
        "nothing was poisoned"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_has_used_is_no_reason_to_lose_it() {
    let api = two().bind();
    api.on("a@east", [ok_stream("hello")]);
    let client = api.client(failover_policy::KeyType::Production);
    client.panics_in("used");
    let heard = api.start_with(api.take(&streamed("a")), client).end().await;
    assert!(heard.text().contains("[DONE]") && heard.ended);
    assert_eq!(heard.panics, ["a defect in used"]);
}
