//! What a provider's answer comes to: evidence in, outcome out. One judge for whole answers of any status and for
//! errors in a stream; `outcome.rs` has the table.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use failover_suspension::hint;
use failover_wire::answer::{self, NoAnswer};
use failover_wire::refusal::{Evidence, Refusal, Signs};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::client::is_known;
use crate::gateway::{Head, Metadata};
use crate::outcome::Outcome;

/// A whole answer of a provider's.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// What an answer, or an error in a stream, comes to.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// What the client can be given: an answer, or what the provider says of its failure.
    pub(crate) answer: Option<Whole>,
    /// What the provider says about when to come back.
    pub(crate) hint: Option<Duration>,
    /// Retry-After alone.
    pub(crate) retry_after: Option<Duration>,
    /// What it says of a failure.
    pub(crate) evidence: Evidence,
}

impl Verdict {
    pub(crate) fn of(outcome: Outcome) -> Self {
        Verdict {
            outcome,
            answer: None,
            hint: None,
            retry_after: None,
            evidence: Evidence::default(),
        }
    }
}

/// Judges what one candidate makes of one request.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'c> {
    pub(crate) signs: &'c Signs,
    /// The request's body, in which the provider's words are no words of its own.
    pub(crate) request: &'c [u8],
    /// Whether the candidate was called with its endpoint's own credentials.
    pub(crate) own_credential: bool,
    /// Whether a content filter's verdict in an answer leads to the next candidate.
    pub(crate) minds_filters: bool,
}

impl Judge<'_> {
    /// A complete answer.
    pub(crate) fn whole(&self, whole: Whole) -> Verdict {
        match whole.head.status.is_success() {
            true => self.success(whole),
            false => self.failure(whole),
        }
    }

    fn success(&self, whole: Whole) -> Verdict {
        let headers = &whole.head.headers;
        let bodyless = matches!(whole.head.status.as_u16(), 204 | 205);
        let checked = if bodyless || is_encoded(headers) && !whole.body.is_empty() {
            Ok(answer::Answer::Useful)
        } else {
            answer::check(text(headers, &header::CONTENT_TYPE), &whole.body)
        };
        let outcome = match checked {
            Ok(answer::Answer::Filtered) if self.minds_filters => Outcome::ContentFilter,
            Ok(_) => Outcome::Answered,
            Err(why @ (NoAnswer::Error | NoAnswer::Failed)) => {
                return self.error_in_band(whole, Outcome::NoAnswer(why));
            }
            // Not an answer, so not one to fall back on either: the client is never given an empty 200.
            Err(why) => return Verdict::of(Outcome::NoAnswer(why)),
        };
        Verdict {
            hint: hint::after_success(|| header_pairs(headers), SystemTime::now()),
            answer: Some(whole),
            ..Verdict::of(outcome)
        }
    }

    fn failure(&self, whole: Whole) -> Verdict {
        let Head {
            status, headers, ..
        } = &whole.head;
        let kind = text(headers, &ERROR_TYPE);
        let evidence = Evidence::of_answer(status.as_u16(), kind, examined(&whole.body));
        let reason = self.signs.reason(&evidence, self.request);
        let outcome = Outcome::of_refusal(Some(*status), reason, self.own_credential);
        let (hint, retry_after) = hints(headers, &whole.body);
        Verdict {
            outcome: outcome.unwrap_or(Outcome::Unavailable(*status)),
            hint,
            retry_after,
            evidence,
            // What no client can be sent needs something that it can be.
            answer: Some(whole).filter(|a| is_known(a.head.status) || !a.body.is_empty()),
        }
    }

    /// An answer that is an error with a success status: judged as if it had the right one, and given as such.
    fn error_in_band(&self, mut whole: Whole, unknown: Outcome) -> Verdict {
        let evidence = Evidence::in_band(examined(&whole.body));
        let (outcome, status) = self.in_band(&evidence, unknown);
        let (hint, retry_after) = hints(&whole.head.headers, &whole.body);
        whole.head.status = status;
        Verdict {
            outcome,
            hint,
            retry_after,
            evidence,
            answer: Some(whole),
        }
    }

    /// An error of a stream of which nothing has been passed on: what the stream came to, and the answer that it
    /// should have been. `unknown`: the outcome of an error that says nothing known.
    pub(crate) fn refused_stream(&self, head: Head, refusal: Refusal, unknown: Outcome) -> Verdict {
        let (outcome, status) = self.in_band(&refusal.evidence, unknown);
        let (hint, retry_after) = hints(&head.headers, &refusal.body);
        let mut headers = head.headers;
        headers.insert(header::CONTENT_TYPE, JSON);
        let head = Head {
            status,
            headers,
            candidate: head.candidate,
            metadata: Metadata::new(),
        };
        let answer = (!refusal.body.is_empty()).then_some(Whole {
            head,
            body: refusal.body,
        });
        Verdict {
            outcome,
            hint,
            retry_after,
            evidence: refusal.evidence,
            answer,
        }
    }

    /// An error in the middle of a stream.
    pub(crate) fn broken_stream(&self, refusal: &Refusal) -> (Outcome, Option<Duration>) {
        let (outcome, _) = self.in_band(&refusal.evidence, Outcome::StreamCut);
        let (hint, _) = hints(&HeaderMap::new(), &refusal.body);
        (outcome, hint)
    }

    /// What an error in band comes to, and the status with which it should have come.
    fn in_band(&self, evidence: &Evidence, unknown: Outcome) -> (Outcome, StatusCode) {
        let status = evidence.status.and_then(|s| StatusCode::from_u16(s).ok());
        let reason = self.signs.reason(evidence, self.request);
        let outcome = Outcome::of_refusal(status, reason, self.own_credential).unwrap_or(unknown);
        let given = status.unwrap_or(match outcome {
            outcome if outcome.is_about_the_request() => StatusCode::BAD_REQUEST,
            Outcome::ContextLength | Outcome::OverLimit => StatusCode::BAD_REQUEST,
            Outcome::ClientsCredentials => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_GATEWAY,
        });
        (outcome, given)
    }
}

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a failure says of when to come back, in all ways and by Retry-After alone.
fn hints(headers: &HeaderMap, body: &[u8]) -> (Option<Duration>, Option<Duration>) {
    let now = SystemTime::now();
    (
        hint::after_failure(|| header_pairs(headers), examined(body), now),
        hint::retry_after_of(header_pairs(headers), now),
    )
}

/// What of a refusal's body is looked at: all of it or, when that explains nothing any more, nothing.
fn examined(body: &[u8]) -> &[u8] {
    const MOST: usize = 256 * 1024;
    if body.len() <= MOST { body } else { &[] }
}

/// Whether a body is compressed, although nobody asked for that.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    text(headers, &header::CONTENT_ENCODING).is_some_and(|e| !e.eq_ignore_ascii_case("identity"))
}

/// A header as text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// All headers that are text.
pub(crate) fn header_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
