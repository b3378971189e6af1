//! What operators are told of a request's attempts: the lines of the attempt log, and each attempt as it ends.

mod support;

use failover_executor::{AttemptReport, ContinuationMode, Facts, NetError, Outcome, Report};
use failover_policy::AttemptLog;
use failover_wire::stream::Tokens;
use proptest::prelude::*;
use serde_json::Value;
use support::*;

fn facts() -> Facts {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        pair("correlation_id", "one\" two\nthree"),
        pair("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ]
}

fn builder(format: &str) -> Builder {
    api(&["a@east", "b@west", "c@west"])
        .set("attemptLog", format)
        .set("targetRetries", "0")
        .set("suspendDuration", "60")
}

/// A stream that breaks, and the one that goes on with it.
fn cut_after_one() -> Act {
    events([now(ROLE), now(&delta("one")), breaks(0.1)])
}

fn one_two() -> Act {
    events([now(ROLE), now(&delta("one two")), now(STOP), now(DONE)])
}

#[tokio::test(start_paused = true)]
async fn the_line_says_who_was_asked_what_it_came_to_and_whose_request_it_was() {
    let api = builder("text").bind();
    api.on("a@east", [status(503).after(0.2)]).on(
        "b@west",
        [events([later(0.3, &delta("x")), now(STOP), later(0.5, DONE)]).after(0.1)],
    );
    let heard = api.send(&streamed("a")).await;
    assert_eq!(
        heard.report().line(&facts()),
        "api=AssistantAPI:1.0.0 tenant=\"carbon.super\" correlation_id=\"one\\\" two\\nthree\" \
         trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\" status=200 took_ms=1100 attempts=2 \
         #1[model=\"a\" endpoint=\"east\" outcome=limited status=503 ms=200 head_ms=200 suspended_ms=60000] \
         #2[model=\"b\" endpoint=\"west\" outcome=answered ms=900 head_ms=100 first_chunk_ms=400]"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_as_json() {
    let api = builder("json").bind();
    api.on("a@east", [fails(NetError::Reset)])
        .on("b@west", [answer(200, "")])
        .on("c@west", [ok("x")]);
    let heard = api.send(&chat("a")).await;
    let line = heard.report().line(&facts());
    assert!(!line.contains('\n'), "{line}");
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["api"], "AssistantAPI:1.0.0");
    assert_eq!(said["tenant"], "carbon.super");
    assert_eq!(said["correlation_id"], "one\" two\nthree");
    assert_eq!(said["status"], 200);
    assert_eq!(said["attempts"][0]["model"], "a");
    assert_eq!(said["attempts"][0]["endpoint"], "east");
    assert_eq!(said["attempts"][0]["outcome"], "network");
    assert_eq!(said["attempts"][0]["reason"], NetError::Reset.to_string());
    assert_eq!(said["attempts"][0]["suspended_ms"], 60000);
    assert_eq!(said["attempts"][1]["outcome"], "no-answer");
    assert_eq!(said["attempts"][1]["head_ms"], 0);
    assert_eq!(said["attempts"][2]["outcome"], "answered");
    assert_eq!(said["attempts"][2]["probe"], false);
    assert_eq!(said["attempts"][2].get("suspended_ms"), None);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_told_when_it_ends_and_when_it_suspends_and_a_stream_when_it_begins_too() {
    let api = builder("text").bind();
    api.on("a@east", [status(500)])
        .on("b@west", [cut_after_one()])
        .on("c@west", [one_two()]);
    let heard = api.send(&streamed("a")).await;
    let told = heard
        .attempted
        .iter()
        .map(|(n, word, flowing, _)| (*n, *word, *flowing));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (1, "unavailable", false),
            (1, "unavailable", false),
            (2, "answered", true),
            (2, "stream-cut", false),
            (2, "stream-cut", false),
            (3, "answered", true),
            (3, "answered", false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_streams_usage_is_that_of_who_served_it_to_its_end() {
    let api = builder("text")
        .provider(&[
            "responseModel $.model",
            "promptTokenCount $.usage.prompt_tokens",
        ])
        .bind();
    api.on("a@east", [cut_after_one()])
        .on("b@west", [one_two()]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.served_by.as_deref(), Some("b@west"));
    let used = heard.used.unwrap();
    assert!(
        used.contains(&("responseModel".into(), "b".into())),
        "{used:?}"
    );
    let api = api.forget();
    api.on("a@east", [ok_stream("x")]);
    wait(100.0).await;
    assert_eq!(
        api.send(&streamed("a")).await.served_by.as_deref(),
        Some("a@east")
    );
}

/// Anything that a provider may do.
fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (200u16..600, "\\PC{0,60}").prop_map(|(status, body)| answer(status, &body)),
        Just(silent()),
        Just(panics()),
        prop_oneof![
            Just(NetError::Reset),
            Just(NetError::ConnectTimeout),
            Just(NetError::BrokenOff)
        ]
        .prop_map(fails),
        "\\PC{0,60}".prop_map(|text| events([now(ROLE), now(&text), breaks(0.1)])),
        Just(events([now(ROLE), now(&delta("x")), hangs()])),
        Just(ok("x")),
        Just(ok_stream("x")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The network's double puts a secret into every URL's query, and into every request's headers.
    #[test]
    fn no_line_holds_an_address_or_a_credential(
        acts in proptest::array::uniform3(act()), stream: bool, json: bool
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let api = builder(if json { "json" } else { "text" }).bind();
            for (who, act) in ["a@east", "b@west", "c@west"].into_iter().zip(acts) {
                api.on(who, [act]);
            }
            let body = if stream { streamed("a") } else { chat("a") };
            let heard = api.send(&body).await;
            let line = heard.report().line(&facts());
            for secret in ["s3cret", "llm.internal", "8443", "Bearer", "https://"] {
                prop_assert!(!line.contains(secret), "{}", line);
            }
            prop_assert!(!line.contains('\n'), "{}", line);
            if json {
                prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{}", line);
            }
            Ok(())
        })?;
    }
}

fn document(name: &str) -> std::io::Result<String> {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path)
}

/// A line with every field that there is.
fn whole_line() -> String {
    let attempt = AttemptReport {
        model: "a".into(),
        endpoint_id: "east".into(),
        outcome: Outcome::Network(NetError::Reset),
        status: Some(500),
        took: secs(1.0),
        headed: Some(secs(0.5)),
        first_chunk: Some(secs(0.7)),
        probe: true,
        suspended: Some(secs(60.0)),
        suspected: true,
        lifted: true,
        mode: Some(ContinuationMode::Again),
        delivered: Some(3),
    };
    let report = Report {
        api: "AssistantAPI:1".into(),
        tenant: "carbon.super".into(),
        format: AttemptLog::Json,
        attempts: vec![attempt],
        skipped: vec![("b".into(), "west".into(), "suspended")],
        not_continued: Some("no-candidate".into()),
        tokens: Some(Tokens {
            prompt: 1,
            completion: 2,
            total: 3,
        }),
        status: 200,
        took: secs(1.0),
    };
    report.line(&facts())
}

#[test]
fn every_field_is_documented() {
    fn names(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                into.push(name.clone());
                names(value, into);
            }),
            Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            _ => {}
        }
    }
    let mut fields = Vec::new();
    names(&serde_json::from_str(&whole_line()).unwrap(), &mut fields);
    assert!(fields.len() > 25, "{fields:?}");
    let page = document("attempts.md").unwrap();
    for field in fields {
        let spelt = [format!("`{field}`"), format!(".{field}`")];
        assert!(
            spelt.iter().any(|name| page.contains(name)),
            "docs/attempts.md has no {field}"
        );
    }
}

#[test]
fn the_sample_parser_takes_a_line_apart() {
    let parsers = document("logs/parsers.conf").unwrap();
    let regex = parsers
        .lines()
        .find_map(|line| line.trim().strip_prefix("Regex "))
        .unwrap();
    let regex = regex::Regex::new(regex.trim()).unwrap();
    let line = format!("2026-11-30T03:00:00.123+01:00 WARN {}", whole_line());
    let parts = regex.captures(&line).unwrap();
    assert_eq!(&parts["time"], "2026-11-30T03:00:00.123+01:00");
    assert_eq!(&parts["level"], "WARN");
    let event: Value = serde_json::from_str(&parts["event"]).unwrap();
    assert_eq!(event["attempts"][0]["outcome"], "network");
}
