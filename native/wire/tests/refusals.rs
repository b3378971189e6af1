//! What providers say when they refuse, and what it is taken for: `refusals.json`, a row each, in every place where a
//! provider can say it.
//!
//! `reason` is what is right, `or` what is right too. `unknown` and `unsure` say nothing of the request's or the
//! candidate's fault: the status decides. `shape`: the members are those that the source documents, the words are
//! composed. A `trap` has words that mislead; without a source it is made up. `request`: what the client sent.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use failover_wire::refusal::{Evidence, Reason, Signs};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    provider: String,
    reason: String,
    #[serde(default)]
    or: Vec<String>,
    status: u16,
    #[serde(default)]
    form: Form,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    request: String,
    body: String,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Plain,
    InBand,
    StreamEvent,
    ExceptionFrame,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("refusals.json")).unwrap()
}

fn word(reason: Option<Reason>) -> &'static str {
    match reason {
        None => "unknown",
        Some(Reason::OverLimit) => "over-limit",
        Some(Reason::ContextLength) => "context-length",
        Some(Reason::ContentFilter) => "content-filter",
        Some(Reason::ModelNotFound) => "model-not-found",
        Some(Reason::Account) => "account",
        Some(Reason::Limit) => "limit",
        Some(Reason::Request) => "request",
    }
}

impl Row {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn evidence(&self) -> Evidence {
        let body = self.body.as_bytes();
        match (self.form, self.header(":exception-type")) {
            (Form::ExceptionFrame, Some(name)) => Evidence::of_exception(name, body),
            (Form::Plain, _) if self.status >= 400 => {
                Evidence::of_answer(self.status, self.header("x-amzn-errortype"), body)
            }
            _ => Evidence::in_band(body),
        }
    }

    /// Whether a reason is right. What is left to the status is left to the outcome table.
    fn accepts(&self, reason: Option<Reason>) -> bool {
        let said = word(reason);
        let by_status = match self.status {
            200 => &["unsure"][..],
            401 | 402 => &["account"],
            405 | 406 | 409 | 411 | 413 | 415 => &["request"],
            429 | 498 | 503 | 529 => &["limit", "unsure"],
            408 | 424 | 425 | 499 | 500.. => &["unsure"],
            _ => &[],
        };
        let right = |right: &str| right == said || reason.is_none() && by_status.contains(&right);
        right(&self.reason) || self.or.iter().any(|or| right(or))
    }
}

#[test]
fn every_refusal_is_taken_for_what_it_is() {
    let (signs, said) = Signs::with(&[]);
    assert_eq!(said, [""; 0]);
    let wrong: Vec<String> = rows()
        .iter()
        // A finish reason is the format's business.
        .filter(|row| {
            ![
                "finish_reason",
                "finishReason",
                "stop_reason",
                "stopReason",
                "blockReason",
                "FinishReason",
            ]
            .iter()
            .any(|f| row.body.contains(f))
        })
        .filter_map(|row| {
            let reason = signs.reason(&row.evidence(), row.request.as_bytes());
            (!row.accepts(reason)).then(|| {
                let (right, said) = (&row.reason, word(reason));
                format!(
                    "{}: {} taken for {said}, not {right}: {}",
                    row.provider, row.status, row.body
                )
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_same_words_mean_the_same_in_band() {
    let (signs, _) = Signs::with(&[]);
    let mut wrong = Vec::new();
    for row in rows()
        .iter()
        .filter(|row| row.form == Form::Plain && row.status < 500)
    {
        let plain = signs.reason(&row.evidence(), row.request.as_bytes());
        let mut evidence = Evidence::in_band(row.body.as_bytes());
        if let Some(kind) = row.header("x-amzn-errortype") {
            evidence = Evidence::of_exception(kind, row.body.as_bytes());
        }
        let in_band = signs.reason(&evidence, row.request.as_bytes());
        if plain.is_some() && in_band != plain && !row.accepts(in_band) {
            wrong.push(format!(
                "{}: {plain:?} plain, {in_band:?} in band: {}",
                row.provider, row.body
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn words_that_the_request_says_too_are_an_echo() {
    let (signs, _) = Signs::with(&[]);
    // A link is none of its words, and what is quoted as JSON has codes.
    let told = |row: &&Row| {
        row.form == Form::Plain && !row.body.contains("http") && !row.body.contains("\\\"")
    };
    for row in rows().iter().filter(told) {
        let evidence = Evidence::of_answer(row.status, None, row.body.as_bytes());
        // Whoever sends the whole explanation along gets nobody suspended by its words, only by its codes.
        let silent = Evidence::of_answer(row.status, None, without_words(&row.body).as_bytes());
        let reason = signs.reason(&evidence, row.body.as_bytes());
        let by_code = signs.reason(&silent, b"");
        assert!(
            reason.is_none() || reason == by_code,
            "{}: {reason:?} by words that were echoed: {}",
            row.provider,
            row.body
        );
    }
}

#[test]
fn a_code_that_the_request_quotes_is_an_echo_too() {
    let (signs, _) = Signs::with(&[]);
    let body =
        r#"{"error":{"message":"bad tool arguments: {\"error\":{\"code\":\"invalid_api_key\"}}"}}"#;
    let evidence = Evidence::of_answer(400, None, body.as_bytes());
    assert_eq!(signs.reason(&evidence, b""), Some(Reason::Account));
    let request = br#"{"tools":[{"x":{"error":{"code":"invalid_api_key"}}}]}"#;
    assert_ne!(signs.reason(&evidence, request), Some(Reason::Account));
}

fn without_words(body: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(body) else {
        return String::new();
    };
    fn clear(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) if text.contains(' ') => text.clear(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(clear),
            serde_json::Value::Object(members) => members.values_mut().for_each(clear),
            _ => {}
        }
    }
    clear(&mut value);
    value.to_string()
}

#[test]
fn an_operators_own_signs_come_first_and_a_mistake_in_one_is_named() {
    let rows = [
        "reason = \"limit\"\ncodes = [\"e42\"]".to_owned(),
        "reason = \"weather\"\ncodes = [\"x\"]".to_owned(),
        "reason = \"limit\"\nwords = \"(\"".to_owned(),
        "reason = \"limit\"".to_owned(),
        "reason = \"limit\"\nword = \"x\"".to_owned(),
    ];
    let (signs, said) = Signs::with(&rows);
    assert_eq!(said.len(), 4, "{said:?}");
    for (index, message) in said.iter().enumerate() {
        assert!(
            message.starts_with(&format!("signs[{}]", index + 1)),
            "{message}"
        );
    }
    let evidence = Evidence::of_answer(400, None, br#"{"code":"E42","message":"model not found"}"#);
    assert_eq!(signs.reason(&evidence, b""), Some(Reason::Limit));
}
