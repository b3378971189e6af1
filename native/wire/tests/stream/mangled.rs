//! Streams that no provider should send: nothing makes the reader panic, and no byte is lost that could be read.

use failover_wire::stream::{Continuation, Event, Stream, Worth};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{self, Wire};
use crate::provider::{answer, calls, frame, packed, says, sse, thinks};
use crate::recorded::ALL_RECORDED;
use crate::{pass, stream};

/// Asks a stream everything that the executor may ask it.
fn ask(stream: &Stream) {
    let request =
        br#"{"messages":[{"role":"user"}],"contents":[{"role":"user"}],"input":"x","prompt":"x"}"#;
    for marked in [false, true] {
        stream.prefilled(request, marked);
    }
    let _ = stream.can_go_on(request);
    stream.failure("x");
    stream.comment("x");
    stream.ending();
    stream.tokens();
    stream.model();
}

/// Feeds a stream in pieces, and gives all its events.
fn feed(stream: &mut Stream, body: &[u8], cuts: &[usize]) -> Vec<Event> {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    let mut events = Vec::new();
    for pair in cuts.windows(2) {
        events.extend(stream.feed(&body[pair[0]..pair[1]].to_vec().into()));
    }
    events.extend(stream.finish());
    ask(stream);
    events
}

/// When everything could be read, everything is passed on.
fn assert_nothing_lost(
    stream: &mut Stream,
    body: &[u8],
    cuts: &[usize],
) -> Result<(), TestCaseError> {
    let events = feed(stream, body, cuts);
    if events
        .iter()
        .all(|e| matches!(e.worth, Worth::Nothing | Worth::Useful))
    {
        let passed: Vec<u8> = events.iter().flat_map(|e| e.bytes.to_vec()).collect();
        let added: &[u8] = if stream.announces_its_end() {
            b"\n\n"
        } else {
            b""
        };
        prop_assert!(
            passed == body || passed == [body, added].concat(),
            "passed on: {}",
            passed.escape_ascii()
        );
    }
    Ok(())
}

/// A change to a stream.
#[derive(Debug, Clone)]
enum Change {
    Bytes(usize, usize, Vec<u8>),
    Swap(usize, usize),
    Repeat(usize, usize),
    Drop(usize),
    /// The event, the way to one of its members, and what stands there instead.
    Member(usize, Vec<usize>, Value),
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
        any::<f32>().prop_map(|f| json!(f)),
        "[a-z]{0,3}".prop_map(Value::from),
        prop::sample::select(vec![
            "message",
            "reasoning",
            "text",
            "output_text",
            "error",
            "response.output_text.delta",
            "message_start"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let key = prop::sample::select(vec![
            "type", "index", "delta", "text", "content", "item", "role", "error", "id",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..3).prop_map(|m| m
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        2 => (at(), 0usize..4, prop::collection::vec(any::<u8>(), 0..4)).prop_map(|(a, n, b)| Change::Bytes(a, n, b)),
        1 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Change::Repeat(a, b)),
        1 => at().prop_map(Change::Drop),
        5 => (at(), prop::collection::vec(at(), 0..5), any_json()).prop_map(|(a, p, v)| Change::Member(a, p, v)),
    ]
}

/// What an event says, beside the frame around it.
fn opened(wire: Wire, event: &[u8]) -> Option<(String, Value)> {
    match wire {
        Wire::Converse => client::frames(event).pop(),
        Wire::Invoke => {
            let (_, chunk) = client::frames(event).pop()?;
            Some((String::new(), client::native(&chunk)))
        }
        Wire::GeminiArray => {
            let element = event.trim_ascii_start();
            let element = element.strip_prefix(b"[").or(element.strip_prefix(b","))?;
            Some((String::new(), serde_json::from_slice(element).ok()?))
        }
        _ => client::blocks(event).pop().filter(|(_, e)| e.is_object()),
    }
}

fn closed(wire: Wire, before: &[u8], name: &str, event: &Value) -> Vec<u8> {
    match wire {
        Wire::Converse => frame("event", name, event.to_string().as_bytes()),
        Wire::Invoke => packed(event),
        Wire::GeminiArray if before.starts_with(b"[") => format!("[{event}").into(),
        Wire::GeminiArray => format!(",{event}").into(),
        _ => sse(name, event),
    }
}

fn replace(value: &mut Value, way: &[usize], new: &Value) {
    let next = match value {
        Value::Array(items) if !items.is_empty() => {
            let at = way.first().map(|w| w % items.len());
            at.and_then(|at| items.get_mut(at))
        }
        Value::Object(members) if !members.is_empty() => {
            let at = way.first().map(|w| w % members.len());
            at.and_then(|at| members.values_mut().nth(at))
        }
        _ => None,
    };
    match next {
        Some(next) => replace(next, &way[1..], new),
        None => *value = new.clone(),
    }
}

fn changed(wire: Wire, mut events: Vec<Vec<u8>>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let count = events.len();
        match change {
            Change::Swap(a, b) => events.swap(a % count, b % count),
            Change::Repeat(from, to) => events.insert(to % count, events[from % count].clone()),
            Change::Drop(at) if count > 1 => drop(events.remove(at % count)),
            Change::Member(at, way, new) => {
                let event = &mut events[at % count];
                if let Some((name, mut value)) = opened(wire, event) {
                    replace(&mut value, way, new);
                    *event = closed(wire, event, &name, &value);
                }
            }
            Change::Drop(_) | Change::Bytes(..) => {}
        }
    }
    let mut body = events.concat();
    for change in changes {
        if let Change::Bytes(at, taken, put) = change {
            let from = at % (body.len() + 1);
            let to = (from + taken).min(body.len());
            body.splice(from..to, put.iter().copied());
        }
    }
    body
}

fn wire() -> impl Strategy<Value = Wire> {
    prop::sample::select(Wire::ALL.to_vec())
}

const TEXT: &str = "The tide turns twice, 🌊 and then once more.";

/// A whole answer, with everything in it that the format has.
fn rich(wire: Wire, who: &str) -> Vec<Vec<u8>> {
    let parts = [
        thinks("Hm, the moon."),
        says(&TEXT[..22]),
        says(&TEXT[22..]),
        calls("tide_table", "{\"port\":\"Brest\"}"),
    ];
    answer(wire, who, &parts, (5, 6))
}

/// A stream that broke in its text.
fn broken(wire: Wire) -> Stream {
    let events = answer(wire, "first", &[says(TEXT)], (5, 6));
    let mut broken = stream(wire);
    for event in events {
        pass(&mut broken, &event, &[], &mut Vec::new());
        if broken.delivered() > 20 {
            return broken;
        }
    }
    panic!("{wire:?}: no text was delivered");
}

#[test]
fn the_largest_numbers_do_no_harm() {
    fn largest(value: &mut Value) {
        match value {
            Value::Number(_) => *value = json!(u64::MAX),
            Value::Array(items) => items.iter_mut().for_each(largest),
            Value::Object(members) => members.values_mut().for_each(largest),
            _ => {}
        }
    }
    for wire in Wire::ALL {
        let all = |who| {
            let events = rich(wire, who)
                .into_iter()
                .map(|event| match opened(wire, &event) {
                    Some((name, mut value)) => {
                        largest(&mut value);
                        closed(wire, &event, &name, &value)
                    }
                    None => event,
                });
            events.collect::<Vec<_>>().concat()
        };
        let mut first = stream(wire);
        feed(&mut first, &all("first"), &[]);
        let mut second = crate::joined(&broken(wire), wire, Continuation::Prefilled);
        feed(&mut second, &all("second"), &[]);
        if let Some(mut second) = first.joined_by(
            Some(wire.content_type()),
            wire.in_array(),
            Continuation::Again,
        ) {
            feed(&mut second, &all("second"), &[]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_bytes_are_passed_on(body: Vec<u8>, cuts: Vec<usize>, wire in wire()) {
        assert_nothing_lost(&mut stream(wire), &body, &cuts)?;
    }

    #[test]
    fn a_recorded_stream_with_changed_bytes_is_passed_on(
        which in 0..ALL_RECORDED.len(), changes in prop::collection::vec((any::<usize>(), 0usize..3, prop::collection::vec(any::<u8>(), 0..3)), 1..4),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let recorded = &ALL_RECORDED[which];
        let changes: Vec<Change> = changes.into_iter().map(|(a, n, b)| Change::Bytes(a, n, b)).collect();
        let body = changed(Wire::Chat, vec![recorded.body()], &changes);
        assert_nothing_lost(&mut recorded.stream(), &body, &cuts)?;
    }

    #[test]
    fn a_stream_with_changed_events_is_passed_on(
        wire in wire(), changes in prop::collection::vec(change(), 1..6), cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let body = changed(wire, rich(wire, "first"), &changes);
        assert_nothing_lost(&mut stream(wire), &body, &cuts)?;
    }

    #[test]
    fn a_candidate_that_goes_on_with_changed_events_does_no_harm(
        wire in wire(), changes in prop::collection::vec(change(), 1..6), cuts in prop::collection::vec(any::<usize>(), 0..4), again: bool,
    ) {
        let broken = broken(wire);
        let continuation = if again { Continuation::Again } else { Continuation::Prefilled };
        let body = changed(wire, rich(wire, "second"), &changes);
        let mut second = crate::joined(&broken, wire, continuation);
        let events = feed(&mut second, &body, &cuts);
        // What it says is in frames that are whole, whatever was in it.
        let passed: Vec<u8> = events.iter().filter(|e| matches!(e.worth, Worth::Nothing | Worth::Useful)).flat_map(|e| e.bytes.to_vec()).collect();
        match wire {
            Wire::Converse | Wire::Invoke => drop(client::frames(&passed)),
            _ => {}
        }
    }

    #[test]
    fn a_stream_with_changed_events_can_be_gone_on_with(
        wire in wire(), changes in prop::collection::vec(change(), 1..6), again: bool,
    ) {
        let mut first = stream(wire);
        feed(&mut first, &changed(wire, rich(wire, "first"), &changes), &[]);
        let continuation = if again { Continuation::Again } else { Continuation::Prefilled };
        if let Some(mut second) = first.joined_by(Some(wire.content_type()), wire.in_array(), continuation) {
            feed(&mut second, &rich(wire, "second").concat(), &[]);
        }
    }

    #[test]
    fn frames_with_right_checksums_and_any_headers_do_no_harm(
        headers in prop::collection::vec(any::<u8>(), 0..40), payload in prop::collection::vec(any::<u8>(), 0..20), short in -4i32..5,
    ) {
        // A headers' length that does not fit them, too.
        let length = (headers.len() as i32 + short).max(0) as u32;
        let mut message = (16 + headers.len() as u32 + payload.len() as u32).to_be_bytes().to_vec();
        message.extend(length.to_be_bytes());
        message.extend((client::crc(&message) as u32).to_be_bytes());
        message.extend(&headers);
        message.extend(&payload);
        message.extend((client::crc(&message) as u32).to_be_bytes());
        assert_nothing_lost(&mut stream(Wire::Converse), &message, &[])?;
    }

    #[test]
    fn headers_of_any_type_do_no_harm(
        headers in prop::collection::vec((prop::sample::select(vec![":event-type", ":message-type", ":exception-type", ":content-type", "x"]), 0u8..12, prop::collection::vec(any::<u8>(), 0..20)), 0..5),
    ) {
        let mut bytes = Vec::new();
        for (name, kind, value) in headers {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
            bytes.push(kind);
            if matches!(kind, 6 | 7) {
                bytes.extend((value.len() as u16).to_be_bytes());
            }
            bytes.extend(value);
        }
        let mut message = (16 + bytes.len() as u32).to_be_bytes().to_vec();
        message.extend((bytes.len() as u32).to_be_bytes());
        message.extend((client::crc(&message) as u32).to_be_bytes());
        message.extend(&bytes);
        message.extend((client::crc(&message) as u32).to_be_bytes());
        assert_nothing_lost(&mut stream(Wire::Converse), &message, &[])?;
    }
}
