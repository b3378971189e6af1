//! Every wire format says the same, in its provider's shapes.

mod common;

use common::{
    Ended, ended, provider, send,
    wire::{
        ALL, Event,
        Wire::{
            self, Anthropic, Chat, Completions, Converse, Custom, GeminiArray, GeminiSse, Invoke,
            Responses,
        },
    },
};
use serde_json::{Value, json};

const MODEL: &str = "m~text=one+two+thr%C3%A9e";
const TEXT: &str = "one two thrée";

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

fn has(value: &Value, pointers: &[&str], what: impl std::fmt::Debug) {
    for pointer in pointers {
        assert!(
            value.pointer(pointer).is_some(),
            "{what:?} lacks {pointer}: {value}"
        );
    }
}

/// Members that the official SDKs require.
fn required(wire: Wire) -> &'static [&'static str] {
    match wire {
        Chat => &[
            "/id",
            "/object",
            "/created",
            "/model",
            "/choices/0/index",
            "/choices/0/finish_reason",
            "/choices/0/logprobs",
            "/choices/0/message/role",
            "/choices/0/message/content",
            "/choices/0/message/refusal",
            "/usage/prompt_tokens",
            "/usage/completion_tokens",
            "/usage/total_tokens",
        ],
        Completions => &[
            "/id",
            "/object",
            "/created",
            "/model",
            "/choices/0/index",
            "/choices/0/text",
            "/choices/0/finish_reason",
            "/choices/0/logprobs",
            "/usage/total_tokens",
        ],
        Responses => &[
            "/id",
            "/object",
            "/created_at",
            "/status",
            "/error",
            "/incomplete_details",
            "/instructions",
            "/metadata",
            "/model",
            "/parallel_tool_calls",
            "/temperature",
            "/tool_choice",
            "/tools",
            "/top_p",
            "/output/0/type",
            "/output/0/id",
            "/output/0/status",
            "/output/0/role",
            "/output/0/content/0/type",
            "/output/0/content/0/annotations",
            "/usage/input_tokens",
            "/usage/output_tokens",
            "/usage/total_tokens",
            "/usage/input_tokens_details/cached_tokens",
            "/usage/input_tokens_details/cache_write_tokens",
            "/usage/output_tokens_details/reasoning_tokens",
        ],
        Anthropic | Invoke => &[
            "/id",
            "/type",
            "/role",
            "/model",
            "/content/0/type",
            "/stop_reason",
            "/stop_sequence",
            "/usage/input_tokens",
            "/usage/output_tokens",
        ],
        GeminiSse | GeminiArray => &[
            "/candidates/0/content/role",
            "/candidates/0/finishReason",
            "/candidates/0/index",
            "/usageMetadata/promptTokenCount",
            "/usageMetadata/candidatesTokenCount",
            "/usageMetadata/totalTokenCount",
            "/modelVersion",
            "/responseId",
        ],
        Custom => &[
            "/output",
            "/meta/engine",
            "/meta/billed/in",
            "/meta/billed/out",
        ],
        Converse => &[
            "/output/message/role",
            "/stopReason",
            "/usage/inputTokens",
            "/usage/outputTokens",
            "/usage/totalTokens",
            "/metrics/latencyMs",
        ],
    }
}

#[tokio::test]
async fn a_plain_answer_has_the_text_and_all_that_client_libraries_require() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.ask(&provider, MODEL).await;
        assert_eq!(answer.status(), 200, "{wire:?}");
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
        assert_eq!(wire.said(&answer.json()), TEXT, "{wire:?}");
        has(&answer.json(), required(wire), wire);
        assert!(!ended(&provider).await.stream, "{wire:?}");
    }
}

#[tokio::test]
async fn a_streams_content_chunks_concatenate_to_the_text() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, MODEL).await;
        assert_eq!(answer.status(), 200, "{wire:?}");
        let content_type = match wire {
            GeminiArray => "application/json",
            Converse | Invoke => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        };
        assert_eq!(
            answer.header("content-type").unwrap(),
            content_type,
            "{wire:?}"
        );
        assert_eq!(
            wire.contents(&answer),
            ["one", " two", " thrée"],
            "{wire:?}"
        );
        assert_eq!(
            (answer.body().1, answer.ended),
            (true, Ended::Fin),
            "{wire:?}"
        );
        let call = ended(&provider).await;
        assert!(call.stream, "{wire:?}: {}", call.path);
        assert_eq!(call.outcome, "streamed 200");
    }
}

#[tokio::test]
async fn one_finish_reason_comes_after_all_content() {
    let provider = provider().await;
    for wire in ALL {
        let events = wire.events(&wire.stream(&provider, MODEL).await);
        let finishes: Vec<_> = events
            .iter()
            .filter_map(|event| wire.finish(event))
            .collect();
        let reason = match wire {
            Chat | Completions => "stop",
            Custom => MODEL,
            Responses => "completed",
            Anthropic | Converse | Invoke => "end_turn",
            GeminiSse | GeminiArray => "STOP",
        };
        assert_eq!(finishes, [reason], "{wire:?}");
        let finish = events.iter().position(|event| wire.finish(event).is_some());
        let content = events
            .iter()
            .rposition(|event| wire.content(event).is_some());
        assert!(content < finish, "{wire:?}: {events:?}");
    }
}

#[tokio::test]
async fn events_come_in_their_formats_order() {
    let provider = provider().await;
    for (wire, order) in [
        (
            Responses,
            &[
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.delta",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
            ][..],
        ),
        (
            Anthropic,
            &[
                "message_start",
                "content_block_start",
                "ping",
                "content_block_delta",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
        ),
        (
            Invoke,
            &[
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
        ),
        (
            Converse,
            &[
                "messageStart",
                "contentBlockDelta",
                "contentBlockDelta",
                "contentBlockDelta",
                "contentBlockStop",
                "messageStop",
                "metadata",
            ],
        ),
    ] {
        let events = wire.events(&wire.stream(&provider, MODEL).await);
        assert_eq!(names(&events), order, "{wire:?}");
    }
}

#[tokio::test]
async fn a_responses_stream_numbers_its_events_and_repeats_the_whole_answer_at_the_end() {
    let provider = provider().await;
    let events = Responses.events(&Responses.stream(&provider, MODEL).await);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.data["sequence_number"], at, "{event:?}");
        assert_eq!(event.data["type"], event.name, "{event:?}");
    }
    let response = &events.last().unwrap().data["response"];
    assert_eq!(Responses.said(response), TEXT);
    has(response, required(Responses), Responses);
    assert_eq!(events[0].data["response"]["id"], response["id"]);
    assert_eq!(events[0].data["response"]["usage"], Value::Null);
}

#[tokio::test]
async fn a_streams_usage_is_that_of_the_plain_answer() {
    let provider = provider().await;
    for wire in ALL {
        let mut body = wire.body(MODEL, true, None);
        body["stream_options"] = json!({"include_usage": true});
        let events = wire.events(&wire.send(&provider, MODEL, true, &body).await);
        let whole = wire.ask(&provider, MODEL).await.json();
        let last = |pointer: &str| {
            let mut backwards = events.iter().rev();
            backwards
                .find_map(|event| event.data.pointer(pointer))
                .cloned()
                .unwrap_or_else(|| panic!("{wire:?}: {events:?}"))
        };
        match wire {
            Chat | Completions | Converse => assert_eq!(last("/usage"), whole["usage"], "{wire:?}"),
            Custom => assert_eq!(last("/meta"), whole["meta"]),
            Responses => assert_eq!(last("/response/usage"), whole["usage"]),
            Anthropic | Invoke => {
                let input = last("/message/usage/input_tokens");
                assert_eq!(input, whole["usage"]["input_tokens"], "{wire:?}");
                let output = last("/usage/output_tokens");
                assert_eq!(output, whole["usage"]["output_tokens"], "{wire:?}");
            }
            GeminiSse | GeminiArray => {
                assert_eq!(last("/usageMetadata"), whole["usageMetadata"], "{wire:?}");
                assert!(
                    events
                        .iter()
                        .all(|event| event.data["usageMetadata"].is_object()),
                    "usage on every chunk"
                );
            }
        }
    }
}

#[tokio::test]
async fn several_choices_are_said_in_turn() {
    let provider = provider().await;
    for wire in [Chat, Completions] {
        let mut body = wire.body(MODEL, true, None);
        body["n"] = 3.into();
        let events = wire.events(&wire.send(&provider, MODEL, true, &body).await);
        let said = |choice: u64| {
            let of_choice = events
                .iter()
                .filter(|event| event.data["choices"][0]["index"] == choice);
            of_choice
                .filter_map(|event| wire.content(event))
                .collect::<String>()
        };
        assert_eq!([said(0), said(1), said(2)], [TEXT, TEXT, TEXT], "{wire:?}");
        let first: Vec<_> = events
            .iter()
            .filter(|event| wire.content(event).is_some())
            .map(|event| event.data["choices"][0]["index"].clone())
            .take(4)
            .collect();
        assert_eq!(first, [0, 1, 2, 0], "{wire:?}");
        body["stream"] = false.into();
        let whole = wire.send(&provider, MODEL, false, &body).await.json();
        assert_eq!(whole["choices"].as_array().unwrap().len(), 3, "{wire:?}");
    }
}

#[tokio::test]
async fn a_tool_call_is_made_in_the_formats_own_shape() {
    let provider = provider().await;
    for wire in ALL.into_iter().filter(|wire| !wire.is_text_only()) {
        let model = format!("{MODEL}~tool-call=get_weather");
        let arguments = |said: &str| -> Value { serde_json::from_str(said).unwrap() };
        let whole = wire.ask(&provider, &model).await.json();
        assert_eq!(
            arguments(&wire.said(&whole)),
            json!({"text": TEXT}),
            "{wire:?}"
        );
        assert!(
            whole.to_string().contains("get_weather"),
            "{wire:?}: {whole}"
        );

        let answer = wire.stream(&provider, &model).await;
        let contents = wire.contents(&answer);
        assert_eq!(
            arguments(&contents.concat()),
            json!({"text": TEXT}),
            "{wire:?}"
        );
        let in_one = matches!(wire, GeminiSse | GeminiArray);
        assert_eq!(contents.len(), if in_one { 1 } else { 3 }, "{wire:?}");
        let events = wire.events(&answer);
        let finish: Vec<_> = events
            .iter()
            .filter_map(|event| wire.finish(event))
            .collect();
        let reason = match wire {
            Chat => "tool_calls",
            Responses => "completed",
            Anthropic | Converse | Invoke => "tool_use",
            _ => "STOP",
        };
        assert_eq!(finish, [reason], "{wire:?}");
        let name = events
            .iter()
            .filter(|event| event.raw.contains("get_weather"));
        assert!(name.count() >= 1, "{wire:?}: {events:?}");
    }
}

#[tokio::test]
async fn reasoning_comes_before_the_text_and_is_not_counted() {
    let provider = provider().await;
    for wire in ALL.into_iter().filter(|wire| !wire.is_text_only()) {
        let model = format!("{MODEL}~reasoning=2~error-after=1");
        let events = wire.events(&wire.stream(&provider, &model).await);
        let reasoning: Vec<_> = events
            .iter()
            .filter_map(|event| wire.reasoning(event))
            .collect();
        assert_eq!(reasoning, ["Thought 1. ", "Thought 2. "], "{wire:?}");
        let last = events
            .iter()
            .rposition(|event| wire.reasoning(event).is_some());
        let text = events
            .iter()
            .position(|event| wire.content(event).is_some());
        assert!(last < text, "{wire:?}: {events:?}");
        let said: Vec<_> = events
            .iter()
            .filter_map(|event| wire.content(event))
            .collect();
        assert_eq!(said, ["one"], "{wire:?}");

        let whole = wire
            .ask(&provider, &format!("{MODEL}~reasoning=2"))
            .await
            .json();
        assert!(
            whole.to_string().contains("Thought 1. Thought 2. "),
            "{wire:?}: {whole}"
        );
        assert_eq!(wire.said(&whole), TEXT, "{wire:?}");
    }
}

#[tokio::test]
async fn blocks_of_different_kinds_have_rising_indexes_and_are_closed() {
    let provider = provider().await;
    let model = format!("{MODEL}~reasoning=1~tool-call");
    let kinds = |events: &[Event], kind: &str| -> Vec<Value> {
        let of_kind = events.iter().filter(|event| event.name == kind);
        of_kind.map(|event| event.data["index"].clone()).collect()
    };
    let events = Anthropic.events(&Anthropic.stream(&provider, &model).await);
    for kind in ["content_block_start", "content_block_stop"] {
        assert_eq!(kinds(&events, kind), [0, 1], "{kind}");
    }
    assert!(
        events
            .iter()
            .any(|event| event.data["delta"]["type"] == "signature_delta"),
        "a thinking block is signed"
    );
    let events = Converse.events(&Converse.stream(&provider, &model).await);
    let stops = events
        .iter()
        .filter(|event| event.name == "contentBlockStop");
    let indexes: Vec<_> = stops
        .map(|event| event.data["contentBlockIndex"].clone())
        .collect();
    assert_eq!(indexes, [0, 1]);
    let events = Responses.events(&Responses.stream(&provider, &model).await);
    let done = events
        .iter()
        .filter(|event| event.name == "response.output_item.done");
    let kinds: Vec<_> = done
        .map(|event| event.data["item"]["type"].clone())
        .collect();
    assert_eq!(kinds, ["reasoning", "function_call"]);
}

#[tokio::test]
async fn an_error_has_its_providers_shape_streamed_or_not() {
    let provider = provider().await;
    let message = "eu simulates an error with status 429";
    for wire in ALL {
        for stream in [false, true] {
            let model = "m~status=429";
            let body = wire.body(model, stream, None);
            let answer = wire.send(&provider, model, stream, &body).await;
            assert_eq!(answer.status(), 429, "{wire:?}");
            assert_eq!(answer.header("content-type").unwrap(), "application/json");
            let google = json!({"error": {
                "code": 429, "message": message, "status": "RESOURCE_EXHAUSTED",
            }});
            let expected = match wire {
                Chat | Completions | Responses => json!({"error": {
                    "message": message, "type": "rate_limit_error", "param": null,
                    "code": "rate_limit_exceeded",
                }}),
                Anthropic => json!({
                    "type": "error",
                    "error": {"type": "rate_limit_error", "message": message},
                }),
                Custom => json!({"fault": {"code": "429", "reason": message}}),
                GeminiArray if stream => json!([google]),
                GeminiSse | GeminiArray => google,
                Converse | Invoke => json!({"message": message}),
            };
            assert_eq!(answer.json(), expected, "{wire:?}");
            let aws = wire.is_binary().then(|| "ThrottlingException".to_owned());
            assert_eq!(answer.header("x-amzn-errortype"), aws, "{wire:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_request_is_told_so_in_its_own_format() {
    let provider = provider().await;
    for (path, pointer) in [
        ("/v1/messages", "/error/type"),
        ("/v1beta/models/m~nonsense:generateContent", "/error/status"),
        ("/model/m~nonsense/converse", "/message"),
        ("/v1/responses", "/error/code"),
        ("/generate", "/fault/code"),
    ] {
        let answer = send(&provider, "POST", path, r#"{"model":"m~nonsense"}"#).await;
        assert_eq!(answer.status(), 400, "{path}");
        has(&answer.json(), &[pointer], path);
    }
}
