//! Which requests the policy takes over, and what it sends to each candidate (`behaviour.md` §2).

mod support;

use failover_executor::{Decision, Refusal};
use failover_policy::KeyType;
use support::*;

#[track_caller]
fn assert_passed_on(decision: Decision, why: &str) {
    assert!(
        matches!(decision, Decision::PassOn),
        "{why}, so it is not ours, but: {decision:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_for_another_model_is_passed_on() {
    let api = api(&["a@east", "b@west"]).bind();
    for model in ["c", "A", "a ", "aa", "models/a"] {
        assert_passed_on(
            api.decide(&chat(model)),
            &format!("the target is 'a', not '{model}'"),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_fallbacks_model_is_passed_on() {
    let api = api(&["a@east", "b@west"]).bind();
    assert_passed_on(api.decide(&chat("b")), "'b' is a fallback, not the target");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_no_model_is_one_for_the_target_and_the_model_is_put_in() {
    for (body, expected) in [
        (r#"{"messages":[]}"#, r#"{"model":"a","messages":[]}"#),
        (
            r#"{"model":null,"messages":[]}"#,
            r#"{"model":"a","messages":[]}"#,
        ),
        (
            r#"{"messages":[], "model" : ""}"#,
            r#"{"messages":[], "model" : "a"}"#,
        ),
        ("{}", r#"{"model":"a"}"#),
    ] {
        let api = api(&["a@east", "b@west"]).bind();
        api.on("a@east", [ok("yes")]);
        api.send(body).await;
        assert_eq!(
            api.sent()[0].text(),
            expected,
            "what reached the target for {body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_no_string_is_passed_on() {
    let api = api(&["a@east"]).bind();
    for model in ["7", "true", "[\"a\"]", "{\"name\":\"a\"}"] {
        let body = format!(r#"{{"model":{model},"messages":[]}}"#);
        assert_passed_on(api.decide(&body), &format!("model {model} is no string"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_carry_a_model_is_passed_on() {
    let api = api(&["a@east"]).bind();
    assert_passed_on(
        api.decide_for(KeyType::Production, None, ""),
        "there is no body, as with GET",
    );
    assert_passed_on(api.decide(""), "the body is empty");
    assert_passed_on(api.decide("[1,2]"), "a JSON array has no model");
    assert_passed_on(
        api.decide_for(KeyType::Production, Some("text/plain"), &chat("a")),
        "the body is declared as text",
    );
}

#[tokio::test(start_paused = true)]
async fn json_is_recognised_by_its_content_type_with_parameters_or_when_there_is_none() {
    let api = api(&["a@east"]).bind();
    for content_type in [
        None,
        Some("application/json; charset=utf-8"),
        Some("APPLICATION/JSON"),
        Some("application/x+json"),
    ] {
        let decision = api.decide_for(KeyType::Production, content_type, &chat("a"));
        assert!(
            matches!(decision, Decision::Handle(_)),
            "content type {content_type:?}: {decision:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_json_is_refused_with_400_and_the_place_of_the_mistake() {
    let api = api(&["a@east"]).bind();
    let Decision::Refuse(refusal) = api.decide("{\"model\":\"a\",\n\"messages\":[}") else {
        panic!("malformed JSON must be refused");
    };
    assert_eq!(refusal.status(), 400);
    let message = refusal.to_string();
    assert!(
        message.contains("line 2 column 13"),
        "the message must name the place, but is: {message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_with_413() {
    let api = api(&["a@east"]).set("maxRequestBody", "100").bind();
    let fits = format!("{:<100}", r#"{"model":"a"}"#);
    assert!(
        matches!(api.decide(&fits), Decision::Handle(_)),
        "100 bytes are not too many"
    );
    let too_large = format!("{fits} ");
    match api.decide(&too_large) {
        Decision::Refuse(refusal @ Refusal::TooLarge { limit: 100 }) => {
            assert_eq!(refusal.status(), 413)
        }
        other => panic!("101 bytes are too many for maxRequestBody 100, but: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_section_that_is_not_configured_passes_everything_on() {
    let api = api(&["a@east"]).set("maxRequestBody", "20").bind();
    for body in [&chat("a"), "{ not json", "{}"] {
        assert_passed_on(
            api.decide_for(KeyType::Sandbox, Some("application/json"), body),
            "the sandbox section has no target",
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_type_has_its_own_candidates() {
    let api = api(&["a@east"]).sandbox(&["s@test", "t@test"]).bind();
    api.on("s@test", [status(500)])
        .on("t@test", [ok("from the sandbox")]);
    assert_passed_on(
        api.decide_for(KeyType::Sandbox, Some("application/json"), &chat("a")),
        "'a' is the target of production",
    );
    let Decision::Handle(call) =
        api.decide_for(KeyType::Sandbox, Some("application/json"), &chat("s"))
    else {
        panic!("'s' is the sandbox's target");
    };
    let heard = api
        .start_with(call, api.client(KeyType::Sandbox))
        .end()
        .await;
    assert_eq!(api.called(), ["s@test", "t@test"]);
    assert!(heard.text().contains("from the sandbox"));
}

#[tokio::test(start_paused = true)]
async fn the_target_gets_the_clients_bytes_and_a_fallback_the_same_with_its_model_in_place() {
    let body = "\u{20}{\"temperature\" : 0.10,\"unknown\":{\"model\":\"a\"},\t\"model\" :\"a\" ,\"n\":1e0,\"n\":2, \"x\":\"\\u00e9é\"}\n";
    let api = api(&["a@east", "b/2\"@west"]).bind();
    api.on("a@east", [status(500)])
        .on("b/2\"@west", [ok("yes")]);
    api.send(body).await;
    let sent = api.sent();
    assert_eq!(
        sent[0].text(),
        body,
        "the target must get the very bytes that the client sent"
    );
    assert_eq!(
        sent[1].text(),
        body.replace("\"model\" :\"a\"", "\"model\" :\"b/2\\\"\""),
        "only the value of the top-level model may differ for the fallback"
    );
}

#[tokio::test(start_paused = true)]
async fn with_a_repeated_model_the_last_one_counts_and_a_fallback_finds_no_other() {
    let api = api(&["a@east", "b@west"]).bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("yes")]);
    assert_passed_on(
        api.decide(r#"{"model":"a","model":"c"}"#),
        "the last model is 'c'",
    );
    api.send(r#"{"model":"c","model":"a"}"#).await;
    let sent = api.sent();
    assert_eq!(sent[0].text(), r#"{"model":"c","model":"a"}"#);
    assert_eq!(sent[1].text(), r#"{"model":"b","model":"b"}"#);
}

#[tokio::test(start_paused = true)]
async fn the_same_model_at_two_endpoints_is_two_candidates() {
    let body = "{ \"model\": \"a\" }";
    let api = api(&["a@east", "a@west"]).bind();
    api.on("a@east", [status(500)]).on("a@west", [ok("west")]);
    let heard = api.send(body).await;
    assert_eq!(api.called(), ["a@east", "a@west"]);
    assert_eq!(
        api.sent()[1].text(),
        body,
        "the model is the same, so the body is"
    );
    assert_eq!(heard.header("x-failover-endpoint"), Some("west"));
    assert!(
        api.is_suspended("a@east") && !api.is_suspended("a@west"),
        "only the one that failed is suspended"
    );
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_tried_in_the_order_configured() {
    let api = api(&["a@1", "b@1", "a@2", "c@3"]).bind();
    for who in ["a@1", "b@1", "a@2"] {
        api.on(who, [status(503)]);
    }
    api.on("c@3", [ok("yes")]);
    api.send(&chat("a")).await;
    assert_eq!(api.called(), ["a@1", "b@1", "a@2", "c@3"]);
}

#[tokio::test(start_paused = true)]
async fn url_and_credentials_are_made_for_each_candidate_anew() {
    let api = api(&["a@east", "b@west"]).bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("yes")]);
    api.send(&chat("a")).await;
    let [to_east, to_west] = &api.sent()[..] else {
        panic!("two attempts")
    };
    assert!(to_east.url.starts_with("https://east.") && to_west.url.starts_with("https://west."));
    assert_eq!(
        to_east.headers["authorization"],
        "Bearer s3cret-of-a-at-east"
    );
    assert_eq!(
        to_west
            .headers
            .get_all("authorization")
            .iter()
            .collect::<Vec<_>>(),
        ["Bearer s3cret-of-b-at-west"],
        "the fallback must see its own credential and no other"
    );
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_the_gateway_cannot_resolve_is_passed_over_and_not_suspended() {
    let api = api(&["a@east", "b@west", "c@north"])
        .unresolved("a@east")
        .unresolved("b@west")
        .bind();
    api.on("c@north", [ok("north")]);
    let heard = api.send(&chat("a")).await;
    assert!(heard.text().contains("north"));
    assert!(
        !api.is_suspended("a@east") && !api.is_suspended("b@west"),
        "they were not called, so nothing is known of them"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_in_the_path_is_compared_decoded_and_replaced_encoded() {
    let api = api(&["us.m:0@east", "m/2 é@west"]).bind();
    let body = r#"{"model":"something else","messages":[]}"#;
    let at = |path: &str| api.decide_at(path, KeyType::Production, Some("application/json"), body);
    assert_passed_on(at("/model/us.m:1/converse"), "the path names another model");
    for path in [
        "/model/us.m:0/converse?q=%2F",
        "/model/us.m%3A0/converse?q=%2F",
    ] {
        let Decision::Handle(call) = at(path) else {
            panic!("{path} names the target");
        };
        let rewriting = call.rewriting().expect("the model is in the path");
        assert_eq!(
            rewriting.path_for(path, 0),
            path,
            "the target's path stays as it is"
        );
        assert_eq!(
            rewriting.path_for(path, 1),
            "/model/m%2F2%20%C3%A9/converse?q=%2F",
            "only the model's segment changes for the fallback"
        );
        api.on("us.m:0@east", [mistake()]).forget();
        api.start_with(call, api.client(KeyType::Production))
            .end()
            .await;
        assert_eq!(
            api.sent()[0].text(),
            body,
            "the body is not touched when the model is in the path"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_body_is_not_touched_when_the_model_is_in_the_path() {
    let api = api(&["a@east", "b@west"]).bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("yes")]);
    let body = r#"{"model":"a","messages":[]}"#;
    let path = "/openai/deployments/a/chat/completions";
    let Decision::Handle(call) =
        api.decide_at(path, KeyType::Production, Some("application/json"), body)
    else {
        panic!("the path names the target");
    };
    api.start_with(call, api.client(KeyType::Production))
        .end()
        .await;
    assert_eq!(api.sent()[1].text(), body);
}

#[tokio::test(start_paused = true)]
async fn a_form_has_its_model_field_replaced_and_nothing_else() {
    let form = |model: &str| {
        format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
             RIFF a \r\n--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--XX--\r\n"
        )
    };
    let api = api(&["a@east", "b@west"]).bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("yes")]);
    let at = |body: &str| {
        let content_type = Some("multipart/form-data; boundary=XX");
        api.decide_at(
            "/audio/transcriptions",
            KeyType::Production,
            content_type,
            body,
        )
    };
    assert_passed_on(at(&form("c")), "the form's model is another one");
    let Decision::Handle(call) = at(&form("a")) else {
        panic!("the form's model is the target");
    };
    assert!(call.rewriting().is_none(), "the model is not in the path");
    api.start_with(call, api.client(KeyType::Production))
        .end()
        .await;
    let sent = api.sent();
    assert_eq!(
        sent[0].text(),
        form("a"),
        "the target gets the very bytes that the client sent"
    );
    assert_eq!(sent[1].text(), form("b"));
}
