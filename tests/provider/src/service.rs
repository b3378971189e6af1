//! From a request to what is done about it.

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    answer::{self, JSON, plan},
    calls::{Arrival, CallLog, End, Running},
    control,
    directives::{Directives, Refused},
    format::{self, Author, Failure, Format},
    question::Question,
    script::{Answer, Script},
    socket::Connection,
};

/// Everything the connections share.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) quiet: bool,
    pub(crate) required: Vec<(HeaderName, HeaderValue)>,
    pub(crate) log: Arc<CallLog>,
    pub(crate) faults: Faults,
    serial: AtomicU64,
    prebuilt: Prebuilt,
}

impl Shared {
    pub(crate) fn new(
        name: Arc<str>,
        quiet: bool,
        required: Vec<(HeaderName, HeaderValue)>,
        log: Arc<CallLog>,
    ) -> Self {
        let prebuilt = Prebuilt::new(&name);
        Self {
            name,
            quiet,
            required,
            log,
            faults: Faults::default(),
            serial: AtomicU64::new(0),
            prebuilt,
        }
    }

    fn directives(&self, question: &Question) -> Result<Arc<Directives>, Refused> {
        let directives = self.faults.next(&question.model)?;
        if directives.told {
            return Directives::told_by(&question.asked, &self.name).map(Arc::new);
        }
        Ok(directives)
    }

    fn author(&self) -> Author<'_> {
        Author {
            provider: &self.name,
            serial: self.serial.fetch_add(1, Ordering::Relaxed) + 1,
            created: now_seconds(),
        }
    }
}

fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Directives set while the provider runs, and how often each model was called under its present ones.
#[derive(Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    set: RwLock<HashMap<String, Arc<Directives>>>,
    calls: Mutex<HashMap<String, u64>>,
}

impl Faults {
    pub(crate) fn set(&self, model: String, directives: Directives) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&model);
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        set.insert(model, Arc::new(directives));
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn clear(&self) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.set
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.any.store(false, Ordering::Release);
    }

    /// What holds for this call; counts it when its directives only hold for the first calls.
    fn next(&self, model: &str) -> Result<Arc<Directives>, Refused> {
        let set = self
            .set
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(model)
            .cloned();
        let directives = match set {
            Some(directives) => directives,
            None => Arc::new(Directives::of_model(model)?),
        };
        let Some(first) = directives.first else {
            return Ok(directives);
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry(model.to_owned()).or_default();
        *calls += 1;
        Ok(if *calls > first {
            Arc::default()
        } else {
            directives
        })
    }
}

/// The parts of a healthy answer that don't change from call to call, for benches.
struct Prebuilt {
    before_model: String,
    after_model: String,
}

/// Of a request, only what the healthy answer depends on.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(default)]
    stream: Option<bool>,
}

impl Prebuilt {
    fn new(provider: &str) -> Self {
        let name = serde_json::Value::from(provider).to_string();
        let name = name.trim_matches('"');
        let created = now_seconds();
        Self {
            before_model: format!(
                r#"{{"id":"chatcmpl-{name}-quiet","object":"chat.completion","created":{created},"model":""#
            ),
            after_model: format!(
                r#"","choices":[{{"index":0,"message":{{"role":"assistant","content":"Provider {name} served this call; what you said is not echoed in quiet mode."}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":12,"completion_tokens":14,"total_tokens":26}}}}"#
            ),
        }
    }

    /// `None` if the call is anything but plain and healthy, or can't be shown to be so at a glance.
    fn answer(&self, body: &[u8]) -> Option<Response<Answer>> {
        let glance: Glance<'_> = serde_json::from_slice(body).ok()?;
        let odd = |byte: u8| byte < b' ' || matches!(byte, b'~' | b'"' | b'\\');
        if glance.stream == Some(true) || glance.model.bytes().any(odd) {
            return None;
        }
        let answer = [&self.before_model, &*glance.model, &self.after_model].concat();
        let mut response = Response::new(Answer::Whole(Some(answer.into())));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert("x-request-id", HeaderValue::from_static("req-quiet"));
        headers.insert(
            "x-ratelimit-remaining-tokens",
            HeaderValue::from_static("149984"),
        );
        Some(response)
    }
}

/// Why there is no answer at all.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a directive ended the connection")
    }
}

impl std::error::Error for NoAnswer {}

pub(crate) async fn handle(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, NoAnswer> {
    let arrived = Instant::now();
    let time = SystemTime::now();
    let (target, header_lines) = if shared.quiet {
        Default::default()
    } else {
        connection.head(&request)
    };
    let (head, body) = request.into_parts();
    let collected = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    connection.request_read();
    if head.uri.path().starts_with(control::PREFIX) {
        return Ok(control::handle(
            &shared,
            &head,
            &collected.unwrap_or_default(),
        ));
    }

    let is_call = head.method == Method::POST;
    let (format, asks_for_stream) = format::of_path(head.uri.path(), head.uri.query());
    let lacks = shared.required.iter().find(|(name, value)| {
        !head
            .headers
            .get_all(name)
            .iter()
            .any(|given| given == value)
    });
    if let (true, true, None, Ok(body)) = (shared.quiet, is_call, lacks, &collected) {
        let live = shared.faults.any.load(Ordering::Acquire);
        let chat = format::is_chat(head.uri.path());
        if let Some(answer) = (chat && !live)
            .then(|| shared.prebuilt.answer(body))
            .flatten()
        {
            return Ok(answer);
        }
    }

    let mut arrival = Arrival {
        arrived,
        time,
        method: head.method.to_string(),
        path: target,
        model: None,
        stream: false,
        directives: String::new(),
        headers: header_lines,
        body: Bytes::new(),
        outcome: String::new(),
        connection: connection.id,
    };
    let body = match collected {
        Ok(body) => body,
        Err(_) => {
            "the request's body never came to its end".clone_into(&mut arrival.outcome);
            shared.log.start(arrival).end(End::ClientLeft);
            return Err(NoAnswer);
        }
    };
    arrival.body = body.clone();

    let understood = if is_call {
        Some(understand(&head, &body, asks_for_stream))
    } else {
        None
    };
    if let Some(Ok(question)) = &understood {
        arrival.model = Some(question.model.clone());
        arrival.stream = question.stream;
    }
    if let Some((name, _)) = lacks {
        // The value that was expected is a credential as often as not.
        let message = format!("the header `{name}` is missing or is not the required one");
        let status = StatusCode::UNAUTHORIZED;
        return Ok(refuse(&shared, arrival, format, status, message, None));
    }
    let refusal = match understood {
        Some(Ok(question)) => match shared.directives(&question) {
            Ok(directives) => {
                let asked = answer::Asked {
                    author: shared.author(),
                    format,
                    question: &question,
                    directives: &directives,
                };
                return follow(&shared, connection, arrival, &asked).await;
            }
            Err(refused) => (refused.to_string(), refused.code()),
        },
        Some(Err(message)) => (message.to_owned(), "invalid_request"),
        None => return Ok(not_a_call(&shared, arrival, &head)),
    };
    let status = StatusCode::BAD_REQUEST;
    let (message, code) = refusal;
    Ok(refuse(
        &shared,
        arrival,
        format,
        status,
        message,
        Some(code),
    ))
}

async fn follow(
    shared: &Shared,
    connection: Arc<Connection>,
    mut arrival: Arrival,
    asked: &answer::Asked<'_>,
) -> Result<Response<Answer>, NoAnswer> {
    let plan = plan(asked);
    let directives = &**asked.directives;
    arrival.directives.clone_from(&directives.text);
    arrival.outcome = match directives {
        Directives { silent: true, .. } => "silent".to_owned(),
        Directives { reset: true, .. } => "reset".to_owned(),
        Directives { close: true, .. } => "close".to_owned(),
        _ => plan.outcome,
    };
    let mut running = shared.log.start(arrival);
    if let Some(delay) = directives.delay {
        sleep(delay).await;
    }
    if directives.silent {
        std::future::pending::<()>().await;
    }
    if directives.reset {
        running.end(End::Reset);
        connection.reset_on_drop();
        return Err(NoAnswer);
    }
    if directives.close {
        running.end(End::Close);
        return Err(NoAnswer);
    }
    let script = Script::new(plan.steps, directives.split, running, connection);
    let mut response = Response::new(Answer::Scripted(script));
    *response.status_mut() = plan.status;
    *response.headers_mut() = plan.headers;
    Ok(response)
}

/// # Errors
/// What the caller did wrong.
fn understand(
    head: &http::request::Parts,
    body: &[u8],
    asks_for_stream: bool,
) -> Result<Question, &'static str> {
    let content_type = head
        .headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let (form_model, body) = if content_type.starts_with(b"multipart/form-data") {
        (form_field(body, "model"), Value::Null)
    } else if body.is_empty() {
        (None, Value::Null)
    } else {
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| "We could not parse the JSON body of your request.")?;
        if !body.is_object() {
            return Err("The body of your request is no JSON object.");
        }
        (None, body)
    };
    let in_body = body["model"].as_str().or(body["engine"]["name"].as_str());
    let model = path_model(head.uri.path())
        .or(in_body.map(str::to_owned))
        .or(form_model)
        .ok_or("You must provide a model parameter.")?;
    Ok(Question::read(model, asks_for_stream, body))
}

fn path_model(path: &str) -> Option<String> {
    let mut segments = path.split('/');
    let before = segments.find(|segment| matches!(*segment, "models" | "model" | "deployments"))?;
    let segment = segments.next()?;
    let model = if before == "models" {
        // Without Google's method it is no model: Azure AI Foundry has `/models/chat/completions`.
        format::google_method(segment).map(|(model, _)| model)
    } else {
        (!segment.is_empty()).then_some(segment)
    }?;
    Some(percent_decode_str(model).decode_utf8_lossy().into_owned())
}

/// A text field of a multipart form: all a form is looked at for.
fn form_field(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, after) = text.split_once(&format!("name=\"{name}\""))?;
    let (_, value) = after.split_once("\r\n\r\n")?;
    let (value, _) = value.split_once("\r\n")?;
    Some(value.to_owned())
}

fn refuse(
    shared: &Shared,
    mut arrival: Arrival,
    format: &dyn Format,
    status: StatusCode,
    message: String,
    code: Option<&str>,
) -> Response<Answer> {
    arrival.outcome = format!("refused {}: {message}", status.as_u16());
    let running = shared.log.start(arrival);
    let failure = Failure {
        status,
        message,
        code: code.map(str::to_owned),
    };
    let mut response = finished(running, status, format.error_body(&failure));
    response.headers_mut().extend(format.error_header(&failure));
    response
}

fn not_a_call(
    shared: &Shared,
    mut arrival: Arrival,
    head: &http::request::Parts,
) -> Response<Answer> {
    let reading = head.method == Method::GET || head.method == Method::HEAD;
    let (status, body) = if reading && head.uri.path().ends_with("/models") {
        (
            StatusCode::OK,
            Bytes::from_static(br#"{"object":"list","data":[]}"#),
        )
    } else {
        let message = format!("there is nothing at {} {}", head.method, head.uri.path());
        let status = StatusCode::NOT_FOUND;
        let failure = Failure {
            status,
            message,
            code: Some("unknown_url".to_owned()),
        };
        (status, format::chat::error_body(&failure))
    };
    arrival.outcome = format!("answered {}", status.as_u16());
    finished(shared.log.start(arrival), status, body)
}

fn finished(mut running: Running, status: StatusCode, body: Bytes) -> Response<Answer> {
    running.end(End::Complete);
    json_response(status, body)
}

pub(crate) fn json_response(status: StatusCode, body: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The value of a `--require-header`.
///
/// # Errors
/// When it is not `name: value`.
pub(crate) fn required_header(line: &str) -> io::Result<(HeaderName, HeaderValue)> {
    let parsed = line
        .split_once(':')
        .and_then(|(name, value)| Some((name.trim().parse().ok()?, value.trim().parse().ok()?)));
    parsed.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "a required header is `name: value`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_in_paths_of_several_providers() {
        for (path, model) in [
            (
                "/openai/deployments/gpt-4o~status=503/chat/completions",
                Some("gpt-4o~status=503"),
            ),
            (
                "/v1beta/models/gemini-2.0:streamGenerateContent",
                Some("gemini-2.0"),
            ),
            (
                "/model/anthropic.claude-v2%3A1/invoke",
                Some("anthropic.claude-v2:1"),
            ),
            (
                "/model/anthropic.claude-v2:1/invoke",
                Some("anthropic.claude-v2:1"),
            ),
            ("/openai/deployments/a%2Fb/chat/completions", Some("a/b")),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict",
                Some("claude@1"),
            ),
            (
                "/v1/models/m~header=a:1%3agenerateContent",
                Some("m~header=a:1"),
            ),
            ("/models/chat/completions", None),
            ("/v1/models/a", None),
            ("/v1/models", None),
            ("/v1/chat/completions", None),
        ] {
            assert_eq!(path_model(path).as_deref(), model, "{path}");
        }
    }

    #[test]
    fn the_quiet_answer_is_about_350_bytes() {
        use hyper::body::Body;
        let answer = Prebuilt::new("eu")
            .answer(br#"{"model":"gpt-4o"}"#)
            .unwrap();
        let size = answer.body().size_hint().exact().unwrap();
        assert!((300..=400).contains(&size), "{size} bytes");
    }
}
