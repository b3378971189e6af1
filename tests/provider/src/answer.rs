//! What a call is answered with: a healthy chat completion, bent by directives.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::{
    directives::{Cut, Directives},
    script::Step,
};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
/// Longest part of the user's message that is echoed, in characters.
const ECHO: usize = 60;

/// What the caller asked for.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) last_user_message: String,
    pub(crate) prompt_tokens: usize,
}

impl Question {
    pub(crate) fn read(model: String, body: &Value) -> Self {
        let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let last_user = messages.iter().rfind(|message| message["role"] == "user");
        let asked = match last_user {
            Some(message) => text(&message["content"]),
            None => text(&body["prompt"]) + &text(&body["input"]),
        };
        let words = |text: &str| text.split_whitespace().count();
        let in_messages: usize = messages
            .iter()
            .map(|message| words(&text(&message["content"])))
            .sum();
        Self {
            model,
            stream: body["stream"] == true,
            include_usage: body["stream_options"]["include_usage"] == true,
            prompt_tokens: in_messages.max(words(&asked)),
            last_user_message: shortened(&asked),
        }
    }
}

/// A message's content is a string or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ECHO) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Who answers, and as which of its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author<'a> {
    pub(crate) provider: &'a str,
    pub(crate) serial: u64,
    /// Seconds since 1970.
    pub(crate) created: u64,
}

/// An answer, wholly decided.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) steps: Vec<Step>,
    pub(crate) outcome: String,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Clone, Copy, Serialize)]
struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    fn of(question: &Question, words: &[String]) -> Self {
        Self {
            prompt_tokens: question.prompt_tokens,
            completion_tokens: words.len(),
            total_tokens: question.prompt_tokens + words.len(),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// The body of an OpenAI error.
pub(crate) fn error_body(
    status: StatusCode,
    message: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> Bytes {
    let kind = match status.as_u16() {
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let error = ErrorObject {
        message,
        kind,
        param,
        code,
    };
    to_json(&ErrorBody { error })
}

/// The error a directive asks for; statuses with one usual reason get that reason's code.
fn simulated_error(author: Author<'_>, status: StatusCode, directives: &Directives) -> Bytes {
    let usual = match status.as_u16() {
        401 => Some("invalid_api_key"),
        429 => Some("rate_limit_exceeded"),
        _ => None,
    };
    let code = directives.error.as_deref().or(usual);
    let what = code.unwrap_or("an error");
    let message = format!(
        "{} simulates {what} with status {}",
        author.provider,
        status.as_u16()
    );
    error_body(status, &message, None, code)
}

/// The answer to one call. `delay`, `silent`, `reset` and `close` come before there is one and are not its business.
pub(crate) fn plan(author: Author<'_>, question: &Question, directives: &Directives) -> Plan {
    let in_stream_error = directives.error_first || directives.error_after.is_some();
    let status = directives.status.unwrap_or_else(|| {
        if directives.redirect.is_some() {
            StatusCode::FOUND
        } else if directives.error.is_some() && !directives.error_200 && !in_stream_error {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        }
    });
    let whole = whole_body(author, question, directives, status);
    let streamed = question.stream && status.is_success();
    let content_type = directives.content_type.clone().unwrap_or_else(|| {
        let as_stream = whole.is_none() || directives.body.is_some() || directives.empty;
        if streamed && as_stream {
            EVENT_STREAM
        } else {
            JSON
        }
    });

    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Ok(id) = HeaderValue::from_str(&format!("req-{}-{}", author.created, author.serial)) {
        headers.insert("x-request-id", id);
    }
    headers.insert(REMAINING_TOKENS, HeaderValue::from_static("149984"));
    if let Some(url) = &directives.redirect {
        headers.insert(header::LOCATION, url.clone());
    }
    if let Some(after) = &directives.retry_after {
        headers.insert(header::RETRY_AFTER, after.clone());
    }
    for (name, _) in &directives.headers {
        headers.remove(name);
    }
    for (name, value) in &directives.headers {
        headers.append(name, value.clone());
    }

    let (verb, steps) = match whole {
        Some(body) => {
            let may_have_body =
                status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
            let body = if may_have_body { body } else { Bytes::new() };
            if !body.is_empty() {
                headers.insert(header::CONTENT_LENGTH, body.len().into());
            }
            ("answered", whole_steps(body, directives))
        }
        None => ("streamed", stream_steps(author, question, directives)),
    };
    let steps = if directives.headers_then_silence {
        vec![Step::Silence]
    } else {
        steps
    };
    Plan {
        status,
        headers,
        steps,
        outcome: format!("{verb} {}", status.as_u16()),
    }
}

/// The body of an answer in one piece; `None` if it is to be streamed.
fn whole_body(
    author: Author<'_>,
    question: &Question,
    directives: &Directives,
    status: StatusCode,
) -> Option<Bytes> {
    if let Some(body) = &directives.body {
        return Some(body.clone());
    }
    if directives.empty || directives.redirect.is_some() {
        return Some(Bytes::new());
    }
    if directives.error_200 || !status.is_success() {
        return Some(simulated_error(author, status, directives));
    }
    if question.stream && !directives.bad_json {
        return None;
    }
    let whole = completion(author, question, directives);
    Some(if directives.bad_json {
        whole.slice(..whole.len() / 2)
    } else {
        whole
    })
}

fn whole_steps(body: Bytes, directives: &Directives) -> Vec<Step> {
    let last = match (directives.cut, directives.stall) {
        (Some(_), _) => Step::Reset,
        (None, Some(_)) => Step::Silence,
        (None, None) if body.is_empty() => return Vec::new(),
        (None, None) => return vec![Step::Send(body)],
    };
    match body.len() / 2 {
        0 => vec![last],
        half => vec![Step::Send(body.slice(..half)), last],
    }
}

fn completion(author: Author<'_>, question: &Question, directives: &Directives) -> Bytes {
    let words = words(author, question, directives);
    let content = words.concat();
    let choice = Choice {
        index: 0,
        message: Some(Message {
            role: Some("assistant"),
            content: Some(&content),
        }),
        delta: None,
        finish_reason: Some("stop"),
    };
    let completion = Completion {
        id: &id(author),
        object: "chat.completion",
        created: author.created,
        model: &question.model,
        choices: vec![choice],
        usage: Some(Some(Usage::of(question, &words))),
    };
    to_json(&completion)
}

fn id(author: Author<'_>) -> String {
    format!("chatcmpl-{}-{}", author.provider, author.serial)
}

/// Serialising these types can't fail; should it ever, the body says so.
pub(crate) fn to_json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .unwrap_or_else(|error| error.to_string().into_bytes())
        .into()
}

/// The answer's words; all but the first begin with their space, so that they concatenate to the text.
fn words(author: Author<'_>, question: &Question, directives: &Directives) -> Vec<String> {
    let text = format!(
        "Provider {} served {}. You said: {}",
        author.provider, question.model, question.last_user_message
    );
    let said: Vec<&str> = text.split_whitespace().collect();
    let wished = [
        directives.stall,
        directives.error_after,
        directives.bad_chunk,
        match directives.cut {
            Some(Cut::After(chunks)) => Some(chunks),
            _ => None,
        },
    ];
    // A fault after N chunks needs an answer that goes on after them.
    let needed = wished.iter().flatten().max().map_or(0, |chunks| chunks + 1);
    let length = directives.tokens.unwrap_or_else(|| needed.max(said.len()));
    let words = said.iter().cycle().take(length).enumerate();
    words
        .map(|(at, word)| {
            if at == 0 {
                (*word).to_owned()
            } else {
                format!(" {word}")
            }
        })
        .collect()
}

/// The events of one stream.
struct Events<'a> {
    id: String,
    author: Author<'a>,
    question: &'a Question,
    interval: Option<Duration>,
    steps: Vec<Step>,
}

impl Events<'_> {
    fn data(&mut self, data: &[u8]) {
        if let (Some(interval), false) = (self.interval, self.steps.is_empty()) {
            self.steps.push(Step::Wait(interval));
        }
        self.steps
            .push(Step::Send([b"data: ", data, b"\n\n"].concat().into()));
    }

    fn chunk(&mut self, choice: Option<(Message<'_>, Option<&'static str>)>, usage: Option<Usage>) {
        let choices = choice.map(|(delta, finish_reason)| Choice {
            index: 0,
            message: None,
            delta: Some(delta),
            finish_reason,
        });
        let chunk = to_json(&Completion {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.author.created,
            model: &self.question.model,
            choices: choices.into_iter().collect(),
            usage: self.question.include_usage.then_some(usage),
        });
        self.data(&chunk);
    }

    fn error(mut self, directives: &Directives) -> Vec<Step> {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.data(&simulated_error(self.author, status, directives));
        self.steps
    }

    fn ending(mut self, last: Step) -> Vec<Step> {
        self.steps.push(last);
        self.steps
    }
}

fn stream_steps(author: Author<'_>, question: &Question, directives: &Directives) -> Vec<Step> {
    let silence = if directives.pings {
        Step::Pings
    } else {
        Step::Silence
    };
    let interval = directives.interval;
    let mut events = Events {
        id: id(author),
        author,
        question,
        interval,
        steps: Vec::new(),
    };
    if directives.error_first {
        return events.error(directives);
    }
    if directives.done_only {
        events.data(b"[DONE]");
        return events.steps;
    }
    if directives.pings && directives.stall.is_none() && !directives.role_only_then_silence {
        return events.ending(silence);
    }
    let role = Message {
        role: Some("assistant"),
        content: Some(""),
    };
    events.chunk(Some((role, None)), None);
    if directives.role_only_then_silence {
        return events.ending(silence);
    }

    let words = words(author, question, directives);
    // A fault after more chunks than `tokens` allows comes after the last one.
    let after = |chunks: Option<usize>, sent: usize| {
        chunks.is_some_and(|chunks| chunks.min(words.len()) == sent)
    };
    let cut = directives.cut.map(|cut| match cut {
        Cut::HalfWay => words.len() / 2,
        Cut::After(chunks) => chunks,
    });
    for sent in 0..=words.len() {
        if after(directives.bad_chunk, sent) {
            events.data(br#"{"id":"chatcmpl-bad","choices":[{"index":0,"delta":{"content":"#);
        }
        if after(cut, sent) {
            return events.ending(Step::Reset);
        }
        if after(directives.stall, sent) {
            return events.ending(silence);
        }
        if after(directives.error_after, sent) {
            return events.error(directives);
        }
        if let Some(word) = words.get(sent) {
            let delta = Message {
                role: None,
                content: Some(word),
            };
            events.chunk(Some((delta, None)), None);
        }
    }
    events.chunk(Some((Message::default(), Some("stop"))), None);
    if question.include_usage {
        events.chunk(None, Some(Usage::of(question, &words)));
    }
    if !directives.no_done {
        events.data(b"[DONE]");
    }
    events.steps
}
