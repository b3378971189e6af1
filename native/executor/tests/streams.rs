//! Streamed answers: what is buffered, what commits, how they end (`behaviour.md` §5 and §6, OpenAI chat
//! completions and "anything else", `on_stream_cut = "error"`).

mod support;

use failover_executor::Outcome;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"]).set("onStreamCut", "error")
}

/// A stream of which the target gives the first piece and the fallback is healthy.
async fn streamed_by_target(
    builder: Builder,
    pieces: impl IntoIterator<Item = Piece>,
) -> (Api, Heard) {
    let api = builder.bind();
    api.on("a@east", [events(pieces)])
        .on("b@west", [ok_stream("fallback")]);
    let heard = api.send(&streamed("a")).await;
    (api, heard)
}

/// What a client must be able to see of a stream that broke.
#[track_caller]
fn assert_cut(api: &Api, heard: &Heard, delivered: &str) {
    let text = heard.text();
    assert!(
        text.starts_with(delivered),
        "what came before the break was the client's already: {text}"
    );
    assert!(
        heard.ended && !heard.aborted,
        "with an error event the stream ends in an orderly way"
    );
    let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
    assert!(
        last.starts_with("data: {\"error\":{\"message\":\""),
        "the last event must be OpenAI's error event, but is: {last}"
    );
    assert!(text.ends_with("\n\n"), "the error event must be terminated");
    assert!(
        !text.contains("[DONE]"),
        "a truncated answer must not carry the success marker: {text}"
    );
    assert!(
        !text.contains("fallback"),
        "after the first useful chunk nobody else is asked with on_stream_cut=error"
    );
    assert_eq!(api.calls_of("b@west"), 0);
    assert_eq!(heard.report().attempts[0].outcome, Outcome::StreamCut);
}

// ------------------------------------------------------------------------------------------ before the first

#[tokio::test(start_paused = true)]
async fn what_is_not_useful_neither_commits_nor_restarts_the_clock() {
    for (what, frame) in [
        ("comments", PING),
        ("ping events", PING_EVENT),
        ("role-only deltas", ROLE),
        ("usage-only chunks", USAGE),
        (
            "empty contents",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}\n\n",
        ),
        (
            "empty choices",
            "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n",
        ),
        (
            "empty tool calls",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[]}}]}\n\n",
        ),
        ("torn events", "data: {\"choices\":[{\"ind\n\n"),
    ] {
        let builder = two().set("firstTokenTimeout", "10s");
        let pieces = (0..1000).map(|_| later(0.7, frame));
        let (api, heard) = streamed_by_target(builder, pieces).await;
        assert!(heard.text().contains("fallback"), "{what} are no answer");
        assert!(
            !heard.text().contains(frame) || frame == ROLE,
            "{what} of the first candidate must not reach the client"
        );
        assert_time(heard.at, 10.0, what);
        assert!(
            api.is_suspended("a@east"),
            "{what} and nothing else suspend"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_sort_of_useful_chunk_commits() {
    for useful in [
        "{\"content\":\"x\"}",
        "{\"content\":\" \"}",
        "{\"reasoning_content\":\"hm\"}",
        "{\"reasoning\":\"hm\"}",
        "{\"refusal\":\"no\"}",
        "{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}",
        "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]}",
        "{\"audio\":{\"data\":\"AAAA\"}}",
    ] {
        let frame = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{useful},\"finish_reason\":null}}]}}\n\n"
        );
        let builder = two().set("firstTokenTimeout", "5s");
        let (api, heard) = streamed_by_target(
            builder,
            [now(ROLE), now(&frame), later(20.0, STOP), now(DONE)],
        )
        .await;
        assert_eq!(api.called(), ["a@east"], "{useful} is useful");
        assert!(heard.ended && heard.text().contains(useful));
    }
}

#[tokio::test(start_paused = true)]
async fn a_finish_reason_alone_is_an_answer() {
    let (api, heard) = streamed_by_target(two(), [now(ROLE), now(STOP), now(DONE)]).await;
    assert_eq!(api.called(), ["a@east"], "the model chose to say nothing");
    assert!(heard.text().ends_with(DONE));
}

#[tokio::test(start_paused = true)]
async fn text_completions_are_streams_of_openai_too() {
    let text = "data: {\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"x\",\"finish_reason\":null}]}\n\n";
    let (api, heard) = streamed_by_target(two(), [now(text), breaks(1.0)]).await;
    assert_cut(&api, &heard, text);
}

#[tokio::test(start_paused = true)]
async fn an_error_first_counts_whatever_follows_it_in_the_same_piece() {
    for follows in [PING, &delta("x")] {
        let piece = [ROLE, STREAM_ERROR, follows].concat();
        let (api, heard) = streamed_by_target(two(), [now(&piece), hangs()]).await;
        assert!(
            heard.text().contains("fallback") && !heard.text().contains("error"),
            "{follows:?} after the error hid it: {}",
            heard.text()
        );
        assert_time(heard.at, 0.0, "the error is known at once");
        assert!(api.is_suspended("a@east"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_first_goes_to_the_next_candidate_and_is_not_shown() {
    for frame in [
        STREAM_ERROR,
        "event: error\ndata: {\"type\":\"overloaded_error\"}\n\n",
    ] {
        let (api, heard) = streamed_by_target(two(), [now(ROLE), now(frame), hangs()]).await;
        assert_eq!(api.called(), ["a@east", "b@west"]);
        assert_eq!(
            heard.text(),
            [ROLE, &delta("fallback"), STOP, DONE].concat()
        );
        assert_time(heard.at, 0.0, "nothing is waited for after an error");
        assert!(api.is_suspended("a@east"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_marker_alone_is_no_answer() {
    let (api, heard) = streamed_by_target(two(), [now(DONE)]).await;
    assert_eq!(api.called(), ["a@east", "b@west"]);
    assert_eq!(
        heard.text(),
        [ROLE, &delta("fallback"), STOP, DONE].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn buffered_bytes_arrive_in_order_and_complete_however_they_were_cut() {
    let stream = [
        PING,
        ROLE,
        USAGE,
        PING_EVENT,
        &delta("Hé"),
        PING,
        &delta("llo"),
        STOP,
        USAGE,
        DONE,
    ]
    .concat();
    let bytes = stream.as_bytes();
    for size in [1, 2, 3, 7, 50, 10_000] {
        let pieces = bytes.chunks(size).map(bytes::Bytes::copy_from_slice);
        let api = two().bind();
        // Pieces that are no whole characters can't be written as text.
        let pieces: Vec<Piece> = pieces.map(|b| raw(0.01, b)).collect();
        api.on("a@east", [events(pieces)]);
        let heard = api.send(&streamed("a")).await;
        assert_eq!(heard.text(), stream, "in pieces of {size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_reaches_the_client_before_the_first_useful_chunk_and_everything_at_once_after_it()
{
    let api = two().bind();
    let pieces = [
        now(ROLE),
        later(3.0, PING),
        later(2.0, &delta("x")),
        later(4.0, &delta("y")),
        later(1.0, STOP),
        now(DONE),
    ];
    api.on("a@east", [events(pieces)]);
    let running = api.start(&streamed("a"));
    wait(4.9).await;
    assert!(
        running.client.heard().head.is_none(),
        "not even the head: another candidate may still have to answer"
    );
    wait(0.2).await;
    assert_eq!(
        running.client.heard().text(),
        [ROLE, PING, &delta("x")].concat()
    );
    wait(4.0).await;
    assert!(
        running.client.heard().text().ends_with(&delta("y")),
        "each chunk is passed on when it comes"
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_max_held_is_held_back() {
    let builder = two().set("maxHeld", "1KiB").set("requestTimeout", "1000");
    let api = builder.bind();
    api.on("a@east", [events((0..10_000).map(|_| later(0.1, PING)))])
        .on("b@west", [ok_stream("fallback")]);
    let heard = api.send(&streamed("a")).await;
    assert!(heard.text().contains("fallback"));
    let read = api.world.net.pieces_read("a@east") * PING.len();
    assert!(
        (1024..1100).contains(&read),
        "1 KiB is buffered at most, but {read} bytes were read"
    );
    assert!(api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_first_useful_chunk_that_is_itself_larger_than_max_held_commits() {
    let large = delta(&"x".repeat(5000));
    let builder = two().set("maxHeld", "1KiB");
    let (_, heard) = streamed_by_target(builder, [now(&large), now(STOP), now(DONE)]).await;
    assert_eq!(heard.text(), [&large, STOP, DONE].concat());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_in_many_pieces_counts_against_max_held_only_when_it_is_complete() {
    let large = delta(&"x".repeat(50_000));
    let mut pieces = vec![now(ROLE)];
    for piece in large.as_bytes().chunks(500) {
        pieces.push(later(0.01, std::str::from_utf8(piece).unwrap()));
    }
    pieces.extend([now(STOP), now(DONE)]);
    let builder = two().set("maxHeld", "1KiB");
    let (_, heard) = streamed_by_target(builder, pieces).await;
    assert_eq!(heard.text(), [ROLE, &large, STOP, DONE].concat());
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_end_is_given_up_at_the_frame_limit() {
    let piece = "x".repeat(1 << 20);
    let builder = two().set("maxHeld", "1KiB");
    let api = builder.bind();
    let mut pieces = vec![now("data: ")];
    pieces.extend((0..100).map(|_| later(0.01, &piece)));
    api.on("a@east", [events(pieces)])
        .on("b@west", [ok_stream("fallback")]);
    assert!(api.send(&streamed("a")).await.text().contains("fallback"));
    let read = api.world.net.pieces_read("a@east");
    assert!((16..20).contains(&read), "{read} MiB were read");
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_left_has_its_stream_closed() {
    let (api, _) =
        streamed_by_target(two().set("firstTokenTimeout", "5s"), [now(ROLE), hangs()]).await;
    let dropped = api.world.net.dropped();
    let closed = dropped
        .iter()
        .find(|(who, _)| who == "a@east")
        .expect("its stream was never closed");
    assert_time(
        closed.1,
        5.0,
        "the first candidate's connection is closed when it is left",
    );
}

// ------------------------------------------------------------------------------------------- after the first

#[tokio::test(start_paused = true)]
async fn a_stream_that_stalls_ends_with_an_error_event_and_without_done() {
    let builder = two().set("idleTimeout", "8s");
    let (api, heard) = streamed_by_target(builder, [now(ROLE), now(&delta("x")), hangs()]).await;
    assert_cut(&api, &heard, &[ROLE, &delta("x")].concat());
    assert_time(heard.at, 8.0, "idleTimeout after the last useful chunk");
    assert!(
        api.is_marked("a@east") && !api.is_suspended("a@east"),
        "nobody else has served the request: it can be the request's fault"
    );
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_keep_a_stalled_stream_alive() {
    let builder = two().set("idleTimeout", "8s");
    let pieces = [now(&delta("x"))]
        .into_iter()
        .chain((0..1000).map(|_| later(1.0, PING)));
    let (api, heard) = streamed_by_target(builder, pieces).await;
    assert_cut(&api, &heard, &delta("x"));
    assert_time(heard.at, 8.0, "idleTimeout after the last useful chunk");
}

#[tokio::test(start_paused = true)]
async fn each_useful_chunk_restarts_the_idle_clock() {
    let builder = two().set("idleTimeout", "8s");
    let pieces = (0..20)
        .map(|_| later(7.5, &delta("x")))
        .chain([later(7.5, STOP), later(0.5, DONE)]);
    let (_, heard) = streamed_by_target(builder, pieces).await;
    assert!(heard.text().ends_with(DONE));
    assert_time(heard.at, 21.0 * 7.5 + 0.5, "the end");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_ends_with_an_error_event_and_without_done() {
    for end in [Some(breaks(1.0)), None] {
        let pieces = [now(ROLE), now(&delta("x"))].into_iter().chain(end);
        let (api, heard) = streamed_by_target(two(), pieces).await;
        assert_cut(&api, &heard, &[ROLE, &delta("x")].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_event_stands_alone_also_after_half_an_event() {
    let half = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wor";
    let (api, heard) = streamed_by_target(two(), [now(&delta("x")), now(half), breaks(1.0)]).await;
    assert_cut(&api, &heard, &delta("x"));
}

#[tokio::test(start_paused = true)]
async fn half_an_event_before_a_cut_does_not_reach_the_client_as_an_event() {
    let half = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wor";
    let (_, heard) = streamed_by_target(two(), [now(&delta("x")), now(half), breaks(1.0)]).await;
    let torn = heard
        .text()
        .split("\n\n")
        .find(|event| *event == half)
        .is_some();
    assert!(
        !torn,
        "a chunk that cannot be parsed is left out; client libraries give up on torn JSON before they see the error \
         event behind it: {}",
        heard.text()
    );
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_cannot_be_parsed_is_left_out_and_the_stream_goes_on() {
    let torn = "data: {\"choices\":[{\"index\":0,\n\n";
    let (_, heard) = streamed_by_target(
        two(),
        [
            now(&delta("x")),
            now(torn),
            now(&delta("y")),
            now(STOP),
            now(DONE),
        ],
    )
    .await;
    assert!(
        heard.ended && heard.text().ends_with(DONE),
        "the stream goes on"
    );
    assert_eq!(
        heard.text(),
        [&delta("x"), &delta("y"), STOP, DONE].concat(),
        "and the torn chunk is left out"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_stream_ends_it_without_done() {
    let (api, heard) =
        streamed_by_target(two(), [now(&delta("x")), now(STREAM_ERROR), now(DONE)]).await;
    assert_eq!(
        heard.text(),
        [&delta("x"), STREAM_ERROR].concat(),
        "the provider's own error event is the last thing"
    );
    assert!(heard.ended && api.is_suspended("a@east"));
    assert_eq!(api.calls_of("b@west"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_stream_ends_it_without_done_also_when_both_come_in_one_piece() {
    let both = [STREAM_ERROR, DONE].concat();
    let (_, heard) = streamed_by_target(two(), [now(&delta("x")), now(&both)]).await;
    assert!(heard.text().contains("overloaded"));
    assert!(
        !heard.text().contains("[DONE]"),
        "an answer that failed must not carry the success marker: {}",
        heard.text()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_once_with_its_end_marker() {
    let (api, heard) =
        streamed_by_target(two(), [now(&delta("x")), now(STOP), now(DONE), hangs()]).await;
    assert!(heard.ended);
    assert_time(
        heard.at,
        0.0,
        "the end, although the provider keeps the connection open",
    );
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn everything_in_one_piece_is_a_whole_stream() {
    let all = [ROLE, &delta("x"), STOP, DONE].concat();
    let (api, heard) = streamed_by_target(two(), [now(&all), hangs()]).await;
    assert_eq!(heard.text(), all);
    assert_time(heard.at, 0.0, "the end");
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_a_finish_reason_is_complete_without_the_end_marker() {
    let builder = || two().set("idleTimeout", "8s");
    for (what, rest) in [
        ("the body ends", vec![now(USAGE)]),
        ("the connection breaks", vec![now(USAGE), breaks(1.0)]),
        ("nothing more comes", vec![now(USAGE), hangs()]),
    ] {
        let pieces = [now(&delta("x")), now(STOP)].into_iter().chain(rest);
        let (api, heard) = streamed_by_target(builder(), pieces).await;
        assert_eq!(
            heard.text(),
            [&delta("x"), STOP, USAGE, DONE].concat(),
            "{what}"
        );
        assert!(heard.ended && !heard.aborted, "{what}");
        assert!(!api.is_suspended("a@east"), "{what}: it has said all");
        assert!(
            heard.at <= secs(8.1),
            "{what}: the client is not tally longer than idleTimeout"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn pings_after_the_finish_reason_do_not_keep_the_client_for_longer_than_the_idle_timeout() {
    let pings = (0..1000).map(|_| later(0.5, PING));
    let pieces = [now(&delta("x")), now(STOP)].into_iter().chain(pings);
    let builder = two().set("idleTimeout", "8s");
    let (api, heard) = streamed_by_target(builder, pieces).await;
    assert!(heard.ended && heard.text().ends_with(DONE));
    assert_time(heard.at, 8.0, "idleTimeout after the finish reason");
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn with_several_choices_the_stream_is_complete_when_each_has_finished() {
    let choice = |index: u32, delta: &str, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let begun = [
        choice(0, "{\"content\":\"x\"}", "null"),
        choice(1, "{\"content\":\"y\"}", "null"),
        choice(0, "{}", "\"stop\""),
    ];
    let pieces: Vec<Piece> = begun.iter().map(|c| now(c)).chain([breaks(1.0)]).collect();
    let (api, heard) = streamed_by_target(two(), pieces).await;
    assert_cut(&api, &heard, &begun.concat());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_from_the_provider_while_the_client_does_not_take() {
    let api = two().bind();
    let pieces: Vec<Piece> = (0..50)
        .map(|_| now(&delta("0123456789")))
        .chain([now(STOP), now(DONE)])
        .collect();
    api.on("a@east", [events(pieces)]);
    let one = delta("0123456789").len();
    let running = api.start_slow(&streamed("a"), 2 * one + 10);
    wait(3600.0).await;
    assert_eq!(
        running.client.heard().text().len(),
        2 * one + 10,
        "the client gets what it takes"
    );
    let read = api.world.net.pieces_read("a@east");
    assert!(
        read <= 3,
        "while the third chunk waits for the client nothing more is read, but {read} were"
    );
    running.client.takes(usize::MAX);
    let heard = running.end().await;
    assert_eq!(
        heard.text(),
        [delta("0123456789").repeat(50).as_str(), STOP, DONE].concat()
    );
    assert!(
        !api.is_suspended("a@east"),
        "an hour in which the client took nothing is not the provider's stall"
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_client_takes_is_not_counted_as_the_providers_silence() {
    let api = two().set("idleTimeout", "8s").bind();
    let pieces = [
        now(&delta("x")),
        later(1.0, PING),
        later(1.0, &delta("y")),
        now(STOP),
        now(DONE),
    ];
    api.on("a@east", [events(pieces)]);
    let running = api.start_slow(&streamed("a"), delta("x").len());
    wait(30.0).await;
    running.client.takes(usize::MAX);
    let heard = running.end().await;
    assert!(
        heard.text().ends_with(DONE),
        "the provider needed 1 s for each chunk; the 29 s in which the client did not take a ping are not its stall: {}",
        heard.text()
    );
    assert!(!api.is_suspended("a@east"));
}

// ---------------------------------------------------------------------------------------------- other streams

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_openais_begins_with_its_first_data_and_ends_with_its_body() {
    let (api, heard) = streamed_by_target(
        two(),
        [
            now(PING),
            now("data: one\n\n"),
            now("data: {\"two\":2}\n\n"),
        ],
    )
    .await;
    assert_eq!(api.called(), ["a@east"]);
    assert_eq!(
        heard.text(),
        [PING, "data: one\n\n", "data: {\"two\":2}\n\n"].concat()
    );
    assert!(heard.ended && !heard.aborted);
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_openais_is_aborted_when_it_is_cut() {
    for end in [breaks(1.0), hangs()] {
        let (api, heard) = streamed_by_target(two(), [now("data: one\n\n"), end]).await;
        assert_eq!(
            heard.text(),
            "data: one\n\n",
            "nobody knows the error event of this format"
        );
        assert!(
            heard.aborted && !heard.ended,
            "so the connection must not end as if the answer were whole"
        );
        assert!(api.is_marked("a@east"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_openais_is_aborted_when_its_last_event_is_torn() {
    let torn = [now("data: {\"one\":1}\n\n"), now("data: {\"tw")];
    let (_, heard) = streamed_by_target(two(), torn).await;
    assert_eq!(heard.text(), "data: {\"one\":1}\n\n");
    assert!(heard.aborted && !heard.ended);

    let whole = [now("data: {\"one\":1}\n\n"), now("data: {\"two\":2}")];
    let (_, heard) = streamed_by_target(two(), whole).await;
    assert_eq!(heard.text(), "data: {\"one\":1}\n\ndata: {\"two\":2}");
    assert!(heard.ended && !heard.aborted);
}

#[tokio::test(start_paused = true)]
async fn a_client_who_asked_for_a_stream_and_gets_a_whole_answer_gets_all_of_it() {
    let api = two().bind();
    api.on("a@east", [ok("whole")]);
    let heard = api.send(&streamed("a")).await;
    assert!(heard.text().contains("whole") && !heard.streamed);
}

#[tokio::test(start_paused = true)]
async fn a_client_who_did_not_ask_for_a_stream_is_never_shown_a_part() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("x")), breaks(1.0)])],
    )
    .on("b@west", [ok("fallback")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        api.called(),
        ["a@east", "b@west"],
        "\"a client who did not ask for a stream is never shown a part: the next candidate starts from the beginning\""
    );
    assert!(heard.text().contains("fallback"));
}
