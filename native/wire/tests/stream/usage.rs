//! What a stream says it has used, and what of that its caller is shown (`behaviour.md` §7).

use failover_wire::stream::{Continuation, Observer, Stream, Tokens, Worth};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{self, Wire};
use crate::provider::{answer, packed, says, sse};
use crate::recorded::ALL_RECORDED;
use crate::{End, joined, pass, stream};

fn tokens(prompt: u64, completion: u64, total: u64) -> Option<Tokens> {
    Some(Tokens {
        prompt,
        completion,
        total,
    })
}

/// A stream's body without the chunks that have usage and no choice, and how many those are.
fn without_usage(body: &[u8]) -> (Vec<u8>, usize) {
    let text = std::str::from_utf8(body).expect("UTF-8");
    let (hidden, shown): (Vec<&str>, Vec<&str>) = text.split_inclusive("\n\n").partition(|block| {
        let data = block.trim_end().strip_prefix("data: ");
        let event: Value = data
            .and_then(|d| serde_json::from_str(d).ok())
            .unwrap_or_default();
        event["usage"].is_object() && event["choices"] == json!([])
    });
    (shown.concat().into(), hidden.len())
}

/// The recorded streams in which usage has a chunk of its own.
const IN_ITS_OWN_CHUNK: [&str; 3] = ["chat-text.sse", "azure-text.sse", "completions-text.sse"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn usage_that_the_caller_has_not_asked_for_is_counted_and_nothing_else_changes(
        which in 0..ALL_RECORDED.len(), cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let recorded = &ALL_RECORDED[which];
        let body = recorded.body();
        let (mut open, mut shown) = (recorded.stream(), Vec::new());
        let end = pass(&mut open, &body, &cuts, &mut shown);
        let (mut hiding, mut passed) = (recorded.stream(), Vec::new());
        hiding.hide_usage();
        prop_assert_eq!(pass(&mut hiding, &body, &cuts, &mut passed), end);
        let chunks = match recorded.wire {
            Some(Wire::Chat | Wire::Completions) => {
                let (rest, chunks) = without_usage(&shown);
                shown = rest;
                chunks
            }
            _ => 0,
        };
        prop_assert_eq!(chunks, usize::from(IN_ITS_OWN_CHUNK.contains(&recorded.file)));
        prop_assert!(passed == shown, "{}: {}", recorded.file, passed.escape_ascii());
        prop_assert_eq!(hiding.tokens(), open.tokens());
        prop_assert_eq!(hiding.delivered(), open.delivered());
    }
}

#[test]
fn only_a_chunk_that_has_nothing_but_usage_is_hidden() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let choice = json!({"index": 0, "text": "", "delta": {}, "finish_reason": "stop"});
    for (wire, beginning) in [
        (Wire::Chat, json!({"index": 0, "delta": {"content": "a"}})),
        (Wire::Completions, json!({"index": 0, "text": "a"})),
    ] {
        for (event, hidden) in [
            (json!({"choices": [], "usage": usage}), true),
            (json!({"usage": usage}), true),
            (json!({"choices": null, "usage": usage}), true),
            (json!({"choices": [choice], "usage": usage}), false),
            (json!({"choices": [choice], "usage": null}), false),
            (json!({"choices": [], "prompt_filter_results": []}), false),
            (json!({"choices": [], "usage": null}), false),
            (json!({"error": {"message": "x"}, "usage": usage}), false),
        ] {
            let written = sse("", &event);
            let mut stream = stream(wire);
            stream.hide_usage();
            stream.feed(&sse("", &json!({"choices": [beginning]})).into());
            let read = stream.feed(&written.clone().into()).remove(0);
            let expected: &[u8] = if hidden { b"" } else { &written };
            assert_eq!(read.bytes, expected, "{wire:?}: {event}");
            if hidden {
                assert_eq!(read.worth, Worth::Nothing, "{wire:?}: {event}");
            }
            let counted = event["usage"].is_object() && event.get("error").is_none();
            assert_eq!(
                stream.tokens().is_some(),
                counted,
                "{wire:?}: {event} counts"
            );
        }
        let mut others = stream(wire);
        others.hide_usage();
        let around = b": ping\n\nid: 7\nretry: 10\n\ndata: [DONE]\n\n";
        let passed: Vec<u8> = others
            .feed(&around[..].into())
            .into_iter()
            .flat_map(|e| e.bytes)
            .collect();
        assert_eq!(passed, around, "{wire:?}");
    }
}

#[test]
fn the_usage_of_who_goes_on_is_hidden_too() {
    let first = answer(Wire::Chat, "first", &[says("The tide turns.")], (11, 50));
    let again = answer(Wire::Chat, "second", &[says("The tide turns.")], (22, 7));
    for hides in [false, true] {
        let (mut broken, mut caller) = (stream(Wire::Chat), Vec::new());
        if hides {
            broken.hide_usage();
        }
        // Some report in each chunk what has been used so far.
        let mut early: Value = client::blocks(&first[1]).remove(0).1;
        early["usage"] = json!({"prompt_tokens": 11, "completion_tokens": 1});
        let begun = [&first[0], &sse("", &early)[..]].concat();
        assert_eq!(pass(&mut broken, &begun, &[], &mut caller), End::Cut);
        let mut whole = joined(&broken, Wire::Chat, Continuation::Again);
        let mut rest = Vec::new();
        assert_eq!(
            pass(&mut whole, &again.concat(), &[], &mut rest),
            End::Whole
        );
        let chunks = without_usage(&rest).1;
        assert_eq!(chunks, usize::from(!hides), "chunks of usage alone");
        assert_eq!(whole.tokens(), tokens(33, 8, 12 + 29), "of both");
        assert_eq!(whole.model(), Some("model-first"), "whose id it is");
        caller.extend(rest);
        let read = client::read(Wire::Chat, &caller);
        assert_eq!(
            (read.text.as_str(), read.complete),
            ("The tide turns.", true)
        );
    }
}

#[test]
fn a_message_that_ends_early_has_used_what_it_has_said_by_then() {
    for wire in [Wire::Messages, Wire::Invoke] {
        let events = answer(wire, "first", &[says("The tide turns.")], (18, 11));
        let mut stream = stream(wire);
        pass(&mut stream, &events[..4].concat(), &[], &mut Vec::new());
        assert_eq!(stream.tokens(), tokens(18, 1, 19), "{wire:?}");
        assert_eq!(stream.model(), Some("model-first"), "{wire:?}");
    }
}

#[test]
fn bedrocks_own_counts_stand_in_for_a_model_that_reports_none() {
    let metrics = json!({"inputTokenCount": 4, "outputTokenCount": 3, "invocationLatency": 1});
    for native in [
        json!({"outputs": [{"text": "a", "stop_reason": "stop"}]}),
        json!({"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": {}}),
    ] {
        let mut stream = stream(Wire::Invoke);
        stream.feed(&packed(&native).into());
        assert_eq!(stream.tokens(), None, "{native}");
        let mut last = native;
        last["amazon-bedrock-invocationMetrics"] = metrics.clone();
        stream.feed(&packed(&last).into());
        assert_eq!(stream.tokens(), tokens(4, 3, 7), "{last}");
    }
}

#[test]
fn a_first_name_that_is_empty_is_not_the_models() {
    let mut stream = stream(Wire::Chat);
    for (name, expected) in [("", None), ("a", Some("a")), ("b", Some("a"))] {
        stream.feed(&sse("", &json!({"choices": [], "model": name})).into());
        assert_eq!(stream.model(), expected, "after {name:?}");
    }
}

/// Reads the events of a format of nobody's.
#[derive(Debug, Default)]
struct Reader {
    events: u64,
    model: String,
}

impl Observer for Reader {
    fn observe(&mut self, event: &Value) {
        self.events += 1;
        self.model = event["engine"].as_str().unwrap_or_default().to_owned();
    }

    fn tokens(&self) -> Option<Tokens> {
        tokens(self.events, 0, self.events)
    }

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }
}

fn observed(content_type: &str, body: &str) -> Stream {
    let mut stream = Stream::from_content_type(Some(content_type), true, 0).expect("a stream");
    stream.observe(Box::new(Reader::default()));
    let passed: Vec<u8> = stream
        .feed(&body.to_owned().into())
        .into_iter()
        .flat_map(|e| e.bytes)
        .collect();
    assert_eq!(passed, body.as_bytes(), "an observer changes nothing");
    stream
}

#[test]
fn what_is_not_known_here_can_be_read_by_who_knows_it() {
    for (content_type, body) in [
        (
            "text/event-stream",
            "data: {\"engine\":\"e\"}\n\n: ping\n\ndata: word\n\ndata: {\"engine\":\"f\"}\n\n",
        ),
        (
            "application/json",
            "[{\"engine\":\"e\"},{\"engine\":\"f\"}]",
        ),
    ] {
        let stream = observed(content_type, body);
        assert_eq!(stream.tokens(), tokens(2, 0, 2), "{content_type}");
        assert_eq!(stream.model(), Some("f"), "{content_type}");
    }
}

#[test]
fn a_known_formats_own_words_go_before_the_observers() {
    let mut chunk = json!({"choices": [{"index": 0, "delta": {"content": "a"}}], "engine": "e"});
    let read = |chunk: &Value| {
        let body = String::from_utf8(sse("", chunk)).expect("UTF-8");
        let stream = observed("text/event-stream", &body);
        (stream.tokens(), stream.model().map(str::to_owned))
    };
    assert_eq!(read(&chunk), (tokens(1, 0, 1), Some("e".to_owned())));
    chunk["model"] = json!("m");
    chunk["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2});
    assert_eq!(read(&chunk), (tokens(3, 2, 5), Some("m".to_owned())));
}
