//! A strict client for each wire format: it reads what a caller gets and takes nothing on trust. It shares no code
//! with the crate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A wire format, as its client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Chat,
    Completions,
    Responses,
    Messages,
    Gemini,
    GeminiArray,
    Converse,
    /// Anthropic's events in Bedrock's frames.
    Invoke,
}

impl Wire {
    pub(crate) const ALL: [Wire; 8] = [
        Wire::Chat,
        Wire::Completions,
        Wire::Responses,
        Wire::Messages,
        Wire::Gemini,
        Wire::GeminiArray,
        Wire::Converse,
        Wire::Invoke,
    ];

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Wire::GeminiArray => "application/json; charset=UTF-8",
            Wire::Converse | Wire::Invoke => "application/vnd.amazon.eventstream",
            _ => "text/event-stream; charset=utf-8",
        }
    }

    pub(crate) fn in_array(self) -> bool {
        self == Wire::GeminiArray
    }
}

/// An answer, as a client has it in the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub id: String,
    pub text: String,
    pub thoughts: String,
    /// Names and arguments.
    pub tools: Vec<(String, String)>,
    /// The finish reason, and whether the format's success marker came.
    pub finish: Option<String>,
    pub complete: bool,
    /// Prompt and completion tokens.
    pub usage: Option<(u64, u64)>,
    /// What the client raises.
    pub error: Option<String>,
    /// Items or blocks.
    pub blocks: usize,
}

/// Reads a body to its end.
///
/// # Panics
/// When the body breaks a rule of its format.
#[track_caller]
pub(crate) fn read(wire: Wire, body: &[u8]) -> Answer {
    let mut answer = Answer::default();
    let events = match wire {
        Wire::GeminiArray => elements(body),
        Wire::Converse | Wire::Invoke => frames(body),
        _ => blocks(body),
    };
    match wire {
        Wire::Chat | Wire::Completions => choices(wire, &events, &mut answer),
        Wire::Responses => responses(&events, &mut answer),
        Wire::Messages => messages(&events, &mut answer),
        Wire::Gemini | Wire::GeminiArray => gemini(&events, &mut answer),
        Wire::Converse => converse(&events, &mut answer),
        Wire::Invoke => messages(&unpacked(&events, &mut answer), &mut answer),
    }
    assert!(
        !(answer.complete && answer.error.is_some()),
        "an error was followed by the success marker"
    );
    answer
}

/// An event: its name, and its data.
type Event = (String, Value);

/// Server-sent events. `[DONE]` comes as a string.
#[track_caller]
pub(crate) fn blocks(body: &[u8]) -> Vec<Event> {
    let text = std::str::from_utf8(body).expect("UTF-8");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), String::new());
    for line in text.lines() {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut name), std::mem::take(&mut data));
            if !data.is_empty() {
                let value = serde_json::from_str(&data).unwrap_or(Value::String(data));
                events.push((name, value));
            }
        } else if let Some(value) = line.strip_prefix("data:") {
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
        } else if let Some(value) = line.strip_prefix("event:") {
            name = value.trim_start().to_owned();
        } else {
            assert!(
                line.starts_with(':') || line.starts_with("id:") || line.starts_with("retry:"),
                "a line that is no field: {line:?}"
            );
        }
    }
    assert!(
        data.is_empty(),
        "the last event has no blank line: {data:?}"
    );
    events
}

#[track_caller]
fn elements(body: &[u8]) -> Vec<Event> {
    let array: Vec<Value> = serde_json::from_slice(body)
        .unwrap_or_else(|e| panic!("no JSON array: {e}: {}", String::from_utf8_lossy(body)));
    array.into_iter().map(|v| (String::new(), v)).collect()
}

/// The event stream encoding. An exception comes under its type, with `!` before it.
#[track_caller]
pub(crate) fn frames(mut body: &[u8]) -> Vec<Event> {
    let number = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize;
    let mut events = Vec::new();
    while !body.is_empty() {
        let (length, headers) = (number(body), number(&body[4..]));
        assert!(length <= body.len(), "the last frame has no end");
        let (frame, rest) = body.split_at(length);
        assert_eq!(number(&frame[8..]), crc(&frame[..8]), "prelude checksum");
        assert_eq!(
            number(&frame[length - 4..]),
            crc(&frame[..length - 4]),
            "message checksum"
        );
        let mut named = std::collections::HashMap::new();
        let mut at = &frame[12..12 + headers];
        while !at.is_empty() {
            let name = 1 + usize::from(at[0]);
            assert_eq!(at[name], 7, "a header that is no string");
            let value = usize::from(u16::from_be_bytes([at[name + 1], at[name + 2]]));
            let text = |b: &[u8]| String::from_utf8(b.to_vec()).expect("UTF-8");
            named.insert(text(&at[1..name]), text(&at[name + 3..][..value]));
            at = &at[name + 3 + value..];
        }
        let name = match named[":message-type"].as_str() {
            "event" => named[":event-type"].clone(),
            _ => format!("!{}", named[":exception-type"]),
        };
        let payload = &frame[12 + headers..length - 4];
        events.push((name, serde_json::from_slice(payload).expect("JSON")));
        body = rest;
    }
    events
}

/// CRC-32 as Ethernet and zlib have it.
pub(crate) fn crc(bytes: &[u8]) -> usize {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut crc, mut bit) = (at as u32, 0);
            while bit < 8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        TABLE[(crc as u8 ^ byte) as usize] ^ (crc >> 8)
    });
    !crc as usize
}

#[track_caller]
fn unpacked(events: &[Event], answer: &mut Answer) -> Vec<Event> {
    let mut native = Vec::new();
    for (name, event) in events {
        if let Some(kind) = name.strip_prefix('!') {
            answer.error = Some(format!("{kind}: {}", event["message"]));
            continue;
        }
        assert_eq!(name, "chunk");
        let event = self::native(event);
        native.push((event["type"].as_str().unwrap_or_default().to_owned(), event));
    }
    native
}

/// The model's own event in a chunk.
#[track_caller]
pub(crate) fn native(chunk: &Value) -> Value {
    let bytes = chunk["bytes"].as_str().expect("bytes");
    serde_json::from_slice(&STANDARD.decode(bytes).expect("base64")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[track_caller]
fn same(id: &mut String, its: &Value) {
    let its = text(its);
    if id.is_empty() {
        its.clone_into(id);
    }
    // Azure's notes about the content filter have none.
    assert!(
        its.is_empty() || id == its,
        "two ids in one answer: {id}, {its}"
    );
}

#[track_caller]
fn usage(answer: &mut Answer, usage: &Value, prompt: &str, completion: &str) {
    let (before, after) = answer.usage.unwrap_or_default();
    if usage.is_object() {
        answer.usage = Some((
            usage[prompt].as_u64().unwrap_or(before),
            usage[completion].as_u64().unwrap_or(after),
        ));
    }
}

#[track_caller]
fn finish(answer: &mut Answer, reason: &Value) {
    if let Some(reason) = reason.as_str() {
        assert_eq!(answer.finish, None, "two finish reasons");
        answer.finish = Some(reason.to_owned());
    }
}

#[track_caller]
fn choices(wire: Wire, events: &[Event], answer: &mut Answer) {
    let mut created = 0;
    for (_, event) in events {
        assert!(!answer.complete, "an event after [DONE]: {event}");
        assert_eq!(answer.error, None, "an event after an error: {event}");
        if event == "[DONE]" {
            answer.complete = true;
            continue;
        }
        if event.get("error").is_some() {
            answer.error = Some(text(&event["error"]["message"]).to_owned());
            continue;
        }
        same(&mut answer.id, &event["id"]);
        let its = event["created"].as_u64().expect("created");
        if created == 0 {
            created = its;
        }
        assert!(its == 0 || created == its, "created changed");
        usage(
            answer,
            &event["usage"],
            "prompt_tokens",
            "completion_tokens",
        );
        for choice in event["choices"].as_array().expect("choices") {
            assert_eq!(choice["index"], 0, "another choice: {event}");
            let content = choice["delta"]["content"].clone();
            let more = wire == Wire::Completions && !text(&choice["text"]).is_empty()
                || !text(&content).is_empty()
                || choice["delta"].get("tool_calls").is_some();
            assert!(
                !more || answer.finish.is_none(),
                "content after the finish reason: {event}"
            );
            if wire == Wire::Completions {
                answer.text += choice["text"].as_str().expect("text");
            }
            answer.text += text(&content);
            for part in content.as_array().into_iter().flatten() {
                answer.text += text(&part["text"]);
                for thought in part["thinking"].as_array().into_iter().flatten() {
                    answer.thoughts += text(&thought["text"]);
                }
            }
            answer.thoughts += text(&choice["delta"]["reasoning_content"]);
            for call in choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let index = call["index"].as_u64().expect("index") as usize;
                if index == answer.tools.len() {
                    assert!(call["id"].is_string(), "a tool call without an id: {call}");
                    answer.tools.push(Default::default());
                }
                answer.tools[index].0 += text(&call["function"]["name"]);
                answer.tools[index].1 += text(&call["function"]["arguments"]);
            }
            finish(answer, &choice["finish_reason"]);
        }
    }
}

#[track_caller]
fn messages(events: &[Event], answer: &mut Answer) {
    let mut open: Option<(u64, String)> = None;
    let mut next = 0;
    for (at, (name, event)) in events.iter().enumerate() {
        assert_eq!(event["type"], name.as_str(), "name and type differ");
        assert!(!answer.complete, "an event after message_stop: {event}");
        let index = event["index"].as_u64();
        match name.as_str() {
            "ping" => {}
            "message_start" => {
                assert!(answer.id.is_empty(), "a second message_start");
                text(&event["message"]["id"]).clone_into(&mut answer.id);
                assert_eq!(event["message"]["content"], serde_json::json!([]));
                usage(
                    answer,
                    &event["message"]["usage"],
                    "input_tokens",
                    "output_tokens",
                );
            }
            _ if answer.id.is_empty() && name != "error" => panic!("{name} before message_start"),
            "content_block_start" => {
                assert_eq!(open, None, "a block within a block, event {at}");
                assert_eq!(index, Some(next), "blocks are numbered in order");
                next += 1;
                let block = &event["content_block"];
                open = Some((next - 1, text(&block["type"]).to_owned()));
                if block["type"] == "tool_use" {
                    answer
                        .tools
                        .push((text(&block["name"]).to_owned(), String::new()));
                }
                answer.blocks += 1;
            }
            "content_block_delta" => {
                let (current, kind) = open.as_ref().expect("an open block");
                assert_eq!(
                    index,
                    Some(*current),
                    "content of a block that is not open: {event}"
                );
                let delta = &event["delta"];
                match (kind.as_str(), text(&delta["type"])) {
                    ("text", "text_delta") => answer.text += text(&delta["text"]),
                    ("thinking", "thinking_delta") => answer.thoughts += text(&delta["thinking"]),
                    ("thinking", "signature_delta") => {}
                    ("tool_use", "input_json_delta") => {
                        answer.tools.last_mut().expect("a tool").1 += text(&delta["partial_json"]);
                    }
                    other => panic!("{other:?} do not go together"),
                }
            }
            "content_block_stop" => {
                let (current, _) = open.take().expect("an open block");
                assert_eq!(index, Some(current), "another block is open");
            }
            "message_delta" => {
                assert_eq!(open, None, "the message ends within a block");
                finish(answer, &event["delta"]["stop_reason"]);
                usage(answer, &event["usage"], "input_tokens", "output_tokens");
            }
            "message_stop" => {
                assert!(
                    answer.finish.is_some(),
                    "message_stop without a stop reason"
                );
                answer.complete = true;
            }
            "error" => answer.error = Some(text(&event["error"]["message"]).to_owned()),
            other => panic!("an unknown event: {other}"),
        }
    }
}

#[track_caller]
fn responses(events: &[Event], answer: &mut Answer) {
    use serde_json::json;
    let mut sequence = None;
    // The items as the events tell them.
    let mut output: Vec<Value> = Vec::new();
    let mut open: Vec<bool> = Vec::new();
    for (name, event) in events {
        if event == "[DONE]" {
            continue;
        }
        assert_eq!(event["type"], name.as_str(), "name and type differ");
        assert!(
            !answer.complete && answer.error.is_none(),
            "an event after the end: {event}"
        );
        let number = event["sequence_number"].as_u64().expect("sequence_number");
        assert!(
            sequence.is_none_or(|s| s < number),
            "{number} after {sequence:?}"
        );
        sequence = Some(number);
        let index = event["output_index"].as_u64().unwrap_or_default() as usize;
        let part_key = if event.get("summary_index").is_some() {
            "summary"
        } else {
            "content"
        };
        let part = event.get("summary_index").or(event.get("content_index"));
        let part = part.and_then(Value::as_u64).unwrap_or_default() as usize;
        if let Some(id) = event.get("item_id") {
            assert!(
                open.get(index) == Some(&true),
                "an event of an item that is not open: {event}"
            );
            assert_eq!(*id, output[index]["id"], "another item's id: {event}");
        }
        let joined = |value: &Value, more: &Value| json!(text(value).to_owned() + text(more));
        match name.as_str() {
            "response.created" | "response.in_progress" => {
                same(&mut answer.id, &event["response"]["id"])
            }
            "response.output_item.added" => {
                assert_eq!(index, output.len(), "items are numbered in order");
                assert!(!open.contains(&true), "an item within an item");
                output.push(event["item"].clone());
                open.push(true);
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                let parts = output[index][part_key].as_array_mut().expect("parts");
                assert_eq!(part, parts.len(), "parts are numbered in order");
                parts.push(event["part"].clone());
            }
            "response.output_text.delta" => {
                let told = &mut output[index][part_key][part];
                assert_eq!(
                    told["type"], "output_text",
                    "text outside of a part: {event}"
                );
                told["text"] = joined(&told["text"], &event["delta"]);
                answer.text += text(&event["delta"]);
            }
            "response.refusal.delta" => {
                let told = &mut output[index][part_key][part];
                told["refusal"] = joined(&told["refusal"], &event["delta"]);
            }
            "response.reasoning_summary_text.delta" => {
                let told = &mut output[index][part_key][part];
                told["text"] = joined(&told["text"], &event["delta"]);
                answer.thoughts += text(&event["delta"]);
            }
            "response.output_text.done" | "response.reasoning_summary_text.done" => {
                assert_eq!(event["text"], output[index][part_key][part]["text"]);
            }
            "response.refusal.done" => {
                assert_eq!(event["refusal"], output[index][part_key][part]["refusal"]);
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                let told = &output[index][part_key][part];
                assert_eq!(event["part"]["text"], told["text"]);
                assert_eq!(event["part"]["type"], told["type"]);
                output[index][part_key][part] = event["part"].clone();
            }
            "response.function_call_arguments.delta" => {
                let told = &mut output[index]["arguments"];
                *told = joined(told, &event["delta"]);
            }
            "response.function_call_arguments.done" => {
                assert_eq!(event["arguments"], output[index]["arguments"]);
            }
            "response.output_item.done" => {
                assert!(std::mem::take(&mut open[index]), "ended twice: {event}");
                let item = &event["item"];
                for key in ["id", "type", "content", "summary", "arguments"] {
                    assert_eq!(item.get(key), output[index].get(key), "{key} of the item");
                }
                if item["type"] == "function_call" {
                    let of = |key| text(&item[key]).to_owned();
                    answer.tools.push((of("name"), of("arguments")));
                }
                output[index] = item.clone();
            }
            "response.completed" | "response.incomplete" => {
                assert!(!open.contains(&true), "an item is still open");
                let response = &event["response"];
                same(&mut answer.id, &response["id"]);
                assert_eq!(
                    response["output"],
                    json!(output),
                    "the output is what was told"
                );
                usage(answer, &response["usage"], "input_tokens", "output_tokens");
                finish(answer, &response["status"]);
                answer.complete = true;
            }
            "error" => answer.error = Some(text(&event["message"]).to_owned()),
            other => panic!("an unknown event: {other}"),
        }
    }
    answer.blocks = output.len();
}

#[track_caller]
fn gemini(events: &[Event], answer: &mut Answer) {
    for (_, event) in events {
        assert_eq!(answer.error, None, "an event after an error: {event}");
        if event.get("error").is_some() {
            answer.error = Some(text(&event["error"]["message"]).to_owned());
            continue;
        }
        same(&mut answer.id, &event["responseId"]);
        usage(
            answer,
            &event["usageMetadata"],
            "promptTokenCount",
            "candidatesTokenCount",
        );
        let candidate = &event["candidates"][0];
        for part in candidate["content"]["parts"]
            .as_array()
            .into_iter()
            .flatten()
        {
            assert!(answer.finish.is_none(), "content after the finish reason");
            if let Some(call) = part.get("functionCall") {
                answer
                    .tools
                    .push((text(&call["name"]).to_owned(), call["args"].to_string()));
            } else if part["thought"] == true {
                answer.thoughts += text(&part["text"]);
            } else {
                answer.text += part["text"].as_str().expect("text");
            }
        }
        finish(answer, &candidate["finishReason"]);
    }
    answer.complete = answer.finish.is_some() && answer.error.is_none();
}

#[track_caller]
fn converse(events: &[Event], answer: &mut Answer) {
    let mut open: Option<u64> = None;
    let (mut next, mut begun) = (0, false);
    for (name, event) in events {
        assert_eq!(answer.error, None, "an event after an exception");
        let index = event["contentBlockIndex"].as_u64();
        match name.as_str() {
            "messageStart" => assert!(!std::mem::replace(&mut begun, true), "a second start"),
            "contentBlockStart" => {
                assert_eq!(open, None, "a block within a block");
                assert_eq!(index, Some(next), "blocks are numbered in order");
                open = index;
                next += 1;
                let tool = &event["start"]["toolUse"];
                answer
                    .tools
                    .push((text(&tool["name"]).to_owned(), String::new()));
            }
            "contentBlockDelta" => {
                let delta = &event["delta"];
                if open.is_none() {
                    assert!(
                        delta.get("toolUse").is_none(),
                        "a tool call without a start"
                    );
                    assert_eq!(index, Some(next), "blocks are numbered in order");
                    open = index;
                    next += 1;
                }
                assert_eq!(index, open, "content of a block that is not open");
                answer.text += text(&delta["text"]);
                answer.thoughts += text(&delta["reasoningContent"]["text"]);
                if let Some(tool) = delta.get("toolUse") {
                    answer.tools.last_mut().expect("a tool").1 += text(&tool["input"]);
                }
            }
            "contentBlockStop" => {
                assert!(
                    index.is_some() && open.take() == index,
                    "another block is open"
                );
            }
            "messageStop" => {
                assert_eq!(open, None, "the message ends within a block");
                finish(answer, &event["stopReason"]);
            }
            "metadata" => {
                assert!(answer.finish.is_some(), "metadata come last");
                usage(answer, &event["usage"], "inputTokens", "outputTokens");
                answer.complete = true;
            }
            _ if name.starts_with('!') => answer.error = Some(text(&event["message"]).to_owned()),
            other => panic!("an unknown event: {other}"),
        }
    }
    answer.blocks = next as usize;
}
