//! What an answer has used, for the gateway's throttling and analytics (`behaviour.md` §7).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use failover_executor::Outcome;
use support::*;

const OPENAI: &[&str] = &[
    "requestModel $.model",
    "responseModel $.model",
    "promptTokenCount $.usage.prompt_tokens",
    "completionTokenCount $.usage.completion_tokens",
    "totalTokenCount $.usage.total_tokens",
];

const USED: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"a-2026\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n";

fn two() -> Builder {
    api(&["a@east", "b@west"]).provider(OPENAI)
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
    api.on("a@east", [mistake()]);
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
async fn a_streams_usage_is_asked_for_counted_at_its_end_and_hidden_from_a_client_who_did_not_ask()
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
        "the client sees what it asked for"
    );
    let mut expected = vec![("requestModel", "a-2026"), ("responseModel", "a-2026")];
    expected.extend(COUNTS);
    assert_eq!(sorted(heard.used.unwrap()), metadata(&expected));
}

#[tokio::test(start_paused = true)]
async fn a_client_who_asked_gets_the_usage() {
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
        assert_eq!(heard.report().attempts[0].outcome, Outcome::ClientError);
        api.forget();
        api.send(&streamed("a")).await;
        assert_eq!(api.sent()[0].text(), streamed("a"));
    }
}

/// sozercan/vekil#222: Cloudflare's words for a member that its schema does not have.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_nothing_may_be_one_of_the_question() {
    let refusal = r#"{"success":false,"errors":[{"code":5006,"message":"AiError: Bad input: Error: oneOf at '/' not met"}]}"#;
    let api = two().bind();
    api.on("a@east", [answer(400, refusal), ok_stream("hi")]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.status(), 200);
    assert_eq!(api.called(), ["a@east", "a@east"]);
    assert_eq!(api.sent()[1].text(), streamed("a"));
}

/// anomalyco/opencode#43379: what it cost stands beside what was used.
#[tokio::test(start_paused = true)]
async fn what_else_the_hidden_chunk_says_reaches_the_client() {
    let usage = r#"data: {"id":"1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"cost":"0.01"}"#;
    let api = two().bind();
    let said = [ROLE, &delta("hi"), STOP, &format!("{usage}\n\n"), DONE].map(now);
    api.on("a@east", [events(said)]);
    let text = api.send(&streamed("a")).await.text();
    assert!(text.contains(r#""cost":"0.01""#), "{text}");
    assert!(!text.contains("prompt_tokens"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_clients_own_mistake_is_not_taken_for_a_refusal_of_the_question() {
    let api = two().bind();
    api.on("a@east", [mistake()]);
    assert_eq!(api.send(&streamed("a")).await.status(), 400);
    assert_eq!(api.called(), ["a@east"]);
    let api = two().bind();
    let own = streamed("a").replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    api.on(
        "a@east",
        [answer(
            400,
            r#"{"error":{"message":"Unknown field","param":"stream_options"}}"#,
        )],
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
async fn a_stream_that_broke_or_whose_client_left_has_used_what_it_has_said() {
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
        .provider(&[
            "requestModel $.model",
            "responseModel $.meta.engine",
            "promptTokenCount $.meta.billed.in",
            "completionTokenCount $.meta.billed.out",
        ])
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

#[tokio::test(start_paused = true)]
async fn only_a_refusal_that_goes_away_without_the_question_is_remembered() {
    // The message echoes what the client sent.
    let echo =
        r#"{"error":{"message":"Unrecognized request argument supplied: stream_options_x"}}"#;
    let api = two().bind();
    api.on(
        "a@east",
        [answer(400, echo), answer(400, echo), counted("hi")],
    );
    assert_eq!(api.send(&streamed("a")).await.status(), 400);
    assert_eq!(api.called(), ["a@east", "a@east"]);
    assert_eq!(api.send(&streamed("a")).await.status(), 200);
    assert!(
        api.sent()[2].text().contains("include_usage"),
        "one client's mistake must not end the counting of everybody's tokens"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_refuses_the_question_stays_the_only_one_and_gives_its_permit_back() {
    let refusal = r#"{"error":{"message":"Unknown parameter: 'stream_options'."}}"#;
    let api = api(&["a@east"]).provider(OPENAI).bind();
    api.on("a@east", [status(503)]);
    api.send(&streamed("a")).await;
    wait(61.0).await;
    api.on("a@east", [answer(400, refusal), ok_stream("hi")])
        .forget();
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.status(), 200);
    assert_eq!(api.called(), ["a@east", "a@east"]);
    assert_eq!(api.state("a@east"), failover_suspension::State::Healthy);
    let report = heard.report();
    assert!(report.attempts.iter().all(|a| a.probe), "{report}");
    assert!(report.attempts[1].lifted, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_asked_for_is_counted_like_one_that_was() {
    let api = two().bind();
    api.on("a@east", [counted("hi")]);
    let heard = api.send(&chat("a")).await;
    let mut expected = vec![("requestModel", "a-2026"), ("responseModel", "a-2026")];
    expected.extend(COUNTS);
    assert_eq!(
        sorted(heard.head.clone().unwrap().metadata),
        metadata(&expected)
    );
    assert_eq!(heard.used, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_known_format_with_its_counts_elsewhere_is_counted_by_the_attributes() {
    let api = api(&["a@east"])
        .provider(&[
            "requestModel $.model",
            "promptTokenCount $.x_acme.usage.prompt_tokens",
            "completionTokenCount $.x_acme.usage.completion_tokens",
        ])
        .bind();
    let own = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_acme\":{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}}\n\n";
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("hi")), now(own), now(DONE)])],
    );
    let heard = api.send(&streamed("a")).await;
    assert_eq!(sorted(heard.used.unwrap()), metadata(&COUNTS));
}

#[tokio::test(start_paused = true)]
async fn what_is_used_is_said_once_wherever_the_client_leaves() {
    let pieces = || {
        [
            now(ROLE),
            now(USED),
            now(&delta("The")),
            later(1.0, &delta(" sea")),
            breaks(1.0),
        ]
    };
    let rest = || {
        [
            later(1.0, ROLE),
            later(1.0, &delta(" is")),
            later(1.0, STOP),
            later(0.5, USED),
            later(0.4, DONE),
            later(0.5, PING),
        ]
    };
    let mut said = 0;
    for tenths in 0..80 {
        let api = two().bind();
        api.on("a@east", [events(pieces()).after(0.5)])
            .on("b@west", [events(rest()).after(0.5)]);
        let running = api.start(&streamed("a"));
        wait(0.05 + f64::from(tenths) / 10.0).await;
        // The client asserts that nothing is said twice.
        let heard = running.cancel().await;
        assert_eq!(
            heard.used.is_some(),
            heard.head.is_some(),
            "after {tenths} tenths of a second"
        );
        said += usize::from(heard.used.is_some());
    }
    assert!((70..80).contains(&said), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_no_known_format_is_counted_by_the_usual_names_like_a_whole_answer() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([
            now("data: {\"type\":\"speech.audio.delta\",\"audio\":\"QUJD\"}\n\n"),
            now(
                "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":7,\"output_tokens\":2,\"total_tokens\":9}}\n\n",
            ),
        ])],
    );
    let heard = api.send(&streamed("a")).await;
    assert_eq!(sorted(heard.used.unwrap()), metadata(&COUNTS));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_answer_is_passed_on_and_counts_nothing() {
    for content_type in ["application/json", "text/event-stream"] {
        for body in [chat("a"), streamed("a")] {
            let api = two().bind();
            let packed = answer(200, "\u{1f}\u{8}packed")
                .content_type(content_type)
                .header("content-encoding", "gzip");
            api.on("a@east", [packed]);
            let heard = api.send(&body).await;
            assert_eq!(api.called(), ["a@east"], "{content_type} for {body}");
            assert_eq!(heard.text(), "\u{1f}\u{8}packed");
            let said = heard.used.unwrap_or(heard.head.unwrap().metadata);
            assert_eq!(sorted(said), metadata(&[]), "{content_type} for {body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_candidates_refusal_of_the_question_costs_no_retry() {
    let refusal = r#"{"error":{"message":"Extra inputs are not permitted: include_usage"}}"#;
    let api = two().set("retryBudget", "0%").bind();
    api.on("a@east", [status(503)]).on(
        "b@west",
        [answer(422, refusal), ok_stream("hi"), ok_stream("hi")],
    );
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.status(), 200);
    assert_eq!(api.called(), ["a@east", "b@west", "b@west"]);
    assert!(!api.is_suspended("b@west"));
    assert_eq!(api.sent()[2].text(), streamed("b"));
}
