//! How a candidate is asked, where that differs from what the client sent: for a stream's usage, and to go on with an
//! answer that broke off. A candidate that refuses what was altered is asked once more, with less of it altered.

use failover_wire::refusal::Evidence;
use failover_wire::stream::{Continuation, Stream};

use crate::outcome::Outcome;

/// How a candidate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking {
    /// Whether a stream's usage is asked for in the client's stead.
    pub(crate) usage: bool,
    /// How it is asked to go on.
    pub(crate) way: Option<Way>,
}

impl Asking {
    /// How a candidate is asked that refused to be asked like this; `None`: it is not asked again.
    pub(crate) fn after(self, outcome: Outcome, evidence: &Evidence) -> Option<Asking> {
        // OpenAI's "Unrecognized request argument", Mistral's "extra_forbidden" name the field, whatever else they seem
        // to say; others say only that something is wrong.
        let usage_refused = evidence.names(&["stream_options", "include_usage"])
            || outcome.is_refusal() && evidence.names_no_parameter() && self.way.is_none();
        if self.usage && usage_refused {
            return Some(Asking {
                usage: false,
                ..self
            });
        }
        if !outcome.is_refusal() {
            return None;
        }
        let way = self.way?.after(evidence)?;
        Some(Asking {
            way: Some(way),
            ..self
        })
    }
}

/// A way to ask a candidate for the rest of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With what the client has as the beginning of its answer.
    Prefilled,
    /// The same, marked as such.
    Marked,
    /// With the request as it was.
    Again,
}

impl Way {
    pub(crate) fn first(stream: &Stream, request: &[u8]) -> Way {
        match stream.prefilled(request, false) {
            Some(_) => Way::Prefilled,
            None => Way::Again,
        }
    }

    /// The request's body in this way; `None`: as it was.
    pub(crate) fn prefilled(self, stream: &Stream, request: &[u8]) -> Option<Vec<u8>> {
        match self {
            Way::Prefilled => stream.prefilled(request, false),
            Way::Marked => stream.prefilled(request, true),
            Way::Again => None,
        }
    }

    /// What is tried next at a candidate that refused this one. The request itself was good enough for another.
    fn after(self, evidence: &Evidence) -> Option<Way> {
        match self {
            // Mistral's "… or Assistant with prefix True".
            Way::Prefilled if evidence.names(&["prefix"]) => Some(Way::Marked),
            Way::Prefilled | Way::Marked => Some(Way::Again),
            Way::Again => None,
        }
    }

    pub(crate) fn continuation(self) -> Continuation {
        match self {
            Way::Prefilled | Way::Marked => Continuation::Prefilled,
            Way::Again => Continuation::Again,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Way::Prefilled => "prefill",
            Way::Marked => "prefix",
            Way::Again => "repeat",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Evidence {
        Evidence::of_answer(400, None, body.as_bytes())
    }

    const USAGE: Asking = Asking {
        usage: true,
        way: None,
    };

    #[test]
    fn who_refuses_the_question_for_usage_is_asked_without_it() {
        for body in [
            r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#,
            r#"{"errors":[{"message":"AiError: Bad input: oneOf at '/' not met","code":5006}],"success":false}"#,
            "",
        ] {
            let next = USAGE.after(Outcome::ClientError, &said(body));
            assert_eq!(next.map(|asking| asking.usage), Some(false), "{body}");
        }
        let model = said(r#"{"error":{"message":"Model m: stream_options is unsupported"}}"#);
        assert!(USAGE.after(Outcome::ModelNotFound, &model).is_some());
    }

    #[test]
    fn who_refuses_something_else_is_not_asked_again() {
        let other = said(r#"{"error":{"message":"wrong","param":"messages"}}"#);
        assert_eq!(USAGE.after(Outcome::ClientError, &other), None);
        assert_eq!(USAGE.after(Outcome::Silent, &said("")), None);
        let plain = Asking {
            usage: false,
            way: None,
        };
        assert_eq!(plain.after(Outcome::ClientError, &said("")), None);
    }

    #[test]
    fn a_refused_prefill_is_marked_where_that_is_asked_for_and_given_up_else() {
        let prefilled = Asking {
            usage: false,
            way: Some(Way::Prefilled),
        };
        let next = |asking: Asking, body: &str| {
            let next = asking.after(Outcome::ClientError, &said(body));
            next.and_then(|asking| asking.way)
        };
        let mark =
            r#"{"message":"Expected last role User or Tool (or Assistant with prefix True)"}"#;
        assert_eq!(next(prefilled, mark), Some(Way::Marked));
        assert_eq!(next(prefilled, "{}"), Some(Way::Again));
        let again = Asking {
            usage: false,
            way: Some(Way::Again),
        };
        assert_eq!(next(again, "{}"), None);
    }
}
