//! The table of `behaviour.md` §3, row by row: does the next candidate get the request, is this one suspended.

mod support;

use failover_executor::NetError;
use support::*;

/// What came of a request whose target did `act`, with a healthy fallback beside it.
struct Row {
    went_on: bool,
    suspended: bool,
    heard: Heard,
}

async fn row_of(builder: Builder, body: &str, act: Act) -> Row {
    let api = builder.bind();
    let fallback = if body.contains("\"stream\":true") {
        ok_stream("fallback")
    } else {
        ok("fallback")
    };
    api.on("a@east", [act]).on("b@west", [fallback]);
    let heard = api.send(body).await;
    assert_eq!(api.calls_of("a@east"), 1, "the target is called once");
    Row {
        went_on: api.calls_of("b@west") == 1,
        suspended: api.is_suspended("a@east"),
        heard,
    }
}

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

#[track_caller]
fn assert_row(row: &Row, went_on: bool, suspended: bool, what: &str) {
    assert_eq!(
        row.went_on, went_on,
        "{what}: does the next candidate get the request?"
    );
    assert_eq!(
        row.suspended, suspended,
        "{what}: is the candidate suspended?"
    );
    if went_on {
        assert_eq!(row.heard.status(), 200, "{what}: the fallback's answer");
        assert!(
            row.heard.text().contains("fallback"),
            "{what}: the fallback's answer"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_to_the_caller_and_suspends_nothing() {
    let row = row_of(two(), &chat("a"), ok("hello")).await;
    assert_row(&row, false, false, "a complete answer");
    assert!(row.heard.text().contains("hello"));
}

#[tokio::test(start_paused = true)]
async fn any_2xx_with_content_is_an_answer() {
    for act in [
        answer(201, "{\"id\":1}"),
        answer(202, "{\"id\":1}"),
        answer(200, "[]"),
        answer(200, "{\"error\":null,\"choices\":[]}"),
        answer(200, "\u{1}\u{2}").content_type("audio/mpeg"),
        answer(204, ""),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(
            &row,
            false,
            false,
            &format!("a {} with content", row.heard.status()),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_fault_goes_back_unchanged_and_never_suspends() {
    for code in [
        400, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
        426, 428, 431, 451,
    ] {
        let row = row_of(two(), &chat("a"), status(code).header("x-request-id", "r1")).await;
        assert_row(&row, false, false, &format!("{code}"));
        assert_eq!(row.heard.status(), code);
        assert!(
            row.heard.text().contains(&format!("said {code}")),
            "the provider's own words reach the caller"
        );
        assert_eq!(row.heard.header("x-request-id"), Some("r1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_filters_refusal_goes_back_to_the_caller() {
    for act in [
        reason(400, "content_filter"),
        reason(400, "content_policy_violation"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, false, false, "a content filter's refusal");
        assert_eq!(row.heard.status(), 400);
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_filters_refusal_goes_on_when_that_is_set_but_never_suspends() {
    let builder = two().set("failoverOnContentFilter", "true");
    let row = row_of(builder, &chat("a"), reason(400, "content_filter")).await;
    assert_row(
        &row,
        true,
        false,
        "a content filter's refusal with failoverOnContentFilter",
    );
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_too_long_goes_on_to_another_model_and_never_suspends() {
    let row = row_of(two(), &chat("a"), reason(400, "context_length_exceeded")).await;
    assert_row(&row, true, false, "context length exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_too_long_never_meets_the_same_model_again() {
    let api = api(&[
        "a@east", "a@west", "b@west", "a@north", "b@north", "c@south",
    ])
    .bind();
    api.on("a@east", [reason(400, "context_length_exceeded")])
        .on("b@west", [reason(400, "context_length_exceeded")])
        .on("c@south", [ok("south")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        api.called(),
        ["a@east", "b@west", "c@south"],
        "what is too long for a model is too long for it at every endpoint"
    );
    assert!(heard.text().contains("south"));
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_too_long_for_every_model_is_what_the_caller_is_told() {
    let api = api(&["a@east", "a@west"]).bind();
    api.on("a@east", [reason(400, "context_length_exceeded")]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        (heard.status(), api.called()),
        (400, vec!["a@east".to_owned()])
    );
    assert!(heard.text().contains("context_length_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_model_or_deployment_that_is_not_there_goes_on_and_suspends() {
    for act in [
        reason(404, "model_not_found"),
        reason(404, "DeploymentNotFound"),
        reason(400, "invalid_model"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, true, true, "model not found");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_of_the_endpoints_own_go_on_and_suspend() {
    for act in [
        status(401),
        status(402),
        status(403),
        reason(400, "billing_not_active"),
        reason(401, "invalid_api_key"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, true, true, "the gateway's own credential was refused");
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_credential_when_refused_goes_back_to_the_caller_and_never_suspends() {
    for act in [
        status(401),
        status(402),
        status(403),
        reason(400, "billing_not_active"),
        reason(401, "invalid_api_key"),
    ] {
        let row = row_of(two().callers_credential(), &chat("a"), act).await;
        assert_row(&row, false, false, "the caller's credential was refused");
        assert!(row.heard.status() >= 400);
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_and_server_errors_go_on_and_suspend() {
    for code in [408, 425, 429, 500, 501, 502, 503, 504, 507, 520, 529, 599] {
        for builder in [two(), two().callers_credential()] {
            let row = row_of(builder, &chat("a"), status(code)).await;
            assert_row(&row, true, true, &format!("{code}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_quota_is_a_429_like_any_other() {
    let row = row_of(two(), &chat("a"), reason(429, "insufficient_quota")).await;
    assert_row(&row, true, true, "429 insufficient_quota");
}

#[tokio::test(start_paused = true)]
async fn any_other_status_goes_on_and_suspends() {
    for code in [300, 301, 302, 303, 304, 307, 308, 600, 999] {
        let row = row_of(two(), &chat("a"), status(code)).await;
        assert_row(&row, true, true, &format!("{code}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    let api = two().bind();
    api.on(
        "a@east",
        [status(307).header("location", "https://elsewhere.llm.internal:8443/a?x")],
    )
    .on("b@west", [ok("fallback")]);
    api.send(&chat("a")).await;
    assert_eq!(
        api.called(),
        ["a@east", "b@west"],
        "the place that a redirect names must not be called"
    );
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_network_go_on_and_suspend() {
    for error in [
        NetError::Connect,
        NetError::ConnectTimeout,
        NetError::Reset,
        NetError::Protocol,
    ] {
        let row = row_of(two(), &chat("a"), fails(error)).await;
        assert_row(&row, true, true, &format!("{error:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_goes_on_and_suspends() {
    let torn = ok("").pieces([now("{\"choices\":["), breaks(1.0)]);
    let row = row_of(two(), &chat("a"), torn).await;
    assert_row(&row, true, true, "the connection broke inside the body");
}

#[tokio::test(start_paused = true)]
async fn silence_goes_on_and_suspends() {
    let row = row_of(two(), &chat("a"), silent()).await;
    assert_row(&row, true, true, "no answer in time");
    let row = row_of(
        two(),
        &chat("a"),
        ok("").pieces([now("{\"choices\":["), hangs()]),
    )
    .await;
    assert_row(&row, true, true, "half an answer in time");
    let row = row_of(two(), &streamed("a"), events([now(ROLE), hangs()])).await;
    assert_row(&row, true, true, "no useful chunk in time");
}

#[tokio::test(start_paused = true)]
async fn a_2xx_that_is_no_answer_goes_on_and_suspends() {
    for (what, act) in [
        ("an empty body", answer(200, "")),
        (
            "an empty body that is not JSON",
            answer(200, "").content_type("text/plain"),
        ),
        ("white space", answer(200, " \r\n")),
        (
            "an error in JSON",
            answer(200, "{\"error\":{\"message\":\"overloaded\"}}"),
        ),
        (
            "an error in words",
            answer(200, "{\"error\":\"overloaded\"}"),
        ),
        ("torn JSON", answer(200, "{\"choices\":[{\"index\":0,")),
        ("HTML declared as JSON", answer(200, "<html>busy</html>")),
        ("202 with nothing", answer(202, "")),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, true, true, what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_204_has_no_body_and_is_an_answer() {
    let row = row_of(two(), &chat("a"), answer(204, "")).await;
    assert_row(&row, false, false, "204");
    assert_eq!(row.heard.status(), 204);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_anything_useful_goes_on_and_suspends() {
    for (what, pieces) in [
        ("no events at all", vec![]),
        ("[DONE] alone", vec![now(DONE)]),
        ("a role and the end of the body", vec![now(ROLE)]),
        ("a role and [DONE]", vec![now(ROLE), now(USAGE), now(DONE)]),
        (
            "a role and a broken connection",
            vec![now(ROLE), breaks(1.0)],
        ),
        ("an error first", vec![now(STREAM_ERROR)]),
        (
            "an error after the role",
            vec![now(ROLE), now(STREAM_ERROR), now(DONE)],
        ),
    ] {
        let row = row_of(two(), &streamed("a"), events(pieces)).await;
        assert_row(&row, true, true, what);
        assert!(
            !row.heard.text().contains("overloaded"),
            "{what}: nothing of the failed stream reaches the caller"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_streamed_request_is_judged_like_any_other() {
    let row = row_of(two(), &streamed("a"), status(400)).await;
    assert_row(&row, false, false, "400 to a streamed request");
    let row = row_of(two(), &streamed("a"), status(503)).await;
    assert_row(&row, true, true, "503 to a streamed request");
}

#[tokio::test(start_paused = true)]
async fn no_outcome_that_never_suspends_does_so_for_a_hint() {
    for act in [
        status(400),
        status(422),
        reason(400, "content_filter"),
        reason(400, "context_length_exceeded"),
    ] {
        let row = row_of(two(), &chat("a"), act.header("retry-after", "300")).await;
        assert!(
            !row.suspended,
            "the caller's fault suspends nothing, whatever Retry-After says"
        );
    }
}
