//! The answer to a call, bent by directives: what HTTP says of it, and the body unless it is [streamed](Stream).

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    content::Content,
    directives::{Directives, Prefill, Strict},
    format::{About, Author, Failure, Format, Usage, Whole},
    question::Question,
    script::{Step, Steps},
    stream::Stream,
};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_PREFIX: &str =
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant";

/// An answer, wholly decided.
pub(crate) struct Plan {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) steps: Steps,
    pub(crate) outcome: String,
}

/// One call that is to be answered.
pub(crate) struct Asked<'a> {
    pub(crate) author: Author<'a>,
    pub(crate) format: &'static dyn Format,
    pub(crate) question: &'a Question,
    pub(crate) directives: &'a Arc<Directives>,
}

/// The answer to one asked. `delay`, `silent`, `reset` and `close` come before there is one and are not its business.
pub(crate) fn plan(asked: &Asked<'_>) -> Plan {
    let Asked {
        format, directives, ..
    } = asked;
    let refused = asked.refused();
    let in_stream_error = directives.error_first || directives.error_after.is_some();
    let status = directives.status.unwrap_or_else(|| {
        if directives.redirect.is_some() {
            StatusCode::FOUND
        } else if directives.error.is_some() && !directives.error_200 && !in_stream_error {
            StatusCode::BAD_REQUEST
        } else {
            refused
                .as_ref()
                .map_or(StatusCode::OK, |(status, _)| *status)
        }
    });
    let failure = asked.failure(status);
    let whole = asked.whole_body(&failure, refused.map(|(_, body)| body));
    let streamed = asked.question.stream && status.is_success();
    let mut headers = HeaderMap::with_capacity(8);
    let as_stream = whole.is_none() || directives.body.is_some() || directives.empty;
    let usual_type = if streamed && as_stream {
        for (name, value) in format.stream_headers() {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        HeaderValue::from_static(format.stream_type())
    } else {
        JSON
    };
    let content_type = directives.content_type.clone().unwrap_or(usual_type);
    headers.insert(header::CONTENT_TYPE, content_type);
    let id = format!("req-{}-{}", asked.author.created, asked.author.serial);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    if let Some(name) = format.remaining_tokens() {
        headers.insert(name, HeaderValue::from_static("149984"));
    }
    if let Some((name, value)) = (!status.is_success())
        .then(|| format.error_header(&failure))
        .flatten()
    {
        headers.insert(name, value);
    }
    if let Some(url) = &directives.redirect {
        headers.insert(header::LOCATION, url.clone());
    }
    if let Some(after) = &directives.retry_after {
        headers.insert(header::RETRY_AFTER, after.clone());
    }
    let gzip = directives.gzip && whole.as_ref().is_none_or(|body| !body.is_empty());
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
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
            let body = match (may_have_body, gzip) {
                (false, _) => Bytes::new(),
                (true, false) => body,
                (true, true) => compressed(&body),
            };
            if !body.is_empty() {
                headers.insert(header::CONTENT_LENGTH, body.len().into());
            }
            let steps = whole_steps(body, directives);
            ("answered", Steps::Decided(steps.into()))
        }
        None => ("streamed", Steps::Streamed(Box::new(asked.stream()))),
    };
    let steps = if directives.headers_then_silence {
        Steps::Decided([Step::Silence].into())
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

impl Asked<'_> {
    /// The error that the directives ask for.
    fn failure(&self, status: StatusCode) -> Failure {
        let code = self.directives.error.as_deref();
        let what = code.unwrap_or("an error");
        let provider = self.author.provider;
        let number = status.as_u16();
        Failure {
            status,
            message: format!("{provider} simulates {what} with status {number}"),
            code: code.map(str::to_owned),
        }
    }

    /// The status and the body that refuse the request.
    fn refused(&self) -> Option<(StatusCode, Bytes)> {
        let prefill = || Some((StatusCode::BAD_REQUEST, self.refused_prefill()?));
        self.refused_field().or_else(prefill)
    }

    fn refused_field(&self) -> Option<(StatusCode, Bytes)> {
        let request = &self.question.body;
        let name = match self.directives.strict.as_ref()? {
            Strict::Unknown => {
                let body = self.format.unknown_fields(request)?;
                return Some((StatusCode::UNPROCESSABLE_ENTITY, body));
            }
            Strict::Field(name) => request.get(name).map(|_| name)?,
        };
        let status = StatusCode::BAD_REQUEST;
        let body = self.format.error_body(&Failure {
            status,
            message: format!("Unrecognized request argument supplied: {name}"),
            code: None,
        });
        Some((status, body))
    }

    /// The body that refuses to continue an assistant's turn.
    fn refused_prefill(&self) -> Option<Bytes> {
        let (text, prefix) = self.question.prefill()?;
        let message = match self.directives.prefill {
            Prefill::Refuse => self.format.no_prefill(),
            Prefill::Prefix if !prefix => return Some(self.format.no_prefix(NO_PREFIX)),
            _ => self.format.objection(text)?,
        };
        Some(self.format.error_body(&Failure {
            status: StatusCode::BAD_REQUEST,
            message: message.to_owned(),
            code: None,
        }))
    }

    /// The body of an answer in one piece; `None` if it is to be streamed.
    fn whole_body(&self, failure: &Failure, refused: Option<Bytes>) -> Option<Bytes> {
        let directives = self.directives;
        if let Some(body) = &directives.body {
            return Some(body.clone());
        }
        if directives.empty || directives.redirect.is_some() {
            return Some(Bytes::new());
        }
        if refused.is_some() && directives.status.is_none() && directives.error.is_none() {
            return refused;
        }
        if directives.error_200 || !failure.status.is_success() {
            return Some(self.format.error_body(failure));
        }
        if self.question.stream && !directives.bad_json {
            return None;
        }
        let content = self.content();
        let whole = Whole {
            reasoning: (content.reasoning > 0).then(|| content.whole_reasoning()),
            said: content.whole(),
        };
        let whole = self.format.whole(&self.about(&content), &whole);
        Some(if directives.bad_json {
            whole.slice(..whole.len() / 2)
        } else {
            whole
        })
    }

    fn stream(&self) -> Stream {
        let content = self.content();
        let failure = self.failure(self.format.in_band_status());
        let about = self.about(&content);
        let directives = Arc::clone(self.directives);
        Stream::new(self.format, about, content, failure, directives)
    }

    fn content(&self) -> Content {
        let splits_arguments = self.format.splits_arguments();
        Content::of(
            &self.author,
            self.question,
            self.directives,
            splits_arguments,
        )
    }

    fn about(&self, content: &Content) -> About {
        let asked = &self.question.model;
        let model = self.directives.model.as_deref();
        let usage = if self.question.include_usage {
            Usage::OwnChunk
        } else {
            Usage::Plain
        };
        About {
            id: format!("{}-{}", self.author.provider, self.author.serial),
            created: self.author.created,
            model: model
                .unwrap_or_else(|| self.format.answering_model(asked))
                .to_owned(),
            choices: self.question.choices,
            usage: self.directives.usage.unwrap_or(usage),
            prompt_tokens: self.question.prompt_tokens,
            text_tokens: content.tokens,
            reasoning_tokens: content.reasoning,
            tool: content.tool.clone(),
        }
    }
}

fn compressed(body: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory can't fail.
    let _ = gzip.write_all(body);
    gzip.finish().unwrap_or_default().into()
}

fn whole_steps(body: Bytes, directives: &Directives) -> Vec<Step> {
    let last = match (directives.cut, directives.stall) {
        (Some(_), _) => vec![Step::Flush, Step::Reset],
        (None, Some(_)) => vec![Step::Silence],
        (None, None) if body.is_empty() => return Vec::new(),
        (None, None) => return vec![Step::Send(body)],
    };
    let half = Step::Send(body.slice(..body.len() / 2));
    [vec![half], last].concat()
}
