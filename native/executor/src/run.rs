//! A call from its start to its end.

use bytes::Bytes;
use failover_policy::OnStreamCut;
use failover_suspension::State;
use http::StatusCode;

use crate::call::Call;
use crate::caught::caught_now;
use crate::course::Course;
use crate::deadline::Deadline;
use crate::delivery;
use crate::gateway::{Gateway, Unusable};
use crate::recording::Recording;
use crate::streaming::Streamed;
use crate::transport::Transport;
use crate::upstream::Upstream;

impl Call {
    /// Makes the attempts and answers through `gateway`. `first` is what the gateway resolved for
    /// [`Call::first_candidate`]. Dropping the future cancels: the connection to the provider is closed, a probe
    /// permit goes back.
    pub async fn run<T: Transport, G: Gateway>(
        mut self,
        transport: &T,
        gateway: &G,
        first: Option<Result<Upstream, Unusable>>,
    ) {
        let overall = Deadline::after(self.settings().overall_timeout);
        let recording = Recording::new(&self.attached.numbers, self.trace);
        let now = self.attached.clock.now();
        let mut course = Course::new(&self.attached, recording, overall, now);
        let mut admitted = self.first.take().or_else(|| self.probe_early());
        let mut first = first.zip(self.first_body.take());
        loop {
            // In a box of its own: it is large, and a stream goes on for long after it.
            let pursuit = self.pursue(
                transport,
                gateway,
                admitted,
                first.take(),
                None,
                &mut course,
            );
            let Some((served, committed)) = Box::pin(pursuit).await else {
                self.body = Bytes::new();
                let status = self.answer(gateway, &mut course).await;
                return self.finish(gateway, course, status);
            };
            if self.settings().on_stream_cut == OnStreamCut::Error && !self.collects {
                // The stream can still break.
                self.fingerprint();
                // Sent to nobody any more, and the client can take long.
                self.body = Bytes::new();
            }
            let streamed = self.stream(transport, gateway, served, committed, &mut course);
            match Box::pin(streamed).await {
                Streamed::Over(status) => return self.finish(gateway, course, status),
                Streamed::Lost(next) => admitted = Some(next),
            }
        }
    }

    /// Gives the client what the attempts have left when none of them was the beginning of a stream; returns its
    /// status.
    async fn answer<G: Gateway>(&self, gateway: &G, course: &mut Course) -> StatusCode {
        course.given_up();
        let Some(answer) = course.answers.take() else {
            let failure = self.failure(course);
            let status = failure.status;
            gateway.fail(failure);
            return status;
        };
        let mut head = self.head(answer.head, &course.report.attempts);
        let status = head.status;
        if head.metadata.is_empty() {
            let model = &self.candidates()[head.candidate].model;
            let read = || self.accounting().of_answer(model, &answer.body);
            head.metadata = caught_now(gateway, read).unwrap_or_default();
        }
        delivery::answer(gateway, head, answer.body).await;
        status
    }

    fn finish<G: Gateway>(&self, gateway: &G, mut course: Course, status: StatusCode) {
        let last = course.last_outcome.map(|(index, _)| index);
        course
            .recording
            .over(last.zip(course.report.attempts.last()));
        let mut report = course.report;
        report.status = status.as_u16();
        report.took = course.started.elapsed();
        if report.is_notable() {
            let now = self.attached.clock.now();
            let candidates = self.candidates().iter().enumerate();
            let skipped = candidates.filter(|(index, _)| !course.tried.contains(index));
            report.skipped = skipped
                .filter_map(|(index, candidate)| {
                    let why = match candidate.gate.state(now) {
                        _ if self.left_out.contains(&index) => "left-out",
                        State::Suspended { .. } => "suspended",
                        State::Suspected => "suspected",
                        State::Probing => "probing",
                        State::Held => "held",
                        State::Healthy | State::Due => return None,
                    };
                    Some((candidate.model.clone(), candidate.endpoint_id.clone(), why))
                })
                .collect();
        }
        gateway.report(&report);
    }
}
