//! The client went away: everything stops at once and nothing is held against a candidate (`behaviour.md` §3).

mod support;

use failover_suspension::State;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

/// Runs a request for `seconds`, then has its client go away.
async fn cancelled_after(api: &Api, body: &str, seconds: f64) -> Heard {
    let running = api.start(body);
    wait(seconds).await;
    let heard = running.cancel().await;
    // Whatever was left running would show itself in the next hour.
    let called = api.called().len();
    wait(3600.0).await;
    assert_eq!(
        api.called().len(),
        called,
        "after the client went away nobody is called any more"
    );
    heard
}

#[track_caller]
fn assert_dropped(api: &Api, who: &str, seconds: f64) {
    let dropped = api.world.net.dropped();
    let [(dropped_who, at)] = &dropped[..] else {
        panic!("exactly one connection should have been given up, but: {dropped:?}");
    };
    assert_eq!(dropped_who, who);
    assert_time(*at, seconds, "the connection to the provider is closed");
}

#[tokio::test(start_paused = true)]
async fn while_the_head_is_waited_for_the_upstream_call_is_dropped() {
    let api = two().bind();
    api.on("a@east", [silent()]);
    let heard = cancelled_after(&api, &chat("a"), 3.0).await;
    assert_dropped(&api, "a@east", 3.0);
    assert!(heard.head.is_none() && heard.failure.is_none());
}

#[tokio::test(start_paused = true)]
async fn while_the_body_is_read_it_is_dropped() {
    let api = two().bind();
    api.on("a@east", [ok("").pieces([now("{\"choices\""), hangs()])]);
    cancelled_after(&api, &chat("a"), 3.0).await;
    assert_dropped(&api, "a@east", 3.0);
}

#[tokio::test(start_paused = true)]
async fn while_the_first_useful_chunk_is_waited_for_the_stream_is_dropped() {
    let api = two().bind();
    api.on("a@east", [events([now(ROLE), hangs()])]);
    cancelled_after(&api, &streamed("a"), 3.0).await;
    assert_dropped(&api, "a@east", 3.0);
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_a_stream_the_stream_is_dropped() {
    let api = two().bind();
    api.on(
        "a@east",
        [events((0..1000).map(|_| later(1.0, &delta("x"))))],
    );
    let heard = cancelled_after(&api, &streamed("a"), 3.5).await;
    assert_dropped(&api, "a@east", 3.5);
    assert_eq!(heard.data.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn while_the_client_does_not_take_the_stream_is_dropped() {
    let api = two().bind();
    api.on(
        "a@east",
        [events([now(&delta("x")), now(&delta("y")), hangs()])],
    );
    let running = api.start_slow(&streamed("a"), 5);
    wait(3.0).await;
    running.cancel().await;
    assert_dropped(&api, "a@east", 3.0);
}

#[tokio::test(start_paused = true)]
async fn while_a_fallback_is_called_it_is_that_call_that_is_dropped() {
    let api = two().bind();
    api.on("a@east", [status(500).after(1.0)])
        .on("b@west", [silent()]);
    cancelled_after(&api, &chat("a"), 3.0).await;
    assert_dropped(&api, "b@west", 3.0);
}

#[tokio::test(start_paused = true)]
async fn while_a_retry_is_waited_for_it_is_not_made() {
    let api = two().set("maxRetryAfterWait", "10s").bind();
    api.on("a@east", [status(429).header("retry-after", "10")]);
    cancelled_after(&api, &chat("a"), 3.0).await;
    assert_eq!(api.called(), ["a@east"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_suspended_because_a_client_went_away() {
    for (body, act) in [
        (chat("a"), silent()),
        (chat("a"), ok("").pieces([now("{\"choices\""), hangs()])),
        (streamed("a"), events([now(ROLE), hangs()])),
        (streamed("a"), events([now(&delta("x")), hangs()])),
    ] {
        let api = two().bind();
        api.on("a@east", [act]);
        cancelled_after(&api, &body, 3.0).await;
        assert_eq!(api.state("a@east"), State::Healthy);
        assert_eq!(api.state("b@west"), State::Healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_at_any_point_gives_its_permit_back() {
    for (body, act) in [
        (chat("a"), silent()),
        (chat("a"), ok("").pieces([now("{\"choices\""), hangs()])),
        (streamed("a"), events([now(ROLE), hangs()])),
    ] {
        let api = two().bind();
        api.on("a@east", [status(500), act])
            .on("b@west", [ok("fallback")]);
        api.send(&chat("a")).await;
        wait(61.0).await;
        let probe = api.start(&body);
        wait(3.0).await;
        assert_eq!(api.state("a@east"), State::Probing);
        probe.cancel().await;
        assert_eq!(
            api.state("a@east"),
            State::Due,
            "the next request may probe at once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_probe_that_is_cancelled_leaves_the_suspension_as_it_was() {
    let api = api(&["a@east"]).bind();
    api.on("a@east", [status(401), silent(), ok("target")]);
    api.send(&chat("a")).await;
    wait(10.0).await;
    let probe = api.start(&chat("a"));
    wait(5.0).await;
    probe.cancel().await;
    api.assert_suspended_for("a@east", 45.0, "60 s less the 15 that are over");
    assert!(
        api.send(&chat("a")).await.text().contains("target"),
        "and the next request probes early"
    );
}
