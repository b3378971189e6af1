//! What is counted of requests and attempts, and what operators are shown of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use failover_executor::{NetError, Outcome, WORDS};
use failover_metrics::{Candidate, CandidateName, Forecast, Operation, Snapshot, State};
use failover_wire::answer::NoAnswer;
use http::StatusCode;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

fn snapshot(api: &Api) -> Snapshot {
    api.world.registry.snapshot()
}

fn candidate(api: &Api, model: &str) -> Candidate {
    let snapshot = snapshot(api);
    let all = &snapshot.apis[0].candidates;
    all.iter().find(|c| c.model == model).unwrap().clone()
}

fn requests(api: &Api) -> Vec<(&'static str, u64)> {
    let all = snapshot(api).apis[0].requests.clone();
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn forecast(api: &Api) -> Forecast {
    let snapshot = snapshot(api);
    let section = snapshot.apis[0].policies[0].production.as_ref().unwrap();
    section.forecast.clone()
}

fn steer(api: &Api, model: &str, endpoint: &str, operation: Operation) {
    let name = CandidateName {
        tenant: "carbon.super".into(),
        api: "AssistantAPI".into(),
        version: "1.0.0".into(),
        endpoint: endpoint.into(),
        model: model.into(),
    };
    assert!(api.world.registry.steer(&name, operation));
}

#[test]
fn every_outcome_has_its_word_in_the_list() {
    let teapot = StatusCode::IM_A_TEAPOT;
    let outcomes = [
        Outcome::Answered,
        Outcome::ClientError,
        Outcome::UnknownRefusal,
        Outcome::ContentFilter,
        Outcome::ContextLength,
        Outcome::OverLimit,
        Outcome::ModelNotFound,
        Outcome::OwnCredentials,
        Outcome::Forbidden,
        Outcome::ClientsCredentials,
        Outcome::ClientsLimit,
        Outcome::Limited(None),
        Outcome::Unavailable(teapot),
        Outcome::Network(NetError::Reset),
        Outcome::TimedOut,
        Outcome::NoAnswer(NoAnswer::Error),
        Outcome::TooLarge,
        Outcome::NoMemory,
        Outcome::NoUsefulChunk,
        Outcome::StreamCut,
        Outcome::Diverged,
        Outcome::Unusable,
        Outcome::TooLong { clients: true },
        Outcome::Rehearsed { wholly: true },
        Outcome::Panicked,
    ];
    let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.word()).collect();
    assert_eq!(words, WORDS);
}

#[tokio::test(start_paused = true)]
async fn a_healthy_request_is_one_answer_of_the_target() {
    let api = two().bind();
    api.on("a@east", [ok("target").after(0.3)]);
    api.send(&chat("a")).await;
    assert_eq!(requests(&api), [("answered", 1)]);
    let target = candidate(&api, "a");
    assert_eq!(target.attempts, [("answered", 1)]);
    assert_eq!((target.in_flight, target.failures.len()), (0, 0));
    assert!((target.durations.seconds - 0.3).abs() < 0.01);
    assert_eq!(target.minutes.last().unwrap().answered, 1);
    assert_eq!(candidate(&api, "b").attempts, []);
    assert_eq!(snapshot(&api).apis[0].delays.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_in_words_and_what_it_cost_is_counted() {
    let api = two().bind();
    let busy = status(429).header("retry-after", "90").after(2.0);
    api.on("a@east", [busy]).on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    assert_eq!(requests(&api), [("fell_over", 1)]);
    let target = candidate(&api, "a");
    let words = "429: limited, asked to come back in 90 s";
    assert_eq!(target.attempts, [("limited", 1)]);
    assert_eq!(target.failures[0].words, words);
    assert_eq!(target.why.as_deref(), Some(words));
    assert_eq!(target.suspensions, [("limited", 1)]);
    assert_eq!((target.state, target.hints), (State::Suspended, 1));
    assert_eq!(target.suspended_ms, 90_000);
    let delays = &snapshot(&api).apis[0].delays;
    assert_eq!(delays.count(), 1);
    assert!((delays.seconds - 2.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_found_out_by_a_fallback_is_suspended_with_its_own_reason() {
    let api = two().bind();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    let target = candidate(&api, "a");
    assert_eq!(target.suspensions, [("unavailable", 1)]);
    assert_eq!(target.why.as_deref(), Some("500: unavailable"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_counts_by_what_it_found_out() {
    let api = two().bind();
    api.on("a@east", [status(503), status(503), ok("target")])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    for _ in 0..2 {
        wait(61.0).await;
        api.send(&chat("a")).await;
    }
    let probes = candidate(&api, "a").probes;
    assert_eq!(probes[..2], [("succeeded", 1), ("failed", 1)]);
    assert_eq!(candidate(&api, "a").state, State::Healthy);
    assert_eq!(candidate(&api, "a").why, None);
}

#[tokio::test(start_paused = true)]
async fn the_requests_own_fault_is_nobodys_failure() {
    let api = two().bind();
    api.on("a@east", [mistake()]);
    api.send(&chat("a")).await;
    assert_eq!(requests(&api), [("refused", 1)]);
    let target = candidate(&api, "a");
    assert_eq!(target.attempts, [("client-error", 1)]);
    assert!(target.failures.is_empty());
    assert_eq!(target.minutes.last().unwrap().failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_who_leaves_cancels_the_request_and_its_attempt() {
    let api = two().bind();
    api.on("a@east", [silent()]);
    let running = api.start(&chat("a"));
    wait(1.0).await;
    assert_eq!(candidate(&api, "a").in_flight, 1);
    assert_eq!(snapshot(&api).apis[0].in_flight, 1);
    running.cancel().await;
    assert_eq!(requests(&api), [("cancelled", 1)]);
    let target = candidate(&api, "a");
    assert_eq!(target.attempts, [("cancelled", 1)]);
    assert_eq!((target.in_flight, target.failures.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_streams_chunks_are_timed_and_it_counts_at_its_end() {
    let api = two().bind();
    let pieces = [
        later(0.5, ROLE),
        later(0.5, &delta("one")),
        later(2.0, &delta("two")),
        later(0.1, STOP),
        now(DONE),
    ];
    api.on("a@east", [events(pieces)]);
    let running = api.start(&streamed("a"));
    wait(1.5).await;
    let target = candidate(&api, "a");
    assert_eq!((target.in_flight, target.attempts.len()), (1, 0));
    running.end().await;
    let target = candidate(&api, "a");
    assert_eq!(target.attempts, [("answered", 1)]);
    assert!((target.first_chunks.seconds - 1.0).abs() < 0.01);
    assert_eq!(target.between_chunks.count(), 2);
    assert!((target.between_chunks.seconds - 2.1).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_broke_is_a_failure_and_its_continuation_is_counted() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([now(ROLE), now(&delta("The")), breaks(0.0)])],
    )
    .on("b@west", [ok_stream("The sea")]);
    api.send(&streamed("a")).await;
    assert_eq!(requests(&api), [("fell_over", 1)]);
    assert_eq!(candidate(&api, "a").attempts, [("stream-cut", 1)]);
    assert_eq!(
        candidate(&api, "a").failures[0].words,
        "broke off its answer"
    );
    let snapshot = snapshot(&api);
    assert_eq!(
        (snapshot.apis[0].continued, snapshot.apis[0].not_continued),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_the_budget_refuses_is_counted() {
    for (budget, expected) in [("0%", (0, 1)), ("100%", (1, 0))] {
        let api = two()
            .set("targetRetries", "1")
            .set("retryBudget", budget)
            .bind();
        api.on("a@east", [status(500)])
            .on("b@west", [ok("fallback")]);
        api.send(&chat("a")).await;
        let api = &snapshot(&api).apis[0];
        assert_eq!((api.retries, api.retries_refused), expected, "{budget}");
    }
}

#[tokio::test(start_paused = true)]
async fn counts_outlive_a_redeployment() {
    let api = two().bind();
    api.on("a@east", [ok("target")]);
    api.send(&chat("a")).await;
    let again = two().within(&api.world).bind();
    drop(api);
    again.send(&chat("a")).await;
    assert_eq!(candidate(&again, "a").attempts, [("answered", 2)]);
    assert_eq!(snapshot(&again).apis[0].policies.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_operator_steers_by_name() {
    let api = two().bind();
    steer(&api, "a", "east", Operation::Hold);
    assert_eq!(candidate(&api, "a").state, State::Held);
    steer(&api, "a", "east", Operation::Release);
    assert_eq!(candidate(&api, "a").state, State::Healthy);
    let nobody = CandidateName {
        tenant: "carbon.super".into(),
        api: "AssistantAPI".into(),
        version: "1.0.0".into(),
        endpoint: "east".into(),
        model: "nobody".into(),
    };
    assert!(!api.world.registry.steer(&nobody, Operation::Clear));
}

/// Every state of two candidates: what is foretold is what happens.
#[tokio::test(start_paused = true)]
async fn a_request_goes_where_the_forecast_says() {
    const STATES: [&str; 4] = ["healthy", "suspended", "due", "held"];
    for when_all in ["probe", "reject"] {
        for first in STATES {
            for second in STATES {
                let api = two().set("whenAllSuspended", when_all).bind();
                for (who, state) in [("a@east", first), ("b@west", second)] {
                    let (model, endpoint) = who.split_once('@').unwrap();
                    let length = match state {
                        "suspended" => 500.0,
                        "due" => 50.0,
                        _ => 0.0,
                    };
                    api.suspend(who, length);
                    if state == "held" {
                        steer(&api, model, endpoint, Operation::Hold);
                    }
                    api.on(who, [ok(who)]);
                }
                wait(100.0).await;
                let foretold = forecast(&api);
                let heard = api.send(&chat("a")).await;
                let what = format!("{first}, {second}, {when_all}: {}", foretold.words);
                let expected = match foretold.goes_to {
                    Some(place) => vec![["a@east", "b@west"][place].to_owned()],
                    None => vec![],
                };
                assert_eq!(api.called(), expected, "{what}");
                let failure = heard.failure.as_ref();
                let told = failure.and_then(|failure| failure.retry_after);
                assert_eq!(told, foretold.retry_after, "{what}");
                if let Some(place) = foretold.goes_to {
                    let probes = [first, second][place] != "healthy";
                    assert_eq!(foretold.probes, probes, "{what}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forecast_says_why() {
    let api = two().bind();
    api.on("a@east", [status(429)])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(48.0).await;
    assert_eq!(
        forecast(&api).words,
        "a → would go to b at west, because a at east is suspended for 12 s more"
    );
    steer(&api, "b", "west", Operation::Hold);
    assert_eq!(
        forecast(&api).words,
        "a → would go to a at east as its probe, because b at west is held by an operator"
    );
    steer(&api, "a", "east", Operation::Hold);
    assert_eq!(
        forecast(&api).words,
        "a → would get a 503, because a at east is held by an operator and b at west is held by an operator"
    );
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_is_foretold_too() {
    let api = two().bind();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("fallback").after(10.0)]);
    let running = api.start(&chat("a"));
    wait(1.0).await;
    assert_eq!(candidate(&api, "a").state, State::Suspected);
    let foretold = forecast(&api);
    assert_eq!(foretold.goes_to, Some(1));
    assert_eq!(foretold.passed_over[0].state, State::Suspected);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_rehearsed_failure_is_one_that_nobody_was_asked_for() {
    let api = two().bind();
    api.on("a@east", [ok("target")])
        .on("b@west", [ok("fallback")]);
    let length = secs(20.0);
    let drill = |percent| Operation::Drill { length, percent };
    steer(&api, "a", "east", drill(100));
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("fallback"));
    assert_eq!(api.called(), ["b@west"], "nobody was asked");
    let report = heard.report.unwrap().to_string();
    assert!(report.contains("outcome=rehearsed"), "{report}");
    let target = candidate(&api, "a");
    assert_eq!(
        (target.rehearsed, &*target.attempts),
        (1, &[("rehearsed", 1)][..])
    );
    assert!(target.drill.is_some());
    api.assert_suspended_for("a@east", 60.0, "as after a failure");
    // It is over, and so is what came of it.
    wait(61.0).await;
    assert!(api.send(&chat("a")).await.text().contains("target"));
    assert_eq!(candidate(&api, "a").drill, None);

    steer(&api, "a", "east", drill(100));
    steer(&api, "a", "east", drill(0));
    assert!(api.send(&chat("a")).await.text().contains("target"));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_the_attempts_fails_and_the_candidate_stays_in_service() {
    let api = two().bind();
    api.on("a@east", [ok("target")])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    let length = secs(3600.0);
    let drill = Operation::Drill {
        length,
        percent: 30,
    };
    steer(&api, "a", "east", drill);
    for number in 0..400 {
        api.send(&says("a", &number.to_string())).await;
    }
    let target = candidate(&api, "a");
    assert!(
        (60..180).contains(&target.rehearsed),
        "{}",
        target.rehearsed
    );
}
