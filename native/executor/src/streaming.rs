//! A call's stream, from its first useful chunk to its end: passed on, or collected; gone on with by other candidates
//! when it breaks.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use failover_policy::OnStreamCut;
use failover_wire::stream::Stream;
use http::StatusCode;

use crate::call::Call;
use crate::candidate::Admitted;
use crate::caught::{caught, caught_now};
use crate::consequence::Streaming;
use crate::course::{Answers, Course};
use crate::deadline::Deadline;
use crate::delivery::{Collected, Sink, deliver};
use crate::gateway::{Gateway, Head, Metadata};
use crate::judge::Verdict;
use crate::outcome::Outcome;
use crate::relay::{Committed, Cut, Whole};
use crate::transport::Transport;
use crate::turns::aside;

/// What became of a stream.
pub(crate) enum Streamed {
    /// The client has been answered, with this status.
    Over(StatusCode),
    /// It could not be completed, and the client has nothing of it: this candidate is asked from the beginning.
    Lost(Admitted),
}

impl Call {
    /// Passes a stream on to its end, or collects it. When it breaks, the next candidate goes on with it.
    pub(crate) async fn stream<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        mut admitted: Admitted,
        mut committed: Committed,
        course: &mut Course,
    ) -> Streamed {
        let begun = course.report.attempts.len();
        let head = self.head(committed.head().clone(), &course.report.attempts);
        let status = head.status;
        let first = admitted.index;
        // Read where the stream's end is told, which can be when the call is dropped.
        let serving = AtomicUsize::new(first);
        let account = |stream: &Stream| {
            caught_now(gateway, || {
                let candidate = serving.load(Ordering::Relaxed);
                gateway.used(candidate, self.used_by(first, candidate, stream));
            });
        };
        let mut sink = self.sink(gateway, head, course);
        let cut = loop {
            let candidate = &self.candidates()[admitted.index];
            let mut streaming = Some(Streaming::new(candidate, self.attached.clock));
            let own_credential = committed.own_credential();
            let idle = self.settings().idle_timeout;
            let between = &candidate.numbers.between_chunks;
            let relayed = committed.relay(gateway, &mut sink, idle, between, &account);
            let mut cut = match relayed.await {
                Ok(whole) => {
                    streaming = None;
                    course.report.tokens = whole.stream.tokens();
                    if let Some(end) = course.report.attempts.last_mut() {
                        end.took = course.attempt_started.elapsed();
                    }
                    course.tell(gateway, false);
                    match self.end(&mut sink, &whole.stream, begun, course).await {
                        Ok(()) => {
                            course.recording.answered(self.attached.clock);
                            let by = (first, admitted.index);
                            self.hand_over(gateway, sink, by, whole).await;
                            return Streamed::Over(status);
                        }
                        Err(outcome) => whole.cut(outcome),
                    }
                }
                Err(cut) => *cut,
            };
            let verdict = self.broken(&cut, own_credential, course);
            cut.outcome = verdict.outcome;
            // The clock of all attempts ended with the first useful chunk; what follows has one of its own.
            course.overall = Deadline::after(self.settings().overall_timeout);
            if verdict.outcome.is_about_the_request() {
                // The answer's end, as far as this request can have one.
                course.tell(gateway, false);
                break cut;
            }
            if let Some(streaming) = streaming {
                streaming.broke();
            }
            self.settle(&mut admitted, &verdict, course);
            course.tell(gateway, false);
            if !self.may_be_continued(&cut, &sink) {
                break cut;
            }
            match self.rescue(transport, gateway, &cut.stream, course).await {
                Ok(next) => {
                    // What this one has used is in what the next one will have.
                    cut.stream.forget();
                    (admitted, committed) = next;
                    serving.store(admitted.index, Ordering::Relaxed);
                }
                Err(why) => {
                    course.report.not_continued = Some(why);
                    break cut;
                }
            }
        };
        course.report.tokens = cut.stream.tokens();
        match sink {
            Sink::Client(_) => {
                course.given_up();
                self.break_off(gateway, cut, begun, course).await;
                Streamed::Over(status)
            }
            Sink::Collected(collected) => {
                drop(collected);
                self.lose(gateway, admitted.index, cut, course)
            }
        }
    }

    /// What a stream has used that `first` began and `last` has brought to its end.
    fn used_by(&self, first: usize, last: usize, stream: &Stream) -> Metadata {
        let model = &self.candidates()[last].model;
        // The stream itself names the model that the client was told.
        let named = match first == last {
            true => stream.model(),
            false => Some(model.as_str()),
        };
        self.accounting().of_stream(model, named, stream.tokens())
    }

    /// Where the stream goes that begins with this head.
    fn sink<'g, G: Gateway>(&self, gateway: &'g G, head: Head, course: &mut Course) -> Sink<'g, G> {
        if self.collects {
            // A stream that can't be completed is not answered with what another candidate said before.
            course.answers = Answers::default();
            let most = self.settings().max_answer_body;
            return Sink::Collected(Collected::new(head, most, &self.attached.share));
        }
        gateway.begin(head, None);
        Sink::Client(gateway)
    }

    /// Passes the end of a whole stream on.
    ///
    /// # Errors
    /// When it can't be collected.
    async fn end<G: Gateway>(
        &self,
        sink: &mut Sink<'_, G>,
        stream: &Stream,
        begun: usize,
        course: &Course,
    ) -> Result<(), Outcome> {
        sink.take(stream.ending()).await?;
        match self.comment(stream, begun, course) {
            Some(comment) => sink.take(comment).await,
            None => Ok(()),
        }
    }

    /// Tells the gateway that a stream is whole, or hands over what was collected of it.
    async fn hand_over<G: Gateway>(
        &self,
        gateway: &G,
        sink: Sink<'_, G>,
        (first, last): (usize, usize),
        mut whole: Whole<'_>,
    ) {
        match sink {
            Sink::Client(gateway) => {
                whole.stream.account();
                gateway.end();
                whole.drain().await;
            }
            Sink::Collected(collected) => {
                let used = || self.used_by(first, last, &whole.stream);
                let metadata = caught_now(gateway, used).unwrap_or_default();
                whole.stream.forget();
                tokio::join!(collected.send(gateway, metadata), whole.drain());
            }
        }
    }

    /// What a stream that broke came to, which is written down.
    fn broken(&self, cut: &Cut<'_>, own_credential: bool, course: &mut Course) -> Verdict {
        let mut verdict = Verdict::of(cut.outcome);
        if let Some(refusal) = &cut.refusal {
            (verdict.outcome, verdict.hint) = self.judge(own_credential).broken_stream(refusal);
        }
        course.recording.ends(&verdict, self.attached.clock);
        if let Some(end) = course.report.attempts.last_mut() {
            end.outcome = verdict.outcome;
            end.took = course.attempt_started.elapsed();
            end.delivered = Some(cut.stream.delivered());
        }
        verdict
    }

    fn may_be_continued<G: Gateway>(&self, cut: &Cut<'_>, sink: &Sink<'_, G>) -> bool {
        self.settings().on_stream_cut == OnStreamCut::Continue
            && match cut.outcome {
                // Nobody knows how much of what was read the client has.
                Outcome::Panicked => false,
                // There is no room for what would follow.
                Outcome::TooLarge | Outcome::NoMemory => !sink.is_collected(),
                _ => true,
            }
    }

    /// Looks for somebody who goes on with a stream that broke.
    ///
    /// # Errors
    /// Why nobody does.
    async fn rescue<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        stream: &Stream,
        course: &mut Course,
    ) -> Result<(Admitted, Committed), String> {
        let search = async {
            aside(self.body.len(), || stream.can_go_on(&self.body))
                .map_err(|why| why.to_string())?;
            let next = self.next(course);
            let rest = self.pursue(transport, gateway, next, None, Some(stream), course);
            rest.await.ok_or_else(|| "no-candidate".to_owned())
        };
        let found = caught(gateway, Box::pin(search)).await;
        let found = found.unwrap_or_else(|| Err("a panic".to_owned()));
        self.attached.numbers.continued(found.is_ok());
        found
    }

    /// Ends a stream of which the client has a part, so that it can't be taken for a whole one.
    async fn break_off<G: Gateway>(
        &self,
        gateway: &G,
        cut: Cut<'_>,
        begun: usize,
        course: &Course,
    ) {
        let Cut {
            mut stream, error, ..
        } = cut;
        let error = error.filter(|e| !e.is_empty()).or_else(|| {
            let failure = || stream.failure("The model's answer broke off before its end");
            caught_now(gateway, failure).flatten()
        });
        let Some(error) = error else {
            stream.account();
            return gateway.abort();
        };
        deliver(gateway, error).await;
        if let Some(comment) = self.comment(&stream, begun, course) {
            deliver(gateway, comment).await;
        }
        stream.account();
        gateway.end();
    }

    /// Goes on after a stream that was collected and can't be completed, as after any attempt that failed.
    fn lose<G: Gateway>(
        &self,
        gateway: &G,
        index: usize,
        mut cut: Cut<'_>,
        course: &mut Course,
    ) -> Streamed {
        let go_on = cut.outcome.rule(self.settings()).next;
        if let Some(next) = self.next_after(index, go_on, course) {
            // As of an attempt without a useful chunk.
            cut.stream.forget();
            course.report.not_continued = None;
            return Streamed::Lost(next);
        }
        course.given_up();
        course.last_outcome = Some((index, cut.outcome));
        let failure = self.failure(course);
        let status = failure.status;
        gateway.fail(failure);
        cut.stream.account();
        Streamed::Over(status)
    }

    /// Who went on with a stream, which is said at its end: its headers had gone.
    fn comment(&self, stream: &Stream, begun: usize, course: &Course) -> Option<Bytes> {
        let attempts = &course.report.attempts;
        if !self.settings().response_headers || attempts.len() == begun {
            return None;
        }
        let text = attempts[begun - 1..]
            .iter()
            .map(|a| format!("{:?} at {:?} {}", a.model, a.endpoint_id, a.outcome.word()))
            .collect::<Vec<_>>()
            .join(", ");
        stream.comment(&format!("failover: {text}"))
    }
}
