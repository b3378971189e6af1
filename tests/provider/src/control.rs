//! `/_control`: faults set while the provider runs, and its log. Never logged itself, never asked for required headers.

use bytes::Bytes;
use http::{Method, Response, StatusCode, request::Parts};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    directives::Directives,
    format::{Failure, chat::error_body},
    json::to_json,
    script::Answer,
    service::{Shared, json_response},
};

pub(crate) const PREFIX: &str = "/_control/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    model: String,
    directives: String,
}

pub(crate) fn handle(shared: &Shared, head: &Parts, body: &Bytes) -> Response<Answer> {
    match (&head.method, &head.uri.path()[PREFIX.len()..]) {
        (&Method::GET, "health") => ok(&json!({"status": "ok", "provider": &*shared.name})),
        (&Method::PUT, "faults") => put_fault(shared, body),
        (&Method::DELETE, "faults") => {
            shared.faults.clear();
            ok(&json!({}))
        }
        (&Method::GET, "calls") => ok(&shared.log.calls(wanted_model(head).as_deref())),
        (&Method::DELETE, "calls") => {
            shared.log.clear();
            ok(&json!({}))
        }
        _ => failed(StatusCode::NOT_FOUND, "no such control", "unknown_url"),
    }
}

fn put_fault(shared: &Shared, body: &Bytes) -> Response<Answer> {
    let status = StatusCode::BAD_REQUEST;
    let fault: Fault = match serde_json::from_slice(body) {
        Ok(fault) => fault,
        Err(why) => return failed(status, &why.to_string(), "invalid_request"),
    };
    match Directives::parse(&fault.directives) {
        Ok(directives) => {
            shared.faults.set(fault.model, directives);
            ok(&json!({}))
        }
        Err(refused) => failed(status, &refused.to_string(), refused.code()),
    }
}

fn wanted_model(head: &Parts) -> Option<String> {
    let query = head.uri.query()?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("model="))?;
    let model = percent_decode_str(value).decode_utf8_lossy().into_owned();
    Some(model).filter(|model| !model.is_empty())
}

fn ok(value: &impl Serialize) -> Response<Answer> {
    json_response(StatusCode::OK, to_json(value))
}

fn failed(status: StatusCode, message: &str, code: &str) -> Response<Answer> {
    let failure = Failure {
        status,
        message: message.to_owned(),
        code: Some(code.to_owned()),
    };
    json_response(status, error_body(&failure))
}
