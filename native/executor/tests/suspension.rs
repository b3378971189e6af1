//! Suspension and probes as requests meet them (`behaviour.md` §4). The cache's own rules are tested in its crate.

mod support;

use std::sync::{Arc, Mutex, PoisonError};

use failover_executor::NetError;
use failover_suspension::{Change, Peers, State};
use support::*;

/// Target and fallback; the target fails once with `act`, then does `afterwards` for ever.
async fn suspended_by(builder: Builder, act: Act, afterwards: Act) -> Api {
    let api = builder.bind();
    api.on("a@east", [act, afterwards])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    api.forget();
    api
}

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

/// Every candidate of `a@east`, `b@west` suspended: the target for 60 s, the fallback for 30 s more.
async fn all_suspended(builder: Builder) -> Api {
    let api = builder
        .set("targetRetries", "0")
        .set("retryBudget", "0%")
        .bind();
    api.on("a@east", [status(503), ok("target")]).on(
        "b@west",
        [status(503).header("retry-after", "90"), ok("fallback")],
    );
    api.send(&chat("a")).await;
    api.assert_suspended_for("a@east", 60.0, "suspendDuration");
    api.assert_suspended_for("b@west", 90.0, "Retry-After");
    api.forget();
    api
}

#[tokio::test(start_paused = true)]
async fn a_suspended_candidate_is_not_called_until_its_time_is_over() {
    let api = suspended_by(two(), status(500), ok("target")).await;
    for _ in 0..59 {
        wait(1.0).await;
        let heard = api.send(&chat("a")).await;
        assert!(heard.text().contains("fallback"));
    }
    assert_eq!(
        api.calls_of("a@east"),
        0,
        "no request may reach a suspended candidate"
    );
    wait(1.1).await;
    let heard = api.send(&chat("a")).await;
    assert!(
        heard.text().contains("target"),
        "after 60 s the target is tried again"
    );
}

#[tokio::test(start_paused = true)]
async fn one_failure_is_enough_for_every_sort_of_failure() {
    for act in [
        status(500),
        status(429),
        fails(NetError::Connect),
        silent(),
        answer(200, ""),
    ] {
        let api = suspended_by(two(), act, ok("target")).await;
        api.send(&chat("a")).await;
        assert_eq!(
            api.called(),
            ["b@west"],
            "the next request goes to the fallback at once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_suspended_like_the_target_the_last_one_too() {
    let api = api(&["a@east", "b@west", "c@north"])
        .set("retryBudget", "0%")
        .bind();
    for who in ["a@east", "b@west", "c@north"] {
        api.on(who, [status(503)]);
    }
    api.send(&chat("a")).await;
    for who in ["a@east", "b@west", "c@north"] {
        api.assert_suspended_for(who, 60.0, "it failed");
    }
}

#[tokio::test(start_paused = true)]
async fn exactly_one_of_many_concurrent_requests_probes_and_the_others_go_on() {
    let api = suspended_by(two(), status(500), ok("target").after(2.0)).await;
    wait(61.0).await;
    let running: Vec<Running> = (0..100).map(|_| api.start(&chat("a"))).collect();
    wait(1.0).await;
    let later: Vec<Running> = (0..100).map(|_| api.start(&chat("a"))).collect();
    let mut from_target = 0;
    for request in running.into_iter().chain(later) {
        let heard = request.end().await;
        from_target += usize::from(heard.text().contains("target"));
    }
    assert_eq!(
        api.calls_of("a@east"),
        1,
        "one probe, however many requests come while it is under way"
    );
    assert_eq!(from_target, 1);
    assert_eq!(api.calls_of("b@west"), 199, "nobody waits for the probe");
}

#[tokio::test(start_paused = true)]
async fn a_successful_probe_returns_all_traffic() {
    let api = suspended_by(two(), status(500), ok("target")).await;
    wait(61.0).await;
    let heard = api.send(&chat("a")).await;
    let attempt = &heard.report().attempts[0];
    assert!(
        attempt.probe && attempt.lifted,
        "the report must name the probe that lifted the suspension"
    );
    let running: Vec<Running> = (0..20).map(|_| api.start(&chat("a"))).collect();
    for request in running {
        assert!(request.end().await.text().contains("target"));
    }
    assert_eq!(api.calls_of("b@west"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_streams_probe_succeeds_with_its_first_useful_chunk() {
    let api = two().bind();
    api.on(
        "a@east",
        [
            status(500),
            events([
                now(ROLE),
                later(1.0, &delta("hi")),
                later(9.0, STOP),
                now(DONE),
            ]),
            ok_stream("target"),
        ],
    )
    .on("b@west", [ok_stream("fallback")]);
    api.send(&streamed("a")).await;
    wait(61.0).await;
    let probe = api.start(&streamed("a"));
    wait(0.5).await;
    assert!(
        api.send(&streamed("a")).await.text().contains("fallback"),
        "the probe has shown nothing yet"
    );
    wait(1.0).await;
    assert!(
        api.send(&streamed("a")).await.text().contains("target"),
        "the probe's first useful chunk has come"
    );
    assert!(probe.end().await.ended);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_suspends_again_and_its_request_goes_on() {
    let api = suspended_by(two(), status(500), status(502)).await;
    wait(61.0).await;
    let heard = api.send(&chat("a")).await;
    assert!(
        heard.text().contains("fallback"),
        "the probe's client must not notice"
    );
    assert_eq!(api.called(), ["a@east", "b@west"]);
    api.assert_suspended_for("a@east", 60.0, "the probe failed");
    wait(59.0).await;
    api.send(&chat("a")).await;
    assert_eq!(api.calls_of("a@east"), 1);
}

#[tokio::test(start_paused = true)]
async fn each_failed_probe_in_a_row_makes_the_suspension_grow_up_to_max_suspend() {
    let builder = two().set("suspendGrowth", "2").set("maxSuspend", "300s");
    let api = suspended_by(builder, status(500), status(500)).await;
    for expected in [60.0, 120.0, 240.0, 300.0, 300.0] {
        api.assert_suspended_for(
            "a@east",
            expected,
            "60 s, doubled for each failed probe, at most 300 s",
        );
        wait(expected).await;
        api.send(&chat("a")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_growth_every_suspension_is_as_long_as_the_first() {
    let api = suspended_by(two(), status(500), status(500)).await;
    for _ in 0..5 {
        api.assert_suspended_for("a@east", 60.0, "suspend_growth is 1.0");
        wait(60.0).await;
        api.send(&chat("a")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_makes_the_growth_begin_anew() {
    let api = two().set("suspendGrowth", "3").bind();
    api.on(
        "a@east",
        [status(500), status(500), ok("target"), status(500)],
    )
    .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(60.0).await;
    api.send(&chat("a")).await;
    api.assert_suspended_for("a@east", 180.0, "one failed probe");
    wait(180.0).await;
    api.send(&chat("a")).await;
    wait(11.0).await;
    api.send(&chat("a")).await;
    api.assert_suspended_for(
        "a@east",
        60.0,
        "the failed probe before the success is forgotten",
    );
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_longer_than_the_base_is_used() {
    for (name, value, seconds) in [
        ("retry-after", "300", 300.0),
        ("retry-after-ms", "90500", 90.5),
    ] {
        let api = suspended_by(two(), status(429).header(name, value), ok("target")).await;
        api.assert_suspended_for("a@east", seconds, name);
    }
    let exhausted = status(429)
        .header("x-ratelimit-remaining-requests", "0")
        .header("x-ratelimit-reset-requests", "2m0s")
        .header("x-ratelimit-remaining-tokens", "17")
        .header("x-ratelimit-reset-tokens", "30m0s");
    let api = suspended_by(two(), exhausted, ok("target")).await;
    api.assert_suspended_for(
        "a@east",
        120.0,
        "the reset of the dimension that is exhausted",
    );
    let gemini = answer(
        429,
        "{\"error\":{\"code\":429,\"details\":[{\"retryDelay\":\"77s\"}]}}",
    );
    let api = suspended_by(two(), gemini, ok("target")).await;
    api.assert_suspended_for("a@east", 77.0, "Gemini's retryDelay");
}

#[tokio::test(start_paused = true)]
async fn a_hint_counts_for_every_status_that_suspends() {
    for code in [408, 429, 500, 503, 529] {
        let api = suspended_by(
            two(),
            status(code).header("retry-after", "100"),
            ok("target"),
        )
        .await;
        api.assert_suspended_for("a@east", 100.0, &format!("Retry-After of a {code}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_shorter_than_the_base_is_not() {
    let api = suspended_by(two(), status(429).header("retry-after", "5"), ok("target")).await;
    api.assert_suspended_for(
        "a@east",
        60.0,
        "suspendDuration, because Retry-After is shorter",
    );
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_capped_and_the_configured_base_is_not() {
    let api = suspended_by(
        two().set("maxSuspend", "10m"),
        status(429).header("retry-after", "7200"),
        ok("t"),
    )
    .await;
    api.assert_suspended_for("a@east", 600.0, "maxSuspend");
    let api = suspended_by(
        two().set("maxSuspend", "20s"),
        status(429).header("retry-after", "7200"),
        ok("t"),
    )
    .await;
    api.assert_suspended_for(
        "a@east",
        60.0,
        "maxSuspend is a cap on hints, suspendDuration is what was configured",
    );
}

#[tokio::test(start_paused = true)]
async fn a_later_failure_may_lengthen_a_suspension_and_never_shortens_it() {
    let api = two().bind();
    api.on(
        "a@east",
        [
            status(429).header("retry-after", "300").after(1.0),
            status(500).after(2.0),
        ],
    )
    .on("b@west", [ok("fallback")]);
    // Both are under way before either has failed.
    let (first, second) = (api.start(&chat("a")), api.start(&chat("a")));
    first.end().await;
    api.assert_suspended_for("a@east", 300.0, "Retry-After of the first failure");
    second.end().await;
    api.assert_suspended_for(
        "a@east",
        299.0,
        "the second failure, 1 s later, asks for less and changes nothing",
    );

    let api = two().bind();
    api.on(
        "a@east",
        [
            status(500).after(1.0),
            status(429).header("retry-after", "300").after(2.0),
        ],
    )
    .on("b@west", [ok("fallback")]);
    let (first, second) = (api.start(&chat("a")), api.start(&chat("a")));
    first.end().await;
    api.assert_suspended_for("a@east", 60.0, "the first failure");
    second.end().await;
    api.assert_suspended_for(
        "a@east",
        300.0,
        "Retry-After of the second failure is longer",
    );
}

#[tokio::test(start_paused = true)]
async fn the_clients_fault_on_a_probe_shows_that_the_candidate_is_reachable() {
    for act in [
        status(400),
        status(422),
        reason(400, "content_filter"),
        reason(400, "context_length_exceeded"),
    ] {
        let api = suspended_by(two(), status(500), act).await;
        wait(61.0).await;
        api.send(&chat("a")).await;
        assert_eq!(
            api.state("a@east"),
            State::Healthy,
            "it answered, so all traffic returns"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_gives_its_permit_back() {
    let api = two().bind();
    api.on("a@east", [status(500), silent(), ok("target")])
        .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    let probe = api.start(&chat("a"));
    wait(1.0).await;
    assert_eq!(api.state("a@east"), State::Probing);
    probe.cancel().await;
    assert_eq!(
        api.state("a@east"),
        State::Due,
        "a client who went away says nothing about the candidate"
    );
    assert!(
        api.send(&chat("a")).await.text().contains("target"),
        "the next request probes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_taken_over_and_never_run_gives_its_permit_back() {
    let api = suspended_by(two(), status(500), ok("target")).await;
    wait(61.0).await;
    let call = api.take(&chat("a"));
    assert_eq!(api.state("a@east"), State::Probing);
    drop(call);
    assert_eq!(api.state("a@east"), State::Due);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_the_gateway_cannot_resolve_gives_its_permit_back() {
    let world = World::new();
    let resolving = two().within(&world).bind();
    resolving
        .on("a@east", [status(500)])
        .on("b@west", [ok("fallback")]);
    resolving.send(&chat("a")).await;
    let api = two().within(&world).unresolved("a@east").bind();
    wait(61.0).await;
    assert!(api.send(&chat("a")).await.text().contains("fallback"));
    assert_eq!(
        api.state("a@east"),
        State::Due,
        "it was not called, so it is neither back nor down"
    );
}

#[tokio::test(start_paused = true)]
async fn with_no_suspend_duration_nothing_is_known_of_failures() {
    for duration in ["0", ""] {
        let builder = two().set("suspendDuration", duration);
        let api = suspended_by(
            builder,
            status(429).header("retry-after", "300"),
            status(500),
        )
        .await;
        for _ in 0..3 {
            let heard = api.send(&chat("a")).await;
            assert!(heard.text().contains("fallback"));
        }
        assert_eq!(
            api.calls_of("a@east"),
            3,
            "every request begins with the target"
        );
        assert_eq!(api.state("a@east"), State::Healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn with_all_suspended_one_request_at_a_time_probes_and_the_others_get_a_fast_503() {
    let api = all_suspended(two()).await;
    api.on("a@east", [ok("target").after(5.0)]);
    wait(10.0).await;
    let running: Vec<Running> = (0..50).map(|_| api.start(&chat("a"))).collect();
    let began = api.elapsed();
    let mut answers = vec![];
    for request in running {
        answers.push(request.end().await);
    }
    assert_eq!(
        api.called(),
        ["a@east"],
        "one request, to the candidate whose suspension ends first"
    );
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|h| h.failure.is_none());
    assert_eq!(served.len(), 1);
    for heard in refused {
        assert_eq!(heard.failure().status, 503);
        assert!(
            heard.failure().retry_after.is_some_and(|s| s >= 1),
            "a 503 says when to come back"
        );
        assert_eq!(heard.at, began, "a fast 503 does not wait for the probe");
    }
    assert_eq!(api.state("a@east"), State::Healthy, "the probe succeeded");
}

#[tokio::test(start_paused = true)]
async fn with_all_suspended_the_one_whose_suspension_ends_first_is_probed_whatever_its_place() {
    let api = two().set("retryBudget", "0%").bind();
    api.on(
        "a@east",
        [status(503).header("retry-after", "90"), ok("target")],
    )
    .on("b@west", [status(503), ok("fallback")]);
    api.send(&chat("a")).await;
    api.forget();
    assert!(api.send(&chat("a")).await.text().contains("fallback"));
    assert_eq!(api.called(), ["b@west"], "60 s are over sooner than 90 s");
}

#[tokio::test(start_paused = true)]
async fn a_failed_early_probe_is_what_its_client_is_told_and_lengthens_the_suspension() {
    let api = all_suspended(two()).await;
    api.on("a@east", [status(500)]);
    wait(30.0).await;
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.status(), 500);
    assert_eq!(
        api.called(),
        ["a@east"],
        "the other candidate is suspended and gets no request"
    );
    api.assert_suspended_for("a@east", 60.0, "the early probe failed");
}

#[tokio::test(start_paused = true)]
async fn with_reject_every_request_gets_the_503_while_all_are_suspended() {
    let api = all_suspended(two().set("whenAllSuspended", "reject")).await;
    for (pause, expected) in [(0.0, 60), (20.5, 40), (39.0, 1)] {
        wait(pause).await;
        let heard = api.send(&chat("a")).await;
        assert_eq!(heard.failure().status, 503);
        assert_eq!(
            heard.failure().retry_after,
            Some(expected),
            "until the first suspension ends, rounded up"
        );
    }
    assert!(api.called().is_empty());
    wait(1.0).await;
    assert!(
        api.send(&chat("a")).await.text().contains("target"),
        "its time is over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_single_candidate_is_suspended_too() {
    let api = api(&["a@east"])
        .set("whenAllSuspended", "reject")
        .set("retryBudget", "0%")
        .bind();
    api.on("a@east", [status(503), ok("target")]);
    assert_eq!(api.send(&chat("a")).await.status(), 503);
    assert_eq!(
        api.send(&chat("a")).await.failure().status,
        503,
        "with no fallback suspension still works"
    );
    wait(61.0).await;
    assert_eq!(api.send(&chat("a")).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn suspensions_are_shared_by_the_policies_of_one_api_version_and_by_both_sections() {
    let world = World::new();
    let first = two().within(&world).bind();
    let second = api(&["c@north", "a@east", "b@west"])
        .sandbox(&["a@east", "b@west"])
        .within(&world)
        .bind();
    first
        .on("a@east", [status(500)])
        .on("b@west", [ok("fallback")])
        .on("c@north", [status(500)]);
    first.send(&chat("a")).await;
    first.forget();
    second.send(&chat("c")).await;
    assert_eq!(
        second.called(),
        ["c@north", "b@west"],
        "the other policy knows that a@east is suspended"
    );
    second.forget();
    let failover_executor::Decision::Handle(call) =
        second.decide_for(failover_policy::KeyType::Sandbox, None, &chat("a"))
    else {
        panic!("'a' is the sandbox's target");
    };
    second
        .start_with(call, second.client(failover_policy::KeyType::Sandbox))
        .end()
        .await;
    assert_eq!(second.called(), ["b@west"], "and so does the other section");
}

#[tokio::test(start_paused = true)]
async fn two_policies_of_one_api_send_one_probe_between_them() {
    let world = World::new();
    let (first, second) = (two().within(&world).bind(), two().within(&world).bind());
    first
        .on("a@east", [status(500), ok("target").after(1.0)])
        .on("b@west", [ok("fallback")]);
    first.send(&chat("a")).await;
    wait(61.0).await;
    first.forget();
    let running: Vec<Running> = (0..20)
        .flat_map(|_| [first.start(&chat("a")), second.start(&chat("a"))])
        .collect();
    for request in running {
        request.end().await;
    }
    assert_eq!(first.calls_of("a@east"), 1);
}

#[tokio::test(start_paused = true)]
async fn another_version_of_the_api_knows_nothing_of_it() {
    let world = World::new();
    let (one, two) = (
        two().within(&world).bind(),
        two().within(&world).version("2.0.0").bind(),
    );
    one.on("a@east", [status(500), ok("target")])
        .on("b@west", [ok("fallback")]);
    one.send(&chat("a")).await;
    assert!(one.is_suspended("a@east"));
    assert!(two.send(&chat("a")).await.text().contains("target"));
}

#[tokio::test(start_paused = true)]
async fn suspensions_survive_a_redeployment_of_the_api() {
    let world = World::new();
    let before = two().within(&world).bind();
    before
        .on("a@east", [status(500)])
        .on("b@west", [ok("fallback")]);
    before.send(&chat("a")).await;
    drop(before);
    let after = two().within(&world).set("requestTimeout", "10").bind();
    after.forget().send(&chat("a")).await;
    assert_eq!(
        after.called(),
        ["b@west"],
        "the redeployed API still knows that a@east is suspended"
    );
    after.assert_suspended_for("a@east", 60.0, "for as long as before");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_leaves_nothing_suspends_until_the_announced_reset() {
    for (act, body) in [(ok("last"), chat("a")), (ok_stream("last"), streamed("a"))] {
        let act = act
            .header("x-ratelimit-remaining-tokens", "0")
            .header("x-ratelimit-reset-tokens", "12s");
        let api = two().bind();
        api.on("a@east", [act, ok("target")])
            .on("b@west", [ok_stream("fallback")]);
        let heard = api.send(&body).await;
        assert!(
            heard.text().contains("last"),
            "the answer itself is a good one"
        );
        api.assert_suspended_for(
            "a@east",
            12.0,
            "until the reset, which is sooner than suspendDuration",
        );
        api.send(&body).await;
        assert_eq!(
            api.called(),
            ["a@east", "b@west"],
            "no request is wasted on a candidate that has to refuse it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_leaves_something_or_without_a_suspend_duration_suspends_nothing() {
    let left = ok("x")
        .header("x-ratelimit-remaining-tokens", "1")
        .header("x-ratelimit-reset-tokens", "12s");
    let api = two().bind();
    api.on("a@east", [left]);
    api.send(&chat("a")).await;
    assert_eq!(api.state("a@east"), State::Healthy);

    let none = ok("x")
        .header("x-ratelimit-remaining-tokens", "0")
        .header("x-ratelimit-reset-tokens", "12s");
    let api = two().set("suspendDuration", "0").bind();
    api.on("a@east", [none]);
    api.send(&chat("a")).await;
    assert_eq!(
        api.state("a@east"),
        State::Healthy,
        "suspendDuration 0 keeps no knowledge at all"
    );
}

#[tokio::test(start_paused = true)]
async fn an_announced_reset_is_capped_like_any_hint() {
    let act = ok("x")
        .header("x-ratelimit-remaining-tokens", "0")
        .header("x-ratelimit-reset-tokens", "24h0m0s");
    let api = two().set("maxSuspend", "5m").bind();
    api.on("a@east", [act]);
    api.send(&chat("a")).await;
    api.assert_suspended_for("a@east", 300.0, "maxSuspend");
}

#[tokio::test(start_paused = true)]
async fn a_held_candidate_gets_nothing_until_it_is_released() {
    let api = two().bind();
    api.on("a@east", [ok("target")])
        .on("b@west", [ok("fallback")]);
    let key = &api
        .world
        .registry
        .cache()
        .list(api.world.registry.clock().now())[0]
        .key;
    let gate = api.world.registry.cache().find(key).unwrap();
    gate.hold();
    wait(10_000.0).await;
    assert!(api.send(&chat("a")).await.text().contains("fallback"));
    gate.release();
    assert!(api.send(&chat("a")).await.text().contains("target"));
}

/// Other gateways that write down what they are asked.
#[derive(Debug, Default)]
struct Others(Mutex<Vec<Change>>);

impl Others {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peers for Others {
    fn changed(&self, change: Change) {
        self.lock().push(change);
    }

    fn reachable(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_to_ask_other_gateways_for_the_probe_goes_on_meanwhile() {
    let api = suspended_by(two(), status(500), ok("target")).await;
    let others = Arc::new(Others::default());
    let gate = api.gate("a@east");
    gate.share(Some(Arc::clone(&others) as Arc<dyn Peers>));
    wait(61.0).await;
    for _ in 0..3 {
        let heard = api.send(&chat("a")).await;
        assert!(
            heard.text().contains("fallback"),
            "no request waits for them"
        );
    }
    let asked = others.lock().clone();
    let [Change::Due(window)] = asked[..] else {
        panic!("they are asked once, but heard {asked:?}");
    };
    gate.give_leave(window, api.world.registry.clock().now().plus(secs(0.6)));
    let heard = api.send(&chat("a")).await;
    assert!(
        heard.text().contains("target"),
        "the next request is the probe"
    );
    let heard = others.lock().clone();
    assert_eq!(
        heard[1..3],
        [Change::Probing, Change::Cleared { operator: false }]
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_no_other_candidate_probes_without_asking_other_gateways() {
    let api = suspended_by(api(&["a@east"]), status(429), ok("target")).await;
    api.gate("a@east").share(Some(Arc::new(Others::default())));
    wait(61.0).await;
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("target"));
}
