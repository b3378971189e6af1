//! An API whose response policies need whole answers: a stream is collected, and the client hears of it at its end
//! (`behaviour.md` §6). One that can't be completed is an attempt that failed.

mod support;

use failover_executor::{Cause, NetError, Outcome};
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

fn buffered(api: &Api) -> u64 {
    api.world.registry.memory().buffered()
}

/// Of `size` bytes in all, as text that no format knows.
fn song(size: usize) -> Act {
    let pieces = (0..size / 1000).map(|_| now(&format!("{}\n", "a song ..".repeat(111))));
    events(pieces.collect::<Vec<_>>()).content_type("text/plain")
}

fn counted() -> Builder {
    api(&["a@east"]).provider(&["totalTokenCount $.usage.total_tokens"])
}

#[track_caller]
fn assert_nothing_of_it(heard: &Heard, status: u16) {
    assert_eq!(heard.failure().status.as_u16(), status);
    assert_eq!(heard.failure().cause, Cause::Broken);
    assert_eq!(heard.text(), "", "something partial");
}

// ------------------------------------------------------------------------------------------------- complete

#[tokio::test(start_paused = true)]
async fn a_stream_is_one_whole_answer_at_its_end() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([
            now(ROLE),
            later(5.0, &delta("hel")),
            later(5.0, &delta("lo")),
            later(5.0, STOP),
            now(DONE),
        ])],
    );
    let running = api.start_collected(&streamed("a"));
    wait(14.0).await;
    let before = running.client.heard();
    assert!(before.head.is_none(), "the client hears nothing before");

    let heard = running.end().await;

    assert!(!heard.streamed, "one piece");
    assert_eq!(heard.status(), 200);
    assert_eq!(heard.header("x-failover-model"), Some("a"));
    assert_time(heard.at, 15.0, "at the end");
    let whole = [ROLE, &delta("hel"), &delta("lo"), STOP, DONE].concat();
    assert_eq!(heard.text(), whole);
    assert_eq!(api.called(), ["a@east"]);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_is_missing_is_there() {
    let api = two().bind();
    api.on("a@east", [events([now(&delta("hello")), now(STOP)])]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert!(heard.text().ends_with(DONE), "{}", heard.text());
}

#[tokio::test(start_paused = true)]
async fn what_it_has_used_stands_on_the_answer() {
    let api = counted().bind();
    let acts = [now(&delta("hello")), now(STOP), now(USAGE), now(DONE)];
    api.on("a@east", [events(acts)]);
    let heard = api.start_collected(&streamed("a")).end().await;
    let metadata = heard.head.as_ref().unwrap().metadata.clone();
    assert!(
        metadata.contains(&("totalTokenCount".into(), "3".into())),
        "{metadata:?}"
    );
    assert_eq!(heard.used, None, "it is said once");
}

#[tokio::test(start_paused = true)]
async fn the_idle_clock_runs_and_not_that_of_all_attempts() {
    let api = two()
        .set("overallTimeout", "20")
        .set("idleTimeout", "10")
        .set("onStreamCut", "error")
        .bind();
    let slowly = |text| later(9.0, &delta(text));
    let slow = [
        now(&delta("0")),
        slowly("1"),
        slowly("2"),
        slowly("3"),
        now(STOP),
        now(DONE),
    ];
    api.on("a@east", [events(slow)]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.status(), 200);
    assert_time(heard.at, 27.0, "longer than all attempts may take");

    api.forget();
    api.on("a@east", [events([now(&delta("0")), hangs()])])
        .on("b@west", [ok_stream("hello")]);
    let before = api.elapsed();
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.header("x-failover-model"), Some("b"));
    assert_time(heard.at.saturating_sub(before), 10.0, "a pause too long");
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_what_it_was() {
    let api = two().bind();
    api.on("a@east", [ok("hello")]);
    let heard = api.start_collected(&chat("a")).end().await;
    assert_eq!(heard.status(), 200);
    assert!(heard.text().contains("hello"));
}

// ----------------------------------------------------------------------------------------------------- broken

#[tokio::test(start_paused = true)]
async fn what_breaks_is_continued_in_one_answer() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("one ")), breaks(0.0)])],
    )
    .on("b@west", [ok_stream("two")]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.status(), 200);
    let text = heard.text();
    assert!(text.contains("one ") && text.contains("two"), "{text}");
    assert_eq!(text.matches(DONE).count(), 1, "{text}");
    assert_eq!(text.matches("\"stop\"").count(), 1, "{text}");
    assert_eq!(api.called(), ["a@east", "b@west"]);
}

#[tokio::test(start_paused = true)]
async fn with_nobody_else_it_is_a_502_and_nothing_partial() {
    for how in [breaks(0.0), now(STREAM_ERROR), hangs()] {
        let api = api(&["a@east"]).bind();
        api.on("a@east", [events([now(&delta("one")), how])]);
        let heard = api.start_collected(&streamed("a")).end().await;
        assert_nothing_of_it(&heard, 502);
        assert_eq!(buffered(&api), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_continued_is_answered_by_the_next_from_the_beginning() {
    for (settings, how) in [
        ("error", breaks(0.0)),
        ("error", now(STREAM_ERROR)),
        ("continue", panics_on_reading()),
    ] {
        let api = two().set("onStreamCut", settings).bind();
        api.on("a@east", [events([now(ROLE), now(&delta("one")), how])])
            .on("b@west", [ok_stream("whole")]);
        let heard = api.start_collected(&streamed("a")).end().await;
        assert_eq!(heard.status(), 200);
        assert_eq!(heard.header("x-failover-model"), Some("b"));
        assert_eq!(heard.header("x-failover-attempts"), Some("2"));
        assert!(!heard.text().contains("one"), "{}", heard.text());
        assert!(heard.text().contains("whole"), "{}", heard.text());
        let sent = api.sent();
        assert!(!sent[1].text().contains("one"), "{}", sent[1].text());
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_continued_is_answered_from_the_beginning_too() {
    const CALL: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]},\"finish_reason\":null}]}\n\n";
    let api = two().bind();
    api.on("a@east", [events([now(CALL), breaks(0.0)])])
        .on("b@west", [ok_stream("whole")]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.header("x-failover-model"), Some("b"));
    assert!(!heard.text().contains("tool_calls"), "{}", heard.text());
    assert!(heard.text().contains("whole"), "{}", heard.text());
}

#[tokio::test(start_paused = true)]
async fn when_the_next_fails_too_it_is_judged_like_any_last_attempt() {
    for (second, expected) in [
        (status(429), 429),
        (fails(NetError::Refused), 502),
        (events([now(&delta("two")), breaks(0.0)]), 502),
    ] {
        let api = two().set("onStreamCut", "error").bind();
        api.on("a@east", [events([now(&delta("one")), breaks(0.0)])])
            .on("b@west", [second]);
        let heard = api.start_collected(&streamed("a")).end().await;
        assert_eq!(heard.status(), expected);
        assert!(!heard.text().contains("one"), "{}", heard.text());
        assert_eq!(api.called(), ["a@east", "b@west"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_said_before_is_not_the_answer_to_a_stream_that_broke() {
    let api = two().bind();
    api.on("a@east", [status(500)])
        .on("b@west", [events([now(&delta("one")), breaks(0.0)])]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_nothing_of_it(&heard, 502);
}

#[tokio::test(start_paused = true)]
async fn a_filter_in_the_middle_is_a_502_that_blames_nobody() {
    const FILTERED: &str = "data: {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"content_filter\"}}\n\n";
    let api = two().bind();
    api.on("a@east", [events([now(&delta("one")), now(FILTERED)])]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_nothing_of_it(&heard, 502);
    assert!(!api.is_marked("a@east"));
    assert_eq!(api.called(), ["a@east"]);
}

#[tokio::test(start_paused = true)]
async fn the_candidate_that_broke_is_suspended_when_another_serves_the_request() {
    let api = two().set("onStreamCut", "error").bind();
    api.on("a@east", [events([now(&delta("one")), breaks(0.0)])])
        .on("b@west", [ok_stream("whole")]);
    api.start_collected(&streamed("a")).end().await;
    api.assert_suspended_for("a@east", 60.0, "another has served the request");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_completes_has_used_its_tokens_all_the_same() {
    let api = counted().bind();
    api.on(
        "a@east",
        [events([now(&delta("one")), now(USAGE), breaks(0.0)])],
    );
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_nothing_of_it(&heard, 502);
    let message = &heard.failure().message;
    assert!(message.contains("broke off its answer"), "{message}");
    assert!(heard.used.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_it_and_has_used_its_tokens() {
    let api = counted().bind();
    let pieces = (0..100).map(|_| later(1.0, &delta(&"x".repeat(1000))));
    api.on("a@east", [events(pieces.collect::<Vec<_>>())]);
    let running = api.start_collected(&streamed("a"));
    wait(50.0).await;
    assert!(buffered(&api) > 20_000, "{}", buffered(&api));

    let heard = running.cancel().await;

    assert!(heard.head.is_none() && heard.failure.is_none());
    assert!(heard.used.is_some());
    assert_eq!(buffered(&api), 0);
    assert_eq!(api.world.net.dropped().len(), 1, "the call is ended");
}

// ----------------------------------------------------------------------------------------------------- large

#[tokio::test(start_paused = true)]
async fn one_that_is_too_large_is_an_attempt_that_failed() {
    let api = two().set("maxAnswerBody", "50000").bind();
    api.on("a@east", [song(51_000)])
        .on("b@west", [song(50_000)]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.status(), 200);
    assert_eq!(heard.text().len(), 50_000, "no more than is allowed");
    assert_eq!(heard.report().attempts[0].outcome, Outcome::TooLarge);

    let api = api_of_one().set("maxAnswerBody", "50000").bind();
    api.on("a@east", [song(51_000)]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_nothing_of_it(&heard, 502);
    assert_eq!(heard.failure().retry_after, None);
}

fn api_of_one() -> Builder {
    api(&["a@east"])
}

#[tokio::test(start_paused = true)]
async fn without_memory_it_is_a_503_and_nobody_else_is_asked() {
    let api = two().set("maxMemory", "2MiB").bind();
    api.on("a@east", [song(3_000_000)]);
    let heard = api.start_collected(&streamed("a")).end().await;
    assert_eq!(heard.failure().status.as_u16(), 503);
    assert_eq!(heard.failure().retry_after, Some(1));
    assert_eq!(api.called(), ["a@east"]);
    assert_eq!(buffered(&api), 0);
    assert!(!api.is_marked("a@east"), "it is not the candidate's fault");
}

#[tokio::test(start_paused = true)]
async fn a_large_one_goes_out_piece_by_piece_and_its_memory_with_it() {
    let api = api_of_one().bind();
    api.on("a@east", [song(3_000_000)]);
    let client = api.client(failover_policy::KeyType::Production);
    client.collects();
    client.one_piece_is(8 * 1024);
    client.takes(0);
    let running = api.start_with(api.take(&streamed("a")), client.clone());
    wait(1.0).await;
    assert!(client.heard().streamed);
    let whole = buffered(&api);
    assert!((2_900_000..3_400_000).contains(&whole), "{whole}");

    client.takes(2_000_000);
    wait(1.0).await;
    let rest = buffered(&api);
    assert!((900_000..1_400_000).contains(&rest), "{rest}");

    client.takes(usize::MAX);
    let heard = running.end().await;
    assert_eq!(heard.text().len(), 3_000_000);
    assert_eq!(buffered(&api), 0);
}
