//! Faults, spelled out in a model's name.
//!
//! Every client and every gateway can choose a model, so a fault that is part of the model's name needs no side channel,
//! survives any number of hops and shows up in every log along the way: `gpt-4o~status=503~retry-after=2`.

use std::{fmt, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;

use crate::{format::Usage, framing::SseStyle};

/// Every directive: its name, the form of its value (empty for a flag) and what it does.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("delay", "300ms", "wait before anything else happens"),
    ("silent", "", "read the request, never answer"),
    (
        "reset",
        "",
        "RST (SO_LINGER 0) as soon as the request is read",
    ),
    ("close", "", "FIN without an answer"),
    ("status", "503", "this status; not 2xx: with an error body"),
    ("retry-after", "2", "the Retry-After header, as given"),
    (
        "header",
        "name:value",
        "a response header, replaces a default one",
    ),
    ("error", "code", "an error body with this code"),
    ("body", "text", "this body, percent-encoded"),
    ("type", "text/html", "this content type"),
    ("empty", "", "an empty body"),
    ("error-200", "", "an error body with status 200"),
    ("bad-json", "", "truncated JSON, whole by Content-Length"),
    (
        "cut",
        "N",
        "RST half-way, in a stream after N content chunks (no N: half of them)",
    ),
    ("headers-then-silence", "", "the head, then nothing"),
    ("redirect", "url", "302 to this address"),
    (
        "first",
        "N",
        "the directives hold for the first N calls of this name",
    ),
    ("tokens", "N", "length of the answer in words"),
    ("text", "words", "what the answer says"),
    (
        "tool-call",
        "name",
        "the answer is a call of this tool (no name: look_up)",
    ),
    ("reasoning", "N", "N chunks of reasoning before the text"),
    (
        "model",
        "name",
        "what the answer says its model is, such as the one behind a deployment",
    ),
    (
        "usage",
        "finish",
        "token counts: finish (with the finish reason, unasked), always or none",
    ),
    (
        "strict",
        "field",
        "refuses a request with this field (no field: with any that Mistral doesn't know)",
    ),
    (
        "stamp",
        "",
        "each content chunk is its number and the time in microseconds",
    ),
    (
        "prefill",
        "refuse",
        "an assistant's turn at the end: ignore, refuse, or prefix as Mistral",
    ),
    (
        "overlap",
        "N",
        "the last N chunks of an answer that was begun are said again",
    ),
    ("gzip", "", "compressed, whatever was accepted"),
    ("split", "N", "written in pieces of at most N bytes"),
    (
        "role-only-then-silence",
        "",
        "stream: what comes before any content, then nothing",
    ),
    (
        "pings",
        "",
        "stream: keep-alives for ever, one in 100 ms, where silence would be",
    ),
    (
        "stall",
        "N",
        "nothing more after N content chunks, unstreamed after half the body",
    ),
    ("interval", "20ms", "stream: wait between chunks"),
    (
        "error-first",
        "",
        "stream: an error event before anything else, then the end",
    ),
    (
        "error-after",
        "N",
        "stream: an error event after N content chunks, then the end",
    ),
    ("no-done", "", "stream: without the end marker"),
    ("done-only", "", "stream: nothing but the end marker"),
    (
        "bad-chunk",
        "N",
        "stream: an event that is no JSON after N content chunks",
    ),
    (
        "bad-crc",
        "N",
        "AWS stream: a wrong checksum in the frame after N content chunks",
    ),
    ("crlf", "", "SSE: lines end in \\r\\n"),
    ("bom", "", "SSE: begins with a byte order mark"),
    ("multiline", "", "stream: JSON over several lines"),
    (
        "told",
        "",
        "the user's last message says what each provider does, and what the answer is",
    ),
];

/// Longest answer that can be asked for, in words.
const MAX_TOKENS: usize = 100_000;

/// What to do with one call, read from the part of a model's name after the first `~`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// The text they were read from, for the log.
    pub(crate) text: String,
    pub(crate) delay: Option<Duration>,
    pub(crate) silent: bool,
    pub(crate) reset: bool,
    pub(crate) close: bool,
    pub(crate) status: Option<StatusCode>,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) error: Option<String>,
    pub(crate) body: Option<Bytes>,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) empty: bool,
    pub(crate) error_200: bool,
    pub(crate) bad_json: bool,
    pub(crate) cut: Option<Cut>,
    pub(crate) headers_then_silence: bool,
    pub(crate) redirect: Option<HeaderValue>,
    pub(crate) first: Option<u64>,
    pub(crate) tokens: Option<usize>,
    /// The directive `text`.
    pub(crate) content: Option<String>,
    /// `Some(None)`: no tool was named.
    pub(crate) tool_call: Option<Option<String>>,
    pub(crate) reasoning: usize,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) strict: Option<Strict>,
    pub(crate) stamp: bool,
    pub(crate) prefill: Prefill,
    pub(crate) overlap: usize,
    pub(crate) gzip: bool,
    pub(crate) split: Option<NonZeroUsize>,
    pub(crate) role_only_then_silence: bool,
    pub(crate) pings: bool,
    pub(crate) stall: Option<usize>,
    pub(crate) interval: Option<Duration>,
    pub(crate) error_first: bool,
    pub(crate) error_after: Option<usize>,
    pub(crate) no_done: bool,
    pub(crate) done_only: bool,
    pub(crate) bad_chunk: Option<usize>,
    pub(crate) bad_crc: Option<usize>,
    pub(crate) sse: SseStyle,
    pub(crate) told: bool,
}

/// What is done about an assistant's turn at the end of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prefill {
    /// It is the beginning of the answer.
    #[default]
    Continue,
    /// The answer repeats it.
    Ignore,
    Refuse,
    /// As Mistral: refused unless it has `"prefix": true`.
    Prefix,
}

/// Which of a request's top-level fields are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strict {
    /// Those that Mistral doesn't know.
    Unknown,
    Field(String),
}

/// Where an answer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    HalfWay,
    /// After so many content chunks of a stream.
    After(usize),
}

/// A directive that can't be followed. Its text names the directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No directive has this name.
    Unknown(String),
    /// A known directive with a value it can't have.
    Value {
        /// The directive's name.
        name: String,
        /// What is wrong with the value.
        why: String,
    },
}

impl Refused {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_directive",
            Self::Value { .. } => "bad_directive",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "unknown directive `{name}`; known are")?;
                for (at, (name, value, _)) in KNOWN.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    let equals = if value.is_empty() { "" } else { "=" };
                    write!(f, "{comma} {name}{equals}{value}")?;
                }
                Ok(())
            }
            Self::Value { name, why } => write!(f, "directive `{name}`: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Directives {
    /// The directives in a model's name; none if it has no `~`.
    ///
    /// # Errors
    /// The first directive that is unknown or has an impossible value.
    pub fn of_model(model: &str) -> Result<Self, Refused> {
        model
            .split_once('~')
            .map_or_else(|| Ok(Self::default()), |(_, text)| Self::parse(text))
    }

    /// Directives separated by `~`; the empty string is a healthy call.
    ///
    /// # Errors
    /// The first directive that is unknown or has an impossible value.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let mut directives = Self {
            text: text.trim_start_matches('~').to_owned(),
            ..Self::default()
        };
        for one in text.split('~').filter(|one| !one.is_empty()) {
            let (name, value) = match one.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (one, None),
            };
            directives.set(name, value).map_err(|why| {
                why.map_or_else(
                    || Refused::Unknown(name.to_owned()),
                    |why| Refused::Value {
                        name: name.to_owned(),
                        why,
                    },
                )
            })?;
        }
        Ok(directives)
    }

    /// What a message such as `[eu ~status=503][us ~cut=2]<<one two three>>` tells a provider to do; the text in angles is
    /// what the answer says, to the letter.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub(crate) fn told_by(message: &str, provider: &str) -> Result<Self, Refused> {
        let (faults, text) = message.split_once("<<").unwrap_or((message, ""));
        let mine = faults
            .split('[')
            .filter_map(|one| one.split_once(']')?.0.split_once(' '))
            .find(|(name, _)| *name == provider);
        let mut directives = Self::parse(mine.map_or("", |(_, text)| text))?;
        if let Some((text, _)) = text.split_once(">>") {
            directives.content = Some(text.to_owned());
        }
        Ok(directives)
    }

    /// `Err(None)`: there is no such directive.
    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Option<String>> {
        match name {
            "delay" => self.delay = Some(duration(value)?),
            "silent" => self.silent = flag(value)?,
            "reset" => self.reset = flag(value)?,
            "close" => self.close = flag(value)?,
            "status" => self.status = Some(status(value)?),
            "retry-after" => self.retry_after = Some(header_value(&form_decoded(given(value)?)?)?),
            "header" => self.headers.push(header_line(given(value)?)?),
            "error" => self.error = Some(form_decoded(given(value)?)?),
            "body" => self.body = Some(percent_decode_str(given(value)?).collect()),
            "type" => self.content_type = Some(header_value(&decoded(given(value)?)?)?),
            "empty" => self.empty = flag(value)?,
            "error-200" => self.error_200 = flag(value)?,
            "bad-json" => self.bad_json = flag(value)?,
            "cut" => {
                self.cut = Some(match value {
                    None => Cut::HalfWay,
                    some => Cut::After(count(some)?),
                });
            }
            "headers-then-silence" => self.headers_then_silence = flag(value)?,
            "redirect" => self.redirect = Some(header_value(&decoded(given(value)?)?)?),
            "first" => self.first = Some(number(value)?),
            "tokens" => self.tokens = Some(count(value)?),
            "text" => self.content = Some(form_decoded(given(value)?)?),
            "tool-call" => self.tool_call = Some(value.map(form_decoded).transpose()?),
            "reasoning" => self.reasoning = count(value)?,
            "model" => self.model = Some(form_decoded(given(value)?)?),
            "usage" => self.usage = Some(usage(value)?),
            "strict" => {
                self.strict = Some(match value {
                    None => Strict::Unknown,
                    Some(field) => Strict::Field(decoded(field)?),
                });
            }
            "stamp" => self.stamp = flag(value)?,
            "prefill" => self.prefill = prefill(value)?,
            "overlap" => self.overlap = count(value)?,
            "gzip" => self.gzip = flag(value)?,
            "split" => self.split = Some(size(value)?),
            "role-only-then-silence" => self.role_only_then_silence = flag(value)?,
            "pings" => self.pings = flag(value)?,
            "stall" => self.stall = Some(count(value)?),
            "interval" => self.interval = Some(duration(value)?),
            "error-first" => self.error_first = flag(value)?,
            "error-after" => self.error_after = Some(count(value)?),
            "no-done" => self.no_done = flag(value)?,
            "done-only" => self.done_only = flag(value)?,
            "bad-chunk" => self.bad_chunk = Some(count(value)?),
            "bad-crc" => self.bad_crc = Some(count(value)?),
            "crlf" => self.sse.crlf = flag(value)?,
            "bom" => self.sse.bom = flag(value)?,
            "multiline" => self.sse.multiline = flag(value)?,
            "told" => self.told = flag(value)?,
            _ => return Err(None),
        }
        Ok(())
    }
}

fn flag(value: Option<&str>) -> Result<bool, Option<String>> {
    value.map_or(Ok(true), |value| {
        Err(Some(format!("takes no value, was given `{value}`")))
    })
}

fn given(value: Option<&str>) -> Result<&str, Option<String>> {
    value.ok_or_else(|| Some("needs a value".to_owned()))
}

fn number(value: Option<&str>) -> Result<u64, Option<String>> {
    let value = given(value)?;
    value
        .parse()
        .map_err(|_| Some(format!("`{value}` is not a whole number")))
}

fn count(value: Option<&str>) -> Result<usize, Option<String>> {
    usize::try_from(number(value)?)
        .ok()
        .filter(|count| *count <= MAX_TOKENS)
        .ok_or_else(|| Some(format!("at most {MAX_TOKENS}")))
}

fn size(value: Option<&str>) -> Result<NonZeroUsize, Option<String>> {
    NonZeroUsize::new(count(value)?).ok_or_else(|| Some("at least 1".to_owned()))
}

fn prefill(value: Option<&str>) -> Result<Prefill, Option<String>> {
    match given(value)? {
        "ignore" => Ok(Prefill::Ignore),
        "refuse" => Ok(Prefill::Refuse),
        "prefix" => Ok(Prefill::Prefix),
        other => Err(Some(format!("`{other}` is not ignore, refuse or prefix"))),
    }
}

fn usage(value: Option<&str>) -> Result<Usage, Option<String>> {
    match given(value)? {
        "finish" => Ok(Usage::FinishChunk),
        "always" => Ok(Usage::OwnChunk),
        "none" => Ok(Usage::Nowhere),
        other => Err(Some(format!("`{other}` is not finish, always or none"))),
    }
}

fn duration(value: Option<&str>) -> Result<Duration, Option<String>> {
    let value = given(value)?;
    humantime::parse_duration(value)
        .map_err(|why| Some(format!("`{value}` is not a time such as 300ms: {why}")))
}

fn status(value: Option<&str>) -> Result<StatusCode, Option<String>> {
    let value = given(value)?;
    value
        .parse()
        .ok()
        .filter(|status: &StatusCode| !status.is_informational())
        .ok_or_else(|| Some(format!("`{value}` is not a final status from 200 to 999")))
}

fn decoded(value: &str) -> Result<String, Option<String>> {
    percent_decode_str(value)
        .decode_utf8()
        .map(Into::into)
        .map_err(|why| Some(why.to_string()))
}

/// As in an HTML form: `+` is a space.
fn form_decoded(value: &str) -> Result<String, Option<String>> {
    decoded(&value.replace('+', " "))
}

fn header_value(value: &str) -> Result<HeaderValue, Option<String>> {
    HeaderValue::from_str(value).map_err(|_| Some(format!("`{value}` can't be a header's value")))
}

fn header_line(line: &str) -> Result<(HeaderName, HeaderValue), Option<String>> {
    let line = form_decoded(line)?;
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| Some(format!("`{line}` is not name:value")))?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| Some(format!("`{name}` can't be a header's name")))?;
    if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
        return Err(Some(format!(
            "{name} follows from the body; for a wrong length there are `cut` and `stall`"
        )));
    }
    Ok((name, header_value(value.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tilde_is_healthy() {
        assert_eq!(Directives::of_model("gpt-4o"), Ok(Directives::default()));
        assert_eq!(Directives::of_model("gpt-4o~"), Ok(Directives::default()));
    }

    #[test]
    fn directives_combine_and_headers_repeat() {
        let directives =
            Directives::of_model("m~status=429~retry-after=2~header=a:1~header=b:x+y%2Bz").unwrap();
        assert_eq!(directives.status, Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(directives.retry_after, Some(HeaderValue::from_static("2")));
        assert_eq!(directives.headers.len(), 2);
        assert_eq!(directives.headers[1].1, "x y+z");
    }

    #[test]
    fn the_known_directives_are_exactly_those_that_are_understood() {
        for (name, value, _) in KNOWN {
            let value = match *value {
                "" => String::new(),
                "N" => "=3".to_owned(),
                other => format!("={other}"),
            };
            let text = format!("{name}{value}");
            assert!(Directives::parse(&text).is_ok(), "{text} is not understood");
        }
        let readme = include_str!("../README.md");
        for (name, ..) in KNOWN {
            assert!(
                readme.contains(&format!("| `{name}")),
                "README.md's table lacks {name}"
            );
        }
    }

    #[test]
    fn a_wrong_directive_is_named() {
        let unknown = Directives::of_model("m~statsu=503")
            .unwrap_err()
            .to_string();
        assert!(
            unknown.contains("`statsu`") && unknown.contains("status=503"),
            "{unknown}"
        );
        for wrong in [
            "status=abc",
            "status=100",
            "status",
            "silent=1",
            "delay=300",
            "cut=x",
            "tokens=100001",
            "header=nocolon",
            "header=content-length:5",
            "type=%0A",
            "prefill=maybe",
            "usage=maybe",
            "split=0",
        ] {
            let name = wrong.split('=').next().unwrap();
            let refused = Directives::parse(wrong).unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("directive `{name}`")),
                "{wrong}: {refused}"
            );
        }
    }
}
