//! A report as one line of JSON.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::{AttemptReport, Facts, Report};

/// As it is written; docs/attempts.md has its fields.
#[derive(Serialize)]
struct Line<'a> {
    api: &'a str,
    tenant: &'a str,
    #[serde(flatten)]
    facts: Map<String, Value>,
    status: u16,
    took_ms: u64,
    attempts: Vec<Attempt<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_continued: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Used>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped<'a>>,
}

#[derive(Serialize)]
struct Attempt<'a> {
    model: &'a str,
    endpoint: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_chunk_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continued: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<usize>,
    probe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_ms: Option<u64>,
    marked: bool,
    lifted: bool,
}

#[derive(Serialize)]
struct Used {
    prompt: u64,
    completion: u64,
}

#[derive(Serialize)]
struct Skipped<'a> {
    model: &'a str,
    endpoint: &'a str,
    why: &'static str,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<'a> From<&'a AttemptReport> for Attempt<'a> {
    fn from(attempt: &'a AttemptReport) -> Self {
        Attempt {
            model: &attempt.model,
            endpoint: &attempt.endpoint_id,
            outcome: attempt.outcome.word(),
            status: attempt.status,
            reason: attempt.reason(),
            ms: millis(attempt.took),
            head_ms: attempt.headed.map(millis),
            first_chunk_ms: attempt.first_chunk.map(millis),
            continued: attempt.mode.map(|mode| mode.word()),
            delivered: attempt.delivered,
            probe: attempt.probe,
            suspended_ms: attempt.suspended.map(millis),
            marked: attempt.suspected && attempt.suspended.is_none(),
            lifted: attempt.lifted,
        }
    }
}

pub(crate) fn line(report: &Report, facts: &Facts) -> String {
    let facts = facts.iter();
    let line = Line {
        api: &report.api,
        tenant: &report.tenant,
        facts: facts
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
        status: report.status,
        took_ms: millis(report.took),
        attempts: report.attempts.iter().map(Attempt::from).collect(),
        not_continued: report.not_continued.as_deref(),
        tokens: report.tokens.map(|tokens| Used {
            prompt: tokens.prompt,
            completion: tokens.completion,
        }),
        skipped: report
            .skipped
            .iter()
            .map(|(model, endpoint, why)| Skipped {
                model,
                endpoint,
                why,
            })
            .collect(),
    };
    // Nothing in it can fail to be written: its keys are strings, its numbers are whole.
    serde_json::to_string(&line).unwrap_or_default()
}
