//! More tries on the same candidate (`target_retries`, `retry_backoff`, `max_retry_after_wait`, `retry_budget`).

mod support;

use std::time::Duration;

use failover_executor::NetError;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

#[tokio::test(start_paused = true)]
async fn with_a_fallback_left_nothing_is_retried_unless_that_is_set() {
    for act in [status(500), fails(NetError::Reset)] {
        let api = two().bind();
        api.on("a@east", [act]).on("b@west", [ok("yes")]);
        api.send(&chat("a")).await;
        assert_eq!(api.called(), ["a@east", "b@west"]);
    }
}

#[tokio::test(start_paused = true)]
async fn server_errors_and_resets_are_retried_as_often_as_set() {
    for act in [
        status(500),
        status(502),
        status(503),
        status(529),
        fails(NetError::Reset),
    ] {
        let api = two().set("targetRetries", "2").bind();
        api.on("a@east", [act]).on("b@west", [ok("yes")]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(api.called(), ["a@east", "a@east", "a@east", "b@west"]);
        assert_eq!(heard.header("x-failover-attempts"), Some("4"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_failure_goes_on_at_once() {
    for (what, act) in [
        ("429", status(429)),
        ("408", status(408)),
        ("401", status(401)),
        ("404 model_not_found", reason(404, "model_not_found")),
        ("307", status(307)),
        ("no connection", fails(NetError::Connect)),
        ("no connection in time", fails(NetError::ConnectTimeout)),
        ("not HTTP", fails(NetError::Protocol)),
        ("silence", silent()),
        ("an empty answer", answer(200, "")),
    ] {
        let api = two().set("targetRetries", "3").bind();
        api.on("a@east", [act]).on("b@west", [ok("yes")]);
        api.send(&chat("a")).await;
        assert_eq!(api.called(), ["a@east", "b@west"], "{what} is not retried");
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_fault_is_not_retried() {
    let api = api(&["a@east"]).set("targetRetries", "3").bind();
    api.on("a@east", [status(400)]);
    api.send(&chat("a")).await;
    assert_eq!(api.calls_of("a@east"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_suspends_nothing() {
    let api = two().set("targetRetries", "1").bind();
    api.on("a@east", [status(500), ok("second try")]);
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("second try"));
    assert!(!api.is_suspended("a@east"));
    assert_eq!(
        heard.report().attempts.len(),
        2,
        "the report has both tries"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_candidate_standing_gets_one_retry() {
    let api = api(&["a@east", "b@west"]).bind();
    api.on("a@east", [status(500)])
        .on("b@west", [status(500), ok("second try")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(api.called(), ["a@east", "b@west", "b@west"]);
    assert!(heard.text().contains("second try"));
}

#[tokio::test(start_paused = true)]
async fn the_only_candidate_is_the_last_one_standing() {
    for act in [status(503), fails(NetError::Reset)] {
        let api = api(&["a@east"]).bind();
        api.on("a@east", [act, ok("second try")]);
        assert!(api.send(&chat("a")).await.text().contains("second try"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_candidate_standing_is_the_one_whose_fallbacks_are_suspended() {
    let world = World::new();
    let other = api(&["b@west"])
        .within(&world)
        .set("retryBudget", "0%")
        .bind();
    other.on("b@west", [status(503)]);
    other.send(&chat("b")).await;
    let api = two().within(&world).bind();
    api.on("a@east", [status(500), ok("second try")]);
    assert!(api.send(&chat("a")).await.text().contains("second try"));
}

#[tokio::test(start_paused = true)]
async fn the_last_candidate_standing_is_the_one_after_which_only_models_come_that_are_too_small() {
    let api = api(&["a@east", "b@west", "a@north"]).bind();
    api.on("a@east", [reason(400, "context_length_exceeded")])
        .on("b@west", [status(500), ok("second try")]);
    assert!(api.send(&chat("a")).await.text().contains("second try"));
}

#[tokio::test(start_paused = true)]
async fn whether_a_candidate_is_the_last_one_is_judged_when_it_has_failed() {
    let world = World::new();
    let other = api(&["b@west"])
        .within(&world)
        .set("retryBudget", "0%")
        .bind();
    other.on("b@west", [status(503)]);
    let api = two().within(&world).bind();
    api.on("a@east", [status(500).after(5.0), ok("second try")]);
    let running = api.start(&chat("a"));
    wait(1.0).await;
    other.send(&chat("b")).await;
    assert!(api.is_suspended("b@west"));
    let heard = running.end().await;
    assert_eq!(
        heard.status(),
        200,
        "when the target failed its only fallback had been suspended by another request, so it was the last one \
         standing and had a retry left: called were {:?}",
        api.called()
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_candidates_retries_are_not_more_than_set() {
    let api = api(&["a@east"]).set("targetRetries", "2").bind();
    api.on("a@east", [status(500)]);
    api.send(&chat("a")).await;
    assert_eq!(
        api.calls_of("a@east"),
        3,
        "1 and 2 more; the one of the last candidate standing is not on top"
    );
}

/// "Nothing is ever sent twice to a candidate after it has begun to answer."
async fn assert_sent_once(body: &str, torn: Act) {
    let api = api(&["a@east"]).set("targetRetries", "1").bind();
    api.on("a@east", [torn]);
    api.send(body).await;
    assert_eq!(
        api.calls_of("a@east"),
        1,
        "only a reset before the response is retried; this candidate had answered 200 already and may have billed \
         the tokens"
    );
}

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_body_broke_is_not_sent_the_request_again() {
    assert_sent_once(
        &chat("a"),
        ok("").pieces([now("{\"choices\":["), breaks(1.0)]),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_stream_broke_before_its_first_useful_chunk_is_not_sent_the_request_again()
 {
    assert_sent_once(&streamed("a"), events([now(ROLE), breaks(1.0)])).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_never_retried() {
    let api = two()
        .set("targetRetries", "3")
        .set("retryBudget", "100%")
        .bind();
    api.on("a@east", [status(401), status(500)])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    api.forget();
    api.send(&chat("a")).await;
    assert_eq!(
        api.called(),
        ["a@east", "b@west"],
        "a candidate that is just being tried again gets one request"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_not_retried_after_a_short_retry_after_either() {
    let api = two().set("maxRetryAfterWait", "5s").bind();
    api.on(
        "a@east",
        [
            status(500),
            status(429).header("retry-after", "2"),
            ok("target"),
        ],
    )
    .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    api.forget();
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        api.called(),
        ["a@east", "b@west"],
        "exactly one request probes; the 429 with Retry-After 2 must send it on, not have it wait and try again"
    );
    assert!(heard.text().contains("fallback"));
}

#[tokio::test(start_paused = true)]
async fn an_early_probe_is_not_retried_though_it_is_the_last_candidate_standing() {
    let api = api(&["a@east"]).set("targetRetries", "2").bind();
    api.on("a@east", [status(401), status(500)]);
    api.send(&chat("a")).await;
    api.forget();
    api.send(&chat("a")).await;
    assert_eq!(api.calls_of("a@east"), 1);
}

#[tokio::test(start_paused = true)]
async fn no_retry_reaches_a_candidate_that_another_request_has_suspended_meanwhile() {
    let api = two().set("maxRetryAfterWait", "10s").bind();
    api.on(
        "a@east",
        [
            status(429).header("retry-after", "10"),
            fails(NetError::Connect),
            ok("target"),
        ],
    )
    .on("b@west", [ok("fallback")]);
    let waiting = api.start(&chat("a"));
    wait(5.0).await;
    api.send(&chat("a")).await;
    api.assert_suspended_for("a@east", 60.0, "the second request found no connection");
    let heard = waiting.end().await;
    assert_eq!(
        api.times_of("a@east").len(),
        2,
        "while suspended a candidate receives no requests, a retry that was waiting included; called were {:?}",
        api.called()
    );
    assert!(
        heard.text().contains("fallback"),
        "the request that was waiting goes on to the fallback"
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_before_the_nth_retry_is_drawn_from_zero_to_the_doubled_backoff() {
    let mut shares = vec![];
    for _ in 0..60 {
        let api = api(&["a@east"])
            .set("targetRetries", "4")
            .set("retryBackoff", "1s")
            .bind();
        api.on("a@east", [status(500)]);
        api.send(&chat("a")).await;
        let times = api.times_of("a@east");
        assert_eq!(times.len(), 5);
        for (n, pair) in times.windows(2).enumerate() {
            let (gap, longest) = (pair[1] - pair[0], Duration::from_secs(1 << n));
            assert!(
                gap <= longest + Duration::from_millis(2),
                "the wait before retry {} is at most {longest:?}, but was {gap:?}",
                n + 1
            );
            shares.push(gap.as_secs_f64() / longest.as_secs_f64());
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(
        (0.4..0.6).contains(&mean),
        "full jitter: half of the longest wait on average, not {mean:.2} of it"
    );
    assert!(
        shares.iter().any(|s| *s < 0.1) && shares.iter().any(|s| *s > 0.9),
        "full jitter: from 0 to all of it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_short_retry_after_is_waited_out_on_the_same_candidate() {
    for code in [429, 503] {
        let api = two().set("maxRetryAfterWait", "5s").bind();
        api.on(
            "a@east",
            [status(code).header("retry-after", "5"), ok("target")],
        );
        let heard = api.send(&chat("a")).await;
        assert!(heard.text().contains("target"));
        let times = api.times_of("a@east");
        assert_time(times[1], 5.0, "the second try");
        assert!(!api.is_suspended("a@east"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_that_is_too_long_goes_on_at_once_without_a_retry() {
    for code in [429, 503] {
        let api = two()
            .set("maxRetryAfterWait", "5s")
            .set("targetRetries", "2")
            .bind();
        api.on("a@east", [status(code).header("retry-after", "6")])
            .on("b@west", [ok("yes")]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(
            api.called(),
            ["a@east", "b@west"],
            "it said not to come back before 6 s"
        );
        assert_time(heard.at, 0.0, "the fallback's answer");
        assert!(api.is_suspended("a@east"));
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_wait_of_nothing_no_retry_after_is_waited_out() {
    let api = two().set("maxRetryAfterWait", "0s").bind();
    api.on("a@east", [status(429).header("retry-after", "1")])
        .on("b@west", [ok("yes")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(api.called(), ["a@east", "b@west"]);
    assert_time(heard.at, 0.0, "the fallback's answer");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_another_status_is_no_reason_to_wait() {
    let api = two().set("maxRetryAfterWait", "5s").bind();
    api.on("a@east", [status(408).header("retry-after", "1")])
        .on("b@west", [ok("yes")]);
    let heard = api.send(&chat("a")).await;
    assert_time(heard.at, 0.0, "the fallback's answer");
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_puts_off_again_and_again_does_not_keep_the_client_from_a_healthy_fallback()
 {
    let api = two().set("maxRetryAfterWait", "2s").bind();
    api.on("a@east", [status(429).header("retry-after", "1")])
        .on("b@west", [ok("fallback")]);
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("fallback"));
    assert!(
        heard.at <= secs(2.5),
        "no more than maxRetryAfterWait (2 s) should be waited for one candidate, but the client waited {:?} and the \
         candidate got {} requests",
        heard.at,
        api.calls_of("a@east")
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_nothing_is_retried_and_going_on_is_not_charged() {
    let api = api(&["a@east", "b@west", "c@north"])
        .set("targetRetries", "3")
        .set("retryBudget", "0%")
        .bind();
    api.on("a@east", [status(500)])
        .on("b@west", [status(500)])
        .on("c@north", [status(500)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(api.called(), ["a@east", "b@west", "c@north"]);
    assert_eq!(heard.status(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_held_to_the_budget_and_every_request_still_goes_on() {
    let api = two()
        .set("targetRetries", "1")
        .set("suspendDuration", "0")
        .set("retryBudget", "10%")
        .bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("yes")]);
    for _ in 0..200 {
        assert_eq!(api.send(&chat("a")).await.status(), 200);
    }
    let retries = api.calls_of("a@east") - 200;
    assert!(
        (15..=20).contains(&retries),
        "10 % of 200 requests are 20 retries, but there were {retries}"
    );
    assert_eq!(api.calls_of("b@west"), 200);
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_one_for_the_policies_of_an_api() {
    let world = World::new();
    let builder = || {
        api(&["a@east"])
            .within(&world)
            .set("suspendDuration", "0")
            .set("retryBudget", "0% + 0.1/s")
    };
    let (first, second) = (builder().bind(), builder().bind());
    first.on("a@east", [status(500)]);
    first.send(&chat("a")).await;
    assert_eq!(
        first.calls_of("a@east"),
        2,
        "0.1/s over ten seconds allow one retry"
    );
    second.forget().send(&chat("a")).await;
    assert_eq!(
        second.calls_of("a@east"),
        1,
        "and the first policy has used it"
    );
}
