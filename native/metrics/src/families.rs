//! Which metrics there are: their names, labels and what they mean. Labels have values that were configured, or words
//! from short lists; nothing that a client or provider writes.

use crate::exposition::{Family, Kind, Writer};
use crate::histogram::Counted;
use crate::snapshot::{Api, Candidate, Snapshot, State};

type Count = (&'static str, u64);

pub(crate) fn write(snapshot: &Snapshot, writer: &mut Writer) {
    let mut page = Page { snapshot, writer };
    page.apis();
    page.attempts();
    page.states();
    page.times();
    page.health();
    page.cluster();
}

struct Page<'p> {
    snapshot: &'p Snapshot,
    writer: &'p mut Writer,
}

fn of_api(api: &Api) -> [(&'static str, &str); 3] {
    [
        ("tenant", &api.tenant),
        ("api", &api.name),
        ("version", &api.version),
    ]
}

fn of_candidate<'a>((api, candidate): (&'a Api, &'a Candidate)) -> [(&'static str, &'a str); 5] {
    let [tenant, name, version] = of_api(api);
    [
        tenant,
        name,
        version,
        ("endpoint", &candidate.endpoint),
        ("model", &candidate.model),
    ]
}

fn with<'a, const N: usize>(
    labels: [(&'static str, &'a str); N],
    name: &'static str,
    value: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let mut all = labels.to_vec();
    all.push((name, value));
    all
}

impl Page<'_> {
    /// A family with samples of each API.
    fn each_api(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        sample: impl Fn(&mut Family<'_>, &Api),
    ) {
        let mut family = self.writer.family(name, kind, help);
        for api in &self.snapshot.apis {
            sample(&mut family, api);
        }
    }

    /// A family with samples of each candidate.
    fn each_candidate(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        sample: impl Fn(&mut Family<'_>, (&Api, &Candidate)),
    ) {
        let mut family = self.writer.family(name, kind, help);
        for api in &self.snapshot.apis {
            for candidate in &api.candidates {
                sample(&mut family, (api, candidate));
            }
        }
    }

    fn apis(&mut self) {
        self.each_api(
            "model_failover_requests",
            Kind::Counter,
            "Requests that are over: answered by the target, fell_over to a fallback, refused for the request's own fault, failed, cancelled by their client",
            |family, api| {
                for (result, count) in &api.requests {
                    family.counter(&with(of_api(api), "result", result), *count);
                }
            },
        );
        self.each_api(
            "model_failover_in_flight",
            Kind::Gauge,
            "Requests under way",
            |family, api| family.gauge(&of_api(api), api.in_flight),
        );
        self.each_api(
            "model_failover_retries",
            Kind::Counter,
            "Further tries at the same candidate",
            |family, api| family.counter(&of_api(api), api.retries),
        );
        self.each_api(
            "model_failover_retries_refused",
            Kind::Counter,
            "Further tries at the same candidate that the retry budget refused",
            |family, api| family.counter(&of_api(api), api.retries_refused),
        );
        self.each_api(
            "model_failover_stream_continuations",
            Kind::Counter,
            "Streams that broke after their first useful chunk: continued by another candidate, or failed",
            |family, api| {
                for (result, count) in [("continued", api.continued), ("failed", api.not_continued)]
                {
                    family.counter(&with(of_api(api), "result", result), count);
                }
            },
        );
        self.each_api(
            "model_failover_added_latency_seconds",
            Kind::Histogram,
            "What the attempts before the one that served a request have cost it",
            |family, api| family.histogram(&of_api(api), &api.delays),
        );
    }

    fn attempts(&mut self) {
        type Counts = (
            &'static str,
            &'static str,
            &'static str,
            fn(&Candidate) -> &[Count],
        );
        let counts: [Counts; 3] = [
            (
                "model_failover_attempts",
                "outcome",
                "Attempts that are over, by the outcome words of the attempt log",
                |c| &c.attempts,
            ),
            (
                "model_failover_suspensions",
                "reason",
                "Suspensions, by the outcome that led to them",
                |c| &c.suspensions,
            ),
            (
                "model_failover_probes",
                "result",
                "Requests that were to find out whether a suspended candidate is back",
                |c| &c.probes,
            ),
        ];
        for (name, label, help, counts) in counts {
            self.each_candidate(name, Kind::Counter, help, |family, each| {
                for (word, count) in counts(each.1) {
                    family.counter(&with(of_candidate(each), label, word), *count);
                }
            });
        }
        self.each_candidate(
            "model_failover_hints",
            Kind::Counter,
            "Failures whose provider said when to come back",
            |family, each| family.counter(&of_candidate(each), each.1.hints),
        );
        self.each_candidate(
            "model_failover_rehearsed",
            Kind::Counter,
            "Attempts that were not made, because an operator rehearses a failure",
            |family, each| family.counter(&of_candidate(each), each.1.rehearsed),
        );
    }

    fn states(&mut self) {
        self.each_candidate(
            "model_failover_candidate_state",
            Kind::Gauge,
            "1 for the state that a candidate is in, 0 for the others",
            |family, each| {
                for (state, word) in State::ALL {
                    let is = u8::from(each.1.state == state);
                    family.gauge(&with(of_candidate(each), "state", word), is);
                }
            },
        );
        self.each_candidate(
            "model_failover_suspended_seconds",
            Kind::Gauge,
            "Time until a candidate's suspension ends",
            |family, each| {
                let seconds = each.1.suspended_ms as f64 / 1000.0;
                family.gauge(&of_candidate(each), seconds);
            },
        );
        self.each_candidate(
            "model_failover_failed_probes",
            Kind::Gauge,
            "Failed probes in a row",
            |family, each| family.gauge(&of_candidate(each), each.1.failed_probes),
        );
        self.each_candidate(
            "model_failover_candidate_in_flight",
            Kind::Gauge,
            "Attempts under way, streams that a candidate is sending among them",
            |family, each| family.gauge(&of_candidate(each), each.1.in_flight),
        );
        self.each_candidate(
            "model_failover_target",
            Kind::Gauge,
            "1 for a candidate that is a policy's target, 0 for one that is a fallback alone",
            |family, (api, candidate)| {
                let is_target = api.policies.iter().any(|policy| {
                    let sections = policy.production.iter().chain(&policy.sandbox);
                    let mut targets = sections.filter_map(|section| section.candidates.first());
                    targets.any(|index| std::ptr::eq(&raw const api.candidates[*index], candidate))
                });
                family.gauge(&of_candidate((api, candidate)), u8::from(is_target));
            },
        );
    }

    fn times(&mut self) {
        type Times = (&'static str, &'static str, fn(&Candidate) -> &Counted);
        let times: [Times; 3] = [
            (
                "model_failover_attempt_duration_seconds",
                "How long attempts took: to the whole answer, to a stream's first useful chunk, or to the failure",
                |c| &c.durations,
            ),
            (
                "model_failover_time_to_first_chunk_seconds",
                "How long streams took to their first useful chunk",
                |c| &c.first_chunks,
            ),
            (
                "model_failover_time_between_chunks_seconds",
                "How long streams took from one useful chunk to the next",
                |c| &c.between_chunks,
            ),
        ];
        for (name, help, counted) in times {
            self.each_candidate(name, Kind::Histogram, help, |family, each| {
                family.histogram(&of_candidate(each), counted(each.1));
            });
        }
    }

    fn cluster(&mut self) {
        let Page { snapshot, writer } = self;
        let Some(cluster) = &snapshot.health.cluster else {
            return;
        };
        let silent = cluster.silent_seconds.unwrap_or(-1.0);
        for (name, help, value) in [
            (
                "model_failover_cluster_up",
                "Whether suspensions are shared with other gateways now",
                f64::from(u8::from(cluster.up)),
            ),
            (
                "model_failover_cluster_backlog",
                "Changes and operations that wait or are under way",
                cluster.backlog as f64,
            ),
            (
                "model_failover_cluster_round_trip_seconds",
                "How long the last operation at the store took",
                cluster.round_trip_seconds,
            ),
            (
                "model_failover_cluster_silent_seconds",
                "Since the store last answered; -1: it never has",
                silent,
            ),
        ] {
            writer.family(name, Kind::Gauge, help).gauge(&[], value);
        }
        for (name, help, count) in [
            (
                "model_failover_cluster_links",
                "How often the link to the store came",
                cluster.links,
            ),
            (
                "model_failover_cluster_operations",
                "Operations at the store",
                cluster.operations,
            ),
            (
                "model_failover_cluster_errors",
                "Operations at the store that failed, and were tried again",
                cluster.failed,
            ),
            (
                "model_failover_cluster_dropped",
                "Changes that were dropped because too many waited; everything was looked at again instead",
                cluster.dropped,
            ),
            (
                "model_failover_cluster_heard",
                "Changes of other gateways that were heard of",
                cluster.heard,
            ),
            (
                "model_failover_cluster_alone",
                "Probes that this gateway allowed itself because the store did not answer in time",
                cluster.alone,
            ),
            (
                "model_failover_cluster_collisions",
                "Probes that began although another gateway had the permit",
                cluster.collisions,
            ),
        ] {
            writer.family(name, Kind::Counter, help).counter(&[], count);
        }
    }

    fn health(&mut self) {
        let Page { snapshot, writer } = self;
        let health = &snapshot.health;
        let mut gauge = |name, help, value: f64| {
            writer.family(name, Kind::Gauge, help).gauge(&[], value);
        };
        gauge(
            "model_failover_held_bytes",
            "Bytes of bodies that are held",
            health.held_bytes as f64,
        );
        gauge(
            "model_failover_held_bytes_peak",
            "The most bytes of bodies that were ever held",
            health.peak_bytes as f64,
        );
        if let Some(limit) = health.max_memory {
            gauge(
                "model_failover_max_memory_bytes",
                "The most bytes of bodies that may be held where an API sets nothing itself",
                limit as f64,
            );
        }
        gauge(
            "model_failover_open_calls",
            "Calls under way on the native side",
            health.open_calls as f64,
        );
        gauge(
            "model_failover_handles",
            "Policies that the Java side has handles for",
            health.handles as f64,
        );
        if let Some(lag) = health.lag_seconds {
            gauge(
                "model_failover_runtime_lag_seconds",
                "How long a task that is ready waits for a thread of the native runtime",
                lag,
            );
        }
        gauge(
            "model_failover_candidates_omitted",
            "Candidates beyond the limit of what is shown",
            snapshot.omitted as f64,
        );
        writer
            .family(
                "model_failover_memory_refusals",
                Kind::Counter,
                "How often max_memory was in the way of a body",
            )
            .counter(&[], health.memory_refusals);
        writer
            .family(
                "model_failover_build_info",
                Kind::Gauge,
                "The version that runs",
            )
            .gauge(&[("version", snapshot.version)], 1);
    }
}
