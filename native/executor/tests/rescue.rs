//! Streams that break after their first useful chunk, with `on_stream_cut = "continue"` (`behaviour.md` §6): chat
//! completions here, the other formats in the wire crate's tests.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use failover_executor::{ContinuationMode, NetError, Outcome};
use serde_json::{Value, json};
use support::*;

fn three() -> Builder {
    api(&["a@east", "b@west", "c@north"])
}

/// A stream of words, as a healthy candidate sends it.
fn words(id: &str, text: &[&str]) -> Vec<Piece> {
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({"id": id, "object": "chat.completion.chunk", "created": 1, "model": id,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        now(&format!("data: {chunk}\n\n"))
    };
    let role = json!({"role": "assistant", "content": ""});
    let mut pieces = vec![chunk(role, Value::Null)];
    for word in text {
        pieces.push(chunk(json!({"content": word}), Value::Null));
    }
    pieces.push(chunk(json!({}), "stop".into()));
    pieces.push(now(DONE));
    pieces
}

/// The same, broken after so many words.
fn broken(id: &str, text: &[&str], after: usize, by: Piece) -> Act {
    let mut pieces = words(id, text);
    pieces.truncate(1 + after);
    pieces.push(by);
    events(pieces)
}

const TEXT: [&str; 5] = ["The", " sea", " is", " deep", "."];

/// What the client's client library would make of a stream: its text, when it is whole.
#[track_caller]
fn read(heard: &Heard) -> String {
    let text = heard.text();
    let mut said = String::new();
    let (mut id, mut finished, mut done) = (None, 0, false);
    for line in text.lines().filter_map(|l| l.strip_prefix("data: ")) {
        assert!(!done, "something follows [DONE]: {text}");
        if line == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(line).unwrap();
        assert!(
            chunk.get("error").is_none(),
            "the client sees an error: {text}"
        );
        let its = chunk["id"].as_str().unwrap().to_owned();
        assert_eq!(*id.get_or_insert(its.clone()), its, "one id: {text}");
        if let Some(choice) = chunk.pointer("/choices/0") {
            assert_eq!(finished, 0, "something follows the finish reason: {text}");
            said.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
            finished += usize::from(!choice["finish_reason"].is_null());
        }
    }
    assert!(
        heard.ended && !heard.aborted && done && finished == 1,
        "it is not whole: {text}"
    );
    said
}

fn breaks_of_every_sort() -> [(&'static str, Piece); 4] {
    [
        ("a cut", breaks(0.0)),
        ("a stall", hangs()),
        ("an error in the stream", now(STREAM_ERROR)),
        ("an end without a finish reason", now("")),
    ]
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_goes_on_whatever_broke_the_stream() {
    for (what, by) in breaks_of_every_sort() {
        let api = three().bind();
        api.on("a@east", [broken("a", &TEXT, 2, by)])
            .on("b@west", [events(words("b", &TEXT[2..]))]);
        let heard = api.send(&streamed("a")).await;
        assert_eq!(read(&heard), TEXT.concat(), "{what}");
        assert_eq!(api.called(), ["a@east", "b@west"], "{what}");
        assert!(
            api.is_suspended("a@east") && !api.is_suspended("b@west"),
            "{what}"
        );
        let attempts = &heard.report().attempts;
        let outcome = match what {
            "an error in the stream" => Outcome::Limited(None),
            _ => Outcome::StreamCut,
        };
        assert_eq!(attempts[0].outcome, outcome, "{what}");
        assert_eq!(attempts[0].delivered, Some("The sea".len()), "{what}");
        assert_eq!(
            (attempts[1].outcome, attempts[1].mode),
            (Outcome::Answered, Some(ContinuationMode::Prefilled))
        );
        assert!(
            heard.text().contains(&format!(
                "\n: failover: \"a\" at \"east\" {}, \"b\" at \"west\" answered\n\n",
                outcome.word()
            )),
            "{what}: a comment tells who went on: {}",
            heard.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_is_asked_for_with_what_the_client_has_and_nothing_else_changed() {
    let api = three().bind();
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [events(words("b", &TEXT[2..]))]);
    api.send(&streamed("a")).await;
    let expected = streamed("b").replace(
        "}]}",
        "},{\"role\":\"assistant\",\"content\":\"The sea\"}]}",
    );
    assert_eq!(api.sent()[1].text(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_breaks_while_it_goes_on_is_followed_by_the_next() {
    let api = three().bind();
    api.on("a@east", [broken("a", &TEXT, 1, breaks(0.0))])
        .on("b@west", [broken("b", &TEXT[1..], 2, breaks(0.0))])
        .on("c@north", [events(words("c", &TEXT[3..]))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), TEXT.concat());
    assert!(api.sent()[2].text().contains("\"The sea is\""));
    assert!(api.is_suspended("a@east") && api.is_suspended("b@west"));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_gives_nothing_useful_is_passed_over() {
    for act in [
        status(503),
        silent(),
        fails(NetError::Refused),
        events([now(DONE)]),
        events([now(STREAM_ERROR)]),
        ok("whole"),
        status(401),
    ] {
        let api = three().bind();
        api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
            .on("b@west", [act])
            .on("c@north", [events(words("c", &TEXT[2..]))]);
        let heard = api.send(&streamed("a")).await;
        assert_eq!(read(&heard), TEXT.concat());
        assert_eq!(heard.report().attempts.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_prefill_is_followed_by_a_plain_repeat_at_the_same_candidate() {
    let api = three().bind();
    let refusal = answer(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill."}}"#,
    );
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [refusal, events(words("b", &TEXT))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), TEXT.concat(), "what it repeats is left out");
    assert_eq!(api.called(), ["a@east", "b@west", "b@west"]);
    assert_eq!(api.sent()[2].text(), streamed("b"));
    assert!(
        !api.is_suspended("b@west"),
        "a refused prefill says nothing about its health"
    );
    assert_eq!(
        heard.report().attempts[2].mode,
        Some(ContinuationMode::Again)
    );
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_wants_the_prefill_marked_gets_it_marked() {
    let api = three().bind();
    let refusal = answer(
        400,
        r#"{"object":"error","message":"Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant","type":"invalid_request_message_order","code":"3230"}"#,
    );
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [refusal, events(words("b", &TEXT[2..]))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), TEXT.concat());
    assert!(
        api.sent()[2]
            .text()
            .contains(r#""content":"The sea","prefix":true"#)
    );
}

#[tokio::test(start_paused = true)]
async fn a_prefilled_candidate_that_says_everything_once_more_is_not_heard_twice() {
    let api = three().bind();
    api.on("a@east", [broken("a", &TEXT, 4, breaks(0.0))])
        .on("b@west", [events(words("b", &TEXT))]);
    assert_eq!(read(&api.send(&streamed("a")).await), TEXT.concat());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_joined_is_left_for_the_next_and_suspends_nobody() {
    let api = three().bind();
    let refusal = answer(400, r#"{"error":{"message":"no prefill"}}"#);
    let other = [
        "The sky", " is blue", " and", " the", " grass", " is", " green",
    ];
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [refusal, events(words("b", &other))])
        .on("c@north", [events(words("c", &TEXT[2..]))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), TEXT.concat());
    assert_eq!(heard.report().attempts[2].outcome, Outcome::Diverged);
    assert!(!api.is_suspended("b@west"));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_go_on_the_stream_ends_as_an_error() {
    let api = three().bind();
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [status(503)])
        .on("c@north", [silent()]);
    let heard = api.send(&streamed("a")).await;
    let text = heard.text();
    assert!(
        text.contains("data: {\"error\":{\"message\":") && !text.contains("[DONE]"),
        "{text}"
    );
    assert!(heard.ended && !heard.aborted);
    assert_eq!(
        heard.report().not_continued.as_deref(),
        Some("no-candidate")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_plain_text_is_not_continued() {
    let tool = r#"data: {"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]},"finish_reason":null}]}"#;
    let second =
        r#"data: {"id":"1","choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]}"#;
    let audio = r#"data: {"id":"1","choices":[{"index":0,"delta":{"audio":{"data":"AA"}},"finish_reason":null}]}"#;
    let plain = streamed("a");
    let with =
        |member: &str| plain.replace("\"stream\":true", &format!("\"stream\":true,{member}"));
    for (what, request, chunk) in [
        ("a tool call", plain.clone(), tool.to_owned() + "\n\n"),
        ("several choices", plain.clone(), second.to_owned() + "\n\n"),
        ("audio", plain.clone(), audio.to_owned() + "\n\n"),
        (
            "structured output",
            with(r#""response_format":{"type":"json_schema","json_schema":{}}"#),
            delta("{"),
        ),
        (
            "JSON",
            with(r#""response_format":{"type":"json_object"}"#),
            delta("{"),
        ),
        ("log probabilities", with(r#""logprobs":true"#), delta("x")),
    ] {
        let api = three().bind();
        api.on("a@east", [events([now(&chunk), breaks(0.0)])]);
        let heard = api.send(&request).await;
        assert_eq!(api.called(), ["a@east"], "{what} is not continued");
        assert!(heard.text().contains("\"error\""), "{what}");
        assert_eq!(
            heard.report().not_continued.as_deref(),
            Some("not-plain-text"),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn text_beyond_what_may_be_held_is_not_kept_and_not_continued() {
    let api = three().set("maxContinuedText", "1KiB").bind();
    let long = "x".repeat(600);
    api.on("a@east", [broken("a", &[&long, &long], 2, breaks(0.0))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.report().not_continued.as_deref(), Some("too-long"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_in_the_reasoning_is_asked_for_again_and_reasons_once() {
    let thought = |t: &str| {
        now(&format!(
            r#"data: {{"id":"a","choices":[{{"index":0,"delta":{{"reasoning_content":"{t}"}},"finish_reason":null}}]}}{}"#,
            "\n\n"
        ))
    };
    let api = three().bind();
    let mut pieces = words("b", &TEXT);
    pieces.insert(1, thought("again"));
    api.on("a@east", [events([thought("hm"), breaks(0.0)])])
        .on("b@west", [events(pieces)]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), TEXT.concat());
    assert_eq!(heard.text().matches("reasoning_content").count(), 1);
    assert_eq!(
        heard.report().attempts[1].mode,
        Some(ContinuationMode::Again)
    );
}

#[tokio::test(start_paused = true)]
async fn usage_is_what_all_have_used_together() {
    let usage = |p: u32, c: u32| {
        now(&format!(
            "data: {{\"id\":\"x\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{p},\"completion_tokens\":{c},\"total_tokens\":{}}}}}\n\n",
            p + c
        ))
    };
    let api = three().bind();
    let mut first = words("a", &TEXT);
    first.truncate(3);
    first.extend([usage(10, 2), breaks(0.0)]);
    let mut rest = words("b", &TEXT[2..]);
    rest.insert(rest.len() - 1, usage(12, 3));
    api.on("a@east", [events(first)])
        .on("b@west", [events(rest)]);
    let heard = api.send(&streamed("a")).await;
    let text = heard.text();
    let last = text.lines().rfind(|l| l.contains("usage")).unwrap();
    assert!(
        last.contains(r#""prompt_tokens":22,"completion_tokens":5,"total_tokens":27"#),
        "{last}"
    );
    assert!(
        heard.report().to_string().contains("tokens=22+5"),
        "{}",
        heard.report()
    );
}

#[tokio::test(start_paused = true)]
async fn a_rescue_has_a_clock_of_its_own() {
    let api = three()
        .set("overallTimeout", "20s")
        .set("idleTimeout", "15s")
        .bind();
    let mut pieces = words("a", &TEXT);
    pieces.truncate(3);
    pieces.insert(2, later(14.0, &delta(" x").replace("\"1\"", "\"a\"")));
    pieces.push(hangs());
    api.on("a@east", [events(pieces)])
        .on("b@west", [events(words("b", &TEXT[2..])).after(10.0)]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(read(&heard), "The x sea is deep.");
    assert_time(
        heard.at,
        39.0,
        "14 s of stream, 15 s of silence, 10 s for the rescue",
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_who_leaves_during_a_rescue_cancels_it() {
    let api = three().bind();
    api.on("a@east", [broken("a", &TEXT, 2, breaks(0.0))])
        .on("b@west", [silent()]);
    let running = api.start(&streamed("a"));
    wait(1.0).await;
    assert_eq!(api.called(), ["a@east", "b@west"]);
    running.cancel().await;
    wait(0.1).await;
    assert!(
        api.world
            .net
            .dropped()
            .iter()
            .any(|(who, _)| who == "b@west")
    );
    assert!(!api.is_suspended("b@west"));
}
