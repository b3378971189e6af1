//! The request that asks a candidate to go on: the text so far as the beginning of its answer, everything else as the
//! client sent it.

use failover_wire::stream::{NoWayOn, Stream};
use serde_json::{Value, json};

use crate::client::Wire;
use crate::provider::{Part, answer};
use crate::{pass, stream};

/// What a caller has; it ends in white space, which a prefill may not (Anthropic API documentation, "Prefill").
const DELIVERED: &str = "Say \"é\"\n ";
const PREFILL: &str = r#""Say \"é\"""#;

/// A stream that has delivered a text.
fn delivered(wire: Wire, text: &str) -> Stream {
    let events = answer(wire, "first", &[Part::Text(vec![text.to_owned()])], (1, 1));
    let mut stream = stream(wire);
    for event in events {
        pass(&mut stream, &event, &[], &mut Vec::new());
        if stream.delivered() == text.len() && stream.useful() {
            return stream;
        }
    }
    panic!("{wire:?}: {text:?} was not delivered");
}

#[track_caller]
fn assert_prefilled(wire: Wire, request: &str, expected: Option<&str>) {
    let prefilled = delivered(wire, DELIVERED).prefilled(request.as_bytes(), false);
    let prefilled = prefilled.map(|p| String::from_utf8(p).expect("UTF-8"));
    assert_eq!(prefilled.as_deref(), expected, "{wire:?}: {request}");
}

/// A request whose list of messages is `list`, spelled as a client may spell it.
fn spelled(key: &str, list: &str) -> String {
    format!("{{ \"n\" : 1.00e+0,\t\"{key}\": {list} , \"x\":1, \"x\":\"\\u0041\" }}\n")
}

#[test]
fn the_text_so_far_is_put_behind_the_messages_and_nothing_else_changes() {
    let user = r#"[ {"content":"] \"x\"" ,"role":"user"}"#;
    for (wire, key, item) in [
        (
            Wire::Chat,
            "messages",
            format!(r#"{{"role":"assistant","content":{PREFILL}}}"#),
        ),
        (
            Wire::Messages,
            "messages",
            format!(r#"{{"role":"assistant","content":{PREFILL}}}"#),
        ),
        (
            Wire::Invoke,
            "messages",
            format!(r#"{{"role":"assistant","content":{PREFILL}}}"#),
        ),
        (
            Wire::Converse,
            "messages",
            format!(r#"{{"role":"assistant","content":[{{"text":{PREFILL}}}]}}"#),
        ),
        (
            Wire::Gemini,
            "contents",
            format!(r#"{{"role":"model","parts":[{{"text":{PREFILL}}}]}}"#),
        ),
        (
            Wire::GeminiArray,
            "contents",
            format!(r#"{{"role":"model","parts":[{{"text":{PREFILL}}}]}}"#),
        ),
        (
            Wire::Responses,
            "input",
            format!(r#"{{"role":"assistant","content":{PREFILL}}}"#),
        ),
    ] {
        let request = spelled(key, &format!("{user} ]"));
        let expected = spelled(key, &format!("{user},{item}]"));
        assert_prefilled(wire, &request, Some(&expected));
    }
}

#[test]
fn a_completions_prompt_goes_on() {
    assert_prefilled(
        Wire::Completions,
        "{\"prompt\": \"To \\u0061ll:\" ,\"max_tokens\":9}",
        Some(r#"{"prompt": "To all:Say \"é\"" ,"max_tokens":9}"#),
    );
    for prompt in ["[\"a\",\"b\"]", "[1,2]", "null"] {
        assert_prefilled(Wire::Completions, &format!("{{\"prompt\":{prompt}}}"), None);
    }
}

#[test]
fn a_responses_input_that_is_a_string_becomes_a_list() {
    let request = r#"{"model":"m","input": "Hi\n" ,"store":false}"#;
    let expected = r#"{"model":"m","input": [{"role":"user","content":"Hi\n"},{"role":"assistant","content":"Say \"é\""}] ,"store":false}"#;
    assert_prefilled(Wire::Responses, request, Some(expected));
}

#[test]
fn mistral_is_told_that_it_is_a_prefix_when_it_asks() {
    let request = br#"{"messages":[{"role":"user","content":"x"}]}"#;
    let marked = delivered(Wire::Chat, "a")
        .prefilled(request, true)
        .expect("a request");
    let marked: Value = serde_json::from_slice(&marked).expect("JSON");
    let expected = json!({"role": "assistant", "content": "a", "prefix": true});
    assert_eq!(marked["messages"][1], expected);
}

#[test]
fn the_callers_own_prefill_is_not_followed_by_another() {
    for (wire, key, role) in [
        (Wire::Chat, "messages", "assistant"),
        (Wire::Messages, "messages", "assistant"),
        (Wire::Invoke, "messages", "assistant"),
        (Wire::Converse, "messages", "assistant"),
        (Wire::Responses, "input", "assistant"),
        (Wire::Gemini, "contents", "model"),
    ] {
        let own = format!(r#"[{{"role":"user"}},{{"role":"{role}","content":"{{"}}]"#);
        assert_prefilled(wire, &spelled(key, &own), None);
        for other in ["[]", "{}", "\"x\"", "null", "[1]"] {
            if (wire, other) == (Wire::Responses, "\"x\"") || other == "[1]" {
                continue;
            }
            assert_prefilled(wire, &spelled(key, other), None);
        }
        assert_prefilled(wire, "{}", None);
        assert_prefilled(wire, "[]", None);
        assert_prefilled(wire, "{", None);
    }
}

#[test]
fn there_is_no_prefill_with_thoughts_that_it_would_forbid() {
    let messages = r#""messages":[{"role":"user","content":"x"}]"#;
    for (wire, thinking, prefilled) in [
        (
            Wire::Messages,
            r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
            false,
        ),
        (Wire::Messages, r#""thinking":{"type":"adaptive"}"#, false),
        (Wire::Messages, r#""thinking":{"type":"disabled"}"#, true),
        (Wire::Messages, r#""thinking":null"#, true),
        (
            Wire::Invoke,
            r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
            false,
        ),
        (
            Wire::Converse,
            r#""additionalModelRequestFields":{"thinking":{"type":"enabled"}}"#,
            false,
        ),
        (
            Wire::Converse,
            r#""additionalModelRequestFields":{"thinking":{"type":"disabled"}}"#,
            true,
        ),
        (
            Wire::Converse,
            r#""additionalModelRequestFields":{"top_k":3}"#,
            true,
        ),
    ] {
        let request = format!("{{{messages},{thinking}}}");
        let stream = delivered(wire, "a");
        assert_eq!(
            stream.prefilled(request.as_bytes(), false).is_some(),
            prefilled,
            "{wire:?}: {thinking}"
        );
        assert_eq!(
            stream.can_go_on(request.as_bytes()),
            Ok(()),
            "{wire:?}: a repeat is possible"
        );
    }
}

#[test]
fn white_space_alone_is_no_prefill() {
    for wire in Wire::ALL {
        let request = br#"{"messages":[{"role":"user"}],"contents":[{"role":"user"}],"input":"x","prompt":"x"}"#;
        assert_eq!(
            delivered(wire, " \n").prefilled(request, false),
            None,
            "{wire:?}"
        );
    }
}

#[test]
fn only_plain_text_is_continued() {
    let tools = r#""tools":[{"type":"function"}]"#;
    for (wire, request, plain) in [
        (
            Wire::Chat,
            r#""n":1,"logprobs":false,"modalities":["text"],"response_format":{"type":"text"}"#,
            true,
        ),
        (
            Wire::Chat,
            r#""n":null,"logprobs":null,"response_format":null,"modalities":null"#,
            true,
        ),
        (Wire::Chat, tools, true),
        (
            Wire::Chat,
            r#""response_format":{"type":"json_object"}"#,
            false,
        ),
        (
            Wire::Chat,
            r#""response_format":{"type":"json_schema","json_schema":{}}"#,
            false,
        ),
        (Wire::Chat, r#""n":2"#, false),
        (Wire::Chat, r#""logprobs":true"#, false),
        (Wire::Chat, r#""modalities":["text","audio"]"#, false),
        (
            Wire::Completions,
            r#""n":1,"best_of":1,"logprobs":null,"echo":false"#,
            true,
        ),
        (Wire::Completions, r#""n":2"#, false),
        (Wire::Completions, r#""best_of":3"#, false),
        (Wire::Completions, r#""logprobs":0"#, false),
        (Wire::Completions, r#""echo":true"#, false),
        (
            Wire::Responses,
            r#""text":{"format":{"type":"text"},"verbosity":"low"},"top_logprobs":0"#,
            true,
        ),
        (
            Wire::Responses,
            r#""text":{"format":{"type":"json_schema","schema":{}}}"#,
            false,
        ),
        (
            Wire::Responses,
            r#""text":{"format":{"type":"json_object"}}"#,
            false,
        ),
        (Wire::Responses, r#""top_logprobs":2"#, false),
        (Wire::Messages, tools, true),
        (
            Wire::Messages,
            r#""output_format":{"type":"json_schema","schema":{}}"#,
            false,
        ),
        (Wire::Messages, r#""output_config":{"effort":"low"}"#, true),
        (
            Wire::Messages,
            r#""output_config":{"format":{"type":"json_schema"}}"#,
            false,
        ),
        (
            Wire::Invoke,
            r#""output_format":{"type":"json_schema","schema":{}}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseMimeType":"text/plain","candidateCount":1}"#,
            true,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseModalities":["TEXT"],"thinkingConfig":{}}"#,
            true,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseMimeType":"application/json"}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generation_config":{"response_mime_type":"application/json"}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseSchema":{}}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseJsonSchema":{}}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"candidateCount":2}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseModalities":["TEXT","IMAGE"]}"#,
            false,
        ),
        (
            Wire::Gemini,
            r#""generationConfig":{"responseLogprobs":true}"#,
            false,
        ),
        (Wire::Converse, r#""toolConfig":{"tools":[]}"#, true),
        (
            Wire::Converse,
            r#""outputConfig":{"textFormat":{"type":"json_schema"}}"#,
            false,
        ),
    ] {
        let expected = if plain {
            Ok(())
        } else {
            Err(NoWayOn::NotPlainText)
        };
        let request = format!("{{{request}}}");
        assert_eq!(
            delivered(wire, "a").can_go_on(request.as_bytes()),
            expected,
            "{wire:?}: {request}"
        );
    }
}

#[test]
fn nobody_goes_on_with_what_is_not_known_or_too_long_or_several() {
    let mut unknown = stream(Wire::Chat);
    unknown.feed(&b"data: hello\n\n"[..].into());
    assert_eq!(unknown.can_go_on(b"{}"), Err(NoWayOn::UnknownFormat));
    assert_eq!(
        delivered(Wire::Chat, "a").can_go_on(b"no JSON"),
        Err(NoWayOn::UnknownFormat)
    );

    let two = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n";
    let mut several = stream(Wire::Chat);
    several.feed(&two[..].into());
    assert_eq!(several.can_go_on(b"{}"), Err(NoWayOn::NotPlainText));

    for wire in Wire::ALL {
        let text = Part::Text(vec!["abcd".to_owned(); 3]);
        let events = answer(wire, "first", &[text], (1, 1)).concat();
        for (kept, expected) in [
            (12, Ok(())),
            (11, Err(NoWayOn::TooLong)),
            (0, Err(NoWayOn::TooLong)),
        ] {
            let mut stream =
                Stream::from_content_type(Some(wire.content_type()), wire.in_array(), kept)
                    .expect("a stream");
            pass(&mut stream, &events, &[], &mut Vec::new());
            assert_eq!(
                stream.can_go_on(b"{}"),
                expected,
                "{wire:?}, {kept} bytes kept"
            );
            assert!(stream.delivered() <= kept);
        }
    }
}

#[test]
fn a_text_in_parts_counts_as_one() {
    let mut stream = stream(Wire::Chat);
    stream.feed(
        &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}]}}]}\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}}]}\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"}}]}\n\n"[..]
            .into(),
    );
    assert_eq!((stream.delivered(), stream.can_go_on(b"{}")), (3, Ok(())));
    let prefilled = stream
        .prefilled(br#"{"messages":[{"role":"user"}]}"#, false)
        .expect("a request");
    assert!(
        String::from_utf8(prefilled)
            .expect("UTF-8")
            .contains("\"content\":\"abc\"")
    );

    stream.feed(&b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"image_url\",\"image_url\":\"x\"}]}}]}\n\n"[..].into());
    assert_eq!(stream.can_go_on(b"{}"), Err(NoWayOn::NotPlainText));
}
