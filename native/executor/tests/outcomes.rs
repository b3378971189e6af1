//! The table of `behaviour.md` §3, row by row: does the next candidate get the request, and who is blamed.

mod support;

use failover_executor::{Blame, NetError};
use support::*;

/// What came of a request whose target did `act`, with a healthy fallback beside it. The target has just answered
/// somebody else, so that a failure that may be the request's leaves a mark and no more (§4).
struct Row {
    went_on: bool,
    blame: Blame,
    heard: Heard,
}

async fn row_of(builder: Builder, body: &str, act: Act) -> Row {
    let api = builder.bind();
    let fallback = if body.contains("\"stream\":true") {
        ok_stream("fallback")
    } else {
        ok("fallback")
    };
    api.on("a@east", [ok("lately"), act])
        .on("b@west", [fallback]);
    api.send(&says("a", "lately")).await;
    api.forget();
    let heard = api.send(body).await;
    assert_eq!(api.calls_of("a@east"), 1, "the target is called once");
    Row {
        went_on: api.calls_of("b@west") == 1,
        blame: match (api.is_suspended("a@east"), api.is_marked("a@east")) {
            (true, _) => Blame::Candidate,
            (false, true) => Blame::Unsure,
            (false, false) => Blame::Nobody,
        },
        heard,
    }
}

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

#[track_caller]
fn assert_row(row: &Row, went_on: bool, blame: Blame, what: &str) {
    assert_eq!(
        row.went_on, went_on,
        "{what}: does the next candidate get the request?"
    );
    assert_eq!(row.blame, blame, "{what}: who is blamed?");
    if went_on {
        assert_eq!(row.heard.status(), 200, "{what}: the fallback's answer");
        assert!(
            row.heard.text().contains("fallback"),
            "{what}: the fallback's answer"
        );
    }
}

/// The same report in every place where it can stand: as an answer with its status, in a 200, as a stream's first
/// event, in an exception frame.
fn everywhere(status: u16, report: &str) -> [(String, String, Act); 4] {
    let case = |place: &str, body: String, act: Act| (format!("{report} {place}"), body, act);
    [
        case("as an answer", chat("a"), answer(status, report)),
        case("in a 200", chat("a"), answer(200, report)),
        case(
            "as the first event",
            streamed("a"),
            events([now(&format!("data: {report}\n\n"))]),
        ),
        case(
            "in an exception frame",
            streamed("a"),
            exception("modelStreamErrorException", report),
        ),
    ]
}

fn report(code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","code":"{code}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_report_is_judged_alike_wherever_it_stands() {
    use Blame::{Candidate, Nobody};
    for (status, code, message, went_on, blame) in [
        (400, "invalid_value", "No.", false, Nobody),
        (
            404,
            "",
            "No thread found with id 'thread_9'.",
            false,
            Nobody,
        ),
        (400, "content_filter", "No.", false, Nobody),
        (400, "context_length_exceeded", "No.", true, Nobody),
        (400, "model_not_found", "No.", true, Candidate),
        (401, "invalid_api_key", "No.", true, Candidate),
        (402, "", "Your credit balance is too low.", true, Candidate),
        (400, "ThrottlingException", "No.", true, Candidate),
        (429, "rate_limit_exceeded", "No.", true, Candidate),
        (503, "overloaded_error", "No.", true, Candidate),
        (
            429,
            "",
            "Request too large for tokens per minute (TPM): Limit 700, Requested 900",
            true,
            Nobody,
        ),
    ] {
        for (what, body, act) in everywhere(status, &report(code, message)) {
            let row = row_of(two(), &body, act).await;
            assert_row(&row, went_on, blame, &what);
            if !went_on {
                let given = row.heard.status();
                assert!(given == status || given == 400, "{what}: {given}");
                assert_eq!(row.heard.text(), report(code, message), "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_says_nothing_known_is_nobodys_as_a_4xx_and_perhaps_the_candidates_in_a_200()
{
    let [refused, rest @ ..] = everywhere(400, &report("", "No."));
    let (what, body, act) = refused;
    assert_row(&row_of(two(), &body, act).await, true, Blame::Nobody, &what);
    for (what, body, act) in rest {
        assert_row(&row_of(two(), &body, act).await, true, Blame::Unsure, &what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_in_band_that_names_its_status_is_judged_by_it() {
    for (code, went_on, blame) in [
        ("415", false, Blame::Nobody),
        ("418", true, Blame::Nobody),
        ("403", true, Blame::Unsure),
        ("429", true, Blame::Candidate),
        ("500", true, Blame::Unsure),
    ] {
        for (what, body, act) in everywhere(code.parse().unwrap(), &report(code, "No.")) {
            let row = row_of(two(), &body, act).await;
            assert_row(&row, went_on, blame, &what);
            assert!(went_on || row.heard.status() == 415, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_the_request_contains_are_an_echo() {
    let words = "unknown model";
    let said =
        format!(r#"{{"error":{{"message":"what is \"{words}\" here"}}}}"#).replace("\\\"", "'");
    let echoed = row_of(two(), &says("a", words), answer(400, &said)).await;
    assert_row(&echoed, true, Blame::Nobody, "the client's words, repeated");
    let own = row_of(two(), &says("a", "hi"), answer(400, &said)).await;
    assert_row(&own, true, Blame::Candidate, "the provider's own words");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_understands_goes_on_and_the_first_is_what_the_client_gets() {
    let api = api(&["a@east", "b@west", "c@north"]).bind();
    api.on("a@east", [status(418)])
        .on("b@west", [status(451)])
        .on("c@north", [status(500)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        (heard.status(), heard.header("x-failover-model")),
        (418, Some("a"))
    );
    assert_eq!(heard.header("x-failover-attempts"), Some("4"));
    for who in ["a@east", "b@west"] {
        assert!(!api.is_suspended(who) && !api.is_marked(who), "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_understands_is_given_to_the_client_when_that_is_set() {
    let builder = two().set("onUnknownRefusal", "return");
    let row = row_of(builder, &chat("a"), status(418)).await;
    assert_row(
        &row,
        false,
        Blame::Nobody,
        "418 with onUnknownRefusal=return",
    );
    assert_eq!(row.heard.status(), 418);
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_to_the_client_and_suspends_nothing() {
    let row = row_of(two(), &chat("a"), ok("hello")).await;
    assert_row(&row, false, Blame::Nobody, "a complete answer");
    assert!(row.heard.text().contains("hello"));
}

#[tokio::test(start_paused = true)]
async fn any_2xx_with_content_is_an_answer() {
    for act in [
        answer(201, "{\"id\":1}"),
        answer(202, "{\"id\":1}"),
        answer(200, "[1]"),
        answer(200, "{\"error\":null,\"choices\":[{}]}"),
        answer(200, "\u{1}\u{2}").content_type("audio/mpeg"),
        answer(204, ""),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(
            &row,
            false,
            Blame::Nobody,
            &format!("a {} with content", row.heard.status()),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_fault_goes_back_unchanged_and_blames_nobody() {
    for code in [405, 406, 409, 411, 413, 415] {
        let row = row_of(two(), &chat("a"), status(code).header("x-request-id", "r1")).await;
        assert_row(&row, false, Blame::Nobody, &format!("{code}"));
        assert_eq!(row.heard.status(), code);
        assert!(
            row.heard.text().contains(&format!("said {code}")),
            "the provider's own words reach the client"
        );
        assert_eq!(row.heard.header("x-request-id"), Some("r1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_4xx_that_says_nothing_known_goes_on_and_blames_nobody() {
    for code in [
        400, 404, 410, 412, 414, 416, 417, 418, 421, 422, 423, 426, 428, 431, 451,
    ] {
        let row = row_of(two(), &chat("a"), status(code)).await;
        assert_row(&row, true, Blame::Nobody, &format!("{code}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_filters_refusal_goes_back_to_the_client() {
    for act in [
        reason(400, "content_filter"),
        reason(400, "content_policy_violation"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, false, Blame::Nobody, "a content filter's refusal");
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
        Blame::Nobody,
        "a content filter's refusal with failoverOnContentFilter",
    );
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_too_long_goes_on_to_another_model_and_never_suspends() {
    let row = row_of(two(), &chat("a"), reason(400, "context_length_exceeded")).await;
    assert_row(&row, true, Blame::Nobody, "context length exceeded");
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
async fn a_context_that_is_too_long_for_every_model_is_what_the_client_is_told() {
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
        assert_row(&row, true, Blame::Candidate, "model not found");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_of_the_endpoints_own_go_on_and_suspend() {
    for act in [
        status(401),
        status(402),
        reason(400, "billing_not_active"),
        reason(401, "invalid_api_key"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(
            &row,
            true,
            Blame::Candidate,
            "the gateway's own credential was refused",
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_403_that_says_nothing_known_goes_on_and_may_be_the_candidates() {
    for act in [
        status(403),
        answer(403, "<html>Access denied</html>").content_type("text/html"),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, true, Blame::Unsure, "a firewall's refusal");
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_own_credential_when_refused_goes_back_to_the_client_and_blames_nobody() {
    for act in [
        status(401),
        status(402),
        status(403),
        reason(400, "billing_not_active"),
        reason(401, "invalid_api_key"),
        reason(200, "invalid_api_key"),
    ] {
        let row = row_of(two().clients_credential(), &chat("a"), act).await;
        assert_row(
            &row,
            false,
            Blame::Nobody,
            "the client's credential was refused",
        );
        assert!((400..500).contains(&row.heard.status()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_own_limit_and_its_own_models_go_on_and_blame_nobody() {
    for act in [
        status(429),
        reason(429, "insufficient_quota"),
        reason(404, "model_not_found"),
    ] {
        let row = row_of(two().clients_credential(), &chat("a"), act).await;
        assert_row(&row, true, Blame::Nobody, "it is the client's account");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_and_overload_go_on_and_suspend() {
    for code in [429, 498, 503, 529] {
        let row = row_of(two(), &chat("a"), status(code)).await;
        assert_row(&row, true, Blame::Candidate, &format!("{code}"));
    }
    for code in [503, 529] {
        let row = row_of(two().clients_credential(), &chat("a"), status(code)).await;
        assert_row(&row, true, Blame::Candidate, &format!("{code}"));
    }
}

#[tokio::test(start_paused = true)]
async fn server_errors_go_on_and_may_be_the_candidates() {
    for code in [408, 424, 425, 499, 500, 501, 502, 504, 507, 520, 599] {
        for builder in [two(), two().clients_credential()] {
            let row = row_of(builder, &chat("a"), status(code)).await;
            assert_row(&row, true, Blame::Unsure, &format!("{code}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_quota_goes_on_and_suspends() {
    let row = row_of(two(), &chat("a"), reason(429, "insufficient_quota")).await;
    assert_row(&row, true, Blame::Candidate, "429 insufficient_quota");
}

#[tokio::test(start_paused = true)]
async fn any_other_status_goes_on_and_may_be_the_candidates() {
    for code in [300, 301, 302, 303, 304, 307, 308, 600, 999] {
        let row = row_of(two(), &chat("a"), status(code)).await;
        assert_row(&row, true, Blame::Unsure, &format!("{code}"));
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
async fn failures_of_the_network_go_on_and_only_those_before_the_request_was_sent_surely_suspend() {
    for (error, blame) in [
        (NetError::Refused, Blame::Candidate),
        (NetError::Connect, Blame::Candidate),
        (NetError::ConnectTimeout, Blame::Candidate),
        (NetError::Reset, Blame::Unsure),
        (NetError::Protocol, Blame::Unsure),
    ] {
        let row = row_of(two(), &chat("a"), fails(error)).await;
        assert_row(&row, true, blame, &format!("{error:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_goes_on_and_may_be_the_candidates() {
    let torn = ok("").pieces([now("{\"choices\":["), breaks(1.0)]);
    let row = row_of(two(), &chat("a"), torn).await;
    assert_row(
        &row,
        true,
        Blame::Unsure,
        "the connection broke inside the body",
    );
}

#[tokio::test(start_paused = true)]
async fn silence_goes_on_and_may_be_the_candidates() {
    let row = row_of(two(), &chat("a"), silent()).await;
    assert_row(&row, true, Blame::Unsure, "no answer in time");
    let row = row_of(
        two(),
        &chat("a"),
        ok("").pieces([now("{\"choices\":["), hangs()]),
    )
    .await;
    assert_row(&row, true, Blame::Unsure, "half an answer in time");
    let row = row_of(two(), &streamed("a"), events([now(ROLE), hangs()])).await;
    assert_row(&row, true, Blame::Unsure, "no useful chunk in time");
}

#[tokio::test(start_paused = true)]
async fn a_2xx_that_is_no_answer_goes_on_and_may_be_the_candidates() {
    for (what, act) in [
        ("an empty body", answer(200, "")),
        (
            "an empty body that is not JSON",
            answer(200, "").content_type("text/plain"),
        ),
        ("white space", answer(200, " \r\n")),
        (
            "an error in JSON",
            answer(200, "{\"error\":{\"message\":\"went wrong\"}}"),
        ),
        (
            "an error in words",
            answer(200, "{\"error\":\"went wrong\"}"),
        ),
        ("torn JSON", answer(200, "{\"choices\":[{\"index\":0,")),
        ("HTML declared as JSON", answer(200, "<html>busy</html>")),
        ("202 with nothing", answer(202, "")),
    ] {
        let row = row_of(two(), &chat("a"), act).await;
        assert_row(&row, true, Blame::Unsure, what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_204_has_no_body_and_is_an_answer() {
    let row = row_of(two(), &chat("a"), answer(204, "")).await;
    assert_row(&row, false, Blame::Nobody, "204");
    assert_eq!(row.heard.status(), 204);
}

const WENT_WRONG: &str = "data: {\"error\":{\"message\":\"went wrong\"}}\n\n";

#[tokio::test(start_paused = true)]
async fn a_stream_without_anything_useful_goes_on_and_may_be_the_candidates() {
    for (what, pieces) in [
        ("no events at all", vec![]),
        ("[DONE] alone", vec![now(DONE)]),
        ("a role and the end of the body", vec![now(ROLE)]),
        ("a role and [DONE]", vec![now(ROLE), now(USAGE), now(DONE)]),
        (
            "a role and a broken connection",
            vec![now(ROLE), breaks(1.0)],
        ),
        ("an error first", vec![now(WENT_WRONG)]),
        (
            "an error after the role",
            vec![now(ROLE), now(WENT_WRONG), now(DONE)],
        ),
    ] {
        let row = row_of(two(), &streamed("a"), events(pieces)).await;
        assert_row(&row, true, Blame::Unsure, what);
        assert!(
            !row.heard.text().contains("went wrong"),
            "{what}: nothing of the failed stream reaches the client"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_streamed_request_is_judged_like_any_other() {
    let row = row_of(two(), &streamed("a"), status(400)).await;
    assert_row(&row, true, Blame::Nobody, "400 to a streamed request");
    let row = row_of(two(), &streamed("a"), status(503)).await;
    assert_row(&row, true, Blame::Candidate, "503 to a streamed request");
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
            row.blame == Blame::Nobody,
            "the client's fault suspends nothing, whatever Retry-After says"
        );
    }
}

/// Whatever a body is declared as, and whether or not a stream was asked for.
#[tokio::test(start_paused = true)]
async fn what_a_body_is_its_first_bytes_say() {
    let error = r#"{"error":{"message":"Wrong.","type":"invalid_request_error","param":"temperature","code":"invalid_value"}}"#;
    let event = format!("data: {error}\n\n");
    let stream = [now(ROLE), now(&delta("hello")), now(STOP), now(DONE)];
    let bodies = [
        ("an answer", ok("hello"), Blame::Nobody, "hello"),
        ("an error", answer(200, error), Blame::Nobody, "temperature"),
        (
            "a page",
            answer(200, "<html>busy</html>"),
            Blame::Unsure,
            "fallback",
        ),
        ("nothing", answer(200, ""), Blame::Unsure, "fallback"),
        ("null", answer(200, "null"), Blame::Unsure, "fallback"),
        ("a stream", events(stream), Blame::Nobody, "hello"),
        (
            "a stream's error",
            events([now(&event)]),
            Blame::Nobody,
            "temperature",
        ),
    ];
    let mut wrong = Vec::new();
    for declared in [
        "application/json",
        "text/event-stream",
        "text/html; charset=utf-8",
        "text/plain",
        "application/octet-stream",
        "application/x-ndjson",
        "",
    ] {
        for (request, (what, act, blame, said)) in [chat("a"), streamed("a")]
            .iter()
            .flat_map(|request| bodies.iter().map(move |body| (request, body)))
        {
            let row = row_of(two(), request, act.clone().content_type(declared)).await;
            let status = if *said == "temperature" { 400 } else { 200 };
            let heard = (row.blame, row.heard.status());
            if heard != (*blame, status) || !row.heard.text().contains(said) {
                wrong.push(format!("{what} as {declared:?} for {request}: {heard:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
