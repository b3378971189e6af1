//! A healthy provider is what a client library expects of OpenAI.

mod common;

use common::{Ended, ask, ask_stream, post, provider, question, send, streamed};
use serde_json::json;

#[tokio::test]
async fn a_plain_answer_is_a_complete_chat_completion() {
    let provider = provider().await;
    let answer = ask(&provider, "gpt-4o").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type").unwrap(), "application/json");
    assert!(answer.header("x-request-id").is_some());
    assert!(answer.header("x-ratelimit-remaining-tokens").is_some());
    let json = answer.json();
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], "gpt-4o");
    assert!(json["id"].is_string() && json["created"].is_u64());
    let choice = &json["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(
        choice["message"]["content"],
        "Provider eu served gpt-4o. You said: hello there"
    );
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(
        json["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 8, "total_tokens": 12})
    );
}

#[tokio::test]
async fn a_stream_says_the_same_word_by_word_and_ends_with_done() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "gpt-4o").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type").unwrap(), "text/event-stream");
    let chunks = answer.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        answer.contents().concat(),
        "Provider eu served gpt-4o. You said: hello there"
    );
    assert_eq!(answer.contents().len(), 8);
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert!(
        chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]),
        "one id for all chunks"
    );
    assert!(
        chunks.iter().all(|chunk| chunk.get("usage").is_none()),
        "usage nobody asked for"
    );
    assert_eq!(answer.data().last().unwrap(), "[DONE]");
    assert_eq!((answer.body().1, answer.ended), (true, Ended::Fin));
}

#[tokio::test]
async fn usage_is_streamed_when_it_is_asked_for() {
    let provider = provider().await;
    let mut body = streamed("gpt-4o");
    body["stream_options"] = json!({"include_usage": true});
    let chunks = post(&provider, &body).await.chunks();
    let last = chunks.last().unwrap();
    assert_eq!(last["usage"]["total_tokens"], 12);
    assert_eq!(last["choices"], json!([]));
    assert!(chunks[0]["usage"].is_null());
}

#[tokio::test]
async fn tokens_is_the_answers_length_in_words() {
    let provider = provider().await;
    let plain = ask(&provider, "m~tokens=25").await.json();
    assert_eq!(plain["usage"]["completion_tokens"], 25);
    let content = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(content.split_whitespace().count(), 25);
    assert_eq!(
        ask_stream(&provider, "m~tokens=25").await.contents().len(),
        25
    );
}

#[tokio::test]
async fn a_long_message_is_echoed_shortened_and_parts_are_understood() {
    let provider = provider().await;
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "ü".repeat(500)}]}]});
    let json = post(&provider, &body).await.json();
    let content = json["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        content.ends_with(&format!(" {}…", "ü".repeat(60))),
        "{content}"
    );
}

#[tokio::test]
async fn other_formats_paths_are_answered_and_name_the_model_themselves() {
    let provider = provider().await;
    let path = "/openai/deployments/gpt-4o~status=503/chat/completions?api-version=1";
    assert_eq!(
        send(&provider, "POST", path, r#"{"messages":[]}"#)
            .await
            .status(),
        503
    );
    let path = "/v1beta/models/gemini-2.0:generateContent";
    assert_eq!(
        send(&provider, "POST", path, "{}").await.json()["modelVersion"],
        "gemini-2.0"
    );
}

#[tokio::test]
async fn a_multipart_form_names_its_model() {
    let provider = provider().await;
    let form =
        "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
    let headers = "Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n";
    let request = common::request("POST", "/v1/audio/transcriptions", headers, form.as_bytes());
    let answer = common::exchange(provider.address(), &request).await;
    assert_eq!(answer.json()["model"], "whisper-1");
}

#[tokio::test]
async fn models_are_listed_and_nothing_else_is_to_be_got() {
    let provider = provider().await;
    let models = send(&provider, "GET", "/v1/models", "").await;
    assert_eq!(models.json(), json!({"object": "list", "data": []}));
    assert_eq!(
        send(&provider, "GET", "/v1/nothing", "").await.status(),
        404
    );
    let logged: Vec<_> = provider.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(logged, ["/v1/models", "/v1/nothing"]);
}

#[tokio::test]
async fn what_the_caller_did_wrong_is_a_400() {
    let provider = provider().await;
    for (body, code, says) in [
        ("{\"model\":", "invalid_request", "parse"),
        ("[]", "invalid_request", "object"),
        ("{}", "invalid_request", "model"),
        ("", "invalid_request", "model"),
        (
            r#"{"model":"m~statsu=1"}"#,
            "unknown_directive",
            "known are delay=300ms, silent,",
        ),
        (r#"{"model":"m~status=x"}"#, "bad_directive", "`status`"),
    ] {
        let answer = send(&provider, "POST", "/v1/chat/completions", body).await;
        assert_eq!(answer.status(), 400, "{body}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{body}");
        assert!(
            error["message"].as_str().unwrap().contains(says),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_required_header_is_required_and_not_told() {
    let provider = simulated_provider::Provider::start(simulated_provider::Settings {
        require_headers: vec!["Authorization: Bearer sk-1".to_owned()],
        ..Default::default()
    })
    .await
    .unwrap();
    let body = question("m").to_string();
    for (headers, status) in [
        ("authorization: Bearer sk-1\r\nConnection: close\r\n", 200),
        ("authorization: Bearer sk-2\r\nConnection: close\r\n", 401),
        ("Connection: close\r\n", 401),
    ] {
        let request = common::request("POST", "/v1/chat/completions", headers, body.as_bytes());
        let answer = common::exchange(provider.address(), &request).await;
        assert_eq!(answer.status(), status, "{headers}");
        assert!(!answer.text().contains("sk-1"));
    }
    assert_eq!(
        send(&provider, "GET", "/_control/health", "")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_quiet_provider_answers_the_same_shape_keeps_no_log_and_still_follows_directives() {
    let provider = simulated_provider::Provider::start(simulated_provider::Settings {
        name: "e\"u".to_owned(),
        quiet: true,
        ..Default::default()
    })
    .await
    .unwrap();
    let json = ask(&provider, "gpt-4o").await.json();
    assert_eq!(json["model"], "gpt-4o");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert!(json["usage"]["total_tokens"].is_u64());
    assert_eq!(
        ask(&provider, "odd\"\\name").await.json()["model"],
        "odd\"\\name"
    );
    assert_eq!(ask(&provider, "gpt-4o~status=503").await.status(), 503);
    assert_eq!(
        ask_stream(&provider, "gpt-4o").await.data().last().unwrap(),
        "[DONE]"
    );
    provider.set_fault("gpt-4o", "status=429").unwrap();
    assert_eq!(ask(&provider, "gpt-4o").await.status(), 429);
    assert!(provider.calls().is_empty());
}
