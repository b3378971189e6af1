//! The outcome table of `behaviour.md` §3: what one attempt came to, whether the next candidate is tried, and who is
//! to blame.

use failover_policy::{OnUnknownRefusal, Settings};
use failover_wire::answer::NoAnswer;
use failover_wire::refusal::Reason;
use http::StatusCode;

use crate::transport::NetError;

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx with a useful answer.
    Answered,
    /// The request's own fault, known as such.
    ClientError,
    /// A 4xx that says nothing known.
    UnknownRefusal,
    /// A content filter or safety refusal.
    ContentFilter,
    /// The prompt does not fit into this model.
    ContextLength,
    /// This request alone is over a limit of the candidate.
    OverLimit,
    /// The model or deployment is not there.
    ModelNotFound,
    /// 401, 402, no credit, a closed account, with the endpoint's own credentials.
    OwnCredentials,
    /// 403 without one of these reasons, with the endpoint's own credentials.
    Forbidden,
    /// 401, 402 or 403 under the client's own credential.
    ClientsCredentials,
    /// A limit or an unknown model under the client's own credential.
    ClientsLimit,
    /// Limits and overload: 429, 503, 529, 498, or words that say so; with the status, if there was one.
    Limited(Option<StatusCode>),
    /// 408, 424, 425, 499, other 5xx and any other status.
    Unavailable(StatusCode),
    /// DNS, connect, TLS, reset, protocol error.
    Network(NetError),
    /// No complete answer, or no useful chunk, in time.
    TimedOut,
    /// 2xx that is no answer.
    NoAnswer(NoAnswer),
    /// An answer of more than `max_answer_body`, with whatever status.
    TooLarge,
    /// There was no room for its answer, or for what it was to be sent: all bodies together have reached `max_memory`,
    /// or the machine has no more.
    NoMemory,
    /// A stream that ended, broke or reported an unknown error before its first useful chunk.
    NoUsefulChunk,
    /// A stream that broke, stalled or reported an unknown error after its first useful chunk.
    StreamCut,
    /// A candidate that was to go on with another's answer, and said something else.
    Diverged,
    /// The gateway has no URL or no credentials for it.
    Unusable,
    /// With what the endpoint adds to it, the request is longer than providers take; `clients`: by the client's own
    /// credentials. It was not sent.
    TooLong {
        /// Whether it is the client's doing.
        clients: bool,
    },
    /// An operator rehearses its failure: it was not asked. `wholly`: of all attempts, not of a share of them.
    Rehearsed {
        /// Whether it is to be taken for one that is down.
        wholly: bool,
    },
    /// The attempt panicked: a defect in here, which says nothing about the candidate.
    Panicked,
}

/// The words for all outcomes; the one for a good answer first, because whoever counts looks for it from there.
pub const WORDS: &[&str] = &[
    "answered",
    "client-error",
    "unknown-refusal",
    "content-filter",
    "context-length",
    "over-limit",
    "model-not-found",
    "credentials-refused",
    "forbidden",
    "clients-credentials-refused",
    "clients-limit",
    "limited",
    "unavailable",
    "network",
    "silent",
    "no-answer",
    "too-large",
    "no-memory",
    "no-useful-chunk",
    "stream-cut",
    "diverged",
    "unusable",
    "too-long",
    "rehearsed",
    "panicked",
];

/// Whether the next candidate is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The client gets this one's answer.
    No,
    /// Yes.
    Yes,
    /// Yes, but not with the same model.
    OtherModel,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Nobody's, or the request's own.
    Nobody,
    /// The candidate's or the request's: that will be seen.
    Unsure,
    /// The candidate's.
    Candidate,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether the next candidate is tried.
    pub next: Next,
    /// Whose fault it is.
    pub blame: Blame,
}

impl Outcome {
    /// What a refusal comes to. `status`: the answer's, or of an error in band the one that it names; `None` when
    /// neither that nor a reason is known.
    pub fn of_refusal(
        status: Option<StatusCode>,
        reason: Option<Reason>,
        own_credential: bool,
    ) -> Option<Outcome> {
        let own = |ours, clients| match own_credential {
            true => ours,
            false => clients,
        };
        let code = status.map_or(0, |s| s.as_u16());
        Some(match (reason, code) {
            (Some(Reason::OverLimit), _) => Outcome::OverLimit,
            (Some(Reason::ContextLength), _) => Outcome::ContextLength,
            (Some(Reason::ContentFilter), _) => Outcome::ContentFilter,
            (Some(Reason::ModelNotFound), _) => own(Outcome::ModelNotFound, Outcome::ClientsLimit),
            // A quota that is used up is the client's own 429.
            (Some(Reason::Account), 429) => own(Outcome::OwnCredentials, Outcome::ClientsLimit),
            (Some(Reason::Account), _) | (None, 401 | 402) => {
                own(Outcome::OwnCredentials, Outcome::ClientsCredentials)
            }
            (Some(Reason::Limit), 0 | 400..=499) | (None, 429) => {
                own(Outcome::Limited(status), Outcome::ClientsLimit)
            }
            (Some(Reason::Limit), _) | (None, 498 | 503 | 529) => Outcome::Limited(status),
            (Some(Reason::Request), _) | (None, 405 | 406 | 409 | 411 | 413 | 415) => {
                Outcome::ClientError
            }
            (None, 403) => own(Outcome::Forbidden, Outcome::ClientsCredentials),
            (None, 408 | 424 | 425 | 499) => Outcome::Unavailable(status?),
            (None, 400..=499) => Outcome::UnknownRefusal,
            (None, _) => Outcome::Unavailable(status?),
        })
    }

    /// What follows from it.
    pub fn rule(self, settings: &Settings) -> Rule {
        use Blame::{Candidate, Nobody, Unsure};
        use Next::{No, OtherModel, Yes};
        let (next, blame) = match self {
            Outcome::Answered | Outcome::ClientError => (No, Nobody),
            Outcome::UnknownRefusal => match settings.on_unknown_refusal {
                OnUnknownRefusal::Next => (Yes, Nobody),
                OnUnknownRefusal::Return => (No, Nobody),
            },
            Outcome::ContentFilter if settings.failover_on_content_filter => (Yes, Nobody),
            Outcome::ContentFilter => (No, Nobody),
            Outcome::ContextLength => (OtherModel, Nobody),
            Outcome::OverLimit => (Yes, Nobody),
            Outcome::ModelNotFound | Outcome::OwnCredentials => (Yes, Candidate),
            Outcome::Forbidden => (Yes, Unsure),
            Outcome::ClientsCredentials => (No, Nobody),
            Outcome::ClientsLimit => (Yes, Nobody),
            Outcome::Limited(_) => (Yes, Candidate),
            Outcome::Unavailable(_) => (Yes, Unsure),
            Outcome::Network(error) if error.is_before_connection() => (Yes, Candidate),
            Outcome::Network(_)
            | Outcome::TimedOut
            | Outcome::NoAnswer(_)
            | Outcome::TooLarge
            | Outcome::NoUsefulChunk
            | Outcome::StreamCut
            | Outcome::Rehearsed { wholly: true } => (Yes, Unsure),
            Outcome::Diverged | Outcome::Unusable | Outcome::Panicked => (Yes, Nobody),
            Outcome::TooLong { clients: true } | Outcome::NoMemory => (No, Nobody),
            Outcome::TooLong { clients: false } | Outcome::Rehearsed { wholly: false } => {
                (Yes, Nobody)
            }
        };
        Rule { next, blame }
    }

    /// Whether the candidate had a part in it.
    pub(crate) fn reached(self) -> bool {
        !matches!(
            self,
            Outcome::Unusable | Outcome::TooLong { .. } | Outcome::Panicked | Outcome::NoMemory
        )
    }

    /// Whether it is the request's own fault, or a content filter's verdict: nothing that another attempt with the
    /// same request would mend.
    pub(crate) fn is_about_the_request(self) -> bool {
        matches!(self, Outcome::ClientError | Outcome::ContentFilter)
    }

    /// Whether the candidate did not take the request as it was: another form of it may be taken.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Outcome::ClientError | Outcome::UnknownRefusal)
    }

    /// Whether it speaks for the candidate or against it; `None`: for the request alone.
    pub(crate) fn speaks_for_candidate(self) -> Option<bool> {
        match self {
            Outcome::Answered => Some(true),
            Outcome::ClientError
            | Outcome::ContentFilter
            | Outcome::ContextLength
            | Outcome::OverLimit
            | Outcome::ClientsCredentials
            | Outcome::ClientsLimit
            | Outcome::NoMemory
            | Outcome::TooLong { .. } => None,
            _ => Some(false),
        }
    }

    /// Whether the same candidate may be tried again: 5xx and resets before the response, nothing else.
    pub fn may_be_retried(self) -> bool {
        match self {
            Outcome::Unavailable(status) | Outcome::Limited(Some(status)) => {
                status.is_server_error()
            }
            Outcome::Network(error) => error == NetError::Reset,
            _ => false,
        }
    }

    /// A word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::ClientError => "client-error",
            Outcome::UnknownRefusal => "unknown-refusal",
            Outcome::ContentFilter => "content-filter",
            Outcome::ContextLength => "context-length",
            Outcome::OverLimit => "over-limit",
            Outcome::ModelNotFound => "model-not-found",
            Outcome::OwnCredentials => "credentials-refused",
            Outcome::Forbidden => "forbidden",
            Outcome::ClientsCredentials => "clients-credentials-refused",
            Outcome::ClientsLimit => "clients-limit",
            Outcome::Limited(_) => "limited",
            Outcome::Unavailable(_) => "unavailable",
            Outcome::Network(_) => "network",
            Outcome::TimedOut => "silent",
            Outcome::NoAnswer(_) => "no-answer",
            Outcome::TooLarge => "too-large",
            Outcome::NoMemory => "no-memory",
            Outcome::NoUsefulChunk => "no-useful-chunk",
            Outcome::StreamCut => "stream-cut",
            Outcome::Diverged => "diverged",
            Outcome::Unusable => "unusable",
            Outcome::TooLong { .. } => "too-long",
            Outcome::Rehearsed { .. } => "rehearsed",
            Outcome::Panicked => "panicked",
        }
    }

    /// What it was, in words that may reach the client.
    pub fn explained(self) -> String {
        match self {
            Outcome::Unavailable(status) | Outcome::Limited(Some(status)) => {
                format!("answered {}", status.as_u16())
            }
            Outcome::Network(error) => format!("gave {error}"),
            Outcome::TimedOut => "did not answer in time".to_owned(),
            Outcome::NoAnswer(why) => format!("gave {why}"),
            Outcome::TooLarge => "gave an answer of more than max_answer_body".to_owned(),
            Outcome::NoUsefulChunk => "gave a stream without anything useful in it".to_owned(),
            Outcome::StreamCut => "broke off its answer".to_owned(),
            Outcome::Unusable => "could not be called".to_owned(),
            Outcome::TooLong { .. } => {
                "was not sent the request, which is longer than providers take".to_owned()
            }
            Outcome::Rehearsed { .. } => {
                "was not asked, because an operator rehearses its failure".to_owned()
            }
            Outcome::Panicked => "could not be asked, because the gateway failed".to_owned(),
            other => format!("ended in {}", other.word()),
        }
    }
}

#[cfg(test)]
mod tests;
