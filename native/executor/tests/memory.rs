//! What a provider or a client sends is kept within bounds, and all of it together within `max_memory`; nothing stays
//! counted when it is gone (`behaviour.md` §1, §9).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use bytes::Bytes;
use failover_executor::{Arrival, Cause, Decision, NetError, Outcome, Refusal};
use failover_policy::KeyType;
use failover_suspension::State;
use support::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Beside the count, for each answer, each copy and each stream.
const UNCOUNTED: usize = 16 * KIB;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

/// A piece of a body that never gets to its end.
fn filler(bytes: usize) -> Piece {
    raw(0.0, Bytes::from(vec![b' '; bytes]))
}

/// Far more of them than may be read.
fn endless() -> Vec<Piece> {
    vec![filler(64 * KIB); 4000]
}

fn buffered(api: &Api) -> u64 {
    api.world.registry.memory().buffered()
}

#[track_caller]
fn assert_peak(api: &Api, most: usize) {
    let peak = api.world.registry.memory().peak();
    assert!(
        peak <= most as u64,
        "{peak} bytes were buffered, which is more than {most}"
    );
}

/// A request of `size` bytes for the target.
fn sized(size: usize) -> String {
    let body = format!(r#"{{"model":"a","x":"{}"}}"#, "x".repeat(size));
    body.replace(&"x".repeat(size), &"x".repeat(2 * size - body.len()))
}

// ------------------------------------------------------------------------------------------------- one answer

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_is_given_up_at_the_limit_and_the_next_candidate_is_asked() {
    for (what, act) in [
        ("a whole answer", answer(200, "")),
        (
            "one of an unknown type",
            answer(200, "").content_type("audio/x"),
        ),
        (
            "one that is compressed",
            answer(200, "").header("content-encoding", "br"),
        ),
        ("a stream nobody asked for", events([])),
        ("the client's fault", answer(400, "")),
        ("refused credentials", answer(401, "")),
        ("too many requests", answer(429, "")),
        ("a failure", answer(500, "")),
        ("a status that is none", answer(302, "")),
    ] {
        let api = two().set("maxAnswerBody", "1MiB").bind();
        api.on("a@east", [act.pieces(endless())])
            .on("b@west", [ok("fallback")]);
        let heard = api.send(&chat("a")).await;
        assert!(heard.text().contains("fallback"), "{what}");
        let read = api.world.net.pieces_read("a@east");
        assert!(read <= 17, "{what}: {read} pieces of 64 KiB were read");
        assert_eq!(heard.report().attempts[0].outcome, Outcome::TooLarge);
        assert!(api.is_suspended("a@east"), "{what}");
        assert_peak(&api, MIB + KIB);
        assert_eq!(buffered(&api), 0, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_when_the_only_answer_was_too_large() {
    let api = api(&["a@east"]).set("maxAnswerBody", "1MiB").bind();
    api.on("a@east", [answer(200, "").pieces(endless())]);
    let heard = api.send(&chat("a")).await;
    let failure = heard.failure();
    assert_eq!(failure.status, 502);
    assert!(
        failure.message.contains("max_answer_body"),
        "{}",
        failure.message
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_have_as_many_bytes_as_are_set_and_not_one_more() {
    for (pieces, more, passes) in [
        (vec![1], 999, true),
        (vec![1], 1000, false),
        (vec![500, 100], 400, true),
        (vec![500, 100], 401, false),
        (vec![1000], 0, true),
        (vec![1001], 0, false),
    ] {
        let api = two().set("maxAnswerBody", "1000").bind();
        let all = pieces.iter().copied().chain([more]);
        let all = all.map(|n| raw(0.0, Bytes::from(vec![b'1'; n])));
        api.on(
            "a@east",
            [answer(200, "").content_type("text/plain").pieces(all)],
        )
        .on("b@west", [ok("fallback")]);
        let heard = api.send(&chat("a")).await;
        let fell = heard.text().contains("fallback");
        assert_eq!(fell, !passes, "{pieces:?} and {more}");
        assert!(fell || heard.text().len() == 1000.min(pieces.iter().sum::<usize>() + more));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_up_little_more_than_its_length_while_it_grows() {
    let api = two().set("maxAnswerBody", "64MiB").bind();
    let pieces = (0..4096).map(|_| filler(10_007)).chain([now("[1]")]);
    api.on("a@east", [answer(200, "").pieces(pieces)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.text().len(), 4096 * 10_007 + 3);
    assert_peak(&api, 4096 * 10_007 * 5 / 4 + KIB);
}

// ------------------------------------------------------------------------------------------------ all together

#[tokio::test(start_paused = true)]
async fn an_answer_without_room_is_a_503_and_nobodys_fault() {
    for act in [
        answer(200, "").pieces(endless()),
        answer(500, "").pieces(endless()),
        answer(200, "").pieces([filler(2 * MIB)]),
    ] {
        let api = two().set("maxMemory", "1MiB").bind();
        api.on("a@east", [act]).on("b@west", [ok("fallback")]);
        let heard = api.send(&chat("a")).await;
        let failure = heard.failure();
        assert_eq!(failure.status, 503);
        assert_eq!(failure.retry_after, Some(1));
        assert_eq!(failure.candidate, None);
        assert_eq!(failure.cause, Cause::NoMemory);
        assert_eq!(
            failure.message,
            "The gateway holds as many bodies as max_memory allows"
        );
        assert_eq!(heard.report().attempts[0].outcome, Outcome::NoMemory);
        assert_eq!(api.called(), ["a@east"], "another would find no more room");
        assert_eq!(api.state("a@east"), State::Healthy);
        assert_peak(&api, MIB);
        assert_eq!(buffered(&api), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_503_for_want_of_memory_is_not_hidden_behind_an_older_failure() {
    let api = two().set("maxMemory", "1MiB").bind();
    api.on("a@east", [status(500)])
        .on("b@west", [answer(200, "").pieces(endless())]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status, 503);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_found_no_room_has_found_out_nothing() {
    let api = two().set("maxMemory", "1MiB").bind();
    api.on("a@east", [status(500), answer(200, "").pieces(endless())])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    assert_eq!(api.send(&chat("a")).await.failure().status, 503);
    assert_eq!(
        api.state("a@east"),
        State::Due,
        "the next request may probe"
    );
}

#[tokio::test(start_paused = true)]
async fn a_thousand_answers_at_once_stay_within_the_limit_and_the_others_are_answered() {
    let api = two().set("maxMemory", "8MiB").bind();
    let pieces = (0..6).map(|n| {
        let last = if n == 5 { "[1]" } else { "" };
        raw(0.1, format!("{}{last}", " ".repeat(10 * KIB)).into())
    });
    api.on("a@east", [answer(200, "").pieces(pieces)]);
    let running: Vec<Running> = (0..1000).map(|_| api.start(&chat("a"))).collect();
    let (mut answered, mut refused) = (0, 0);
    for call in running {
        let heard = call.end().await;
        match heard.status() {
            200 => answered += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(
        answered >= 100,
        "only {answered} of those for whom there was room"
    );
    assert!(refused >= 100, "only {refused}, although 1,000 need 60 MiB");
    assert_eq!(api.state("a@east"), State::Healthy);
    assert_peak(&api, 8 * MIB);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn small_answers_and_streams_come_through_while_the_memory_is_used_up() {
    let api = two().set("maxMemory", "1MiB").bind();
    let calls: Vec<_> = (0..2)
        .map(|n| api.take(&[chat("a"), streamed("a")][n]))
        .collect();
    let memory = api.world.registry.memory();
    let _all = memory
        .reserve(MIB as u64 - buffered(&api), u64::MAX)
        .unwrap();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("one"), ok_stream("two")]);
    for (call, said) in calls.into_iter().zip(["one", "two"]) {
        let heard = api
            .start_with(call, api.client(KeyType::Production))
            .end()
            .await;
        assert!(heard.text().contains(said), "{said}: {:?}", heard.failure);
    }
    match api.decide(&sized(KIB)) {
        Decision::Refuse(refusal @ Refusal::NoMemory) => assert_eq!(refusal.status(), 503),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn apis_of_one_gateway_share_one_memory() {
    let first = two().set("maxMemory", "1MiB").bind();
    let second = two()
        .within(&first.world)
        .version("2")
        .set("maxMemory", "1MiB")
        .bind();
    let _call = first.take(&sized(500 * KIB));
    assert!(matches!(
        second.decide(&sized(500 * KIB)),
        Decision::Refuse(Refusal::NoMemory)
    ));
    let third = two()
        .within(&first.world)
        .version("3")
        .set("maxMemory", "2MiB")
        .bind();
    assert!(matches!(
        third.decide(&sized(700 * KIB)),
        Decision::Handle(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_policy_without_a_limit_of_its_own_has_the_gateways() {
    let world = World::new();
    world.registry.memory().limit_to(MIB as u64);
    let api = two().within(&world).bind();
    assert!(matches!(
        api.decide(&sized(2 * MIB)),
        Decision::Refuse(Refusal::NoMemory)
    ));
}

// ---------------------------------------------------------------------------------------------------- requests

#[tokio::test(start_paused = true)]
async fn what_was_reserved_for_a_request_is_the_calls_when_it_takes_it_over_and_only_then() {
    let api = two().set("maxMemory", "1MiB").bind();
    let memory = api.world.registry.memory();
    let decide = |body: &str, reserved: u64| {
        assert!(api.attached.count(0, reserved));
        let body = Bytes::copy_from_slice(body.as_bytes());
        let arrival = Arrival {
            reserved,
            ..arrival("/chat/completions", body)
        };
        api.attached.prepare(KeyType::Production, arrival)
    };
    let body = sized(1000);
    for reserved in [0, 10, 1000, 5000] {
        let Decision::Handle(call) = decide(&body, reserved) else {
            panic!("it is not taken over");
        };
        assert_eq!(memory.buffered(), 1000, "{reserved} were reserved");
        drop(call);
        assert_eq!(memory.buffered(), 0);
    }
    for (other, what) in [
        (chat("other"), "another model"),
        ("{".to_owned(), "no JSON"),
        (sized(2 * MIB), "no room"),
    ] {
        let decision = decide(&other, 5000);
        assert!(!matches!(decision, Decision::Handle(_)), "{what}");
        assert_eq!(
            memory.buffered(),
            5000,
            "{what}: it is still the client's to release"
        );
        memory.release(5000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_with_another_model_is_counted_and_is_gone_with_its_attempt() {
    let api = two()
        .set("maxMemory", "2MiB")
        .never_resolved("b@west")
        .bind();
    api.on("a@east", [status(500).after(1.0)]);
    let size = 400 * KIB;
    let running = api.start(&sized(size));
    wait(0.5).await;
    assert_eq!(
        buffered(&api),
        size as u64,
        "the target gets the client's own bytes"
    );
    wait(1.0).await;
    let both = buffered(&api) as usize + UNCOUNTED;
    assert!(
        (2 * size..2 * size + 10).contains(&both),
        "the other gets a copy: {both}"
    );
    assert_eq!(running.end().await.status(), 500);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn without_room_for_the_copy_the_candidate_is_not_called_and_not_blamed() {
    let api = two().set("maxMemory", "1MiB").bind();
    api.on("a@east", [status(429)]);
    let heard = api.send(&sized(450 * KIB)).await;
    assert_eq!(heard.failure().status, 503);
    assert_eq!(api.called(), ["a@east"]);
    assert_eq!(api.state("b@west"), State::Healthy);
    // Nor when it is the first: then it would be resolved before the call runs.
    let heard = api.send(&sized(450 * KIB)).await;
    assert_eq!(heard.failure().status, 503);
    assert_eq!(api.called(), ["a@east"]);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_can_need_any_more_is_let_go() {
    let slow = || later(100.0, &delta("y"));
    for (set, held_on) in [("error", false), ("continue", true)] {
        let api = two()
            .set("onStreamCut", set)
            .set("idleTimeout", "1000")
            .bind();
        api.on(
            "a@east",
            [events([now(&delta("x")), slow(), now(STOP), now(DONE)])],
        );
        let body = sized(100 * KIB).replacen('{', r#"{"stream":true,"#, 1);
        let running = api.start(&body);
        wait(1.0).await;
        assert_eq!(buffered(&api) > 0, held_on, "on_stream_cut = {set}");
        running.end().await;
        assert_eq!(buffered(&api), 0);
    }
    let api = two().bind();
    api.on(
        "a@east",
        [answer(200, &format!("[1]{}", " ".repeat(30 * KIB)))],
    );
    let client = api.client(KeyType::Production);
    client.takes(10);
    client.one_piece_is(10);
    let running = api.start_with(api.take(&sized(100 * KIB)), client.clone());
    wait(1.0).await;
    let left = buffered(&api) as usize;
    assert!(
        left < 30 * KIB,
        "while the client takes the answer {left} bytes are buffered"
    );
    client.takes(usize::MAX);
    running.end().await;
    assert_eq!(buffered(&api), 0);
}

// ----------------------------------------------------------------------------------------------------- streams

/// The beginning of an event that has no end.
fn unfinished() -> Vec<Piece> {
    let mut pieces = vec![now("data: {\"choices\":[{\"delta\":{\"content\":\"")];
    pieces.extend((0..4000).map(|_| raw(0.001, Bytes::from(vec![b'x'; 64 * KIB]))));
    pieces
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_end_ends_at_the_frame_limit_and_is_counted_until_then() {
    let api = two().bind();
    api.on("a@east", [events(unfinished())])
        .on("b@west", [ok_stream("fallback")]);
    let heard = api.send(&streamed("a")).await;
    assert!(heard.text().contains("fallback"));
    let memory = api.world.registry.memory();
    assert!(
        (15 * MIB..17 * MIB).contains(&(memory.peak() as usize)),
        "{}",
        memory.peak()
    );
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_room_before_the_first_useful_chunk_is_a_503() {
    let api = two().set("maxMemory", "1MiB").bind();
    api.on("a@east", [events(unfinished())]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.failure().status, 503);
    assert_eq!(api.state("a@east"), State::Healthy);
    assert_peak(&api, MIB);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_room_in_the_middle_is_a_cut_and_nobodys_fault() {
    let api = two().set("maxMemory", "1MiB").bind();
    let mut pieces = vec![now(&delta("x"))];
    pieces.extend(unfinished());
    api.on("a@east", [events(pieces)])
        .on("b@west", [ok_stream("x and more")]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.report().attempts[0].outcome, Outcome::NoMemory);
    assert!(heard.text().contains("and more"), "{}", heard.text());
    assert_eq!(api.state("a@east"), State::Healthy);
    assert_peak(&api, MIB);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_before_the_first_useful_chunk_is_counted() {
    let api = two()
        .set("maxMemory", "400KiB")
        .set("maxHeld", "1MiB")
        .bind();
    let pings = PING.repeat(KIB / PING.len());
    api.on("a@east", [events(vec![later(0.001, &pings); 1000])]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.failure().status, 503);
    let read = api.world.net.pieces_read("a@east");
    assert!(
        (200..225).contains(&read),
        "{read} KiB were buffered, 16 of them without being counted"
    );
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_text_finds_no_room_goes_on_and_is_only_not_continued() {
    let api = two()
        .set("maxMemory", "100KiB")
        .set("maxContinuedText", "1MiB")
        .bind();
    let chunks = (0..200).map(|_| raw(0.001, delta(&"z".repeat(KIB)).into()));
    let whole: Vec<Piece> = chunks.clone().chain([now(STOP), now(DONE)]).collect();
    let broken: Vec<Piece> = chunks.chain([breaks(0.0)]).collect();
    api.on("a@east", [events(whole), events(broken)]);
    let heard = api.send(&streamed("a")).await;
    assert!(heard.ended && heard.text().ends_with(DONE));
    assert_eq!(heard.text().matches('z').count(), 200 * KIB);
    let heard = api.send(&streamed("a")).await;
    let why = heard.report().not_continued.clone();
    assert_eq!(why.as_deref(), Some("too-long"));
    assert_peak(&api, 100 * KIB);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn a_whole_stream_that_nobody_asked_for_is_read_bit_by_bit() {
    let api = two().bind();
    let mut pieces = vec![raw(0.0, Bytes::from(vec![b'\n'; 64 * KIB])); 64];
    pieces.extend([now(&delta("x")), now(STOP), now(DONE)]);
    api.on("a@east", [events(pieces)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.status(), 200);
    assert_peak(&api, 6 * MIB);
}

// --------------------------------------------------------------------------------------------- however it ends

#[tokio::test(start_paused = true)]
async fn nothing_stays_counted_when_a_client_leaves() {
    let half = || vec![filler(100 * KIB), filler(100 * KIB), hangs()];
    let mut cut = vec![now(&delta("x")), filler(100 * KIB)];
    cut.push(hangs());
    let large = sized(100 * KIB);
    let streaming = large.replacen('{', r#"{"stream":true,"#, 1);
    for (what, body, act) in [
        ("while a head is waited for", &large, silent()),
        ("while a body is", &large, answer(200, "").pieces(half())),
        ("while an event is", &streaming, events(half())),
        ("in the middle", &streaming, events(cut)),
    ] {
        let api = two().bind();
        api.on("a@east", [act]);
        let running = api.start(body);
        wait(1.0).await;
        assert!(buffered(&api) >= 100 * KIB as u64, "{what}");
        running.cancel().await;
        assert_eq!(buffered(&api), 0, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_counted_of_a_call_that_is_prepared_and_never_run() {
    let api = two().bind();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    let mut call = api.take(&sized(100 * KIB));
    let (candidate, _) = call.first_candidate().unwrap();
    assert_eq!(candidate, 1, "which gets a copy of it");
    assert!(buffered(&api) > 150 * KIB as u64);
    drop(call);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_counted_after_a_panic() {
    let api = two().bind();
    let half = || answer(500, "").pieces([filler(50 * KIB), filler(50 * KIB)]);
    // The network panics over a candidate that it has no script for, with what it was to send.
    api.on("a@east", [half()]);
    let heard = api.send(&sized(100 * KIB)).await;
    assert_eq!(heard.report().attempts[1].outcome, Outcome::Panicked);
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_counted_after_a_rescue_that_goes_through_all_candidates() {
    let api = api(&["a@east", "b@west", "c@north"]).bind();
    let text = "word ".repeat(20 * KIB);
    let broken = || events([now(&delta(&text)), filler(100 * KIB), breaks(1.0)]);
    api.on("a@east", [broken()])
        .on("b@west", [fails(NetError::Reset)])
        .on("c@north", [status(400)]);
    let large = sized(100 * KIB).replacen(
        '{',
        r#"{"stream":true,"messages":[{"role":"user","content":"x"}],"#,
        1,
    );
    let heard = api.send(&large).await;
    assert!(heard.report().attempts.len() >= 3, "{:?}", heard.report());
    assert_eq!(buffered(&api), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_client_has_not_taken_is_counted_until_it_has() {
    let api = two().bind();
    let event = delta(&"x".repeat(100 * KIB));
    api.on("a@east", [events([now(&event), now(STOP), now(DONE)])]);
    let running = api.start_slow(&streamed("a"), 5);
    wait(10.0).await;
    let slow = buffered(&api) as usize;
    assert!(slow > 80 * KIB, "only {slow} bytes are counted");
    running.client.takes(usize::MAX);
    running.end().await;
    assert_eq!(buffered(&api), 0);
}
