//! May a candidate be called? Beside other circuit breakers, which decide and count an answer in one call, so that ours
//! does both as well.
#![allow(missing_docs)] // criterion's macros

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use failover_executor::{Clock, WORDS};
use failover_metrics::{ApiNumbers, Attempting, CandidateNumbers, Ended, Served};
use failover_suspension::{Admission, Gate, Moment, hint};
use failsafe::CircuitBreaker as _;
use isolation::hints::{ANTHROPIC, GEMINI, NONE, OPENAI, now};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;
use tower_service::Service;

/// A day.
const LATER: Moment = Moment(86_400_000);

fn decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision");
    let clock = Clock::default();
    let healthy = Arc::new(Gate::default());
    let suspended = Arc::new(Gate::default());
    suspended.suspend(LATER);
    // As the executor asks: the clock is read only for those that are not open.
    let asked = |gate: &Arc<Gate>| match gate.is_open() {
        true => Admission::Open,
        false => gate.admit(clock.now()),
    };
    group.bench_function("healthy", |b| b.iter(|| asked(black_box(&healthy))));
    group.bench_function("suspended", |b| b.iter(|| asked(black_box(&suspended))));
    group.finish();
}

#[expect(
    clippy::expect_used,
    reason = "without a breaker there is nothing to measure"
)]
fn call_and_answer(c: &mut Criterion) {
    let mut group = c.benchmark_group("call and answer");
    let clock = Clock::default();
    let gate = Arc::new(Gate::default());
    group.bench_function("gate", |b| {
        b.iter(|| {
            let open = black_box(&gate).is_open();
            gate.answered(clock.now());
            open
        });
    });
    let failsafe = failsafe::Config::new().build();
    group.bench_function("failsafe", |b| {
        b.iter(|| {
            black_box(&failsafe)
                .call(|| Ok::<_, Infallible>(()))
                .is_ok()
        });
    });
    let recloser = recloser::Recloser::default();
    group.bench_function("recloser", |b| {
        b.iter(|| {
            black_box(&recloser)
                .call(|| Ok::<_, Infallible>(()))
                .is_ok()
        });
    });
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .build()
        .expect("a rate that can be one");
    let answers = tower::service_fn(|(): ()| async { Ok::<_, Infallible>(()) });
    let mut tower = tower::Layer::layer(&layer, answers);
    let mut context = Context::from_waker(Waker::noop());
    group.bench_function("tower-resilience", |b| {
        b.iter(|| {
            let ready = tower.poll_ready(&mut context);
            let answered = pin!(tower.call(())).poll(&mut context);
            assert!(matches!(answered, Poll::Ready(Ok(()))));
            ready.is_ready()
        });
    });
    group.finish();
}

fn hints(c: &mut Criterion) {
    let mut group = c.benchmark_group("hint");
    let now = now();
    group.bench_function("openai", |b| {
        b.iter(|| hint::after_failure(|| black_box(OPENAI).into_iter(), b"{}", now));
    });
    group.bench_function("anthropic", |b| {
        b.iter(|| hint::after_failure(|| black_box(ANTHROPIC).into_iter(), b"{}", now));
    });
    group.bench_function("gemini", |b| {
        b.iter(|| hint::after_failure(|| black_box(NONE).into_iter(), black_box(GEMINI), now));
    });
    group.bench_function("after success", |b| {
        b.iter(|| hint::after_success(|| black_box(NONE).into_iter(), now));
    });
    group.finish();
}

/// All that a healthy request adds: what it came to, what its attempt came to, how long that took.
fn numbers(c: &mut Criterion) {
    let mut group = c.benchmark_group("numbers");
    let api = Arc::new(ApiNumbers::default());
    let candidate = Arc::new(CandidateNumbers::new(WORDS));
    let took = Duration::from_millis(80);
    group.bench_function("a healthy request", |b| {
        b.iter(|| {
            let request = black_box(&api).begin();
            let attempt = Attempting::new(black_box(&candidate));
            attempt.took(took, false, 1, None);
            attempt.end(&Ended {
                word: "answered",
                good: Some(true),
                millis: 1,
                words: &String::new,
            });
            request.end(Served::Answered);
        });
    });
    group.bench_function("a chunk", |b| {
        b.iter(|| black_box(&candidate).between_chunks.record(took, None));
    });
    group.finish();
}

criterion_group!(benches, decision, call_and_answer, hints, numbers);
criterion_main!(benches);
