//! A failure that may be the candidate's or the request's (`behaviour.md` §4). The gate's own rules are tested in its
//! crate.

mod support;

use failover_suspension::State;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

/// Each sort of failure of which nobody knows whose it is.
fn unsure() -> Vec<(&'static str, Act)> {
    vec![
        ("500", status(500)),
        ("403", status(403)),
        ("a reset", fails(failover_executor::NetError::Reset)),
        ("silence", silent()),
        ("an empty 200", answer(200, "")),
        ("an error in a 200", reason(200, "odd")),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_dead_idle_candidate_is_suspended_at_the_first_request_that_a_fallback_serves() {
    for (what, act) in unsure() {
        let api = two().bind();
        api.on("a@east", [act]).on("b@west", [ok("fallback")]);
        let heard = api.send(&chat("a")).await;
        assert!(api.is_suspended("a@east"), "{what}");
        let attempt = heard.report().attempts[0].clone();
        assert!(attempt.suspected && attempt.suspended.is_some(), "{what}");
        assert!(
            heard.report().to_string().contains("suspended_ms="),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn its_suspension_counts_from_the_failure_and_not_from_the_fallbacks_answer() {
    let api = two().bind();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("fallback").after(5.0)]);
    api.send(&chat("a")).await;
    api.assert_suspended_for("a@east", 55.0, "60 s from the failure on, 5 s ago");
}

#[tokio::test(start_paused = true)]
async fn no_request_suspends_a_candidate_that_answers_others_however_often_it_is_sent() {
    for (what, act) in unsure() {
        let api = two().set("requestTimeout", "5").bind();
        for _ in 0..5 {
            api.on("a@east", [ok("target"), act.clone()])
                .on("b@west", [ok("fallback")]);
            api.send(&says("a", "good")).await;
            wait(1.0).await;
            for _ in 0..2 {
                let heard = api.send(&says("a", "poison")).await;
                assert!(heard.text().contains("fallback"), "{what}");
                assert!(heard.report().to_string().contains(" marked"), "{what}");
                assert_eq!(heard.report().attempts[0].suspended, None, "{what}");
                assert_eq!(api.state("a@east"), State::Healthy, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_flows_is_an_answer_to_somebody() {
    let api = two().bind();
    let slow = (0..60).map(|_| {
        later(
            1.0,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n",
        )
    });
    api.on("a@east", [events(slow), status(500)])
        .on("b@west", [ok("fallback")]);
    let stream = api.start(&streamed("a"));
    wait(40.0).await;
    api.send(&chat("a")).await;
    assert_eq!(api.state("a@east"), State::Healthy);
    stream.cancel().await;
    wait(5.0).await;
    api.send(&chat("a")).await;
    assert_eq!(
        api.state("a@east"),
        State::Healthy,
        "its client left 5 s ago"
    );
    wait(11.0).await;
    api.send(&chat("a")).await;
    assert!(api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn two_different_requests_without_an_answer_between_suspend_a_single_candidate_too() {
    let api = api(&["a@east"]).set("retryBudget", "0%").bind();
    api.on("a@east", [status(500)]);
    for _ in 0..3 {
        assert_eq!(api.send(&says("a", "one")).await.status(), 500);
        assert_eq!(api.state("a@east"), State::Healthy, "the same, once more");
    }
    assert_eq!(api.send(&says("a", "two")).await.status(), 500);
    api.assert_suspended_for("a@east", 60.0, "another request failed too");
}

#[tokio::test(start_paused = true)]
async fn an_answer_between_two_failures_takes_the_first_ones_mark_away() {
    let api = api(&["a@east"]).set("retryBudget", "0%").bind();
    api.on(
        "a@east",
        [status(500), ok("target"), status(500), status(500)],
    );
    api.send(&says("a", "one")).await;
    assert!(api.is_marked("a@east"));
    api.send(&says("a", "good")).await;
    assert!(!api.is_marked("a@east"));
    api.send(&says("a", "two")).await;
    assert_eq!(api.state("a@east"), State::Healthy);
    api.send(&says("a", "three")).await;
    assert!(api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_takes_the_mark_away_when_it_has_answered() {
    let api = api(&["a@east"]).set("retryBudget", "0%").bind();
    api.on("a@east", [status(500), ok_stream("target"), status(500)]);
    api.send(&says("a", "one")).await;
    api.send(&streamed("a")).await;
    api.send(&says("a", "two")).await;
    assert_eq!(api.state("a@east"), State::Healthy);
}

#[tokio::test(start_paused = true)]
async fn two_that_fail_at_the_same_time_are_not_two() {
    let api = api(&["a@east"]).set("retryBudget", "0%").bind();
    api.on("a@east", [status(500).after(1.0)]);
    let running: Vec<Running> = ["one", "two", "three"]
        .map(|text| api.start(&says("a", text)))
        .into();
    for request in running {
        assert_eq!(request.end().await.status(), 500);
    }
    assert_eq!(api.state("a@east"), State::Healthy);
    api.send(&says("a", "four")).await;
    assert!(api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_with_such_a_failure_suspends_again() {
    for (what, act) in unsure() {
        let api = two().bind();
        api.on("a@east", [status(503), act])
            .on("b@west", [ok("fallback")]);
        api.send(&chat("a")).await;
        wait(61.0).await;
        api.send(&chat("a")).await;
        assert!(api.is_suspended("a@east"), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_suspicion_is_open_others_prefer_the_next_candidate() {
    let api = two().bind();
    api.on("a@east", [status(500), ok("target")])
        .on("b@west", [ok("fallback").after(5.0), ok("fallback")]);
    let first = api.start(&says("a", "one"));
    wait(1.0).await;
    assert_eq!(api.state("a@east"), State::Suspected);
    let heard = api.send(&says("a", "two")).await;
    assert_eq!(api.calls_of("a@east"), 1, "the next one is preferred");
    assert!(heard.text().contains("fallback"));
    first.end().await;
    assert!(api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn none_is_refused_for_a_suspicion() {
    let api = two().set("whenAllSuspended", "reject").bind();
    api.on("a@east", [status(500), ok("target")])
        .on("b@west", [silent()]);
    let first = api.start(&says("a", "one"));
    wait(1.0).await;
    let key = &api
        .world
        .registry
        .cache()
        .list(api.world.registry.clock().now())[1]
        .key;
    api.world.registry.cache().find(key).unwrap().hold();
    assert_eq!(api.state("a@east"), State::Suspected);
    let heard = api.send(&says("a", "two")).await;
    assert!(
        heard.text().contains("target"),
        "it is the only one left, so it is called"
    );
    assert_eq!(api.state("a@east"), State::Healthy, "it works");
    first.end().await;
    assert_eq!(api.state("a@east"), State::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_lifts_the_suspicion() {
    let api = two().bind();
    api.on("a@east", [status(500), ok("target")])
        .on("b@west", [silent()]);
    let first = api.start(&says("a", "one"));
    wait(1.0).await;
    assert_eq!(api.state("a@east"), State::Suspected);
    first.cancel().await;
    assert_eq!(api.state("a@east"), State::Healthy);
    assert!(api.is_marked("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_serves_leaves_marks_and_suspends_nobody() {
    let api = two().set("retryBudget", "0%").bind();
    api.on("a@east", [status(500)])
        .on("b@west", [answer(200, "")]);
    for _ in 0..2 {
        let heard = api.send(&chat("a")).await;
        assert_eq!(heard.status(), 500);
        assert_eq!(heard.report().to_string().matches(" marked").count(), 2);
        for who in ["a@east", "b@west"] {
            assert_eq!(api.state(who), State::Healthy, "{who}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_suspend_duration_nothing_is_suspected_either() {
    let api = two().set("suspendDuration", "0").bind();
    api.on("a@east", [status(500)])
        .on("b@west", [ok("fallback").after(5.0)]);
    let first = api.start(&chat("a"));
    wait(1.0).await;
    assert_eq!(api.state("a@east"), State::Healthy);
    first.end().await;
    assert!(!api.is_marked("a@east"));
}

/// wso2/product-apim#9967: everybody after one bad request was told that every model is suspended.
#[tokio::test(start_paused = true)]
async fn after_one_bad_request_to_the_only_candidate_many_good_ones_at_once_are_served() {
    let wrong = r#"{"error":{"message":"Invalid value for 'temperature'.","type":"invalid_request_error","param":"temperature","code":400}}"#;
    for act in [answer(200, wrong), answer(200, ""), status(500)] {
        let api = api(&["a@east"]).set("retryBudget", "0%").bind();
        api.on("a@east", [act, ok("target").after(1.0)]);
        let bad = api.send(&says("a", "bad")).await;
        assert_ne!(bad.status(), 200);
        let good: Vec<Running> = (0..6)
            .map(|n| api.start(&says("a", &n.to_string())))
            .collect();
        for request in good {
            assert_eq!(request.end().await.status(), 200);
        }
    }
    let api = api(&["a@east"]).bind();
    api.on("a@east", [answer(200, wrong)]);
    let bad = api.send(&says("a", "bad")).await;
    assert_eq!(bad.status(), 400);
    assert!(
        bad.text().contains("temperature"),
        "the client sees its mistake"
    );
}

// ------------------------------------------------------------------------------------------------ the defaults

#[tokio::test(start_paused = true)]
async fn with_the_defaults_a_short_retry_after_is_waited_out_at_the_same_candidate() {
    let api = two().defaults().bind();
    api.on(
        "a@east",
        [status(429).header("retry-after", "2"), ok("target")],
    );
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("target"));
    assert_time(heard.at, 2.0, "Retry-After");
    assert_eq!(api.called(), ["a@east", "a@east"]);
    assert_eq!(api.state("a@east"), State::Healthy);
}

#[tokio::test(start_paused = true)]
async fn with_the_defaults_a_blip_is_retried_and_suspends_nobody() {
    for candidates in [&["a@east"][..], &["a@east", "b@west"]] {
        let api = api(candidates).defaults().bind();
        api.on("a@east", [status(500), ok("target")]);
        let heard = api.send(&chat("a")).await;
        assert!(heard.text().contains("target"));
        assert!(heard.at <= secs(0.25), "a fraction of 200 ms");
        assert_eq!(api.called(), ["a@east", "a@east"]);
        assert!(!api.is_marked("a@east"));
    }
}
