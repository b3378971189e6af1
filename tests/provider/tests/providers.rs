//! The providers that share a wire format are told apart by their paths, and by directives where the path is the same.

mod common;

use common::{
    ended, post, provider, question, send, streamed,
    wire::Wire::{
        self, Anthropic, Chat, Completions, Converse, Custom, GeminiArray, GeminiSse, Invoke,
        Responses,
    },
};
use serde_json::{Value, json};

const MODEL: &str = "m~text=hi";
const AZURE_MODEL: &str = "gpt-4o-2024-11-20";
const VERTEX: &str = "/v1/projects/p/locations/l/publishers";

/// A provider's plain and streamed paths; whether the body names the model; what the answer says its model is.
const PATHS: &[(Wire, &str, &str, bool, &str)] = &[
    (Chat, "/v1/chat/completions", "", true, MODEL),
    (Responses, "/v1/responses", "", true, MODEL),
    // Azure OpenAI v1 and v2, Azure AI Foundry.
    (
        Chat,
        "/openai/deployments/MODEL/chat/completions?api-version=2024-10-21",
        "",
        false,
        AZURE_MODEL,
    ),
    (Chat, "/openai/v1/chat/completions", "", true, AZURE_MODEL),
    (Responses, "/openai/v1/responses", "", true, MODEL),
    (
        Chat,
        "/models/chat/completions?api-version=2024-05-01-preview",
        "",
        true,
        MODEL,
    ),
    (Anthropic, "/anthropic/v1/messages", "", true, MODEL),
    (
        GeminiSse,
        "/v1beta/models/MODEL:generateContent",
        "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
        false,
        MODEL,
    ),
    (
        Converse,
        "/model/MODEL/converse",
        "/model/MODEL/converse-stream",
        false,
        MODEL,
    ),
    (
        Invoke,
        "/model/MODEL/invoke",
        "/model/MODEL/invoke-with-response-stream",
        false,
        MODEL,
    ),
    (
        GeminiArray,
        "VERTEX/google/models/MODEL:generateContent",
        "VERTEX/google/models/MODEL:streamGenerateContent",
        false,
        MODEL,
    ),
    (
        Anthropic,
        "VERTEX/anthropic/models/MODEL:rawPredict",
        "VERTEX/anthropic/models/MODEL:streamRawPredict",
        false,
        MODEL,
    ),
    // As a gateway may write it.
    (
        GeminiArray,
        "/v1beta/models/MODEL%3AgenerateContent",
        "/v1beta/models/MODEL%3AstreamGenerateContent",
        false,
        MODEL,
    ),
    (Custom, "/generate", "", true, MODEL),
];

#[tokio::test]
async fn every_providers_path_names_its_format_and_its_model() {
    let provider = provider().await;
    for (wire, plain, stream, model_in_body, answering) in PATHS {
        for streamed in [false, true] {
            let path = if streamed && !stream.is_empty() {
                stream
            } else {
                plain
            };
            let path = path.replace("MODEL", MODEL).replace("VERTEX", VERTEX);
            let mut body = wire.body(MODEL, streamed, None);
            if !model_in_body {
                body.as_object_mut().unwrap().remove("model");
            }
            let answer = send(&provider, "POST", &path, &body.to_string()).await;
            assert_eq!(answer.status(), 200, "{path}");
            let call = ended(&provider).await;
            assert_eq!(
                (call.model.as_deref(), call.stream),
                (Some(MODEL), streamed),
                "{path}"
            );
            if streamed {
                assert_eq!(wire.contents(&answer), ["hi"], "{path}");
            } else {
                assert_eq!(wire.said(&answer.json()), "hi", "{path}");
            }
            // Converse doesn't say it.
            if *wire != Converse {
                let says = serde_json::to_string(answering).unwrap();
                let all = if streamed {
                    let events = wire.events(&answer);
                    events.iter().map(|event| event.raw.as_str()).collect()
                } else {
                    answer.text()
                };
                assert!(all.contains(&says), "{path}: {all}");
            }
        }
    }
}

#[tokio::test]
async fn a_model_in_the_path_wins_over_one_in_the_body() {
    let provider = provider().await;
    for path in [
        "/openai/deployments/m~status=418/chat/completions?api-version=2024-10-21",
        "/v1beta/models/m~status=418:generateContent",
        "/model/m~status=418/converse",
    ] {
        let body = question("other").to_string();
        assert_eq!(
            send(&provider, "POST", path, &body).await.status(),
            418,
            "{path}"
        );
    }
    // Not a model called `chat`.
    let foundry = "/models/chat/completions?api-version=2024-05-01-preview";
    let answer = send(&provider, "POST", foundry, r#"{"messages":[]}"#).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn an_azure_stream_begins_with_its_content_filters_verdict() {
    let provider = provider().await;
    let path = "/openai/deployments/m~text=hi/chat/completions?api-version=2024-10-21";
    let answer = send(&provider, "POST", path, r#"{"stream":true,"messages":[]}"#).await;
    let chunks = answer.chunks();
    assert_eq!(chunks[0]["choices"], json!([]));
    assert_eq!(chunks[0]["model"], "");
    assert!(chunks[0]["prompt_filter_results"].is_array());
    assert!(
        chunks[1..]
            .iter()
            .all(|chunk| chunk["model"] == AZURE_MODEL),
        "{chunks:?}"
    );
}

#[tokio::test]
async fn vertex_adds_an_event_of_its_own_to_anthropics() {
    let provider = provider().await;
    let path = format!("{VERTEX}/anthropic/models/{MODEL}:streamRawPredict");
    let events = Anthropic.events(&send(&provider, "POST", &path, "{}").await);
    let own = events.iter().filter(|event| event.name == "vertex_event");
    assert_eq!(own.count(), 1, "{events:?}");
    let events = Anthropic.events(&Anthropic.stream(&provider, MODEL).await);
    assert!(
        events.iter().all(|event| event.name != "vertex_event"),
        "{events:?}"
    );
}

#[tokio::test]
async fn remaining_tokens_are_in_the_providers_own_header() {
    let provider = provider().await;
    let headers = [
        "x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-tokens-remaining",
        "x-credit-left",
    ];
    for (wire, header) in [
        (Chat, Some(headers[0])),
        (Completions, Some(headers[0])),
        (Responses, Some(headers[0])),
        (Anthropic, Some(headers[1])),
        (Custom, Some(headers[2])),
        (GeminiSse, None),
        (Converse, None),
        (Invoke, None),
    ] {
        let answer = wire.ask(&provider, MODEL).await;
        let sent: Vec<_> = headers
            .into_iter()
            .filter(|name| answer.header(name).is_some())
            .collect();
        assert_eq!(sent, Vec::from_iter(header), "{wire:?}");
    }
}

#[tokio::test]
async fn bedrock_bills_in_the_last_chunk() {
    let provider = provider().await;
    let events = Invoke.events(&Invoke.stream(&provider, MODEL).await);
    for event in &events {
        let metrics = &event.data["amazon-bedrock-invocationMetrics"];
        let last = event.name == "message_stop";
        assert_eq!(metrics["inputTokenCount"].is_u64(), last, "{event:?}");
        assert_eq!(metrics["outputTokenCount"] == 1, last, "{event:?}");
    }
    assert_eq!(events.last().unwrap().name, "message_stop");
}

#[tokio::test]
async fn model_is_what_the_answer_says_it_is() {
    let provider = provider().await;
    let model = "mine~text=hi~model=gpt-4.1+mini";
    let json = Chat.ask(&provider, model).await.json();
    assert_eq!(json["model"], "gpt-4.1 mini");
    assert_eq!(ended(&provider).await.model.as_deref(), Some(model));
    let path = format!("/openai/deployments/{model}/chat/completions?api-version=2024-10-21");
    let json = send(&provider, "POST", &path, r#"{"messages":[]}"#)
        .await
        .json();
    assert_eq!(
        json["model"], "gpt-4.1 mini",
        "instead of Azure's usual one"
    );
}

/// The usage objects of a stream, with whether their chunk has a finish reason and whether it has choices.
fn usages(wire: Wire, answer: &common::Answer) -> Vec<(bool, bool)> {
    let events = wire.events(answer);
    let with_usage = events
        .iter()
        .filter(|event| event.data["usage"].is_object());
    with_usage
        .map(|event| {
            (
                wire.finish(event).is_some(),
                event.data["choices"] != json!([]),
            )
        })
        .collect()
}

#[tokio::test]
async fn usage_comes_where_its_directive_says_whatever_was_asked() {
    let provider = provider().await;
    for wire in [Chat, Completions] {
        for (directive, places) in [
            ("usage=finish", &[(true, true)][..]),
            ("usage=always", &[(false, false)]),
            ("usage=none", &[]),
        ] {
            let model = format!("m~text=hi~{directive}");
            let plain = wire.ask(&provider, &model).await.json();
            assert_eq!(
                plain["usage"].is_object(),
                directive != "usage=none",
                "{wire:?} {directive}"
            );
            for options in [Value::Null, json!({"include_usage": true})] {
                let mut body = wire.body(&model, true, None);
                body["n"] = 2.into();
                body["stream_options"] = options;
                let answer = wire.send(&provider, &model, true, &body).await;
                assert_eq!(usages(wire, &answer), places, "{wire:?} {directive}");
                let nulls = answer.text().contains(r#""usage":null"#);
                assert_eq!(nulls, directive == "usage=always", "{wire:?} {directive}");
            }
        }
    }
}

#[tokio::test]
async fn strict_refuses_what_mistral_does_not_know() {
    let provider = provider().await;
    let mut body = streamed("m~strict~usage=finish");
    assert_eq!(post(&provider, &body).await.status(), 200);
    body["seed"] = 1.into();
    body["stream_options"] = json!({"include_usage": true});
    let refused = post(&provider, &body).await;
    assert_eq!(refused.status(), 422);
    let message = "Extra inputs are not permitted";
    assert_eq!(
        refused.json(),
        json!({
            "object": "error",
            "message": {"detail": [
                {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": message, "input": 1},
                {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": message,
                 "input": {"include_usage": true}},
            ]},
            "type": "invalid_request_error",
            "param": null,
            "code": null,
        })
    );
}

#[tokio::test]
async fn strict_with_a_field_refuses_only_that_in_the_formats_shape() {
    let provider = provider().await;
    let mut body = streamed("m~strict=stream_options");
    body["seed"] = 1.into();
    assert_eq!(post(&provider, &body).await.status(), 200);
    body["stream_options"] = json!({"include_usage": true});
    let refused = post(&provider, &body).await;
    assert_eq!(refused.status(), 400);
    let message = "Unrecognized request argument supplied: stream_options";
    assert_eq!(
        refused.json(),
        json!({"error": {
            "message": message, "type": "invalid_request_error", "param": null, "code": null,
        }})
    );
    let mut body = Anthropic.body("m~strict=model", true, None);
    let refused = Anthropic.send(&provider, "", true, &body).await.json();
    assert_eq!(refused["error"]["type"], "invalid_request_error");
    body["model"] = "m~status=503~strict=model".into();
    let status = Anthropic.send(&provider, "", true, &body).await.status();
    assert_eq!(status, 503, "a status of its own wins");
}
