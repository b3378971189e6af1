//! Streams: however they are cut, the same comes out.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use failover_apim::provider::{Attribute, compile};
use failover_wire::provider::Observed;
use failover_wire::stream::{Continuation, NoWayOn, Stream, Tokens, Worth};

use crate::{Pieces, head};

const SSE: &str = "text/event-stream";
const FRAMES: &str = "application/vnd.amazon.eventstream";

/// What a stream came to.
#[derive(Debug, PartialEq)]
struct Result {
    /// What is passed on, up to the event that ends the candidate's part.
    passed: Vec<u8>,
    /// The events that are worth anything, without the line ends around them: half of one may stand apart.
    events: Vec<(Worth, Vec<u8>)>,
    useful: bool,
    finished: bool,
    delivered: usize,
    tokens: Option<Tokens>,
    model: Option<String>,
    way_on: std::result::Result<(), NoWayOn>,
    ending: Bytes,
}

struct Kind {
    content_type: Option<&'static str>,
    in_array: bool,
    body: Vec<u8>,
}

impl Kind {
    /// The first byte says what the others are.
    fn of(byte: u8, rest: &[u8]) -> Kind {
        let (content_type, in_array, body) = match byte % 5 {
            0 => (Some(SSE), false, rest.to_vec()),
            1 => (Some("application/json"), true, rest.to_vec()),
            2 => (Some(FRAMES), false, rest.to_vec()),
            3 => (Some(FRAMES), false, frames(rest)),
            _ => (None, false, rest.to_vec()),
        };
        Kind {
            content_type,
            in_array,
            body,
        }
    }

    fn stream(&self, flags: u8) -> Stream {
        let most = [0, 20, 1 << 20][usize::from(flags >> 2) % 3];
        let mut stream = Stream::from_content_type(self.content_type, self.in_array, most).unwrap();
        if flags & 1 != 0 {
            stream.hide_usage();
        }
        if flags & 2 != 0 {
            let attributes = [
                ("responseModel", "$..model"),
                ("promptTokenCount", "$.usage.n"),
            ];
            let attributes = attributes.map(|(name, place)| Attribute {
                name: name.into(),
                source: "payload".into(),
                identifier: place.into(),
            });
            let (own, _) = compile("Own".into(), "1".into(), "own", attributes);
            stream.observe(Box::new(Observed::for_provider(own.into())));
        }
        stream
    }
}

/// Frames with right checksums, which nobody finds by chance: each line is a type and a payload.
fn frames(lines: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for line in lines.split(|b| *b == b'\n') {
        let Some(space) = line.iter().position(|b| *b == b' ') else {
            continue;
        };
        let (name, payload) = (String::from_utf8_lossy(&line[..space]), &line[space + 1..]);
        let text = |name: &'static str, value: &str| {
            Header::new(name, HeaderValue::String(value.to_owned().into()))
        };
        let (kind, type_header) = match name.ends_with("Exception") {
            true => ("exception", ":exception-type"),
            false => ("event", ":event-type"),
        };
        let payload = match &*name {
            "chunk" => format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(payload)).into_bytes(),
            _ => payload.to_vec(),
        };
        let message = Message::new(payload)
            .add_header(text(":message-type", kind))
            .add_header(text(type_header, &name));
        let _ = write_message_to(&message, &mut out);
    }
    out.to_vec()
}

fn read(mut stream: Stream, body: &[u8], mut piece: impl FnMut() -> usize) -> (Result, Stream) {
    let (mut passed, mut events) = (Vec::new(), Vec::new());
    let mut from = 0;
    let mut over = false;
    while from < body.len() && !over {
        let end = body.len().min(from + piece());
        let mut all = stream.feed(&Bytes::copy_from_slice(&body[from..end]));
        from = end;
        if from == body.len() && !all.iter().any(|e| ends(e.worth)) {
            all.extend(stream.finish());
        }
        for event in all {
            over |= ends(event.worth);
            passed.extend_from_slice(&event.bytes);
            if event.worth != Worth::Nothing {
                let bytes = event.bytes.trim_ascii().to_vec();
                events.push((event.worth, bytes));
            }
        }
    }
    let result = Result {
        passed,
        events,
        useful: stream.useful(),
        finished: stream.finished(),
        delivered: stream.delivered(),
        tokens: stream.tokens(),
        model: stream.model().map(str::to_owned),
        way_on: stream.can_go_on(b"{}"),
        // Of a stream that was given up, nobody asks.
        ending: match over {
            true => Bytes::new(),
            false => stream.ending(),
        },
    };
    let _ = (stream.failure("x"), stream.comment("x"), stream.ended());
    (result, stream)
}

fn ends(worth: Worth) -> bool {
    matches!(worth, Worth::Failed | Worth::Broken | Worth::Diverged)
}

/// A stream of any kind, cut in two ways.
pub fn cut_anywhere(data: &[u8]) {
    let ([kind, flags, seed], rest) = head(data);
    let kind = Kind::of(kind, rest);
    if kind.content_type.is_none() {
        // Each piece is a frame.
        read(kind.stream(flags), &kind.body, || 7);
        return;
    }
    let (whole, _) = read(kind.stream(flags), &kind.body, || usize::MAX / 2);
    let mut pieces = Pieces(u64::from(seed) + 1);
    let (cut, _) = read(kind.stream(flags), &kind.body, || pieces.next(9));
    assert_same(&whole, &cut);
    let (bytewise, _) = read(kind.stream(flags), &kind.body, || 1);
    assert_same(&whole, &bytewise);
    // Nothing is lost and nothing is added.
    let untouched = whole.events.iter().all(|(worth, _)| !ends(*worth));
    if kind.content_type == Some(SSE) && flags & 1 == 0 && untouched {
        let body = kind
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&kind.body);
        let end = whole
            .passed
            .strip_prefix(body)
            .expect("the bytes that came");
        assert!(end.is_empty() || end == b"\n\n");
    }
}

fn assert_same(whole: &Result, cut: &Result) {
    // What a stream ends with may be half a line end.
    assert_eq!(
        whole.passed.escape_ascii().to_string(),
        cut.passed.escape_ascii().to_string()
    );
    assert_eq!(whole, cut);
}

/// A stream that breaks off and another candidate's, in any format; the caller's own reader must understand what comes
/// out.
pub fn gone_on_with(data: &[u8]) {
    let ([kind, flags, seed, at], rest) = head(data);
    let cut = rest.len() * usize::from(at) / 256;
    let (first, second) = match rest.windows(4).position(|w| w == b"\0\0\0\0") {
        Some(at) => (&rest[..at], &rest[at + 4..]),
        None => rest.split_at(cut),
    };
    let (first, second) = (Kind::of(kind, first), Kind::of(kind, second));
    let (before, stream) = read(first.stream(flags), &first.body, || 4096);
    if !before.useful {
        return;
    }
    let request =
        br#"{"messages":[{"role":"user","content":"a"}],"contents":[{}],"prompt":"p","input":"i"}"#;
    for marked in [false, true] {
        if let Some(prefilled) = stream.prefilled(request, marked) {
            serde_json::from_slice::<serde_json::Value>(&prefilled).expect("JSON");
        }
    }
    let continuation = match flags & 128 {
        0 => Continuation::Prefilled,
        _ => Continuation::Again,
    };
    let join = || stream.joined_by(second.content_type, second.in_array, continuation);
    let (Some(once), Some(twice)) = (join(), join()) else {
        return;
    };
    let (whole, _) = read(once, &second.body, || usize::MAX / 2);
    let mut pieces = Pieces(u64::from(seed) + 1);
    let (cut, _) = read(twice, &second.body, || pieces.next(9));
    assert_same(&without_blank_lines(whole), &without_blank_lines(cut));
}

/// An event is written anew with line ends of our own, and the half of its own that came later is one too many, which
/// means nothing.
fn without_blank_lines(mut result: Result) -> Result {
    let lines = result.passed.split(|b| matches!(b, b'\n' | b'\r'));
    result.passed = lines
        .filter(|l| !l.is_empty())
        .collect::<Vec<_>>()
        .join(&b'\n');
    result
}

/// Two texts, joined; how the second comes in pieces makes no difference.
pub fn joined(data: &[u8]) {
    let ([flags, seed], rest) = head(data);
    let text = String::from_utf8_lossy(rest);
    let (delivered, text) = text.split_once('\0').unwrap_or((&text, ""));
    let continuation = match flags & 1 {
        0 => Continuation::Prefilled,
        _ => Continuation::Again,
    };
    let event = |text: &str| {
        let event = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
        format!("data: {event}\n\n")
    };
    let mut stream = Stream::from_content_type(Some(SSE), false, 1 << 20).unwrap();
    stream.feed(&event(delivered).into());
    let whole = |mut piece: Box<dyn FnMut() -> usize>| {
        let mut joined = stream.joined_by(Some(SSE), false, continuation)?;
        let chars: Vec<char> = text.chars().collect();
        let mut left = &chars[..];
        while !left.is_empty() {
            let (piece, rest) = left.split_at(left.len().min(piece()));
            left = rest;
            let events = joined.feed(&event(&piece.iter().collect::<String>()).into());
            if events.iter().any(|e| ends(e.worth)) {
                return None;
            }
        }
        let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let events = joined.feed(&Bytes::from_static(end.as_bytes()));
        let diverged = events.iter().any(|e| ends(e.worth));
        (!diverged).then(|| {
            (
                joined.delivered(),
                joined.prefilled(br#"{"messages":[{}]}"#, false),
            )
        })
    };
    let mut pieces = Pieces(u64::from(seed) + 1);
    let at_once = whole(Box::new(|| usize::MAX));
    assert_eq!(at_once, whole(Box::new(|| 1)));
    assert_eq!(at_once, whole(Box::new(move || pieces.next(9))));
    if let Some((length, _)) = at_once {
        assert!(length >= delivered.len() && length <= delivered.len() + text.len());
    }
}
