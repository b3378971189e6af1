//! The streams in `tests/recorded`: what is made of them, wherever they are cut.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use failover_wire::stream::{Stream, Tokens, Worth};
use proptest::prelude::*;

use crate::client::{self, Wire};
use crate::{ALL, End, pass};

/// A recorded stream and what is known of it.
pub(crate) struct Recorded {
    pub(crate) file: &'static str,
    /// The format that its client reads; `None`: any other.
    pub(crate) wire: Option<Wire>,
    pub(crate) text: &'static str,
    /// The model that it names.
    model: Option<&'static str>,
    /// Prompt, completion and total.
    tokens: Option<(u64, u64, u64)>,
    /// How many useful events it has.
    useful: usize,
    end: End,
}

const fn of(
    file: &'static str,
    wire: Wire,
    text: &'static str,
    model: Option<&'static str>,
    tokens: Option<(u64, u64, u64)>,
    useful: usize,
) -> Recorded {
    Recorded {
        file,
        wire: Some(wire),
        text,
        model,
        tokens,
        useful,
        end: End::Whole,
    }
}

const fn other(file: &'static str, tokens: Option<(u64, u64, u64)>, useful: usize) -> Recorded {
    Recorded {
        file,
        wire: None,
        text: "",
        model: None,
        tokens,
        useful,
        end: End::Whole,
    }
}

pub(crate) const ALL_RECORDED: [Recorded; 31] = [
    of(
        "chat-text.sse",
        Wire::Chat,
        "The tide turns at noon, café 🌊.",
        Some("gpt-4.1-2025-04-14"),
        Some((14, 9, 23)),
        10,
    ),
    of(
        "chat-tools.sse",
        Wire::Chat,
        "",
        Some("gpt-4.1-2025-04-14"),
        None,
        7,
    ),
    of(
        "chat-reasoning.sse",
        Wire::Chat,
        "Twice a day.",
        Some("deepseek-reasoner"),
        Some((7, 12, 19)),
        7,
    ),
    of(
        "azure-text.sse",
        Wire::Chat,
        "High water at six.",
        Some("gpt-4o-2024-11-20"),
        Some((11, 5, 16)),
        6,
    ),
    of(
        "azure-asynchronous-filter.sse",
        Wire::Chat,
        "Low water at noon.",
        Some("gpt-4o-2024-11-20"),
        None,
        4,
    ),
    of(
        "mistral-text.sse",
        Wire::Chat,
        "Neap tides are weak",
        Some("mistral-small-latest"),
        Some((9, 5, 14)),
        5,
    ),
    of(
        "mistral-thinking.sse",
        Wire::Chat,
        "Spring tides are strong",
        Some("mistral-small-latest"),
        Some((9, 15, 24)),
        7,
    ),
    of(
        "completions-text.sse",
        Wire::Completions,
        " the sea comes in",
        Some("gpt-3.5-turbo-instruct"),
        Some((3, 4, 7)),
        5,
    ),
    of(
        "completions-usage-in-each-chunk.sse",
        Wire::Completions,
        "\n\nEbb and flow",
        Some("gpt-3.5-turbo-instruct"),
        Some((3, 3, 6)),
        3,
    ),
    of(
        "responses-text.sse",
        Wire::Responses,
        "The ebb is slow.",
        Some("gpt-4.1-2025-04-14"),
        Some((12, 6, 18)),
        6,
    ),
    of(
        "responses-reasoning.sse",
        Wire::Responses,
        "First the moon Then the sun.",
        Some("gpt-4.1-2025-04-14"),
        Some((12, 40, 52)),
        7,
    ),
    of(
        "responses-tool.sse",
        Wire::Responses,
        "",
        Some("gpt-4.1-2025-04-14"),
        Some((12, 6, 18)),
        3,
    ),
    of(
        "responses-incomplete.sse",
        Wire::Responses,
        "Cut short",
        Some("gpt-4.1-2025-04-14"),
        Some((12, 6, 18)),
        3,
    ),
    of(
        "messages-text.sse",
        Wire::Messages,
        "The moon pulls the sea.",
        Some("claude-sonnet-4-5-20250929"),
        Some((18, 11, 29)),
        4,
    ),
    of(
        "messages-thinking.sse",
        Wire::Messages,
        "Both pull.",
        Some("claude-sonnet-4-5-20250929"),
        Some((18, 11, 29)),
        5,
    ),
    of(
        "messages-tool.sse",
        Wire::Messages,
        "Looking it up.",
        Some("claude-sonnet-4-5-20250929"),
        Some((18, 11, 29)),
        6,
    ),
    of(
        "gemini-text.sse",
        Wire::Gemini,
        "The sea rises twice, é.\n",
        Some("gemini-2.5-flash"),
        Some((6, 7, 13)),
        3,
    ),
    of(
        "gemini-thinking.sse",
        Wire::Gemini,
        "Two pulls, one tide.",
        Some("gemini-2.5-flash"),
        Some((6, 7, 53)),
        5,
    ),
    of(
        "gemini-function-call.sse",
        Wire::Gemini,
        "",
        Some("gemini-2.5-flash"),
        Some((6, 7, 13)),
        1,
    ),
    of(
        "gemini-text.json",
        Wire::GeminiArray,
        "The sea rises twice, é.\n",
        Some("gemini-2.5-flash"),
        Some((6, 7, 13)),
        3,
    ),
    of(
        "gemini-thinking.json",
        Wire::GeminiArray,
        "Two pulls, one tide.",
        Some("gemini-2.5-flash"),
        Some((6, 7, 53)),
        5,
    ),
    of(
        "converse-text.base64",
        Wire::Converse,
        "Rocks and pools.",
        None,
        Some((8, 5, 13)),
        4,
    ),
    of(
        "converse-reasoning.base64",
        Wire::Converse,
        "Pools fill.",
        None,
        Some((8, 21, 29)),
        5,
    ),
    of(
        "converse-tool.base64",
        Wire::Converse,
        "One moment.",
        None,
        Some((40, 22, 62)),
        4,
    ),
    Recorded {
        end: End::Failed,
        ..of(
            "converse-exception.base64",
            Wire::Converse,
            "Rocks",
            None,
            None,
            1,
        )
    },
    of(
        "invoke-messages.base64",
        Wire::Invoke,
        "The moon pulls the sea.",
        Some("claude-sonnet-4-5-20250929"),
        Some((18, 11, 29)),
        4,
    ),
    other("invoke-titan.base64", Some((4, 3, 7)), 3),
    other("invoke-llama.base64", Some((5, 3, 8)), 3),
    other("speech.sse", None, 2),
    other("plain-text.sse", None, 3),
    other("other-events.sse", None, 3),
];

impl Recorded {
    pub(crate) fn body(&self) -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/recorded")
            .join(self.file);
        let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if !self.file.ends_with(".base64") {
            return file;
        }
        let text = String::from_utf8(file).expect("UTF-8");
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| STANDARD.decode(line).expect("base64"))
            .collect()
    }

    pub(crate) fn stream(&self) -> Stream {
        let content_type = match self.file.rsplit('.').next() {
            Some("sse") => "text/event-stream",
            Some("json") => "application/json",
            _ => "application/vnd.amazon.eventstream",
        };
        Stream::from_content_type(Some(content_type), self.file.ends_with(".json"), ALL)
            .expect("a stream")
    }

    /// What its end looks like to a caller.
    fn read(&self, cuts: &[usize]) -> Read {
        self.read_body(&self.body(), cuts)
    }

    fn read_body(&self, body: &[u8], cuts: &[usize]) -> Read {
        let (mut stream, mut passed) = (self.stream(), Vec::new());
        let end = pass(&mut stream, body, cuts, &mut passed);
        Read {
            end,
            delivered: stream.delivered(),
            tokens: stream.tokens(),
            model: stream.model().map(str::to_owned),
            finished: stream.finished(),
            ended: stream.ended(),
            plain: stream.can_go_on(b"{}").is_ok(),
            ending: Raw(stream.ending().to_vec()),
            passed: Raw(passed),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Read {
    end: End,
    passed: Raw,
    delivered: usize,
    tokens: Option<Tokens>,
    model: Option<String>,
    finished: bool,
    ended: bool,
    plain: bool,
    ending: Raw,
}

#[derive(Clone, Default, PartialEq)]
struct Raw(Vec<u8>);

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[test]
fn every_recorded_stream_is_known_to_the_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    for file in std::fs::read_dir(folder).expect("the folder") {
        let name = file.expect("a file").file_name();
        assert!(
            name == "README.md" || ALL_RECORDED.iter().any(|r| *r.file == *name),
            "{name:?} is not in the table"
        );
    }
}

#[test]
fn a_recorded_stream_is_read_as_its_client_reads_it() {
    for recorded in &ALL_RECORDED {
        let (file, read) = (recorded.file, recorded.read(&[]));
        assert_eq!(read.end, recorded.end, "{file}: how it ends");
        assert_eq!(
            read.tokens,
            recorded.tokens.map(|(prompt, completion, total)| Tokens {
                prompt,
                completion,
                total
            }),
            "{file}: its tokens"
        );
        assert_eq!(read.model.as_deref(), recorded.model, "{file}: its model");
        assert_eq!(read.delivered, recorded.text.len(), "{file}: bytes of text");
        if let (Some(wire), End::Whole) = (recorded.wire, recorded.end) {
            let client = client::read(wire, &read.passed.0);
            assert_eq!(client.text, recorded.text, "{file}: its text");
            assert!(read.finished && client.complete, "{file}: it is whole");
            assert!(
                read.ending.0.is_empty(),
                "{file}: nothing is missing at its end"
            );
            let plain = client.tools.is_empty();
            assert_eq!(read.plain, plain, "{file}: another could go on");
        }
        let mut stream = recorded.stream();
        let events = stream.feed(&recorded.body().into());
        let useful = events.iter().filter(|e| e.worth == Worth::Useful).count();
        assert_eq!(useful, recorded.useful, "{file}: useful events");
    }
}

#[test]
fn a_recorded_stream_is_passed_on_as_it_came() {
    for recorded in &ALL_RECORDED {
        if recorded.end == End::Whole {
            let mut body = recorded.body();
            if recorded.file.ends_with(".json") {
                // What follows the array's end is nobody's.
                body.truncate(body.trim_ascii_end().len());
            }
            assert!(recorded.read(&[]).passed.0 == body, "{}", recorded.file);
        }
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_is_read_alike() {
    for recorded in &ALL_RECORDED {
        let every: Vec<usize> = (0..recorded.body().len()).collect();
        assert_eq!(
            recorded.read(&every),
            recorded.read(&[]),
            "{}",
            recorded.file
        );
    }
}

/// The ways to write server-sent events that the HTML standard allows, for the same events.
#[derive(Debug, Clone)]
struct Dress {
    line_end: &'static str,
    mark: bool,
    comments: Vec<usize>,
    spread: bool,
    no_space: bool,
}

impl Dress {
    fn put_on(&self, body: &[u8]) -> Vec<u8> {
        let text = String::from_utf8(body.to_vec()).expect("UTF-8");
        let mut out = String::new();
        if self.mark {
            out.push('\u{feff}');
        }
        let normal = text.replace("\r\n", "\n");
        for (at, block) in normal.split_inclusive("\n\n").enumerate() {
            if self.comments.contains(&at) {
                out.push_str(": comment\n\n");
            }
            for line in block.split_inclusive('\n') {
                match line.strip_prefix("data: ") {
                    // A line break between two members means nothing to JSON.
                    Some(data) if self.spread && data.starts_with('{') => {
                        out.push_str("data: {\ndata: ");
                        out.push_str(&data[1..]);
                    }
                    Some(data) if self.no_space => {
                        out.push_str("data:");
                        out.push_str(data);
                    }
                    _ => out.push_str(line),
                }
                if self.comments.contains(&(at + 7)) && line.starts_with("data") {
                    out.push_str(":within\n");
                }
            }
        }
        out.replace('\n', self.line_end).into_bytes()
    }
}

fn dress() -> impl Strategy<Value = Dress> {
    (
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
        prop::collection::vec(0usize..20, 0..6),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(line_end, mark, comments, spread, no_space)| Dress {
            line_end,
            mark,
            comments,
            spread,
            no_space,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_made_of_a_stream_does_not_depend_on_how_it_is_written(
        which in prop::sample::select(ALL_RECORDED.iter().filter(|r| r.file.ends_with(".sse")).map(|r| r.file).collect::<Vec<_>>()),
        dress in dress(), cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let recorded = ALL_RECORDED.iter().find(|r| r.file == which).expect("it");
        let plain = recorded.read(&[]);
        let body = dress.put_on(&recorded.body());
        let read = recorded.read_body(&body, &cuts);
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
        // After the end marker's blank line nothing is read: the second half of a CR LF may be left.
        let passed = read.passed.0.clone();
        prop_assert!(body.starts_with(&passed) && body.len() - passed.len() <= 1, "bytes were lost or changed");
        // And is put in.
        let ending = match dress.line_end {
            "\n" => read.ending.clone(),
            _ => Raw(read.ending.0.strip_prefix(b"\n").unwrap_or(&read.ending.0).to_vec()),
        };
        prop_assert_eq!(Read { passed: Raw::default(), ending, ..read }, Read { passed: Raw::default(), ..plain });
    }

    #[test]
    fn many_small_pieces_make_no_difference(
        which in 0..ALL_RECORDED.len(), cuts in prop::collection::vec(any::<usize>(), 0..200),
    ) {
        let recorded = &ALL_RECORDED[which];
        prop_assert_eq!(recorded.read(&cuts), recorded.read(&[]));
    }
}
