//! One candidate breaks off, another goes on (`behaviour.md` §6): whatever the cut, a strict client reads one answer.

use std::sync::OnceLock;

use failover_wire::stream::{Continuation, NoWayOn, Stream};
use serde_json::{Value, json};

use crate::client::{self, Answer, Wire};
use crate::provider::{Part, answer, calls, pieces, says, sse, thinks};
use crate::recorded::ALL_RECORDED;
use crate::{End, joined, pass, stream};

/// Nothing in it is said twice, save a word; there is white space to trim at many a cut.
const TEXT: &str = "The tide turns twice.\n\n1. High water: 🌊 at six;\n2. low water at noon.  Après, it rises \"again\".";
const THOUGHT: &str = "Say when, and how high.";

const FIRST_USAGE: (u64, u64) = (11, 50);
const SECOND_USAGE: (u64, u64) = (22, 7);
const THIRD_USAGE: (u64, u64) = (44, 3);

/// What the first candidate says: shapes of one and the same answer.
fn shapes(wire: Wire) -> Vec<Vec<Part>> {
    let (one, two) = TEXT.split_at(60);
    let mut shapes = vec![vec![says(TEXT)]];
    if wire != Wire::Completions {
        shapes.push(vec![thinks(THOUGHT), says(TEXT)]);
        shapes.push(vec![says(one), says(two)]);
        shapes.push(vec![
            thinks(THOUGHT),
            says(one),
            thinks("And then?"),
            says(two),
        ]);
    }
    shapes
}

/// A stream that broke, and what the caller has of it.
#[derive(Debug)]
struct Broken {
    stream: Stream,
    caller: Vec<u8>,
    what: String,
}

impl Broken {
    /// The text that the caller has.
    fn delivered(&self) -> &'static str {
        &TEXT[..self.stream.delivered()]
    }

    /// The rest of it. A prefill goes without the white space at its end, which comes once more.
    fn rest(&self) -> &'static str {
        &TEXT[self.delivered().trim_end().len()..]
    }

    /// Another candidate goes on with these events.
    fn joined(
        &self,
        wire: Wire,
        continuation: Continuation,
        events: &[Vec<u8>],
        what: &str,
    ) -> (End, Broken) {
        let mut stream = joined(&self.stream, wire, continuation);
        let mut caller = self.caller.clone();
        let end = pass(&mut stream, &events.concat(), &[], &mut caller);
        let what = format!("{}; {what}", self.what);
        (
            end,
            Broken {
                stream,
                caller,
                what,
            },
        )
    }

    /// The answer, when it is whole.
    #[track_caller]
    fn read(mut self, wire: Wire, end: End) -> Answer {
        assert_eq!(end, End::Whole, "{}", self.what);
        self.caller.extend(self.stream.ending());
        let answer = read(wire, &self.caller, &self.what);
        assert!(answer.complete, "{}: not whole: {answer:?}", self.what);
        answer
    }
}

/// Names the case when the client does not like what it reads.
fn read(wire: Wire, caller: &[u8], what: &str) -> Answer {
    std::panic::catch_unwind(|| client::read(wire, caller)).unwrap_or_else(|_| {
        panic!(
            "{what}: the client gave up on\n{}",
            caller.escape_ascii().to_string().replace("\\n", "\n")
        )
    })
}

/// The stream cut at every boundary between its events behind the first useful one, and within every fourth event.
fn every_cut(wire: Wire, parts: &[Part]) -> Vec<Broken> {
    let events = answer(wire, "first", parts, FIRST_USAGE);
    let mut cuts = Vec::new();
    for count in 1..events.len() {
        let within = (count % 4 == 1).then_some(events[count].len() / 2);
        for part in [0].into_iter().chain(within) {
            let mut body = events[..count].concat();
            body.extend(&events[count][..part]);
            let (mut stream, mut caller) = (stream(wire), Vec::new());
            let end = pass(&mut stream, &body, &[], &mut caller);
            if stream.useful() && !stream.finished() {
                assert_eq!(end, End::Cut);
                let what = format!(
                    "{wire:?}, {} parts, cut after {count} events and {part} bytes",
                    parts.len()
                );
                cuts.push(Broken {
                    stream,
                    caller,
                    what,
                });
            }
        }
    }
    assert!(cuts.len() > 20, "{wire:?}: {} cuts", cuts.len());
    cuts
}

/// Every cut of every shape that another candidate can go on with.
fn every_broken(wire: Wire) -> &'static [Broken] {
    static MADE: [OnceLock<Vec<Broken>>; 8] = [const { OnceLock::new() }; 8];
    MADE[wire as usize].get_or_init(|| {
        let cuts = shapes(wire)
            .into_iter()
            .flat_map(|parts| every_cut(wire, &parts));
        cuts.filter(|broken| broken.stream.can_go_on(b"{}").is_ok())
            .collect()
    })
}

fn second(wire: Wire, parts: &[Part]) -> Vec<Vec<u8>> {
    answer(wire, "second", parts, SECOND_USAGE)
}

/// The usage that a client has in the end, when the first candidate broke off: what it had said by then, and all of
/// the others.
fn expected_usage(wire: Wire, others: &[(u64, u64)]) -> (u64, u64) {
    let first = match wire {
        Wire::Messages | Wire::Invoke => (FIRST_USAGE.0, 1),
        Wire::Gemini | Wire::GeminiArray => (FIRST_USAGE.0, 0),
        _ => (0, 0),
    };
    others
        .iter()
        .fold(first, |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[track_caller]
fn assert_one_answer(wire: Wire, end: End, broken: Broken, others: &[(u64, u64)]) {
    let (what, tokens) = (broken.what.clone(), broken.stream.tokens());
    let model = broken.stream.model().map(str::to_owned);
    let answer = broken.read(wire, end);
    assert_eq!(answer.text, TEXT, "{what}: its text");
    assert!(
        THOUGHT.starts_with(&answer.thoughts) || answer.thoughts.starts_with(THOUGHT),
        "{what}: thoughts of two"
    );
    assert!(
        answer.id.is_empty() || answer.id.contains("first"),
        "{what}: its id is {}",
        answer.id
    );
    let usage = expected_usage(wire, others);
    assert_eq!(answer.usage, Some(usage), "{what}: usage");
    let tokens = tokens.map(|t| (t.prompt, t.completion, t.total));
    let expected = (usage.0, usage.1, usage.0 + usage.1);
    assert_eq!(tokens, Some(expected), "{what}: tokens");
    let named = (wire != Wire::Converse).then_some("model-first");
    assert_eq!(model.as_deref(), named, "{what}: its model");
}

/// A way in which a candidate says the rest of what the caller has.
#[derive(Debug, Clone)]
struct Saying {
    continuation: Continuation,
    text: &'static str,
    how: String,
}

fn sayings(broken: &Broken) -> Vec<Saying> {
    let delivered = broken.delivered();
    let saying = |continuation, text, how: &str| Saying {
        continuation,
        text,
        how: how.to_owned(),
    };
    let mut sayings = vec![
        saying(
            Continuation::Prefilled,
            broken.rest(),
            "prefilled, the rest",
        ),
        saying(
            Continuation::Prefilled,
            TEXT,
            "prefilled, everything once more",
        ),
        saying(Continuation::Again, TEXT, "again"),
    ];
    let rest = &TEXT[delivered.len()..];
    if rest != broken.rest() && !rest.starts_with(char::is_whitespace) {
        let how = "prefilled, the rest without the white space";
        sayings.push(saying(Continuation::Prefilled, rest, how));
    }
    let back = [8, 13, 30][delivered.len() % 3];
    let from = delivered.len().saturating_sub(back);
    if from > 0 && delivered.is_char_boundary(from) {
        let how = format!("prefilled, the last {back} bytes once more");
        sayings.push(saying(Continuation::Prefilled, &TEXT[from..], &how));
    }
    sayings
}

fn goes_on(wire: Wire) {
    for (at, broken) in every_broken(wire).iter().enumerate() {
        // Every cut in every second way, and the next one in the others.
        for Saying {
            continuation,
            text,
            how,
        } in sayings(broken).into_iter().skip(at % 2).step_by(2)
        {
            let parts = [Part::Text(pieces(text, [3, 17, 1000][at % 3]))];
            let (end, whole) = broken.joined(wire, continuation, &second(wire, &parts), &how);
            assert_one_answer(wire, end, whole, &[SECOND_USAGE]);
        }
    }
}

#[test]
fn a_cut_chat_goes_on() {
    goes_on(Wire::Chat);
}

#[test]
fn a_cut_completion_goes_on() {
    goes_on(Wire::Completions);
}

#[test]
fn a_cut_response_goes_on() {
    goes_on(Wire::Responses);
}

#[test]
fn a_cut_message_goes_on() {
    goes_on(Wire::Messages);
}

#[test]
fn a_cut_gemini_stream_goes_on() {
    goes_on(Wire::Gemini);
}

#[test]
fn a_cut_gemini_array_goes_on() {
    goes_on(Wire::GeminiArray);
}

#[test]
fn a_cut_conversation_goes_on() {
    goes_on(Wire::Converse);
}

#[test]
fn a_cut_invocation_goes_on() {
    goes_on(Wire::Invoke);
}

/// The ends of a recorded stream's events.
fn ends(wire: Wire, body: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    while let Some(rest) = body.get(ends[ends.len() - 1]..).filter(|r| !r.is_empty()) {
        let after = |sign: &[u8]| {
            let at = rest.windows(sign.len()).position(|w| w == sign);
            at.map_or(rest.len(), |at| at + sign.len())
        };
        let length = match wire {
            Wire::Converse | Wire::Invoke => {
                rest[..4].iter().fold(0, |n, b| n << 8 | usize::from(*b))
            }
            Wire::GeminiArray => after(b"\n}"),
            _ => after(b"\n\n").min(after(b"\n\r\n")),
        };
        ends.push(ends[ends.len() - 1] + length);
    }
    ends
}

#[test]
fn a_recorded_stream_goes_on_wherever_it_is_cut() {
    for recorded in &ALL_RECORDED {
        let Some(wire) = recorded.wire else { continue };
        let (body, text) = (recorded.body(), recorded.text);
        let mut joined = 0;
        for end in ends(wire, &body) {
            let (mut first, mut caller) = (recorded.stream(), Vec::new());
            pass(&mut first, &body[..end], &[], &mut caller);
            let broken = Broken {
                stream: first,
                caller,
                what: format!("{} cut at {end}", recorded.file),
            };
            if !broken.stream.useful()
                || broken.stream.finished()
                || broken.stream.can_go_on(b"{}").is_err()
            {
                continue;
            }
            let rest = &text[broken.stream.delivered()..];
            for (continuation, said) in
                [(Continuation::Prefilled, rest), (Continuation::Again, text)]
            {
                let events = second(wire, &[says(said)]);
                let (end, whole) = broken.joined(wire, continuation, &events, "another goes on");
                let what = whole.what.clone();
                let answer = whole.read(wire, end);
                assert_eq!(answer.text, text, "{what}");
                assert!(!answer.id.contains("second"), "{what}: {}", answer.id);
                joined += 1;
            }
        }
        assert!(
            joined > 0 || text.is_empty(),
            "{}: nobody went on",
            recorded.file
        );
    }
}

/// The rest of an answer as some send it: an item that is not announced, events without numbers.
fn bare(event: Value) -> Vec<u8> {
    sse(event["type"].as_str().unwrap_or_default(), &event)
}

#[test]
fn a_response_whose_events_leave_things_out_goes_on() {
    let delta = |item: &str, text: &str| {
        bare(
            json!({"type": "response.output_text.delta", "item_id": item, "output_index": 0, "content_index": 0, "delta": text}),
        )
    };
    let created = |id: &str| bare(json!({"type": "response.created", "response": {"id": id}}));
    let completed = bare(
        json!({"type": "response.completed", "response": {"id": "second", "status": "completed"}}),
    );
    let mut broken = stream(Wire::Responses);
    pass(
        &mut broken,
        &[created("first"), delta("msg_1", "The tide ")].concat(),
        &[],
        &mut Vec::new(),
    );
    let mut whole = joined(&broken, Wire::Responses, Continuation::Again);
    let mut rest = Vec::new();
    let body = [
        created("second"),
        delta("msg_2", "The tide turns."),
        completed,
    ]
    .concat();
    assert_eq!(pass(&mut whole, &body, &[], &mut rest), End::Whole);
    let events = client::blocks(&rest);
    let (_, last) = events.last().expect("events");
    assert_eq!(last["response"]["id"], "first");
    assert_eq!(last["response"]["output"][0]["id"], "msg_1");
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        "The tide turns."
    );
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|(_, e)| e["sequence_number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_response_that_goes_on_with_a_refusal_tells_it_in_its_own_part() {
    let item = json!({"type": "message", "id": "msg_second", "role": "assistant", "status": "in_progress", "content": []});
    let part = |refusal: &str| json!({"type": "refusal", "refusal": refusal});
    let at = |kind: &str, key: &str, value: Value| {
        let mut event =
            json!({"type": kind, "item_id": "msg_second", "output_index": 0, "content_index": 0});
        event[key] = value;
        bare(event)
    };
    let mut done = item.clone();
    done["content"] = json!([part("I can't.")]);
    let events = [
        bare(json!({"type": "response.created", "response": {"id": "resp_second"}})),
        bare(json!({"type": "response.output_item.added", "output_index": 0, "item": item})),
        at("response.content_part.added", "part", part("")),
        at("response.refusal.delta", "delta", json!("I ")),
        at("response.refusal.delta", "delta", json!("can't.")),
        at("response.refusal.done", "refusal", json!("I can't.")),
        at("response.content_part.done", "part", part("I can't.")),
        bare(json!({"type": "response.output_item.done", "output_index": 0, "item": done})),
        bare(
            json!({"type": "response.completed", "response": {"id": "resp_second", "status": "completed", "usage": null}}),
        ),
    ];
    for broken in every_broken(Wire::Responses) {
        let (end, whole) = broken.joined(
            Wire::Responses,
            Continuation::Prefilled,
            &events,
            "a refusal",
        );
        let delivered = broken.delivered();
        assert_eq!(whole.read(Wire::Responses, end).text, delivered);
    }
}

#[test]
fn a_stream_that_grows_too_long_for_a_third_is_whole_all_the_same() {
    for wire in Wire::ALL {
        let events = answer(wire, "first", &[says(TEXT)], FIRST_USAGE);
        let kept = TEXT.len() - 10;
        let (mut first, mut caller) = (
            Stream::from_content_type(Some(wire.content_type()), wire.in_array(), kept)
                .expect("a stream"),
            Vec::new(),
        );
        pass(
            &mut first,
            &events[..events.len() / 2].concat(),
            &[],
            &mut caller,
        );
        let what = format!("{wire:?}, with {kept} bytes kept");
        let broken = Broken {
            stream: first,
            caller,
            what,
        };
        let (end, whole) = broken.joined(
            wire,
            Continuation::Again,
            &second(wire, &[says(TEXT)]),
            "again",
        );
        assert_eq!(whole.stream.can_go_on(b"{}"), Err(NoWayOn::TooLong));
        assert_eq!(whole.read(wire, end).text, TEXT);
    }
}

#[test]
fn the_second_may_think_and_say_it_in_several_blocks() {
    for wire in Wire::ALL.into_iter().filter(|w| *w != Wire::Completions) {
        for broken in every_broken(wire).iter().step_by(9) {
            for Saying {
                continuation,
                text,
                how,
            } in sayings(broken)
            {
                let mut middle = text.len() / 2;
                while !text.is_char_boundary(middle) {
                    middle += 1;
                }
                let parts = [
                    thinks("What was it?"),
                    says(&text[..middle]),
                    says(""),
                    says(&text[middle..]),
                ];
                let (end, whole) = broken.joined(wire, continuation, &second(wire, &parts), &how);
                assert_one_answer(wire, end, whole, &[SECOND_USAGE]);
            }
        }
    }
}

#[test]
fn a_third_goes_on_where_the_second_broke_off() {
    for wire in Wire::ALL {
        for broken in every_broken(wire).iter().step_by(37) {
            for Saying {
                continuation,
                text,
                how,
            } in sayings(broken)
            {
                let events = second(wire, &[thinks("Hm."), says(text)]);
                for count in (0..events.len()).step_by(4) {
                    let (end, again) = broken.joined(wire, continuation, &events[..count], &how);
                    if again.stream.finished() {
                        continue;
                    }
                    assert_eq!(end, End::Cut, "{}", again.what);
                    assert_eq!(again.stream.can_go_on(b"{}"), Ok(()), "{}", again.what);
                    // Usage that the second had reported by then counts too.
                    let usage = match wire {
                        Wire::Messages | Wire::Invoke if count > 0 => (SECOND_USAGE.0, 1),
                        Wire::Gemini | Wire::GeminiArray if count > 0 => (SECOND_USAGE.0, 0),
                        _ => (0, 0),
                    };
                    for (continuation, text, how) in [
                        (Continuation::Prefilled, again.rest(), "a third, the rest"),
                        (Continuation::Again, TEXT, "a third, again"),
                    ] {
                        let third = answer(wire, "third", &[says(text)], THIRD_USAGE);
                        let (end, whole) = again.joined(wire, continuation, &third, how);
                        assert_one_answer(wire, end, whole, &[usage, THIRD_USAGE]);
                    }
                }
            }
        }
    }
}

#[test]
fn the_second_may_call_a_tool_after_the_text() {
    for wire in Wire::ALL.into_iter().filter(|w| *w != Wire::Completions) {
        for broken in every_broken(wire).iter().step_by(11) {
            for Saying {
                continuation,
                text,
                how,
            } in sayings(broken)
            {
                let call = calls("tide_table", "{\"port\":\"Brest\"}");
                let events = second(wire, &[says(text), call.clone(), call]);
                let (end, whole) = broken.joined(wire, continuation, &events, &how);
                let what = whole.what.clone();
                let answer = whole.read(wire, end);
                assert_eq!(answer.text, TEXT, "{what}: its text");
                let tool = ("tide_table".to_owned(), "{\"port\":\"Brest\"}".to_owned());
                assert_eq!(answer.tools, [tool.clone(), tool], "{what}: its tools");
            }
        }
    }
}

#[test]
fn the_second_may_stop_or_call_a_tool_where_the_first_broke_off() {
    for wire in Wire::ALL.into_iter().filter(|w| *w != Wire::Completions) {
        for broken in every_broken(wire).iter().step_by(11) {
            let delivered = broken.delivered();
            for (continuation, text) in [
                (Continuation::Prefilled, ""),
                (Continuation::Prefilled, delivered),
                (Continuation::Again, delivered),
            ] {
                for tools in [vec![], vec![calls("tide_table", "{}")]] {
                    let mut parts = vec![says(text)];
                    parts.extend(tools.clone());
                    let (end, whole) =
                        broken.joined(wire, continuation, &second(wire, &parts), "nothing more");
                    let what = whole.what.clone();
                    let answer = whole.read(wire, end);
                    assert_eq!(answer.text, delivered, "{what}: its text");
                    assert_eq!(answer.tools.len(), tools.len(), "{what}: its tools");
                }
            }
        }
    }
}

/// The stream after so many events.
fn after(wire: Wire, events: &[Vec<u8>]) -> Stream {
    let mut stream = stream(wire);
    pass(&mut stream, &events.concat(), &[], &mut Vec::new());
    stream
}

#[test]
fn after_a_tool_call_nobody_goes_on() {
    for wire in Wire::ALL.into_iter().filter(|w| *w != Wire::Completions) {
        let parts = [
            says("One moment."),
            calls("tide_table", "{\"port\":\"Brest\"}"),
        ];
        for first in [&parts[..], &parts[1..]] {
            let events = answer(wire, "first", first, FIRST_USAGE);
            let broken = (0..events.len())
                .map(|count| after(wire, &events[..count]))
                .rfind(|stream| !stream.finished())
                .expect("a cut");
            assert!(broken.useful());
            assert_eq!(
                broken.can_go_on(b"{}"),
                Err(NoWayOn::NotPlainText),
                "{wire:?}"
            );
        }
    }
}

#[test]
fn after_a_thought_that_broke_off_somebody_goes_on_unless_it_would_be_unsigned() {
    for wire in Wire::ALL.into_iter().filter(|w| *w != Wire::Completions) {
        let events = answer(wire, "first", &[thinks(THOUGHT), says(TEXT)], FIRST_USAGE);
        let broken = (0..events.len())
            .map(|count| after(wire, &events[..count]))
            .find(Stream::useful)
            .expect("a thought");
        let expected = match wire {
            Wire::Messages | Wire::Invoke | Wire::Converse => Err(NoWayOn::NotPlainText),
            _ => Ok(()),
        };
        assert_eq!(broken.can_go_on(b"{}"), expected, "{wire:?}");
        assert_eq!(broken.delivered(), 0);
    }
}

#[test]
fn who_says_something_else_is_not_joined() {
    for wire in Wire::ALL {
        for broken in every_broken(wire).iter().step_by(7) {
            if broken.stream.delivered() == 0 {
                continue;
            }
            let other = "Brest lies in Brittany. It has two harbours, and a castle that is older than both of them.";
            let (end, diverged) = broken.joined(
                wire,
                Continuation::Again,
                &second(wire, &[says(other)]),
                "another answer",
            );
            assert_eq!(end, End::Diverged, "{}", diverged.what);
            assert_eq!(diverged.stream.delivered(), broken.stream.delivered());
            // And the next one can.
            let third = answer(wire, "third", &[says(TEXT)], THIRD_USAGE);
            let (end, whole) =
                diverged.joined(wire, Continuation::Again, &third, "the same answer");
            let what = whole.what.clone();
            assert_eq!(whole.read(wire, end).text, TEXT, "{what}");
        }
    }
}

#[test]
fn a_stream_that_nobody_goes_on_with_ends_in_an_error_that_its_client_raises() {
    for wire in Wire::ALL {
        let cuts = |parts: &Vec<Part>| every_cut(wire, parts).into_iter().step_by(3);
        for broken in shapes(wire).iter().flat_map(cuts) {
            let events = second(wire, &[says(broken.rest())]);
            let (end, again) = broken.joined(
                wire,
                Continuation::Prefilled,
                &events[..events.len() / 2],
                "cut again",
            );
            let mut ends = vec![broken];
            if end == End::Cut {
                ends.push(again);
            }
            for Broken {
                stream,
                mut caller,
                what,
            } in ends
            {
                caller.extend(stream.failure("It broke off").expect("an error event"));
                let answer = read(wire, &caller, &what);
                assert_eq!(
                    answer.error.as_deref().map(|e| e.contains("It broke off")),
                    Some(true),
                    "{what}"
                );
                assert!(
                    !answer.complete && answer.finish.is_none(),
                    "{what}: {answer:?}"
                );
            }
        }
    }
}

#[test]
fn the_seconds_own_error_is_not_the_callers() {
    for wire in Wire::ALL {
        for broken in every_broken(wire).iter().step_by(11) {
            let mut events = second(wire, &[says(broken.rest())]);
            events.truncate(events.len() / 2);
            events.push(match wire {
                Wire::Converse | Wire::Invoke => crate::provider::frame("exception", "throttlingException", b"{\"message\":\"theirs\"}"),
                Wire::GeminiArray => b",{\"error\":{\"message\":\"theirs\"}}".to_vec(),
                _ => b"event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"theirs\"}}\n\n".to_vec(),
            });
            let (end, failed) = broken.joined(wire, Continuation::Prefilled, &events, "an error");
            if failed.stream.finished() {
                continue;
            }
            assert_eq!(end, End::Failed, "{}", failed.what);
            assert!(
                !failed.caller.escape_ascii().to_string().contains("theirs"),
                "{}",
                failed.what
            );
            let third = answer(wire, "third", &[says(TEXT)], THIRD_USAGE);
            let (end, whole) = failed.joined(wire, Continuation::Again, &third, "a third");
            let what = whole.what.clone();
            assert_eq!(whole.read(wire, end).text, TEXT, "{what}");
        }
    }
}

#[test]
fn an_answer_in_another_framing_is_not_joined() {
    let broken = &every_broken(Wire::Chat)[0];
    for (content_type, in_array) in [
        ("application/json", true),
        ("application/vnd.amazon.eventstream", false),
        ("text/html", false),
    ] {
        assert!(
            broken
                .stream
                .joined_by(Some(content_type), in_array, Continuation::Again)
                .is_none(),
            "{content_type}"
        );
    }
    assert!(
        broken
            .stream
            .joined_by(Some("application/json"), false, Continuation::Again)
            .is_none()
    );
}
