//! Answers as the providers stream them, event by event, with any content.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Wire;

/// A part of what a model says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Thought(Vec<String>),
    Text(Vec<String>),
    /// A tool's name, and its arguments in pieces.
    Tool(&'static str, Vec<String>),
}

/// A text in pieces of so many characters.
pub(crate) fn pieces(text: &str, size: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(size).map(|c| c.iter().collect()).collect()
}

pub(crate) fn says(text: &str) -> Part {
    Part::Text(pieces(text, 5))
}

pub(crate) fn thinks(text: &str) -> Part {
    Part::Thought(pieces(text, 8))
}

pub(crate) fn calls(name: &'static str, arguments: &str) -> Part {
    Part::Tool(name, pieces(arguments, 6))
}

/// The events of a whole answer. `who` is in its ids; `usage`: prompt and completion tokens.
pub(crate) fn answer(wire: Wire, who: &str, parts: &[Part], usage: (u64, u64)) -> Vec<Vec<u8>> {
    match wire {
        Wire::Chat => chat(who, parts, usage),
        Wire::Completions => completions(who, parts, usage),
        Wire::Responses => responses(who, parts, usage),
        Wire::Messages => messages(who, parts, usage)
            .iter()
            .map(|e| sse(text(&e["type"]), e))
            .collect(),
        Wire::Gemini => gemini(who, parts, usage)
            .iter()
            .map(|e| sse("", e))
            .collect(),
        Wire::GeminiArray => {
            let events = gemini(who, parts, usage);
            let mut array: Vec<Vec<u8>> = events
                .iter()
                .enumerate()
                .map(|(i, e)| format!("{}{e:#}", if i == 0 { "[" } else { "\n,\r\n" }).into())
                .collect();
            array.push(b"\n]\n".to_vec());
            array
        }
        Wire::Converse => converse(parts, usage),
        Wire::Invoke => messages(who, parts, usage).iter().map(packed).collect(),
    }
}

pub(crate) fn sse(name: &str, event: &Value) -> Vec<u8> {
    match name {
        "" => format!("data: {event}\n\n").into(),
        name => format!("event: {name}\ndata: {event}\n\n").into(),
    }
}

/// A frame of the event stream encoding; `kind` is `event` or `exception`.
pub(crate) fn frame(kind: &'static str, name: &str, payload: &[u8]) -> Vec<u8> {
    let string = |v: &str| HeaderValue::String(v.to_owned().into());
    let message = Message::new(payload.to_vec())
        .add_header(Header::new(format!(":{kind}-type"), string(name)))
        .add_header(Header::new(":content-type", string("application/json")))
        .add_header(Header::new(":message-type", string(kind)));
    let mut out = Vec::new();
    write_message_to(&message, &mut out).expect("a frame");
    out
}

pub(crate) fn packed(native: &Value) -> Vec<u8> {
    let chunk = json!({"bytes": STANDARD.encode(native.to_string()), "p": "abcd"});
    frame("event", "chunk", chunk.to_string().as_bytes())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn reason(parts: &[Part], tool: &'static str, stop: &'static str) -> &'static str {
    match parts.last() {
        Some(Part::Tool(..)) => tool,
        _ => stop,
    }
}

fn chat(who: &str, parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Vec<u8>> {
    let created = 1_700_000_000 + who.len();
    let chunk = |delta: Value, finish: Value| {
        sse(
            "",
            &json!({"id": format!("chatcmpl-{who}"), "object": "chat.completion.chunk",
            "created": created, "model": format!("model-{who}"),
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}], "usage": null}),
        )
    };
    let mut events = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    let mut tools = 0;
    for part in parts {
        match part {
            Part::Thought(pieces) => {
                for piece in pieces {
                    events.push(chunk(
                        json!({"reasoning_content": piece, "content": null}),
                        Value::Null,
                    ));
                }
            }
            Part::Text(pieces) => {
                for piece in pieces {
                    events.push(chunk(json!({"content": piece}), Value::Null));
                }
            }
            Part::Tool(name, pieces) => {
                events.push(chunk(
                    json!({"tool_calls": [{"index": tools, "id": format!("call_{who}{tools}"),
                    "type": "function", "function": {"name": name, "arguments": ""}}]}),
                    Value::Null,
                ));
                for piece in pieces {
                    events.push(chunk(
                        json!({"tool_calls": [{"index": tools, "function": {"arguments": piece}}]}),
                        Value::Null,
                    ));
                }
                tools += 1;
            }
        }
    }
    events.push(chunk(json!({}), reason(parts, "tool_calls", "stop").into()));
    events.push(sse("", &json!({"id": format!("chatcmpl-{who}"), "object": "chat.completion.chunk",
        "created": created, "model": format!("model-{who}"), "choices": [],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}})));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

fn completions(who: &str, parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Vec<u8>> {
    let chunk = |piece: &str, finish: Value, usage: Value| {
        sse(
            "",
            &json!({"id": format!("cmpl-{who}"), "object": "text_completion", "created": 1_700_000_000 + who.len(),
            "choices": [{"text": piece, "index": 0, "logprobs": null, "finish_reason": finish}],
            "model": format!("model-{who}"), "usage": usage}),
        )
    };
    let mut events = Vec::new();
    for part in parts {
        if let Part::Text(pieces) = part {
            events.extend(pieces.iter().map(|p| chunk(p, Value::Null, Value::Null)));
        }
    }
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion});
    events.push(chunk("", "stop".into(), usage));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

fn responses(who: &str, parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Vec<u8>> {
    let response = |status: &str, output: &[Value], usage: Value| {
        json!({"id": format!("resp_{who}"), "object": "response", "created_at": 1_700_000_000 + who.len(),
            "status": status, "model": format!("model-{who}"), "output": output, "usage": usage})
    };
    let mut events = Vec::new();
    let mut add = |kind: &str, members: Value| {
        let mut event = json!({"type": kind, "sequence_number": events.len()});
        for (key, value) in members.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        events.push(sse(kind, &event));
    };
    add(
        "response.created",
        json!({"response": response("in_progress", &[], Value::Null)}),
    );
    add(
        "response.in_progress",
        json!({"response": response("in_progress", &[], Value::Null)}),
    );
    let mut output: Vec<Value> = Vec::new();
    for part in parts {
        let at = output.len();
        let item = match part {
            Part::Thought(pieces) => {
                let mut item =
                    json!({"id": format!("rs_{who}{at}"), "type": "reasoning", "summary": []});
                let id = item["id"].clone();
                add(
                    "response.output_item.added",
                    json!({"output_index": at, "item": item}),
                );
                let begin = json!({"type": "summary_text", "text": ""});
                add(
                    "response.reasoning_summary_part.added",
                    json!({"item_id": id, "output_index": at, "summary_index": 0, "part": begin}),
                );
                for piece in pieces {
                    add(
                        "response.reasoning_summary_text.delta",
                        json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": piece}),
                    );
                }
                let whole = json!({"type": "summary_text", "text": pieces.concat()});
                add(
                    "response.reasoning_summary_text.done",
                    json!({"item_id": id, "output_index": at, "summary_index": 0, "text": whole["text"]}),
                );
                add(
                    "response.reasoning_summary_part.done",
                    json!({"item_id": id, "output_index": at, "summary_index": 0, "part": whole}),
                );
                item["summary"] = json!([whole]);
                item
            }
            Part::Text(pieces) => {
                let mut item = json!({"id": format!("msg_{who}{at}"), "type": "message", "status": "in_progress", "role": "assistant", "content": []});
                let id = item["id"].clone();
                add(
                    "response.output_item.added",
                    json!({"output_index": at, "item": item}),
                );
                let begin = json!({"type": "output_text", "annotations": [], "text": ""});
                add(
                    "response.content_part.added",
                    json!({"item_id": id, "output_index": at, "content_index": 0, "part": begin}),
                );
                for piece in pieces {
                    add(
                        "response.output_text.delta",
                        json!({"item_id": id, "output_index": at, "content_index": 0, "delta": piece, "logprobs": []}),
                    );
                }
                let whole =
                    json!({"type": "output_text", "annotations": [], "text": pieces.concat()});
                add(
                    "response.output_text.done",
                    json!({"item_id": id, "output_index": at, "content_index": 0, "text": whole["text"], "logprobs": []}),
                );
                add(
                    "response.content_part.done",
                    json!({"item_id": id, "output_index": at, "content_index": 0, "part": whole}),
                );
                item["content"] = json!([whole]);
                item["status"] = "completed".into();
                item
            }
            Part::Tool(name, pieces) => {
                let mut item = json!({"id": format!("fc_{who}{at}"), "type": "function_call", "status": "in_progress",
                    "call_id": format!("call_{who}"), "name": name, "arguments": ""});
                let id = item["id"].clone();
                add(
                    "response.output_item.added",
                    json!({"output_index": at, "item": item}),
                );
                for piece in pieces {
                    add(
                        "response.function_call_arguments.delta",
                        json!({"item_id": id, "output_index": at, "delta": piece}),
                    );
                }
                add(
                    "response.function_call_arguments.done",
                    json!({"item_id": id, "output_index": at, "arguments": pieces.concat()}),
                );
                item["arguments"] = pieces.concat().into();
                item["status"] = "completed".into();
                item
            }
        };
        add(
            "response.output_item.done",
            json!({"output_index": at, "item": item}),
        );
        output.push(item);
    }
    let usage = json!({"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion});
    add(
        "response.completed",
        json!({"response": response("completed", &output, usage)}),
    );
    events
}

fn messages(who: &str, parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": format!("msg_{who}"), "type": "message", "role": "assistant",
            "model": format!("model-{who}"), "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": prompt, "output_tokens": 1}}}),
    ];
    for (index, part) in parts.iter().enumerate() {
        let (block, deltas): (Value, Vec<Value>) = match part {
            Part::Thought(pieces) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                pieces
                    .iter()
                    .map(|p| json!({"type": "thinking_delta", "thinking": p}))
                    .chain([json!({"type": "signature_delta", "signature": "EqQB"})])
                    .collect(),
            ),
            Part::Text(pieces) => (
                json!({"type": "text", "text": ""}),
                pieces
                    .iter()
                    .map(|p| json!({"type": "text_delta", "text": p}))
                    .collect(),
            ),
            Part::Tool(name, pieces) => (
                json!({"type": "tool_use", "id": format!("toolu_{who}"), "name": name, "input": {}}),
                pieces
                    .iter()
                    .map(|p| json!({"type": "input_json_delta", "partial_json": p}))
                    .collect(),
            ),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.push(json!({"type": "ping"}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let reason = reason(parts, "tool_use", "end_turn");
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": completion}}),
    );
    events.push(json!({"type": "message_stop"}));
    events
}

fn gemini(who: &str, parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Value> {
    let chunk = |parts: Value, finish: Option<&str>, completion: u64| {
        let mut event = json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}],
            "usageMetadata": {"promptTokenCount": prompt, "totalTokenCount": prompt + completion},
            "modelVersion": format!("model-{who}"), "responseId": format!("r-{who}")});
        if let Some(finish) = finish {
            event["candidates"][0]["finishReason"] = finish.into();
            event["usageMetadata"]["candidatesTokenCount"] = completion.into();
        }
        event
    };
    let mut events = Vec::new();
    for part in parts {
        match part {
            Part::Thought(pieces) => {
                for piece in pieces {
                    events.push(chunk(json!([{"text": piece, "thought": true}]), None, 0));
                }
            }
            Part::Text(pieces) => {
                for piece in pieces {
                    events.push(chunk(json!([{"text": piece}]), None, 0));
                }
            }
            Part::Tool(name, pieces) => {
                let args: Value = serde_json::from_str(&pieces.concat()).expect("JSON");
                events.push(chunk(
                    json!([{"functionCall": {"name": name, "args": args}}]),
                    None,
                    0,
                ));
            }
        }
    }
    events.push(chunk(
        json!([{"text": "", "thoughtSignature": "AY89"}]),
        Some("STOP"),
        completion,
    ));
    events
}

fn converse(parts: &[Part], (prompt, completion): (u64, u64)) -> Vec<Vec<u8>> {
    let event = |name: &str, event: Value| frame("event", name, event.to_string().as_bytes());
    let mut events = vec![event(
        "messageStart",
        json!({"role": "assistant", "p": "ab"}),
    )];
    for (index, part) in parts.iter().enumerate() {
        let deltas: Vec<Value> = match part {
            Part::Thought(pieces) => pieces
                .iter()
                .map(|p| json!({"reasoningContent": {"text": p}}))
                .chain([json!({"reasoningContent": {"signature": "Eqk="}})])
                .collect(),
            Part::Text(pieces) => pieces.iter().map(|p| json!({"text": p})).collect(),
            Part::Tool(name, pieces) => {
                events.push(event(
                    "contentBlockStart",
                    json!({"contentBlockIndex": index,
                    "start": {"toolUse": {"name": name, "toolUseId": "tooluse_1"}}}),
                ));
                pieces
                    .iter()
                    .map(|p| json!({"toolUse": {"input": p}}))
                    .collect()
            }
        };
        for delta in deltas {
            events.push(event(
                "contentBlockDelta",
                json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}),
            ));
        }
        events.push(event(
            "contentBlockStop",
            json!({"contentBlockIndex": index}),
        ));
    }
    let reason = reason(parts, "tool_use", "end_turn");
    events.push(event("messageStop", json!({"stopReason": reason})));
    events.push(event(
        "metadata",
        json!({"usage": {"inputTokens": prompt, "outputTokens": completion,
        "totalTokens": prompt + completion}, "metrics": {"latencyMs": 1}}),
    ));
    events
}
