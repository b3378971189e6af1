//! What an answer has used, for the gateway's throttling and analytics (`behaviour.md` §7).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use failover_executor::Outcome;
use support::*;

const OPENAI: &[&str] = &[
    "requestModel payload $.model",
    "responseModel payload $.model",
    "promptTokenCount payload $.usage.prompt_tokens",
    "completionTokenCount payload $.usage.completion_tokens",
    "totalTokenCount payload $.usage.total_tokens",
    "remainingTokenCount header x-ratelimit-remaining-tokens",
];

const USED: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"a-2026\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n";

fn two() -> Builder {
    api(&["a@east", "b@west"]).provider("openAi_2.0.0", OPENAI)
}

fn counted(text: &str) -> Act {
    events([
        now(ROLE),
        now(&delta(text)),
        now(STOP),
        now(USED),
        now(DONE),
    ])
}

fn metadata(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = vec![("name", "Acme"), ("apiVersion", "1.0.0")];
    all.extend_from_slice(of);
    sorted(
        all.iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
    )
}

fn sorted(mut metadata: Vec<(String, String)>) -> Vec<(String, String)> {
    metadata.sort();
    metadata
}

const COUNTS: [(&str, &str); 3] = [
    ("promptTokenCount", "7"),
    ("completionTokenCount", "2"),
    ("totalTokenCount", "9"),
];

#[tokio::test(start_paused = true)]
async fn a_whole_answer_comes_with_what_it_has_used() {
    let api = two().bind();
    let body = r#"{"model":"b-2026","choices":[{}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#;
    api.on("a@east", [status(503)])
        .on("b@west", [answer(200, body)]);
    let heard = api.send(&chat("a")).await;
    let head = heard.head.clone().unwrap();
    assert_eq!(head.candidate, 1);
    let mut expected = vec![("requestModel", "b-2026"), ("responseModel", "b-2026")];
    expected.extend(COUNTS);
    assert_eq!(sorted(head.metadata), metadata(&expected));
    assert_eq!(heard.used, None);
}

#[tokio::test(start_paused = true)]
async fn an_error_answer_names_its_provider_and_counts_nothing() {
    let api = two().bind();
    api.on("a@east", [status(400)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(sorted(heard.head.unwrap().metadata), metadata(&[]));
}

#[tokio::test(start_paused = true)]
async fn without_a_provider_nothing_is_asked_for_and_nothing_counted() {
    let api = api(&["a@east"]).bind();
    api.on("a@east", [counted("hi")]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(api.sent()[0].text(), streamed("a"));
    assert!(heard.head.as_ref().unwrap().metadata.is_empty());
    assert_eq!(heard.used, Some(vec![]));
    assert!(heard.text().contains("usage"), "{}", heard.text());
}

#[tokio::test(start_paused = true)]
async fn a_streams_usage_is_asked_for_counted_at_its_end_and_hidden_from_a_caller_who_did_not_ask()
{
    let api = two().bind();
    api.on("a@east", [counted("hi")]);
    let heard = api.send(&streamed("a")).await;
    let asked = streamed("a").replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    assert_eq!(api.sent()[0].text(), asked);
    assert!(heard.head.as_ref().unwrap().metadata.is_empty());
    assert_eq!(
        heard.text(),
        [ROLE, &delta("hi"), STOP, DONE].concat(),
        "the caller sees what it asked for"
    );
    let mut expected = vec![("requestModel", "a-2026"), ("responseModel", "a-2026")];
    expected.extend(COUNTS);
    assert_eq!(sorted(heard.used.unwrap()), metadata(&expected));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_asked_gets_the_usage() {
    let api = two().bind();
    api.on("a@east", [counted("hi")]);
    let body = streamed("a").replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    let heard = api.send(&body).await;
    assert_eq!(api.sent()[0].text(), body);
    assert!(heard.text().contains(USED), "{}", heard.text());
    assert!(heard.used.unwrap().len() > 2);
}

#[tokio::test(start_paused = true)]
async fn count_stream_tokens_false_leaves_the_request_alone_and_counts_nothing() {
    let api = two().set("countStreamTokens", "false").bind();
    api.on("a@east", [counted("hi")]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(api.sent()[0].text(), streamed("a"));
    assert_eq!(heard.used, Some(vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_refuses_the_question_is_asked_again_without_it_and_never_again_with_it() {
    for refusal in [
        r#"{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error","param":null,"code":null}}"#,
        r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}}"#,
    ] {
        let api = two().bind();
        let status = if refusal.contains("extra_forbidden") {
            422
        } else {
            400
        };
        api.on(
            "a@east",
            [answer(status, refusal), ok_stream("hi"), ok_stream("hi")],
        );
        let heard = api.send(&streamed("a")).await;
        assert_eq!(heard.status(), 200);
        assert_eq!(api.called(), ["a@east", "a@east"]);
        assert_eq!(api.sent()[1].text(), streamed("a"));
        assert!(!api.is_suspended("a@east"));
        assert_eq!(heard.report().attempts[0].outcome, Outcome::CallersFault);
        api.forget();
        api.send(&streamed("a")).await;
        assert_eq!(api.sent()[0].text(), streamed("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_mistake_is_not_taken_for_a_refusal_of_the_question() {
    let api = two().bind();
    api.on("a@east", [status(400)]);
    assert_eq!(api.send(&streamed("a")).await.status(), 400);
    assert_eq!(api.called(), ["a@east"]);
    let api = two().bind();
    let own = streamed("a").replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    api.on(
        "a@east",
        [answer(400, r#"{"error":{"message":"stream_options"}}"#)],
    );
    assert_eq!(api.send(&own).await.status(), 400);
    assert_eq!(api.called(), ["a@east"]);
}

#[tokio::test(start_paused = true)]
async fn what_all_candidates_of_a_stream_have_used_is_counted_once() {
    let api = two().bind();
    let broken = [now(ROLE), now(&delta("The")), now(USED), breaks(0.0)];
    api.on("a@east", [events(broken)])
        .on("b@west", [counted(" sea")]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(api.called(), ["a@east", "b@west"]);
    let total = ("totalTokenCount".to_owned(), "18".to_owned());
    let used = heard.used.unwrap();
    assert!(used.contains(&total), "{used:?}");
    assert_eq!(
        api.sent()[1].text().matches("include_usage").count(),
        1,
        "whoever goes on is asked too: {}",
        api.sent()[1].text()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_broke_or_whose_caller_left_has_used_what_it_has_said() {
    let pieces = |last: Piece| [now(ROLE), now(USED), now(&delta("The")), last];
    let api = two().set("onStreamCut", "error").bind();
    api.on("a@east", [events(pieces(breaks(0.0)))]);
    let heard = api.send(&streamed("a")).await;
    assert!(
        heard
            .used
            .unwrap()
            .contains(&("totalTokenCount".into(), "9".into()))
    );

    let api = two().bind();
    api.on("a@east", [events(pieces(hangs()))]);
    let running = api.start(&streamed("a"));
    wait(3.0).await;
    let heard = running.cancel().await;
    assert!(
        heard
            .used
            .unwrap()
            .contains(&("totalTokenCount".into(), "9".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_an_administrators_own_provider_is_counted_by_its_attributes() {
    let api = api(&["a@east"])
        .provider(
            "default",
            &[
                "requestModel payload $.model",
                "responseModel payload $.meta.engine",
                "promptTokenCount payload $.meta.billed.in",
                "completionTokenCount payload $.meta.billed.out",
            ],
        )
        .bind();
    api.on(
        "a@east",
        [events([
            now("data: {\"delta\":\"hi\"}\n\n"),
            now("data: {\"meta\":{\"engine\":\"e\",\"billed\":{\"in\":3,\"out\":4}}}\n\n"),
        ])],
    );
    let heard = api.send(&streamed("a")).await;
    assert_eq!(
        sorted(heard.used.unwrap()),
        metadata(&[
            ("responseModel", "e"),
            ("promptTokenCount", "3"),
            ("completionTokenCount", "4"),
            ("totalTokenCount", "7"),
        ])
    );
}
