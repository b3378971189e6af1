//! `requestTimeout`, `first_token_timeout` and `overall_timeout` (`behaviour.md` §1).

mod support;

use failover_executor::Decision;
use failover_policy::KeyType;
use support::*;

#[tokio::test(start_paused = true)]
async fn a_silent_candidate_is_left_when_the_request_timeout_is_over() {
    let api = api(&["a@east", "b@west"])
        .set("requestTimeout", "7.5")
        .bind();
    api.on("a@east", [silent()]).on("b@west", [ok("yes")]);
    let heard = api.send(&chat("a")).await;
    assert_time(api.times_of("b@west")[0], 7.5, "the fallback's turn");
    assert_time(heard.at, 7.5, "the answer");
}

#[tokio::test(start_paused = true)]
async fn the_request_timeout_bounds_the_whole_answer_and_not_its_head_alone() {
    let slow_bodies = [
        vec![hangs()],
        vec![now("{\"id\":1"), hangs()],
        (0..100).map(|_| later(1.0, " ")).collect(),
    ];
    for pieces in slow_bodies {
        let api = api(&["a@east", "b@west"])
            .set("requestTimeout", "10")
            .bind();
        api.on("a@east", [ok("").after(6.0).pieces(pieces)])
            .on("b@west", [ok("yes")]);
        let heard = api.send(&chat("a")).await;
        assert!(
            heard.text().contains("yes"),
            "a body that does not end in time is no answer"
        );
        assert_time(heard.at, 10.0, "head and body share one limit");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_just_in_time_is_taken() {
    let api = api(&["a@east", "b@west"])
        .set("requestTimeout", "10")
        .bind();
    api.on(
        "a@east",
        [ok("")
            .after(5.0)
            .pieces([later(4.9, "{\"id\":\"in time\"}")])],
    );
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("in time"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_candidate_is_never_retried() {
    let api = api(&["a@east"]).set("targetRetries", "3").bind();
    api.on("a@east", [silent(), ok("too late")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        api.calls_of("a@east"),
        1,
        "who is silent is not asked again"
    );
    assert_eq!(heard.failure().status, 504);
    assert_time(heard.at, 30.0, "the failure");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_request_timeout() {
    let api = api(&["a@east", "b@west", "c@north"])
        .set("requestTimeout", "10")
        .bind();
    api.on("a@east", [silent()])
        .on("b@west", [silent()])
        .on("c@north", [ok("yes").after(9.0)]);
    let heard = api.send(&chat("a")).await;
    assert_time(heard.at, 29.0, "10 + 10 + 9");
}

#[tokio::test(start_paused = true)]
async fn the_overall_timeout_bounds_all_attempts_and_no_attempt_outlives_it() {
    let api = api(&["a@east", "b@west", "c@north"])
        .set("overallTimeout", "50s")
        .bind();
    api.on("a@east", [silent()]).on("b@west", [silent()]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status, 504);
    assert_time(
        heard.at,
        50.0,
        "30 for the first attempt and the 20 that are left for the second",
    );
    assert_eq!(
        api.called(),
        ["a@east", "b@west"],
        "there is no time left for a third"
    );
}

#[tokio::test(start_paused = true)]
async fn the_overall_timeout_bounds_a_single_attempt() {
    let api = api(&["a@east"]).set("requestTimeout", "300").bind();
    api.on("a@east", [silent()]);
    let heard = api.send(&chat("a")).await;
    assert_time(
        heard.at,
        170.0,
        "the default overall_timeout, below the gateway's 180 s",
    );
}

#[tokio::test(start_paused = true)]
async fn the_overall_timeout_bounds_the_wait_for_a_first_useful_chunk() {
    let api = api(&["a@east"]).set("overallTimeout", "20s").bind();
    api.on("a@east", [events((0..100).map(|_| later(1.0, PING)))]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.failure().status, 504);
    assert_time(heard.at, 20.0, "the failure");
}

#[tokio::test(start_paused = true)]
async fn the_overall_timeout_bounds_finding_out_where_a_fallback_is() {
    let api = api(&["a@east", "b@west"])
        .set("overallTimeout", "50s")
        .never_resolved("b@west")
        .bind();
    api.on("a@east", [status(500)]);
    let running = api.start(&chat("a"));
    wait(60.0).await;
    assert!(
        running.is_over(),
        "never a hang: the gateway did not come back with the fallback's URL, and the client still waits after 60 s \
         with an overall_timeout of 50 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlive_the_overall_timeout_is_not_begun() {
    let api = api(&["a@east", "b@west"])
        .set("overallTimeout", "30s")
        .set("maxRetryAfterWait", "60s")
        .bind();
    api.on("a@east", [status(429).header("retry-after", "40")])
        .on("b@west", [ok("yes")]);
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("yes"));
    assert_time(
        heard.at,
        0.0,
        "the fallback's answer, because 40 s are more than are left",
    );
}

#[tokio::test(start_paused = true)]
async fn a_streams_first_useful_chunk_has_its_own_limit() {
    let api = api(&["a@east", "b@west"])
        .set("firstTokenTimeout", "5s")
        .bind();
    api.on("a@east", [events([now(ROLE), hangs()])])
        .on("b@west", [ok_stream("yes")]);
    let heard = api.send(&streamed("a")).await;
    assert!(heard.text().contains("yes"));
    assert_time(heard.at, 5.0, "the fallback's stream");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_of_its_own_a_streams_first_useful_chunk_has_the_request_timeout() {
    let api = api(&["a@east", "b@west"])
        .set("requestTimeout", "12")
        .bind();
    api.on("a@east", [events([now(ROLE), hangs()])])
        .on("b@west", [ok_stream("yes")]);
    let heard = api.send(&streamed("a")).await;
    assert_time(heard.at, 12.0, "the fallback's stream");
}

#[tokio::test(start_paused = true)]
async fn the_last_candidate_is_spared_the_first_token_limit() {
    let api = api(&["a@east", "b@west"])
        .set("firstTokenTimeout", "5s")
        .bind();
    api.on("a@east", [silent()])
        .on("b@west", [ok_stream("slow but there").after(20.0)]);
    let heard = api.send(&streamed("a")).await;
    assert!(
        heard.text().contains("slow but there"),
        "there is nowhere better to go"
    );
    assert_time(heard.at, 25.0, "5 for the first, 20 for the second");
}

#[tokio::test(start_paused = true)]
async fn the_last_candidate_still_has_the_request_timeout() {
    let api = api(&["a@east"]).set("firstTokenTimeout", "5s").bind();
    api.on("a@east", [silent()]);
    let heard = api.send(&streamed("a")).await;
    assert_eq!(heard.failure().status, 504);
    assert_time(heard.at, 30.0, "the failure");
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_fallbacks_are_all_suspended_is_the_last_candidate() {
    let api = api(&["a@east", "b@west"])
        .set("firstTokenTimeout", "5s")
        .bind();
    // The first request has both fail; after 60 s the target is probed and back.
    api.on(
        "a@east",
        [
            status(503),
            ok("back"),
            ok_stream("slow but there").after(20.0),
        ],
    )
    .on("b@west", [status(429).header("retry-after", "1000")]);
    api.send(&chat("a")).await;
    wait(61.0).await;
    api.send(&chat("a")).await;
    let heard = api.send(&streamed("a")).await;
    assert!(
        heard.text().contains("slow but there"),
        "its only fallback is suspended, so there is nowhere better to go"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_token_limit_is_for_streams_alone() {
    let api = api(&["a@east", "b@west"])
        .set("firstTokenTimeout", "5s")
        .bind();
    api.on("a@east", [ok("yes").after(20.0)]);
    let heard = api.send(&chat("a")).await;
    assert_time(heard.at, 20.0, "the target's answer");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_may_last_longer_than_every_limit_of_an_attempt() {
    let api = api(&["a@east", "b@west"])
        .set("overallTimeout", "40s")
        .set("idleTimeout", "15s")
        .bind();
    let mut pieces: Vec<Piece> = (0..50)
        .map(|n| later(10.0, &delta(&n.to_string())))
        .collect();
    pieces.extend([now(STOP), now(DONE)]);
    api.on("a@east", [events(pieces)]);
    let heard = api.send(&streamed("a")).await;
    assert!(
        heard.ended && heard.text().ends_with(DONE),
        "500 s of steady chunks are a healthy stream"
    );
    assert_time(heard.at, 500.0, "the end");
}

#[tokio::test(start_paused = true)]
async fn the_first_token_limit_is_for_streams_whose_model_is_in_the_path_too() {
    let api = api(&["a@east", "b@west"])
        .set("firstTokenTimeout", "5s")
        .bind();
    api.on("a@east", [events([now(ROLE), hangs()])])
        .on("b@west", [ok_stream("yes")]);
    // Azure: the deployment is in the path, and that a stream is asked for is in the body.
    let path = "/openai/deployments/a/chat/completions?api-version=2024-06-01";
    let body = r#"{"stream":true,"messages":[]}"#;
    let decision = api.decide_at(path, KeyType::Production, Some("application/json"), body);
    let Decision::Handle(call) = decision else {
        panic!("the path names the target");
    };
    let heard = api
        .start_with(call, api.client(KeyType::Production))
        .end()
        .await;
    assert!(heard.text().contains("yes"));
    assert_time(
        heard.at,
        5.0,
        "the fallback's stream, because the first chunk did not come within 5 s",
    );
}
