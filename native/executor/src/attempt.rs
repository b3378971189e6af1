//! One attempt: a request to one candidate, up to its whole answer or a stream's first useful chunk.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use failover_policy::{OnStreamCut, Settings};
use failover_suspension::hint;
use failover_wire::Provider;
use failover_wire::answer::{Told, told};
use failover_wire::media_type::{is_amazon_event_stream, is_event_stream};
use failover_wire::provider::Observed;
use failover_wire::stream::Stream;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, header};
use tokio::time::Instant;

use crate::accounting::Accounting;
use crate::asking::ContinuationMode;
use crate::body::{Share, collect};
use crate::deadline::{Deadline, Elapsed};
use crate::gateway::{Head, Metadata};
use crate::judge::{Judge, Verdict, Whole, header_pairs, is_encoded, text};
use crate::outcome::Outcome;
use crate::relay::{self, Committed, Relay, Uncommitted};
use crate::sendable;
use crate::transport::{Answer, NetError, Transport};
use crate::turns::aside;
use crate::upstream::Upstream;

/// What is asked of one candidate, and by when.
pub(crate) struct Attempt<'c> {
    pub(crate) settings: &'c Settings,
    pub(crate) provider: Option<&'c Arc<Provider>>,
    pub(crate) accounting: Accounting<'c>,
    pub(crate) judge: Judge<'c>,
    /// What its answer is counted in.
    pub(crate) share: &'c Share,
    pub(crate) candidate: usize,
    pub(crate) model: &'c str,
    pub(crate) deadline: Deadline,
    /// Whether a stream's usage is asked for in the client's stead.
    pub(crate) asks_usage: bool,
    /// The stream that it is to go on with, and how it is asked to.
    pub(crate) join: Option<(&'c Stream, ContinuationMode)>,
}

/// What an attempt left behind.
pub(crate) struct Attempted {
    pub(crate) verdict: Verdict,
    /// A stream whose first useful chunk has come.
    pub(crate) committed: Option<Committed>,
    /// How long it took until the answer's head was there.
    pub(crate) headed: Option<Duration>,
}

impl Attempted {
    pub(crate) fn failed(outcome: Outcome) -> Self {
        Verdict::of(outcome).into()
    }
}

impl From<Verdict> for Attempted {
    fn from(verdict: Verdict) -> Self {
        Attempted {
            verdict,
            committed: None,
            headed: None,
        }
    }
}

impl Attempt<'_> {
    pub(crate) async fn make<T: Transport>(
        &self,
        transport: &T,
        upstream: Upstream,
        body: Bytes,
    ) -> Attempted {
        if !sendable::fits(&upstream) {
            // What of the client's goes to every candidate was looked at before: this is a credential.
            return Attempted::failed(Outcome::TooLong {
                clients: !upstream.own_credential && !sendable::headers_fit(&upstream.headers),
            });
        }
        let sending = Instant::now();
        let sent = transport.send(upstream, body);
        let answer = match self.deadline.bound(sent).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Attempted::failed(Outcome::Network(error)),
            Err(Elapsed) => return Attempted::failed(Outcome::TimedOut),
        };
        let headed = Some(sending.elapsed());
        Attempted {
            headed,
            ..self.take(answer).await
        }
    }

    /// Takes an answer whose head is there.
    async fn take(&self, answer: Answer) -> Attempted {
        if !answer.status.is_success() || !self.accounting.asked.stream() {
            return self.collect(answer).await;
        }
        let (answer, told) = match self.deadline.bound(Box::pin(begun(answer))).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Attempted::failed(Outcome::Network(error)),
            Err(Elapsed) => return Attempted::failed(Outcome::TimedOut),
        };
        match self.stream_of(&answer.headers, told) {
            // In boxes of their own, here and where else it says so: a whole answer needs nothing of them.
            Some(stream) => Box::pin(self.open_stream(answer, stream)).await,
            None => self.collect(answer).await,
        }
    }

    async fn collect(&self, answer: Answer) -> Attempted {
        let Answer {
            status,
            headers,
            body,
        } = answer;
        let whole = collect(body, self.settings.max_answer_body, self.share);
        let whole = self.deadline.bound(whole).await;
        let body = match whole.unwrap_or(Err(Outcome::TimedOut)) {
            Ok(body) => body,
            Err(outcome) => return Attempted::failed(outcome),
        };
        let mut head = Head {
            status,
            headers,
            candidate: self.candidate,
            metadata: Metadata::new(),
        };
        let content_type = text(&head.headers, &header::CONTENT_TYPE);
        // A client who did not ask for a stream is never shown a part of one.
        if status.is_success()
            && !is_encoded(&head.headers)
            && let Some(stream_type) = stream_type(content_type, &body)
            && let Some(stream) = Stream::from_content_type(Some(stream_type), false, 0)
        {
            let read = || relay::read_whole(self.observed(stream), &body);
            match aside(body.len(), read) {
                Ok(stream) => {
                    head.metadata =
                        self.accounting
                            .of_stream(self.model, stream.model(), stream.tokens());
                }
                Err(Some(refusal)) => {
                    let verdict = self
                        .judge
                        .refused_stream(head, *refusal, Outcome::NoUsefulChunk);
                    return verdict.into();
                }
                Err(None) => return Attempted::failed(Outcome::NoUsefulChunk),
            }
        }
        let whole = Whole { head, body };
        let verdict = aside(whole.body.len(), || self.judge.whole(whole));
        if self.join.is_some() && verdict.outcome == Outcome::Answered {
            // Whole, and of no use for a stream that has begun.
            return Attempted::failed(Outcome::NoUsefulChunk);
        }
        verdict.into()
    }

    /// The stream that an answer is; `None`: it is whole.
    fn stream_of(&self, headers: &HeaderMap, told: Told) -> Option<Stream> {
        let content_type = told.content_type(text(headers, &header::CONTENT_TYPE));
        let in_array = self.accounting.asked.in_array();
        match self.join {
            _ if is_encoded(headers) => self.join.is_none().then(Stream::opaque),
            Some((broken, mode)) => broken.joined_by(content_type, in_array, mode.continuation()),
            None => {
                let max_text = match self.settings.on_stream_cut {
                    OnStreamCut::Continue => {
                        usize::try_from(self.settings.max_continued_text).unwrap_or(usize::MAX)
                    }
                    OnStreamCut::Error => 0,
                };
                let mut stream = Stream::from_content_type(content_type, in_array, max_text)?;
                if self.asks_usage {
                    stream.hide_usage();
                }
                Some(self.observed(stream))
            }
        }
    }

    /// A stream that is also read by the provider's attributes.
    fn observed(&self, mut stream: Stream) -> Stream {
        if let Some(provider) = self.provider {
            stream.observe(Box::new(Observed::for_provider(Arc::clone(provider))));
        }
        stream
    }

    async fn open_stream(&self, answer: Answer, stream: Stream) -> Attempted {
        let head = Head {
            status: answer.status,
            headers: answer.headers,
            candidate: self.candidate,
            metadata: Metadata::new(),
        };
        let hint = hint::after_success(|| header_pairs(&head.headers), SystemTime::now());
        let relay = Relay::new(
            head,
            answer.body,
            stream,
            self.share.tally(),
            self.judge.own_credential,
        );
        let committed = relay.commit(
            self.settings.max_held,
            self.deadline,
            self.judge.minds_filters,
        );
        match committed.await {
            Ok(committed) => Attempted {
                verdict: Verdict {
                    hint,
                    ..Verdict::of(Outcome::Answered)
                },
                committed: Some(committed),
                headed: None,
            },
            Err(Uncommitted {
                outcome,
                refusal: Some(refusal),
                head,
            }) => self.judge.refused_stream(head, refusal, outcome).into(),
            Err(Uncommitted { outcome, .. }) => Attempted::failed(outcome),
        }
    }
}

/// Bytes of a body in which an event stream has its first data.
const SOON: usize = 8 * 1024;

/// The type of a whole body that is a stream, whatever it is declared as.
fn stream_type<'a>(declared: Option<&'a str>, body: &[u8]) -> Option<&'a str> {
    let told = told(declared, body);
    let is = told.content_type(declared)?;
    let has_data = || body.windows(6).take(SOON).any(|w| w == b"\ndata:");
    let is_stream = match told {
        Told::AsDeclared => is_event_stream(is) || is_amazon_event_stream(is),
        // Text can begin like a field of an event.
        Told::Events => {
            declared.is_some_and(is_event_stream) || body.starts_with(b"data:") || has_data()
        }
        _ => false,
    };
    is_stream.then_some(is)
}

/// The most bytes of a body that are waited for to say what it is.
const BEGINNING: usize = 4 * 1024;

/// An answer of which as much has come as says what it is.
async fn begun(mut answer: Answer) -> Result<(Answer, Told), NetError> {
    if is_encoded(&answer.headers) {
        return Ok((answer, Told::AsDeclared));
    }
    let declared = text(&answer.headers, &header::CONTENT_TYPE);
    let mut body = answer.body.fuse();
    let (mut pieces, mut beginning) = (Vec::new(), Vec::new());
    let mut is = Told::TooLittle;
    while is == Told::TooLittle
        && beginning.len() < BEGINNING
        && let Some(piece) = body.next().await
    {
        let piece = piece.map_err(|_| NetError::BrokenOff)?;
        if piece.is_empty() {
            continue;
        }
        let more = BEGINNING.saturating_sub(beginning.len()).min(piece.len());
        beginning.extend_from_slice(&piece[..more]);
        pieces.push(Ok(piece));
        is = told(declared, &beginning);
    }
    answer.body = stream::iter(pieces).chain(body).boxed();
    Ok((answer, is))
}
