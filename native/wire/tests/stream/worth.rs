//! What each event is worth (`behaviour.md` §5), row by row.

use failover_wire::stream::{Stream, Worth};
use serde_json::{Value, json};

use crate::client::Wire;
use crate::provider::{frame, packed, sse};
use crate::stream;

use Worth::{Failed, Nothing, Unreadable, Useful};

/// A format's event as its stream has it.
fn written(wire: Wire, event: &Value) -> Vec<u8> {
    match wire {
        Wire::Messages | Wire::Responses => sse(event["type"].as_str().unwrap_or_default(), event),
        Wire::GeminiArray => format!("[{event}").into(),
        Wire::Invoke => packed(event),
        // The event's name stands beside it.
        Wire::Converse => frame(
            "event",
            event["event"].as_str().expect("a name"),
            event["with"].to_string().as_bytes(),
        ),
        _ => sse("", event),
    }
}

/// What begins every stream of a format and is worth nothing.
fn beginning(wire: Wire) -> Vec<u8> {
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 1}}});
    match wire {
        Wire::Chat => sse(
            "",
            &json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        ),
        Wire::Completions => sse("", &json!({"choices": [{"index": 0, "text": ""}]})),
        Wire::Responses => sse(
            "response.created",
            &json!({"type": "response.created", "response": {"id": "r"}}),
        ),
        Wire::Messages => sse("message_start", &start),
        Wire::Gemini => sse("", &json!({"usageMetadata": {"promptTokenCount": 1}})),
        Wire::GeminiArray => vec![],
        Wire::Converse => frame("event", "messageStart", b"{\"role\":\"assistant\"}"),
        Wire::Invoke => packed(&start),
    }
}

#[track_caller]
fn assert_worth(wire: Wire, events: &[(Worth, Value)]) {
    for (worth, event) in events {
        let mut stream = stream(wire);
        let begun = stream.feed(&beginning(wire).into());
        assert!(
            begun.iter().all(|e| e.worth == Nothing),
            "{wire:?}: its beginning"
        );
        let judged = stream.feed(&written(wire, event).into());
        assert_eq!(judged[0].worth, *worth, "{wire:?}: {event}");
        assert_eq!(stream.useful(), *worth == Useful, "{wire:?}: {event}");
    }
}

fn delta(delta: Value) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

#[test]
fn chat_completions() {
    let call = |function: Value| {
        delta(
            json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}),
        )
    };
    assert_worth(
        Wire::Chat,
        &[
            (Nothing, delta(json!({"role": "assistant"}))),
            (
                Nothing,
                delta(
                    json!({"role": "assistant", "content": "", "refusal": null, "tool_calls": null}),
                ),
            ),
            (Nothing, delta(json!({}))),
            (
                Nothing,
                json!({"choices": [], "usage": {"prompt_tokens": 3}}),
            ),
            (
                Nothing,
                json!({"id": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"severity": "safe"}}}]}),
            ),
            (
                Nothing,
                json!({"choices": [{"index": 0, "finish_reason": null, "content_filter_results": {"hate": {"severity": "safe"}}}]}),
            ),
            (Nothing, call(json!({"arguments": ""}))),
            (
                Nothing,
                delta(json!({"audio": {"id": "audio_1", "expires_at": 5}})),
            ),
            (
                Nothing,
                delta(json!({"content": [{"type": "thinking", "thinking": [], "closed": true}]})),
            ),
            (Nothing, json!({"error": null, "choices": []})),
            (Useful, delta(json!({"content": "a"}))),
            (Useful, delta(json!({"content": " "}))),
            (
                Useful,
                delta(json!({"content": [{"type": "text", "text": "a"}]})),
            ),
            (
                Useful,
                delta(
                    json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]}),
                ),
            ),
            (Useful, delta(json!({"reasoning_content": "a"}))),
            (Useful, delta(json!({"reasoning": "a"}))),
            (Useful, delta(json!({"refusal": "No."}))),
            (Useful, call(json!({"name": "f"}))),
            (Useful, call(json!({"arguments": "{"}))),
            (Useful, delta(json!({"function_call": {"name": "f"}}))),
            (Useful, delta(json!({"audio": {"data": "AAAA"}}))),
            (Useful, delta(json!({"audio": {"transcript": "a"}}))),
            (
                Useful,
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            ),
            (Failed, json!({"error": {"message": "x"}})),
            (
                Failed,
                json!({"error": {"type": "server_error", "message": null}}),
            ),
            (Failed, json!({"error": "overloaded"})),
            (
                Failed,
                json!({"object": "error", "message": "x", "code": 400}),
            ),
            (
                Failed,
                json!({"id": "c", "error": {"code": 502}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
            ),
        ],
    );
}

#[test]
fn completions() {
    assert_worth(
        Wire::Completions,
        &[
            (
                Nothing,
                json!({"choices": [{"index": 0, "text": "", "finish_reason": null}]}),
            ),
            (
                Nothing,
                json!({"choices": [], "usage": {"prompt_tokens": 3}}),
            ),
            (Useful, json!({"choices": [{"index": 0, "text": "a"}]})),
            (
                Useful,
                json!({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}),
            ),
            (Failed, json!({"error": {"message": "x"}})),
        ],
    );
}

#[test]
fn responses() {
    let of = |kind: &str, key: &str, value: Value| {
        let mut event = json!({"type": kind, "sequence_number": 3, "output_index": 0});
        event[key] = value;
        event
    };
    assert_worth(
        Wire::Responses,
        &[
            (
                Nothing,
                of(
                    "response.in_progress",
                    "response",
                    json!({"status": "in_progress"}),
                ),
            ),
            (
                Nothing,
                of("response.queued", "response", json!({"status": "queued"})),
            ),
            (
                Nothing,
                of(
                    "response.output_item.added",
                    "item",
                    json!({"type": "message", "content": []}),
                ),
            ),
            (
                Nothing,
                of(
                    "response.output_item.added",
                    "item",
                    json!({"type": "function_call", "name": "f"}),
                ),
            ),
            (
                Nothing,
                of(
                    "response.content_part.added",
                    "part",
                    json!({"type": "output_text", "text": ""}),
                ),
            ),
            (
                Nothing,
                of("response.output_text.delta", "delta", json!("")),
            ),
            (
                Nothing,
                of("response.web_search_call.searching", "item_id", json!("ws")),
            ),
            (Nothing, of("response.made.up", "text", json!("a"))),
            (
                Useful,
                of("response.output_text.delta", "delta", json!("a")),
            ),
            (Useful, of("response.refusal.delta", "delta", json!("No"))),
            (
                Useful,
                of("response.reasoning_summary_text.delta", "delta", json!("a")),
            ),
            (
                Useful,
                of("response.reasoning_text.delta", "delta", json!("a")),
            ),
            (
                Useful,
                of(
                    "response.function_call_arguments.delta",
                    "delta",
                    json!("{"),
                ),
            ),
            (Useful, of("response.audio.delta", "delta", json!("AAAA"))),
            (
                Useful,
                of(
                    "response.image_generation_call.partial_image",
                    "partial_image_b64",
                    json!("AAAA"),
                ),
            ),
            (
                Useful,
                of(
                    "response.completed",
                    "response",
                    json!({"status": "completed", "error": null}),
                ),
            ),
            (
                Useful,
                of(
                    "response.incomplete",
                    "response",
                    json!({"status": "incomplete"}),
                ),
            ),
            (
                Failed,
                of(
                    "response.failed",
                    "response",
                    json!({"error": {"code": "server_error"}}),
                ),
            ),
            (Failed, of("error", "message", json!("x"))),
            (Failed, json!({"error": {"message": "x"}})),
        ],
    );
}

#[test]
fn messages_as_they_are_and_in_bedrocks_chunks() {
    let start =
        |block: Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    for wire in [Wire::Messages, Wire::Invoke] {
        assert_worth(
            wire,
            &[
                (Nothing, json!({"type": "ping"})),
                (Nothing, start(json!({"type": "text", "text": ""}))),
                (
                    Nothing,
                    start(json!({"type": "thinking", "thinking": "", "signature": ""})),
                ),
                (Nothing, delta(json!({"type": "text_delta", "text": ""}))),
                (
                    Nothing,
                    delta(json!({"type": "input_json_delta", "partial_json": ""})),
                ),
                (
                    Nothing,
                    delta(json!({"type": "signature_delta", "signature": "Eq"})),
                ),
                (Nothing, json!({"type": "content_block_stop", "index": 0})),
                (
                    Nothing,
                    json!({"type": "message_delta", "delta": {"stop_reason": null}, "usage": {"output_tokens": 3}}),
                ),
                (Nothing, json!({"type": "made_up", "text": "a"})),
                (
                    Useful,
                    start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})),
                ),
                (
                    Useful,
                    start(json!({"type": "redacted_thinking", "data": "Em"})),
                ),
                (Useful, delta(json!({"type": "text_delta", "text": "a"}))),
                (
                    Useful,
                    delta(json!({"type": "thinking_delta", "thinking": "a"})),
                ),
                (
                    Useful,
                    delta(json!({"type": "input_json_delta", "partial_json": "{"})),
                ),
                (
                    Useful,
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
                ),
                (
                    Failed,
                    json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
                ),
                (Failed, json!({"type": "error", "error": {}})),
            ],
        );
    }
}

#[test]
fn gemini_as_events_and_as_an_array() {
    let part = |part: Value| json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}}]});
    for wire in [Wire::Gemini, Wire::GeminiArray] {
        assert_worth(
            wire,
            &[
                (
                    Nothing,
                    json!({"candidates": [], "usageMetadata": {"promptTokenCount": 3}}),
                ),
                (
                    Nothing,
                    json!({"candidates": [{"index": 0, "content": {"role": "model"}}]}),
                ),
                (Nothing, part(json!({"text": ""}))),
                (Nothing, part(json!({"text": "", "thought": true}))),
                (Nothing, part(json!({"text": "", "thoughtSignature": "AY"}))),
                (Nothing, part(json!({"thoughtSignature": "AY"}))),
                (Useful, part(json!({"text": "a"}))),
                (Useful, part(json!({"text": "a", "thought": true}))),
                (
                    Useful,
                    part(json!({"functionCall": {"name": "f", "args": {}}})),
                ),
                (
                    Useful,
                    part(json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})),
                ),
                (
                    Useful,
                    json!({"candidates": [{"index": 0, "finishReason": "MAX_TOKENS"}]}),
                ),
                (Useful, json!({"promptFeedback": {"blockReason": "SAFETY"}})),
                (
                    Failed,
                    json!({"error": {"code": 503, "status": "UNAVAILABLE"}}),
                ),
            ],
        );
    }
}

#[test]
fn converse() {
    let of = |event: &str, with: Value| json!({"event": event, "with": with});
    let delta = |delta: Value| {
        of(
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": delta, "p": "abc"}),
        )
    };
    assert_worth(
        Wire::Converse,
        &[
            (
                Nothing,
                of("contentBlockStop", json!({"contentBlockIndex": 0})),
            ),
            (Nothing, delta(json!({"text": ""}))),
            (Nothing, delta(json!({"toolUse": {"input": ""}}))),
            (
                Nothing,
                delta(json!({"reasoningContent": {"signature": "Eq"}})),
            ),
            (
                Nothing,
                of("metadata", json!({"usage": {"inputTokens": 3}})),
            ),
            (Nothing, of("madeUp", json!({"text": "a"}))),
            (Useful, delta(json!({"text": "a"}))),
            (Useful, delta(json!({"reasoningContent": {"text": "a"}}))),
            (
                Useful,
                delta(json!({"reasoningContent": {"redactedContent": "Em"}})),
            ),
            (Useful, delta(json!({"toolUse": {"input": "{"}}))),
            (
                Useful,
                of(
                    "contentBlockStart",
                    json!({"contentBlockIndex": 0, "start": {"toolUse": {"name": "f", "toolUseId": "t"}}}),
                ),
            ),
            (Useful, of("messageStop", json!({"stopReason": "end_turn"}))),
        ],
    );
}

#[test]
fn an_exception_is_a_failure_in_every_event_stream() {
    for wire in [Wire::Converse, Wire::Invoke] {
        for kind in [
            "modelStreamErrorException",
            "throttlingException",
            "madeUpException",
        ] {
            let mut stream = stream(wire);
            stream.feed(&beginning(wire).into());
            let event = &stream.feed(&frame("exception", kind, b"{\"message\":\"x\"}").into())[0];
            assert_eq!(event.worth, Failed, "{wire:?}: {kind}");
        }
    }
}

/// Whether a stream is whole and has ended after each of these events.
#[track_caller]
fn assert_ends(wire: Wire, events: &[(Value, bool, bool)]) {
    let mut stream = stream(wire);
    stream.feed(&beginning(wire).into());
    assert!(
        !stream.finished() && !stream.ended(),
        "{wire:?} has just begun"
    );
    for (event, finished, ended) in events {
        stream.feed(&written(wire, event).into());
        assert_eq!(
            (stream.finished(), stream.ended()),
            (*finished, *ended),
            "{wire:?}: {event}"
        );
    }
}

#[test]
fn a_stream_is_whole_when_its_format_says_so() {
    let stop = |text: &str| json!({"choices": [{"index": 0, "text": text, "delta": {"content": text}, "finish_reason": "stop"}]});
    assert_ends(
        Wire::Chat,
        &[
            (delta(json!({"content": "a"})), false, false),
            (stop(""), true, false),
        ],
    );
    assert_ends(
        Wire::Completions,
        &[
            (
                json!({"choices": [{"index": 0, "text": "a"}]}),
                false,
                false,
            ),
            (stop("b"), true, false),
        ],
    );
    assert_ends(
        Wire::Responses,
        &[
            (
                json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message"}}),
                false,
                false,
            ),
            (
                json!({"type": "response.incomplete", "response": {}}),
                true,
                true,
            ),
        ],
    );
    for wire in [Wire::Messages, Wire::Invoke] {
        assert_ends(
            wire,
            &[
                (
                    json!({"type": "content_block_stop", "index": 0}),
                    false,
                    false,
                ),
                (
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
                    true,
                    false,
                ),
                (json!({"type": "message_stop"}), true, true),
            ],
        );
    }
    assert_ends(
        Wire::Gemini,
        &[
            (
                json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}),
                false,
                false,
            ),
            (
                json!({"candidates": [{"finishReason": "STOP"}]}),
                true,
                false,
            ),
        ],
    );
    assert_ends(
        Wire::Converse,
        &[
            (
                json!({"event": "contentBlockStop", "with": {"contentBlockIndex": 0}}),
                false,
                false,
            ),
            (
                json!({"event": "messageStop", "with": {"stopReason": "end_turn"}}),
                true,
                false,
            ),
            (
                json!({"event": "metadata", "with": {"usage": {}}}),
                true,
                true,
            ),
        ],
    );
}

#[test]
fn with_two_choices_a_chat_is_whole_when_both_are() {
    let of = |index: u64, finish: Value| json!({"choices": [{"index": index, "delta": {"content": "a"}, "finish_reason": finish}]});
    assert_ends(
        Wire::Chat,
        &[
            (of(0, Value::Null), false, false),
            (of(1, Value::Null), false, false),
            (of(1, json!("stop")), false, false),
            (of(0, json!("stop")), true, false),
        ],
    );
}

#[test]
fn done_ends_a_chat() {
    for wire in [Wire::Chat, Wire::Completions] {
        let mut stream = stream(wire);
        stream.feed(&beginning(wire).into());
        let done = stream.feed(&b"data: [DONE]\n\n"[..].into());
        assert_eq!(
            (done[0].worth, stream.ended(), stream.useful()),
            (Nothing, true, false)
        );
        assert_eq!(stream.ending(), "", "it is not said twice");
    }
    let mut alone = stream(Wire::Chat);
    assert_eq!(
        alone.feed(&b"data: [DONE]\n\n"[..].into())[0].worth,
        Nothing
    );
    assert!(alone.ended() && !alone.useful());
}

#[test]
fn the_end_marker_is_put_in_where_the_provider_left_it_out() {
    let finishes = |wire, event| {
        let mut stream = stream(wire);
        stream.feed(&beginning(wire).into());
        stream.feed(&written(wire, &event).into());
        assert!(stream.finished(), "{wire:?}");
        String::from_utf8(stream.ending().to_vec()).expect("UTF-8")
    };
    let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    assert_eq!(finishes(Wire::Chat, stop), "data: [DONE]\n\n");
    let stop = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    assert_eq!(
        finishes(Wire::Messages, stop),
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    let stop = json!({"candidates": [{"finishReason": "STOP"}]});
    assert_eq!(finishes(Wire::Gemini, stop.clone()), "");
    assert_eq!(finishes(Wire::GeminiArray, stop), "]");
}

#[test]
fn an_array_that_ends_before_its_answer_is_cut() {
    let mut stream = stream(Wire::GeminiArray);
    let part = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]});
    let events = stream.feed(&format!("[{part}]").into());
    let worths: Vec<Worth> = events.iter().map(|e| e.worth).collect();
    assert_eq!(worths, [Useful, Worth::Broken]);
}

#[test]
fn pings_and_comments_are_worth_nothing_before_any_format_is_known() {
    let mut stream = stream(Wire::Messages);
    let events = stream.feed(
        &b": ping\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\ndata: {\"type\":\"ping\"}\n\nevent: ping\ndata: .\n\nretry: 1\n\n"[..].into(),
    );
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|e| e.worth == Nothing), "{events:?}");
}

#[test]
fn of_anything_else_the_first_data_are_useful() {
    let worth = |body: &'static str| {
        let mut stream = stream(Wire::Chat);
        let events = stream.feed(&body.into());
        assert!(!stream.announces_its_end(), "{body}");
        events[0].worth
    };
    assert_eq!(worth("data: hello\n\n"), Useful);
    assert_eq!(worth("data: {\"a\":1}\n\n"), Useful);
    assert_eq!(
        worth("event: metadata\ndata: {\"run_id\":\"r\"}\n\n"),
        Useful
    );
    assert_eq!(worth("data: [1]\n\n"), Useful);
    assert_eq!(worth("data:  \n\n"), Nothing);
    assert_eq!(worth("data: {\"a\":\n\n"), Unreadable);
    assert_eq!(worth("event: error\ndata: down\n\n"), Failed);
    assert_eq!(worth("data: {\"error\":{\"message\":\"x\"}}\n\n"), Failed);
    assert_eq!(
        worth("data: {\"type\":\"error\",\"message\":\"x\"}\n\n"),
        Failed
    );
    let mut other = Stream::from_content_type(Some("audio/mpeg"), false, 0).expect("a stream");
    assert_eq!(other.feed(&b"\xff\xfb"[..].into())[0].worth, Useful);
    assert_eq!(other.feed(&b"\n"[..].into())[0].worth, Nothing);
    assert!(!other.finished() && !other.announces_its_end());
}

#[test]
fn the_events_of_an_invoked_model_that_is_not_known_end_with_the_body() {
    let mut stream = stream(Wire::Invoke);
    let events = stream.feed(&packed(&json!({"outputText": "a", "completionReason": null})).into());
    assert_eq!(events[0].worth, Useful);
    assert!(
        !stream.announces_its_end(),
        "the end of its body is its end"
    );
    let events = stream.feed(&packed(&json!({"error": {"message": "x"}})).into());
    assert_eq!(events[0].worth, Failed);
}

#[test]
fn what_cannot_be_read_is_left_out_and_what_is_strange_is_passed_on() {
    for wire in [
        Wire::Chat,
        Wire::Completions,
        Wire::Responses,
        Wire::Messages,
        Wire::Gemini,
    ] {
        let mut stream = stream(wire);
        stream.feed(&beginning(wire).into());
        let worths: Vec<Worth> = stream
            .feed(
                &b"data: {\"a\n\ndata: \xff\n\ndata: word\n\ndata: 1\n\ndata: null\n\ndata: {}\n\n"
                    [..]
                    .into(),
            )
            .iter()
            .map(|e| e.worth)
            .collect();
        let expected = [
            Unreadable, Unreadable, Unreadable, Nothing, Nothing, Nothing,
        ];
        assert_eq!(worths, expected, "{wire:?}");
    }
}

#[test]
fn an_error_event_is_one_in_every_format() {
    for wire in [
        Wire::Chat,
        Wire::Completions,
        Wire::Responses,
        Wire::Messages,
        Wire::Gemini,
    ] {
        for data in ["{\"message\":\"x\"}", "Internal Server Error"] {
            let mut stream = stream(wire);
            stream.feed(&beginning(wire).into());
            let event = format!("event: error\ndata: {data}\n\n");
            assert_eq!(
                stream.feed(&event.into())[0].worth,
                Failed,
                "{wire:?}: {data}"
            );
        }
    }
}

#[test]
fn a_providers_own_error_leaves_an_array_that_can_be_read() {
    let mut stream = stream(Wire::GeminiArray);
    let body = format!(
        "[{},{}",
        json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}),
        json!({"error": {"code": 503}})
    );
    let events = stream.feed(&body.into());
    let passed: Vec<u8> = events.iter().flat_map(|e| e.bytes.to_vec()).collect();
    let array: Vec<Value> = serde_json::from_slice(&passed).expect("an array");
    assert_eq!(array[1]["error"]["code"], 503);
}

#[test]
fn a_chat_chunk_with_its_text_said_twice_is_a_chats() {
    let mut stream = stream(Wire::Chat);
    let chunk = json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "text": "a", "delta": {"content": "a", "role": "assistant"}}]});
    stream.feed(&sse("", &chunk).into());
    assert_eq!(stream.delivered(), 1);
    assert!(
        stream
            .prefilled(br#"{"messages":[{"role":"user","content":"x"}]}"#, false)
            .is_some(),
        "it goes on as a chat"
    );
}

#[test]
fn a_providers_own_error_in_a_response_is_one_that_openais_libraries_raise() {
    let flat = json!({"type": "error", "code": "overloaded", "message": "too busy", "param": null, "sequence_number": 3});
    let failed = json!({"type": "response.failed", "response": {"error": {"message": "too busy"}}});
    for event in [flat, failed] {
        let mut stream = stream(Wire::Responses);
        let delta = json!({"type": "response.output_text.delta", "delta": "a"});
        stream.feed(&sse("response.output_text.delta", &delta).into());
        let name = event["type"].as_str().expect("a name");
        let events = stream.feed(&sse(name, &event).into());
        let passed = String::from_utf8_lossy(&events[0].bytes).into_owned();
        let data = passed.split_once("data: ").expect("an event with data").1;
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["error"]["message"], "too busy", "{passed}");
    }
}
