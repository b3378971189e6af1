//! Wire formats: how a provider's API writes an answer, its stream and its errors down.
//!
//! One file per format. None knows of directives: it is told what to say, and says it in its own shape.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::framing::{Framing, Sse, SseStyle};

mod anthropic;
pub(crate) mod chat;
mod completions;
mod converse;
mod custom;
mod gemini;
mod invoke;
mod responses;

/// Who answers, and as which of its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author<'a> {
    pub(crate) provider: &'a str,
    pub(crate) serial: u64,
    /// Seconds since 1970.
    pub(crate) created: u64,
}

/// What every format says of an answer besides its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// Unique among this provider's answers; formats put their own prefix before it.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) choices: usize,
    pub(crate) usage: Usage,
    pub(crate) prompt_tokens: usize,
    pub(crate) text_tokens: usize,
    pub(crate) reasoning_tokens: usize,
    /// Name of the tool that is called, if it is not a text that is said.
    pub(crate) tool: Option<String>,
}

/// Where a chat completion or a completion has its token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Usage {
    Nowhere,
    /// In a plain answer only: nobody asked for them in the stream.
    #[default]
    Plain,
    /// In a stream together with the finish reason, as Mistral.
    FinishChunk,
    /// In a stream's own last chunk, as OpenAI when it is asked.
    OwnChunk,
}

impl About {
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.id)
    }

    /// Whether this choice's finish chunk has the token counts.
    fn on_finish(&self, choice: usize) -> bool {
        self.usage == Usage::FinishChunk && choice + 1 == self.choices
    }

    fn output_tokens(&self) -> usize {
        self.text_tokens + self.reasoning_tokens
    }

    fn total_tokens(&self) -> usize {
        self.prompt_tokens + self.output_tokens()
    }
}

/// One content chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    Reasoning(&'a str),
    Text(&'a str),
    /// A piece of the tool call's arguments.
    Arguments(&'a str),
}

impl<'a> Part<'a> {
    /// What is said in it, of whatever kind.
    fn said(self) -> &'a str {
        match self {
            Part::Reasoning(said) | Part::Text(said) | Part::Arguments(said) => said,
        }
    }
}

/// A whole answer's content.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) reasoning: Option<String>,
    /// The text, or the arguments if a tool is called.
    pub(crate) said: String,
}

/// One event of a stream, not yet framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `event:` line of SSE, the `:event-type` of AWS.
    pub(crate) name: Option<Cow<'static, str>>,
    /// An AWS exception; `name` is its type.
    pub(crate) exception: bool,
    pub(crate) data: Bytes,
}

impl Event {
    fn unnamed(data: impl Into<Bytes>) -> Self {
        Self {
            name: None,
            exception: false,
            data: data.into(),
        }
    }

    fn named(name: impl Into<Cow<'static, str>>, data: &Value) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::unnamed(data.to_string())
        }
    }

    /// Its name is the data's `type`.
    fn typed(name: &'static str, mut data: Value) -> Self {
        data["type"] = name.into();
        Self::named(name, &data)
    }
}

/// An error to report.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// The format's own code or type for it; `None`: what the format usually says with this status.
    pub(crate) code: Option<String>,
}

/// A wire format.
pub(crate) trait Format: Sync {
    /// The whole body of an answer that is not streamed.
    fn whole(&self, about: &About, whole: &Whole) -> Bytes;

    /// The events of a streamed answer.
    fn events(&self, about: About) -> Box<dyn Events>;

    /// How events are told apart in a stream's body.
    fn framing(&self, style: SseStyle) -> Box<dyn Framing> {
        Box::new(Sse::new(style))
    }

    /// The stream's content type.
    fn stream_type(&self) -> &'static str {
        Sse::TYPE
    }

    /// Headers that a healthy stream has besides.
    fn stream_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The body of an answer that is not 2xx.
    fn error_body(&self, failure: &Failure) -> Bytes;

    /// A header that goes with it.
    fn error_header(&self, _: &Failure) -> Option<(HeaderName, HeaderValue)> {
        None
    }

    /// The header that says how many tokens are left, for providers that have one.
    fn remaining_tokens(&self) -> Option<&'static str> {
        None
    }

    /// What the answer says its model is when this one was asked for.
    fn answering_model<'a>(&self, asked: &'a str) -> &'a str {
        asked
    }

    /// A refusal of the request's fields that its provider doesn't know, if there are any.
    fn unknown_fields(&self, _request: &Value) -> Option<Bytes> {
        None
    }

    /// The status whose error is the usual one in the middle of a stream.
    fn in_band_status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    /// Whether a tool call's arguments come in several chunks.
    fn splits_arguments(&self) -> bool {
        true
    }

    /// What is wrong with an assistant's turn at the conversation's end, for a provider that could continue it.
    fn objection(&self, _prefill: &str) -> Option<&'static str> {
        None
    }

    /// How a provider refuses to continue an assistant's turn.
    fn no_prefill(&self) -> &'static str {
        "This model does not support assistant message prefill. The conversation must end with a user message."
    }

    /// How a provider says that it continues only a turn with `"prefix": true`.
    fn no_prefix(&self, message: &str) -> Bytes {
        self.error_body(&Failure {
            status: StatusCode::BAD_REQUEST,
            message: message.to_owned(),
            code: None,
        })
    }
}

/// The events of one stream, in order: the beginning, then content, then the ending and the end marker.
pub(crate) trait Events: Send {
    /// What comes before any content.
    fn beginning(&mut self) -> Vec<Event>;

    /// One chunk of content.
    fn content(&mut self, choice: usize, part: Part<'_>) -> Vec<Event>;

    /// The finish reason and the usage, as far as they come before the end marker.
    fn ending(&mut self) -> Vec<Event>;

    /// What tells that nothing was lost after the finish reason, in formats that have such a thing.
    fn end_marker(&mut self) -> Option<Event> {
        None
    }

    /// An error in place of all that would have come.
    fn error(&mut self, failure: &Failure) -> Vec<Event>;

    /// The format's own event to keep the connection alive; `None`: the framing has one.
    fn ping(&self) -> Option<Event> {
        None
    }

    /// The name of the events that carry content.
    fn content_name(&self) -> Option<&'static str> {
        None
    }
}

/// Methods that Google's paths append to the model with a colon. A colon alone is not enough of a sign: Bedrock's model
/// ids have one too.
const GOOGLE_METHODS: &[&str] = &[
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "predict",
    "rawPredict",
    "streamRawPredict",
];

/// The model and the method of Google's that a path's segment names; a gateway may have encoded the colon.
pub(crate) fn google_method(segment: &str) -> Option<(&str, &'static str)> {
    GOOGLE_METHODS.iter().find_map(|method| {
        let before = segment.strip_suffix(method)?;
        let colons = [":", "%3A", "%3a"];
        let model = colons.iter().find_map(|colon| before.strip_suffix(colon))?;
        Some((model, *method))
    })
}

/// The format that a path stands for, and whether the path itself asks for a stream.
///
/// A path of no known format is a chat completion's.
pub(crate) fn of_path(path: &str, query: Option<&str>) -> (&'static dyn Format, bool) {
    let path = path.trim_end_matches('/');
    let as_sse = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    let last = path.rsplit('/').next().unwrap_or_default();
    let method = google_method(last).map_or("", |(_, method)| method);
    match (last, method) {
        (_, "generateContent") => (&gemini::Gemini { array: false }, false),
        (_, "streamGenerateContent") if as_sse => (&gemini::Gemini { array: false }, true),
        (_, "streamGenerateContent") => (&gemini::Gemini { array: true }, true),
        (_, "rawPredict") => (&anthropic::Anthropic { vertex: true }, false),
        (_, "streamRawPredict") => (&anthropic::Anthropic { vertex: true }, true),
        ("messages", _) => (&anthropic::Anthropic { vertex: false }, false),
        ("responses", _) => (&responses::Responses, false),
        ("completions", _) if !path.ends_with("/chat/completions") => {
            (&completions::Completions, false)
        }
        ("converse", _) => (&converse::Converse, false),
        ("converse-stream", _) => (&converse::Converse, true),
        ("invoke", _) => (&invoke::Invoke, false),
        ("invoke-with-response-stream", _) => (&invoke::Invoke, true),
        ("generate", _) => (&custom::Custom, false),
        _ if path.contains("/openai/deployments/") || path.contains("/openai/v1/") => {
            (&chat::Chat { azure: true }, false)
        }
        _ => (&chat::Chat { azure: false }, false),
    }
}

/// Whether a path stands for chat completions.
pub(crate) fn is_chat(path: &str) -> bool {
    path.ends_with("/chat/completions")
}

fn body(value: &Value) -> Bytes {
    value.to_string().into()
}
