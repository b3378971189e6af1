//! The outcome table of `behaviour.md` §3: what one attempt came to, whether the next candidate is tried, and whether
//! this one is suspended.

use failover_policy::Settings;
use failover_wire::Reason;
use failover_wire::answer::NoAnswer;
use http::StatusCode;

use crate::transport::NetError;

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx with a useful answer.
    Answered,
    /// 400, 404, 405, 409, 413, 415, 422 and the other 4xx that no other row names.
    CallersFault,
    /// 400 for what the content filter saw.
    ContentFilter,
    /// The prompt does not fit into this model.
    ContextLength,
    /// The model or deployment is not there.
    ModelNotFound,
    /// 401, 402, 403 or no credit, with the endpoint's own credentials.
    OwnCredentials,
    /// The same with the caller's credentials.
    CallersCredentials,
    /// 408, 425, 429, 5xx, 529 and any other status.
    Unavailable(StatusCode),
    /// DNS, connect, TLS, reset, protocol error.
    Network(NetError),
    /// No complete answer, or no useful chunk, in time.
    Silent,
    /// 2xx that is no answer.
    NoAnswer(NoAnswer),
    /// An answer of more than `max_answer_body`, with whatever status.
    TooLarge,
    /// There was no room for its answer, or for what it was to be sent: all bodies together have reached `max_memory`,
    /// or the machine has no more.
    NoMemory,
    /// A stream that ended, broke or reported an error before its first useful chunk.
    NoUsefulChunk,
    /// A stream that broke, stalled or reported an error after its first useful chunk.
    StreamCut,
    /// A candidate that was to go on with another's answer, and said something else.
    Diverged,
    /// The gateway has no URL or no credentials for it.
    Unusable,
    /// With what the endpoint adds to it, the request is longer than providers take; `callers`: by the caller's own
    /// credentials. It was not sent.
    TooLong {
        /// Whether it is the caller's doing.
        callers: bool,
    },
    /// The attempt panicked: a defect in here, which says nothing about the candidate.
    Panicked,
}

/// Whether the next candidate is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// The caller gets this one's answer.
    No,
    /// Yes.
    Yes,
    /// Yes, but not with the same model.
    OtherModel,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether the next candidate is tried.
    pub go_on: GoOn,
    /// Whether this candidate is suspended.
    pub suspends: bool,
}

impl Outcome {
    /// The row for a non-2xx answer.
    pub fn of_status(status: StatusCode, reason: Option<Reason>, own_credential: bool) -> Outcome {
        match (status.as_u16(), reason) {
            (_, Some(Reason::ContextLength)) => Outcome::ContextLength,
            (_, Some(Reason::ContentFilter)) => Outcome::ContentFilter,
            (_, Some(Reason::ModelNotFound)) => Outcome::ModelNotFound,
            (_, Some(Reason::Account)) | (401..=403, None) => {
                if own_credential {
                    Outcome::OwnCredentials
                } else {
                    Outcome::CallersCredentials
                }
            }
            (408 | 425 | 429, None) => Outcome::Unavailable(status),
            (400..=499, None) => Outcome::CallersFault,
            _ => Outcome::Unavailable(status),
        }
    }

    /// What follows from it.
    pub fn rule(self, settings: &Settings) -> Rule {
        let (go_on, suspends) = match self {
            Outcome::Answered => (GoOn::No, false),
            Outcome::CallersFault => (GoOn::No, false),
            Outcome::ContentFilter if settings.failover_on_content_filter => (GoOn::Yes, false),
            Outcome::ContentFilter => (GoOn::No, false),
            Outcome::ContextLength => (GoOn::OtherModel, false),
            Outcome::ModelNotFound => (GoOn::Yes, true),
            Outcome::OwnCredentials => (GoOn::Yes, true),
            Outcome::CallersCredentials => (GoOn::No, false),
            Outcome::Unavailable(_) => (GoOn::Yes, true),
            Outcome::Network(_) => (GoOn::Yes, true),
            Outcome::Silent => (GoOn::Yes, true),
            Outcome::NoAnswer(_) => (GoOn::Yes, true),
            Outcome::TooLarge => (GoOn::Yes, true),
            Outcome::NoMemory => (GoOn::No, false),
            Outcome::NoUsefulChunk => (GoOn::Yes, true),
            Outcome::StreamCut => (GoOn::Yes, true),
            Outcome::Diverged => (GoOn::Yes, false),
            Outcome::Unusable => (GoOn::Yes, false),
            Outcome::TooLong { callers: true } => (GoOn::No, false),
            Outcome::TooLong { callers: false } => (GoOn::Yes, false),
            Outcome::Panicked => (GoOn::Yes, false),
        };
        Rule { go_on, suspends }
    }

    /// Whether the candidate had a part in it.
    pub(crate) fn reached(self) -> bool {
        !matches!(
            self,
            Outcome::Unusable | Outcome::TooLong { .. } | Outcome::Panicked | Outcome::NoMemory
        )
    }

    /// Whether the same candidate may be tried again: 5xx and resets before the response, nothing else.
    pub fn may_be_retried(self) -> bool {
        match self {
            Outcome::Unavailable(status) => status.is_server_error(),
            Outcome::Network(error) => error == NetError::Reset,
            _ => false,
        }
    }

    /// A word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::CallersFault => "callers-fault",
            Outcome::ContentFilter => "content-filter",
            Outcome::ContextLength => "context-length",
            Outcome::ModelNotFound => "model-not-found",
            Outcome::OwnCredentials => "credentials-refused",
            Outcome::CallersCredentials => "callers-credentials-refused",
            Outcome::Unavailable(_) => "unavailable",
            Outcome::Network(_) => "network",
            Outcome::Silent => "silent",
            Outcome::NoAnswer(_) => "no-answer",
            Outcome::TooLarge => "too-large",
            Outcome::NoMemory => "no-memory",
            Outcome::NoUsefulChunk => "no-useful-chunk",
            Outcome::StreamCut => "stream-cut",
            Outcome::Diverged => "diverged",
            Outcome::Unusable => "unusable",
            Outcome::TooLong { .. } => "too-long",
            Outcome::Panicked => "panicked",
        }
    }

    /// What it was, in words that may reach the caller.
    pub fn explained(self) -> String {
        match self {
            Outcome::Unavailable(status) => format!("answered {}", status.as_u16()),
            Outcome::Network(error) => format!("gave {error}"),
            Outcome::Silent => "did not answer in time".to_owned(),
            Outcome::NoAnswer(why) => format!("gave {why}"),
            Outcome::TooLarge => "gave an answer of more than max_answer_body".to_owned(),
            Outcome::NoUsefulChunk => "gave a stream without anything useful in it".to_owned(),
            Outcome::Unusable => "could not be called".to_owned(),
            Outcome::TooLong { .. } => {
                "was not sent the request, which is longer than providers take".to_owned()
            }
            Outcome::Panicked => "could not be asked, because the gateway failed".to_owned(),
            other => format!("ended in {}", other.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: Option<Reason>, own: bool) -> (GoOn, bool) {
        let outcome = Outcome::of_status(StatusCode::from_u16(code).unwrap(), reason, own);
        let rule = outcome.rule(&Settings::default());
        (rule.go_on, rule.suspends)
    }

    #[test]
    fn the_callers_fault_goes_back_to_the_caller_and_suspends_nothing() {
        for code in [400, 404, 405, 406, 409, 410, 413, 415, 418, 422, 431, 451] {
            assert_eq!(status(code, None, true), (GoOn::No, false), "{code}");
        }
    }

    #[test]
    fn whatever_is_the_providers_goes_on_and_suspends() {
        for code in [
            408, 425, 429, 500, 501, 502, 503, 504, 529, 599, 301, 302, 304, 600,
        ] {
            assert_eq!(status(code, None, true), (GoOn::Yes, true), "{code}");
        }
    }

    #[test]
    fn refused_credentials_go_on_only_when_they_are_the_endpoints_own() {
        for code in [401, 402, 403] {
            assert_eq!(status(code, None, true), (GoOn::Yes, true), "{code}");
            assert_eq!(status(code, None, false), (GoOn::No, false), "{code}");
        }
        assert_eq!(status(400, Some(Reason::Account), true), (GoOn::Yes, true));
        assert_eq!(status(400, Some(Reason::Account), false), (GoOn::No, false));
    }

    #[test]
    fn a_context_that_is_too_long_goes_on_to_another_model_and_suspends_nothing() {
        assert_eq!(
            status(400, Some(Reason::ContextLength), true),
            (GoOn::OtherModel, false)
        );
    }

    #[test]
    fn a_model_that_is_not_there_goes_on_and_suspends() {
        assert_eq!(
            status(404, Some(Reason::ModelNotFound), true),
            (GoOn::Yes, true)
        );
        assert_eq!(
            status(400, Some(Reason::ModelNotFound), false),
            (GoOn::Yes, true)
        );
    }

    #[test]
    fn a_content_filter_goes_on_only_when_it_is_set() {
        let outcome =
            Outcome::of_status(StatusCode::BAD_REQUEST, Some(Reason::ContentFilter), true);
        let mut settings = Settings::default();
        assert_eq!(outcome.rule(&settings).go_on, GoOn::No);
        settings.failover_on_content_filter = true;
        assert_eq!(
            outcome.rule(&settings),
            Rule {
                go_on: GoOn::Yes,
                suspends: false
            }
        );
    }

    #[test]
    fn silence_is_never_retried_and_a_reset_may_be() {
        assert!(!Outcome::Silent.may_be_retried());
        assert!(!Outcome::Network(NetError::Connect).may_be_retried());
        assert!(!Outcome::Network(NetError::BrokenOff).may_be_retried());
        assert!(Outcome::Network(NetError::Reset).may_be_retried());
        assert!(Outcome::Unavailable(StatusCode::BAD_GATEWAY).may_be_retried());
        assert!(!Outcome::Unavailable(StatusCode::TOO_MANY_REQUESTS).may_be_retried());
    }
}
