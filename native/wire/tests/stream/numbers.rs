//! Whatever numbers a provider sends: no index, count or sum overflows, and every reader goes on.

use bytes::Bytes;
use failover_wire::stream::{Continuation, Stream};
use proptest::prelude::*;

/// An answer's events in each format, with `#` where a number stands.
const EVENTS: [&[&str]; 5] = [
    &[
        r##"{"id":"i","created":#,"choices":[{"index":#,"delta":{"content":"a"}}]}"##,
        r##"{"choices":[{"index":#,"delta":{"content":" b c d e"},"finish_reason":"stop"}],"usage":{"prompt_tokens":#,"completion_tokens":#,"total_tokens":#,"details":{"cached":#}}}"##,
    ],
    &[
        r##"{"type":"response.created","sequence_number":#,"response":{"id":"r","created_at":#}}"##,
        r##"{"type":"response.output_item.added","output_index":#,"sequence_number":#,"item":{"type":"message","id":"m","content":[]}}"##,
        r##"{"type":"response.output_text.delta","output_index":#,"content_index":#,"sequence_number":#,"delta":" a b c d"}"##,
        r##"{"type":"response.output_item.added","output_index":#,"item":{"type":"other"}}"##,
        r##"{"type":"response.completed","sequence_number":#,"response":{"usage":{"input_tokens":#,"output_tokens":#,"total_tokens":#}}}"##,
    ],
    &[
        r##"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":#,"output_tokens":#}}}"##,
        r##"{"type":"content_block_start","index":#,"content_block":{"type":"text","text":""}}"##,
        r##"{"type":"content_block_delta","index":#,"delta":{"type":"text_delta","text":" a b c d"}}"##,
        r##"{"type":"content_block_stop","index":#}"##,
        r##"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":#}}"##,
    ],
    &[
        r##"{"candidates":[{"index":#,"content":{"parts":[{"text":" a b c d"}]}}],"usageMetadata":{"promptTokenCount":#,"candidatesTokenCount":#}}"##,
        r##"{"candidates":[{"index":#,"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":#}}"##,
    ],
    &[
        r##"{"type":"content_block_start","index":#,"content_block":{"type":"tool_use"}}"##,
        r##"{"type":"content_block_delta","index":#,"delta":{"type":"input_json_delta","partial_json":"{"}}"##,
    ],
];

fn number() -> impl Strategy<Value = String> {
    let extreme = [
        "0",
        "-0",
        "-1",
        "1",
        "2147483647",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "1e22",
        "1e308",
        "-1e308",
        "1e-308",
        "0.5",
        "null",
        "\"7\"",
        "[1]",
        "{}",
    ];
    prop_oneof![
        prop::sample::select(extreme.to_vec()).prop_map(str::to_owned),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON", |n| n.is_finite())
            .prop_map(|n| n.to_string()),
    ]
}

fn body(events: &[&str], numbers: &mut impl Iterator<Item = String>) -> Bytes {
    let mut body = String::new();
    for event in events {
        body.push_str("data: ");
        for (at, part) in event.split('#').enumerate() {
            if at > 0 {
                body.push_str(
                    &numbers
                        .next()
                        .unwrap_or_else(|| "18446744073709551615".to_owned()),
                );
            }
            body.push_str(part);
        }
        body.push_str("\n\n");
    }
    body.into()
}

proptest! {
    #[test]
    fn no_number_makes_a_reader_panic(
        which in 0..EVENTS.len(),
        numbers in prop::collection::vec(number(), 60),
        again: bool,
    ) {
        let events = EVENTS[which];
        let mut numbers = numbers.into_iter();
        let content_type = Some("text/event-stream");
        let mut stream = Stream::from_content_type(content_type, false, 1 << 20).expect("a stream");
        // Two candidates go on, one after the other.
        for _ in 0..3 {
            stream.feed(&body(events, &mut numbers));
            stream.finish();
            let _ = (stream.tokens(), stream.model(), stream.finished(), stream.failure("x"), stream.ending());
            let continuation = if again { Continuation::Again } else { Continuation::Prefilled };
            let Some(joined) = stream.joined_by(content_type, false, continuation) else {
                break;
            };
            stream = joined;
        }
    }
}
