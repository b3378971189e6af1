//! What the client gets: a provider's answer with its headers put right, or the gateway's own word when there is none
//! (`behaviour.md` §8).

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::candidate::CandidateState;
use crate::gateway::{Cause, Failure, Head};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::report::AttemptReport;
use crate::transport::NetError;

/// What a header's value can't hold, beside everything outside ASCII, which is always percent-encoded.
const IN_HEADER: &AsciiSet = CONTROLS;

/// The headers that tell the client who served. A provider's own of these names never get through.
const MODEL: HeaderName = HeaderName::from_static("x-failover-model");
const ENDPOINT: HeaderName = HeaderName::from_static("x-failover-endpoint");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-failover-attempts");
const REASON: HeaderName = HeaderName::from_static("x-failover-reason");

/// The most words of [`REASON`]: attempts are bounded by candidates and retries, a header's length by more than those.
const MOST_REASONS: usize = 32;

/// Hop-by-hop headers (RFC 9110 §7.6.1), and Content-Length, which the gateway sets by what it sends.
const NOT_FORWARDED: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
];

/// In an answer without success they can name a host that the client has no business with.
const NAMES_HOSTS: [HeaderName; 4] = [
    header::LOCATION,
    header::REFRESH,
    header::CONTENT_LOCATION,
    header::LINK,
];

/// Whether HTTP knows the status as that of an answer (RFC 9110 section 15). Others can't be passed on.
pub(crate) fn is_known(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// Puts an answer's status and headers right. `served`: who is to be named, and after which attempts.
pub(crate) fn rework(head: &mut Head, served: Option<(&CandidateState, &[AttemptReport])>) {
    let headers = &mut head.headers;
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_FORWARDED.into_iter().chain(named) {
        headers.remove(name);
    }
    if !head.status.is_success() {
        for name in NAMES_HOSTS {
            headers.remove(name);
        }
    }
    if !is_known(head.status) {
        head.status = StatusCode::BAD_GATEWAY;
    }
    for name in [MODEL, ENDPOINT, ATTEMPTS, REASON] {
        headers.remove(name);
    }
    if let Some((candidate, attempts)) = served {
        for (name, text) in [
            (
                MODEL,
                Cow::from(utf8_percent_encode(&candidate.model, IN_HEADER)),
            ),
            (
                ENDPOINT,
                utf8_percent_encode(&candidate.endpoint_id, IN_HEADER).into(),
            ),
            (ATTEMPTS, attempts.len().to_string().into()),
            (REASON, reasons(attempts).into()),
        ] {
            if !text.is_empty()
                && let Ok(value) = HeaderValue::from_str(&text)
            {
                headers.insert(name, value);
            }
        }
    }
}

/// What the attempts came to that failed, in their order.
fn reasons(attempts: &[AttemptReport]) -> String {
    let failed = attempts.iter().map(|attempt| attempt.outcome);
    let words: Vec<&str> = failed
        .filter(|outcome| *outcome != Outcome::Answered)
        .map(Outcome::word)
        .take(MOST_REASONS)
        .collect();
    words.join(", ")
}

/// All candidates failed, without an answer that could be passed on.
pub(crate) fn all_failed(
    model: &str,
    index: usize,
    outcome: Outcome,
    attempts: &[AttemptReport],
) -> Failure {
    if outcome == Outcome::NoMemory {
        return Failure {
            status: StatusCode::SERVICE_UNAVAILABLE,
            cause: Cause::NoMemory,
            message: Refusal::NoMemory.to_string(),
            retry_after: Some(1),
            reasons: reasons(attempts),
            candidate: None,
        };
    }
    let (status, cause) = match outcome {
        Outcome::TooLong { clients: true } => {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Cause::Request)
        }
        Outcome::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, Cause::Broken),
        Outcome::TimedOut => (StatusCode::GATEWAY_TIMEOUT, Cause::TimedOut),
        Outcome::Network(NetError::ConnectTimeout) => {
            (StatusCode::GATEWAY_TIMEOUT, Cause::NoConnection)
        }
        Outcome::Network(error) if error.is_before_connection() => {
            (StatusCode::BAD_GATEWAY, Cause::NoConnection)
        }
        _ => (StatusCode::BAD_GATEWAY, Cause::Broken),
    };
    let explained = outcome.explained();
    let message = match attempts.len() {
        1 => format!("The model {model} {explained}; there was no other to fall back to"),
        n => format!("All models failed in {n} attempts; the last one, {model}, {explained}"),
    };
    Failure {
        status,
        cause,
        message,
        retry_after: None,
        reasons: reasons(attempts),
        candidate: Some(index),
    }
}

/// No candidate may be called. `wait`: until the first may be; `None`: they are held by an operator.
pub(crate) fn all_suspended(wait: Option<Duration>) -> Failure {
    let (message, retry_after) = match wait {
        Some(wait) => {
            let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
            let message = format!(
                "Every model is suspended after failures; the first is tried again in {seconds} s"
            );
            (message, Some(seconds))
        }
        None => ("Every model is held back by an operator".to_owned(), None),
    };
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        cause: Cause::Suspended,
        message,
        retry_after,
        reasons: String::new(),
        candidate: None,
    }
}
