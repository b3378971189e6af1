//! Inputs that are as bad as a peer can make them, for every reader of what peers send (`behaviour.md` §9). The tests
//! beside this file run each at several sizes.
//!
//! A new reader belongs into [`cases`], and so does each loop, table or search in an old one that an input can make
//! longer.

#![allow(clippy::expect_used, reason = "what is made here is well-formed")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};
use failover_apim::provider::{Attribute, compile};
use failover_policy::{Configuration, GatewayFile, Policy, Settings};
use failover_suspension::hint;
use failover_wire::provider::Observed;
use failover_wire::refusal::{Evidence, Signs};
use failover_wire::room::allocated;
use failover_wire::stream::{self, Stream};
use failover_wire::{ModelRequest, Provider, answer};

/// A kind of input.
pub struct Case {
    /// What it is.
    pub name: &'static str,
    make: Box<dyn Fn(usize) -> Input>,
}

impl Case {
    /// One of about so many bytes.
    pub fn of(&self, bytes: usize) -> Input {
        (self.make)(bytes)
    }
}

/// An input, and what reads it.
pub struct Input {
    /// Its length in bytes.
    pub bytes: usize,
    read: Box<dyn Fn()>,
}

impl Input {
    /// Reads it once.
    pub fn read(&self) {
        (self.read)();
    }
}

const SSE: &str = "text/event-stream";
const JSON: &str = "application/json";
const FRAMES: &str = "application/vnd.amazon.eventstream";
/// About the largest piece that an HTTP library hands over.
const LARGEST: usize = 256 * 1024;
const ALL: usize = 1 << 30;

/// What clients and providers send.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    framings(&mut all);
    events(&mut all);
    joined(&mut all);
    requests(&mut all);
    answers(&mut all);
    hints(&mut all);
    all
}

/// What an administrator writes: once, at deployment.
pub fn configurations() -> Vec<Case> {
    let mut all = Vec::new();
    policies(&mut all);
    all
}

fn case(
    all: &mut Vec<Case>,
    name: &'static str,
    make: impl Fn(usize) -> Vec<u8> + 'static,
    read: impl Fn(&Bytes) + Clone + 'static,
) {
    all.push(Case {
        name,
        make: Box::new(move |size| {
            let (bytes, read) = (Bytes::from(make(size)), read.clone());
            Input {
                bytes: bytes.len(),
                read: Box::new(move || read(&bytes)),
            }
        }),
    });
}

/// `unit` again and again, with its number for `#`.
fn repeated(size: usize, unit: &str) -> String {
    let mut out = String::with_capacity(size + unit.len());
    let mut number = 0;
    while out.len() < size {
        match unit.split_once('#') {
            Some((before, after)) => {
                out.push_str(before);
                out.push_str(&number.to_string());
                out.push_str(&after.replace('#', &number.to_string()));
            }
            None => out.push_str(unit),
        }
        number += 1;
    }
    out
}

/// `unit` again and again between two other texts.
fn around(
    before: &'static str,
    unit: &'static str,
    after: &'static str,
) -> impl Fn(usize) -> Vec<u8> {
    move |size| [before, &repeated(size, unit), after].concat().into_bytes()
}

fn feed(stream: &mut Stream, bytes: &Bytes, piece: usize) {
    let mut from = 0;
    while from < bytes.len() {
        let end = bytes.len().min(from + piece);
        black_box(stream.feed(&bytes.slice(from..end)));
        from = end;
    }
    black_box((stream.finish(), stream.finished(), stream.tokens()));
}

fn framings(all: &mut Vec<Case>) {
    let pieces = [(1, 0), (1000, 1), (LARGEST, 2)];
    let kinds: [(
        &str,
        [&'static str; 3],
        &'static str,
        &'static str,
        &'static str,
    ); 9] = [
        (
            SSE,
            [
                "blank lines, byte by byte",
                "blank lines",
                "blank lines at once",
            ],
            "",
            "\n",
            "",
        ),
        (
            SSE,
            ["CRs, byte by byte", "CRs", "CRs at once"],
            "",
            "\r",
            "",
        ),
        (
            SSE,
            ["comments, byte by byte", "comments", "comments at once"],
            "",
            ":\n\n",
            "",
        ),
        (
            SSE,
            [
                "data lines, byte by byte",
                "data lines",
                "data lines at once",
            ],
            "",
            "data\n",
            "\n\n",
        ),
        (
            SSE,
            ["one line, byte by byte", "one line", "one line at once"],
            "data: \"",
            "x",
            "\"\n\n",
        ),
        (
            JSON,
            [
                "small elements, byte by byte",
                "small elements",
                "small elements at once",
            ],
            "[0",
            ",{}",
            "]",
        ),
        (
            JSON,
            [
                "closing brackets, byte by byte",
                "closing brackets",
                "closing brackets at once",
            ],
            "",
            "]",
            "",
        ),
        (
            JSON,
            [
                "opening brackets, byte by byte",
                "opening brackets",
                "opening brackets at once",
            ],
            "",
            "[",
            "",
        ),
        (
            JSON,
            [
                "white space, byte by byte",
                "white space",
                "white space at once",
            ],
            "[",
            " \n",
            "{}]",
        ),
    ];
    for (content_type, names, before, unit, after) in kinds {
        for (piece, at) in pieces {
            case(all, names[at], around(before, unit, after), move |bytes| {
                let mut stream =
                    Stream::from_content_type(Some(content_type), true, ALL).expect("a stream");
                feed(&mut stream, bytes, piece);
            });
        }
    }
    for (piece, names) in [
        (1, ["small frames, byte by byte", "one frame, byte by byte"]),
        (1000, ["small frames", "one frame"]),
        (LARGEST, ["small frames at once", "one frame at once"]),
    ] {
        let read = move |bytes: &Bytes| {
            let mut stream = Stream::from_content_type(Some(FRAMES), false, ALL).expect("a stream");
            feed(&mut stream, bytes, piece);
        };
        case(all, names[0], |size| frame("{}", 0).repeat(size / 80), read);
        case(
            all,
            names[1],
            |size| frame(&format!("{{\"a\":\"{}\"}}", "x".repeat(size)), 0),
            read,
        );
    }
    case(
        all,
        "a frame of headers",
        |size| frame("{}", size / 12),
        |bytes| {
            let mut stream = Stream::from_content_type(Some(FRAMES), false, ALL).expect("a stream");
            feed(&mut stream, bytes, LARGEST);
        },
    );
}

/// A frame of an event stream with so many headers more than it needs.
fn frame(payload: &str, more: usize) -> Vec<u8> {
    let text =
        |name: String, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let mut message = Message::new(payload.to_owned().into_bytes())
        .add_header(text(":message-type".into(), "event"))
        .add_header(text(":event-type".into(), "chunk"));
    for number in 0..more {
        message = message.add_header(Header::new(format!("h{number}"), HeaderValue::Bool(true)));
    }
    let mut out = BytesMut::new();
    write_message_to(&message, &mut out).expect("a frame");
    out.to_vec()
}

fn events(all: &mut Vec<Case>) {
    let read = |bytes: &Bytes| {
        let mut stream = Stream::from_content_type(Some(SSE), false, ALL).expect("a stream");
        stream.hide_usage();
        feed(&mut stream, bytes, 4096);
        black_box(stream.can_go_on(b"{}").is_ok());
    };
    let whole: [(&'static str, &'static str, &'static str, &'static str); 9] = [
        (
            "one event of numbers",
            "data: {\"choices\":[0",
            ",0",
            "]}\n\n",
        ),
        (
            "one event of lists",
            "data: {\"choices\":[0",
            ",[]",
            "]}\n\n",
        ),
        (
            "one event of members",
            "data: {\"choices\":[],\"a\":0",
            ",\"#\":0",
            "}\n\n",
        ),
        (
            "one event of choices",
            "data: {\"choices\":[{}",
            ",{\"index\":#,\"delta\":{}}",
            "]}\n\n",
        ),
        (
            "one event of nested lists",
            "data: {\"choices\":",
            "[",
            "\n\n",
        ),
        (
            "one event of parts",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{}",
            ",{\"text\":\"a\"}",
            "]}}]}\n\n",
        ),
        (
            "one report of usage",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1",
            ",\"#\":1",
            "}}\n\n",
        ),
        (
            "an id of numbers",
            "data: {\"choices\":[],\"id\":[0",
            ",0",
            "]}\n\n",
        ),
        (
            "a model of one name",
            "data: {\"choices\":[],\"model\":\"",
            "m",
            "\"}\n\n",
        ),
    ];
    for (name, before, unit, after) in whole {
        case(all, name, around(before, unit, after), read);
    }
    let many: [(&'static str, &'static str, &'static str); 8] = [
        (
            "choices, one an event",
            "",
            "data: {\"choices\":[{\"index\":#,\"delta\":{\"content\":\"a\"}}]}\n\n",
        ),
        (
            "candidates, one an event",
            "",
            "data: {\"candidates\":[{\"index\":#,\"finishReason\":\"STOP\"}]}\n\n",
        ),
        (
            "usage with a new name in each event",
            "",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"n#\":1}}\n\n",
        ),
        (
            "blocks of a message",
            "",
            "data: {\"type\":\"content_block_start\",\"index\":#,\"content_block\":{\"type\":\"text\"}}\n\n",
        ),
        (
            "items of a response",
            "",
            "data: {\"type\":\"response.output_item.done\",\"output_index\":#,\"item\":{\"type\":\"message\"}}\n\n",
        ),
        (
            "parts of a response",
            "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}\n\n",
            "data: {\"type\":\"response.content_part.done\",\"part\":{\"type\":\"output_text\",\"text\":\"a\"}}\n\n",
        ),
        (
            "thoughts of a response",
            "",
            "data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"a\"}\n\n",
        ),
        ("events of no format", "", "data: {\"a\":#}\n\n"),
    ];
    for (name, before, unit) in many {
        case(all, name, around(before, unit, ""), read);
    }
    let observed = Arc::new(provider(&["$.a", "$..b", "$.c[*].d"]));
    case(
        all,
        "events for a provider's own attributes",
        around("", "data: {\"a\":#,\"c\":[{\"b\":\"x\"}]}\n\n", ""),
        move |bytes| {
            let mut stream = Stream::from_content_type(Some(SSE), false, ALL).expect("a stream");
            stream.observe(Box::new(Observed::for_provider(Arc::clone(&observed))));
            feed(&mut stream, bytes, 4096);
        },
    );
}

/// A text that the caller has, and one that comes in pieces, for a size.
type Texts = fn(usize) -> (String, Vec<String>);

/// A stream in the middle of an answer that another candidate goes on with.
fn goes_on(content_type: &str, first: &[u8], continuation: stream::Continuation) -> Stream {
    let mut stream = Stream::from_content_type(Some(content_type), false, ALL).expect("a stream");
    stream.feed(&Bytes::copy_from_slice(first));
    stream
        .joined_by(Some(content_type), false, continuation)
        .expect("the same framing")
}

fn joined(all: &mut Vec<Case>) {
    let chat = |text: &str| {
        format!("data: {{\"id\":\"i\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let message = concat!(
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    );
    let response = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n";
    let kinds: [(&'static str, &'static str, &'static str); 7] = [
        (
            "more of a message's blocks",
            message,
            "data: {\"type\":\"content_block_start\",\"index\":#,\"content_block\":{\"type\":\"tool_use\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":4000000000}\n\n",
        ),
        (
            "more of a message's text",
            message,
            "data: {\"type\":\"content_block_start\",\"index\":#,\"content_block\":{\"type\":\"text\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":#,\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n",
        ),
        (
            "more of a response's items",
            response,
            "data: {\"type\":\"response.output_item.added\",\"output_index\":#,\"item\":{\"type\":\"x\"}}\n\ndata: {\"type\":\"response.output_item.done\",\"output_index\":4000000000,\"item\":{\"type\":\"x\"}}\n\n",
        ),
        (
            "more of a response's text",
            response,
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"b\"}\n\n",
        ),
        (
            "refusals between a response's text",
            response,
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"b\"}\n\ndata: {\"type\":\"response.refusal.delta\",\"delta\":\"c\"}\n\n",
        ),
        (
            "ends of a response",
            response,
            "data: {\"type\":\"response.completed\",\"response\":{}}\n\n",
        ),
        (
            "an answer of choices",
            "data: {\"id\":\"i\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}},{\"index\":#}]}\n\n",
        ),
    ];
    for (name, first, unit) in kinds {
        case(all, name, around("", unit, ""), move |bytes| {
            let mut stream = goes_on(SSE, first.as_bytes(), stream::Continuation::Prefilled);
            feed(&mut stream, bytes, 4096);
        });
    }
    // What the caller has, and what comes in small pieces: all of it, or as much as shows how long a piece takes.
    let texts: [(&'static str, stream::Continuation, Texts); 4] = [
        ("a repeat in pieces", stream::Continuation::Again, |n| {
            let text = repeated(n, "# ");
            let pieces = text.as_bytes().chunks(32);
            let pieces = pieces.map(|p| String::from_utf8_lossy(p).into_owned());
            (text.clone(), pieces.collect())
        }),
        (
            "a repeat in other words in pieces",
            stream::Continuation::Again,
            |n| (repeated(n, "# "), vec!["a".to_owned(); n / 64]),
        ),
        (
            "white space and other white space in pieces",
            stream::Continuation::Prefilled,
            |n| {
                let spaces = "\\n".repeat(n / 4) + &" ".repeat(n / 2);
                (format!("a{spaces}"), vec!["\\n".to_owned(); n / 64])
            },
        ),
        (
            "the same letter in pieces",
            stream::Continuation::Prefilled,
            |n| ("a".repeat(n) + "b", vec!["a".to_owned(); n / 64]),
        ),
    ];
    for (name, continuation, make) in texts {
        all.push(Case {
            name,
            make: Box::new(move |size| {
                let (delivered, pieces) = make(size);
                let first = chat(&delivered);
                let bytes = Bytes::from(pieces.iter().map(|p| chat(p)).collect::<String>());
                Input {
                    bytes: bytes.len() + first.len(),
                    read: Box::new(move || {
                        let mut stream = goes_on(SSE, first.as_bytes(), continuation);
                        feed(&mut stream, &bytes, 4096);
                    }),
                }
            }),
        });
    }
}

fn provider(places: &[&str]) -> Provider {
    let names = ["requestModel", "responseModel", "promptTokenCount"];
    let attributes = names.iter().zip(places).map(|(name, place)| Attribute {
        name: (*name).to_owned(),
        source: "payload".to_owned(),
        identifier: (*place).to_owned(),
    });
    let (provider, warnings) = compile("Own".into(), "1".into(), "own", attributes);
    assert_eq!(warnings, Vec::<String>::new());
    provider
}

fn asks(
    all: &mut Vec<Case>,
    name: &'static str,
    places: &[&str],
    make: impl Fn(usize) -> Vec<u8> + 'static,
) {
    let provider = (!places.is_empty()).then(|| Arc::new(provider(places)));
    case(all, name, make, move |body| {
        let asked = ModelRequest::read(provider.as_deref(), "/chat/completions", Some(JSON), body);
        if let Ok(Some(asked)) = asked {
            black_box(asked.body_for(body, "other", true, &mut allocated));
        }
    });
}

fn requests(all: &mut Vec<Case>) {
    asks(
        all,
        "a request of numbers",
        &[],
        around("{\"model\":\"m\",\"input\":[0", ",0", "]}"),
    );
    asks(
        all,
        "a request of members",
        &[],
        around("{\"model\":\"m\"", ",\"#\":0", "}"),
    );
    asks(
        all,
        "a request of models",
        &[],
        around("{\"model\":\"m\"", ",\"model\":\"m\"", "}"),
    );
    asks(
        all,
        "a request of stream options",
        &[],
        around("{\"stream\":true", ",\"stream_options\":{}", "}"),
    );
    asks(
        all,
        "a request of options",
        &[],
        around(
            "{\"stream\":true,\"stream_options\":{\"a\":0",
            ",\"include_usage\":0",
            "}}",
        ),
    );
    asks(
        all,
        "a request of nested lists",
        &[],
        around("{\"a\":", "[", "}"),
    );
    asks(all, "no object", &[], around("[0", ",0", "]"));
    let deep = "$.a.b.c[1].d.model";
    asks(
        all,
        "a model far inside",
        &[deep],
        around(
            "{\"a\":{\"b\":{\"c\":[0,{\"d\":{\"model\":\"m\",\"x\":[0",
            ",0",
            "]}}]}}}",
        ),
    );
    asks(
        all,
        "models far inside",
        &[deep],
        around(
            "{\"a\":{\"b\":{\"c\":[0,{\"d\":{\"x\":0",
            ",\"model\":\"m\"",
            "}}]}}}",
        ),
    );
    asks(
        all,
        "a way repeated",
        &[deep],
        around("{\"a\":0", ",\"a\":{\"b\":{\"c\":[0]}}", "}"),
    );
    asks(
        all,
        "a list on the way",
        &["$.a[7].model"],
        around("{\"a\":[0", ",{\"model\":\"m\"}", "]}"),
    );
    asks(
        all,
        "a query over numbers",
        &["$..model"],
        around("{\"model\":\"m\",\"a\":[0", ",0", "]}"),
    );
    asks(
        all,
        "a query over models",
        &["$..model"],
        around("{\"a\":[0", ",{\"model\":\"m\"}", "]}"),
    );
    asks(
        all,
        "a query with a condition",
        &["$..[?@.t=='x'].model"],
        around("{\"a\":[0", ",{\"t\":\"y\",\"model\":\"m\"}", "]}"),
    );
    asks(
        all,
        "a query over all",
        &["$..[*,*].model"],
        around("{\"a\":[0", ",[[]]", "]}"),
    );

    let form = |body: &Bytes| {
        let asked = ModelRequest::read(
            None,
            "/audio",
            Some("multipart/form-data; boundary=X"),
            body,
        );
        if let Ok(Some(asked)) = asked {
            black_box(asked.body_for(body, "other", false, &mut allocated));
        }
    };
    let kinds: [(&'static str, &'static str, &'static str, &'static str); 7] = [
        (
            "a form of parts",
            "",
            "--X\r\na: b\r\n\r\nc\r\n",
            "--X--\r\n",
        ),
        ("a form of empty parts", "", "--X\r\n\r\n\r\n", "--X--\r\n"),
        (
            "a form of models",
            "",
            "--X\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n",
            "--X--\r\n",
        ),
        ("a form of delimiters", "", "--X\r\n", ""),
        (
            "a form of half delimiters",
            "--X\r\n\r\n",
            "\r\n--",
            "\r\n--X--\r\n",
        ),
        (
            "a part of headers",
            "--X\r\n",
            "a: b\r\n",
            "\r\n\r\n--X--\r\n",
        ),
        (
            "a part of parameters",
            "--X\r\ncontent-disposition: a",
            "; b=\"c;\"",
            "\r\n\r\n\r\n--X--\r\n",
        ),
    ];
    for (name, before, unit, after) in kinds {
        case(all, name, around(before, unit, after), form);
    }

    let path = |bytes: &Bytes| {
        let path = str::from_utf8(bytes).expect("a path");
        if let Ok(Some(asked)) = ModelRequest::read(None, path, Some(JSON), b"{\"stream\":true}") {
            black_box((
                asked.path_for(path, "other").len(),
                asked.can_ask_usage(path),
            ));
        }
    };
    let kinds: [(&'static str, &'static str, &'static str, &'static str); 5] = [
        ("a path of models", "", "/models/m:predict", ""),
        ("a path of colons", "/models/", "%3a:%3A", ":predict"),
        ("a path of escapes", "/model/", "%2F", "/invoke"),
        (
            "a path of deployments",
            "",
            "/deployments/d",
            "/chat/completions",
        ),
        ("a path of queries", "/chat/completions", "?a=b", ""),
    ];
    for (name, before, unit, after) in kinds {
        case(all, name, around(before, unit, after), path);
    }

    let first: [(
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ); 5] = [
        (
            "going on with a request of numbers",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "{\"x\":[0",
            ",0",
            "],\"messages\":[{\"role\":\"user\"}]}",
        ),
        (
            "going on with a request of members",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "{\"messages\":[{\"role\":\"user\"}]",
            ",\"#\":0",
            "}",
        ),
        (
            "going on with a request of messages",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "{\"messages\":[0",
            ",0",
            ",{\"role\":\"user\"}]}",
        ),
        (
            "going on with a format of numbers",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "{\"response_format\":{\"type\":\"text\",\"a\":[0",
            ",0",
            "]},\"messages\":[{\"role\":\"user\"}]}",
        ),
        (
            "going on with a last message of numbers",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
            "{\"messages\":[{\"content\":[0",
            ",0",
            "],\"role\":\"user\"}]}",
        ),
    ];
    for (name, events, before, unit, after) in first {
        case(all, name, around(before, unit, after), move |body| {
            let mut stream = Stream::from_content_type(Some(SSE), false, ALL).expect("a stream");
            stream.feed(&Bytes::from_static(events.as_bytes()));
            black_box((
                stream.can_go_on(body).is_ok(),
                stream.prefilled(body, false),
            ));
        });
    }
}

fn answers(all: &mut Vec<Case>) {
    let known = Arc::new(provider(&["$.model", "$.model", "$.usage.prompt_tokens"]));
    let own = Arc::new(provider(&["$.model", "$..engine", "$.usage[?@.of=='x'].n"]));
    let kinds: [(&'static str, &'static str, &'static str, &'static str); 10] = [
        ("an answer of numbers", "[0", ",0", "]"),
        ("an answer of members", "{\"a\":0", ",\"#\":0", "}"),
        (
            "an answer of usage",
            "{\"a\":0",
            ",\"usage\":{\"prompt_tokens\":1}",
            "}",
        ),
        (
            "an answer of usage's members",
            "{\"usage\":{\"a\":0",
            ",\"prompt_tokens\":1",
            "}}",
        ),
        ("an answer of nested lists", "", "[", ""),
        ("an answer of white space", " ", " \n", ""),
        (
            "an error of details",
            "{\"error\":{\"details\":[0",
            ",{\"retryDelay\":\"1s\",\"reason\":\"x\",\"code\":#}",
            "]}}",
        ),
        (
            "an error of errors",
            "[0",
            ",{\"error\":{\"code\":\"c#\",\"message\":\"m\"}}",
            "]",
        ),
        (
            "an error of one message",
            "{\"error\":{\"message\":\"",
            "İ no model ",
            "\"}}",
        ),
        (
            "an error of one delay",
            "{\"error\":{\"details\":[{\"retryDelay\":\"",
            "1s",
            "\"}]}}",
        ),
    ];
    let signs = Arc::new(Signs::with(&[]).0);
    for (name, before, unit, after) in kinds {
        let (known, own, signs) = (Arc::clone(&known), Arc::clone(&own), Arc::clone(&signs));
        case(all, name, around(before, unit, after), move |body| {
            black_box(answer::check(Some(JSON), body).is_ok());
            // A request that says the same is searched for every sign.
            let evidence = Evidence::of_answer(400, None, body);
            black_box(signs.reason(&evidence, body));
            black_box(known.metadata("/chat/completions", body));
            black_box(own.metadata("/chat/completions", body));
            black_box(hint::after_failure(
                || [].into_iter(),
                body,
                SystemTime::now(),
            ));
        });
    }
}

fn hints(all: &mut Vec<Case>) {
    for (name, one, value) in [
        (
            "headers of exhausted limits",
            "x-ratelimit-remaining-#\nx-ratelimit-reset-#\n",
            "0",
        ),
        (
            "headers of resets",
            "x-ratelimit-remaining\nx-ratelimit-reset-#\n",
            "0",
        ),
        (
            "headers of another's limits",
            "anthropic-ratelimit-#-remaining\nanthropic-ratelimit-#-reset\n",
            "0",
        ),
        ("headers of waits", "retry-after\n", "7"),
    ] {
        case(all, name, around("", one, ""), move |bytes| {
            let names: Vec<&str> = str::from_utf8(bytes).expect("text").lines().collect();
            let headers = || names.iter().map(|name| (*name, value));
            let now = SystemTime::now();
            black_box((
                hint::after_failure(headers, b"", now),
                hint::after_success(headers, now),
            ));
        });
    }
    for (name, before, unit) in [
        ("a wait of digits", "", "9"),
        ("a wait of units", "", "1s"),
        ("a wait of points", "1", "."),
        ("a wait of white space", "", " "),
    ] {
        case(all, name, around(before, unit, ""), move |bytes| {
            let value = str::from_utf8(bytes).expect("text");
            for name in ["retry-after", "x-ratelimit-reset"] {
                let headers = [("x-ratelimit-remaining", "0"), (name, value)];
                black_box(hint::after_failure(
                    || headers.into_iter(),
                    b"",
                    SystemTime::now(),
                ));
            }
        });
    }
}

fn policies(all: &mut Vec<Case>) {
    let kinds: [(&'static str, &'static str, &'static str, &'static str); 6] = [
        ("a policy of keys", "{\"a\":0", ",\"k#\":0", "}"),
        (
            "a policy of fallbacks",
            "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"e\"},\"fallbackModels\":[{}",
            ",{\"model\":\"m#\",\"endpointId\":\"e\"}",
            "]}}",
        ),
        (
            "a policy of the same fallback",
            "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"e\"},\"fallbackModels\":[{}",
            ",{\"model\":\"m\",\"endpointId\":\"e\"}",
            "]}}",
        ),
        ("a policy of apostrophes", "{'a':'", "'", "'}"),
        (
            "a policy of apostrophes and white space",
            "{'a':'",
            "' ",
            "'}",
        ),
        (
            "a policy of one long key",
            "{\"a\":0,\"",
            "max_suspend",
            "\":0}",
        ),
    ];
    for (name, before, unit, after) in kinds {
        case(all, name, around(before, unit, after), |bytes| {
            let text = str::from_utf8(bytes).expect("text");
            black_box(Policy::read(text, &[], &Settings::default()).is_ok());
        });
    }
    for (name, before, unit, after) in [
        (
            "a file of settings",
            "[apim.ai.model_failover]\n",
            "k# = 1\n",
            "",
        ),
        ("a file of tables", "", "[[a.b]]\nc = 1\n", ""),
        (
            "a file of placeholders",
            "[apim.ai.model_failover]\nidle_timeout = \"",
            "$env{A}$",
            "\"\n",
        ),
        (
            "a file of open placeholders",
            "[apim.ai.model_failover]\nidle_timeout = \"",
            "$env{",
            "\"\n",
        ),
    ] {
        case(all, name, around(before, unit, after), |bytes| {
            let file = GatewayFile {
                text: str::from_utf8(bytes).expect("text"),
                env: &|_| Some("1".to_owned()),
                sys: &|_| None,
            };
            black_box(Configuration::read(&file).diagnostics.len());
        });
    }
}
