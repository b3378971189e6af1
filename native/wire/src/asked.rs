//! What a request asks for, wherever its format says so.

use std::borrow::Cow;

use bytes::Bytes;

use crate::answer::is_json;
use crate::form::{Form, boundary};
use crate::path::PathModel;
use crate::request::{Model, NoRequest, Request};

/// A request, by the place where it names its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// In the path.
    InPath(PathModel),
    /// In a JSON body.
    InJson(Request),
    /// In a multipart form.
    InForm(Form),
}

impl Asked {
    /// Reads a request. The path goes first: where it names the model, a `model` in the body is something else.
    /// `None`: neither path nor body can carry a model.
    ///
    /// # Errors
    /// When the body is not what its type declares.
    pub fn read(
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Option<Asked>, NoRequest> {
        if body.is_empty() {
            return Ok(None);
        }
        if let Some(mut found) = PathModel::find(path) {
            if content_type.is_none_or(is_json) {
                // Azure's paths name the model, and the body asks for the stream.
                found.stream |= match Request::read(body) {
                    Ok(request) => request.stream,
                    Err(NoRequest::NotAnObject) => false,
                    Err(error) => return Err(error),
                };
            }
            return Ok(Some(Asked::InPath(found)));
        }
        if let Some(boundary) = content_type.and_then(boundary) {
            return Form::read(boundary, body).map(|form| Some(Asked::InForm(form)));
        }
        if !content_type.is_none_or(is_json) {
            return Ok(None);
        }
        match Request::read(body) {
            Ok(request) => Ok(Some(Asked::InJson(request))),
            Err(NoRequest::NotAnObject) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The model that is asked for.
    pub fn model(&self) -> &Model {
        match self {
            Asked::InPath(path) => &path.model,
            Asked::InJson(request) => &request.model,
            Asked::InForm(form) => &form.model,
        }
    }

    /// Whether a streamed answer is asked for.
    pub fn stream(&self) -> bool {
        match self {
            Asked::InPath(path) => path.stream,
            Asked::InJson(request) => request.stream,
            Asked::InForm(form) => form.stream,
        }
    }

    /// Whether a streamed answer may come as one JSON array.
    pub fn in_array(&self) -> bool {
        matches!(self, Asked::InPath(path) if path.in_array)
    }

    fn names(&self, model: &str) -> bool {
        matches!(self.model(), Model::Named(named) if named == model)
    }

    /// The body for a candidate; the client's own bytes where nothing has to change.
    pub fn body_for(&self, body: &Bytes, model: &str) -> Bytes {
        if self.names(model) {
            return body.clone();
        }
        match self {
            Asked::InPath(..) => body.clone(),
            Asked::InJson(request) => request.with_model(body, model).into(),
            Asked::InForm(form) => form.with_model(body, model).into(),
        }
    }

    /// The path for a candidate.
    pub fn path_for<'a>(&self, path: &'a str, model: &str) -> Cow<'a, str> {
        match self {
            Asked::InPath(found) if !self.names(model) => Cow::Owned(found.with_model(path, model)),
            _ => Cow::Borrowed(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json");

    fn read(path: &str, content_type: Option<&str>, body: &str) -> Option<Asked> {
        Asked::read(path, content_type, body.as_bytes()).unwrap()
    }

    #[test]
    fn a_model_in_the_path_goes_before_one_in_the_body() {
        let asked = read("/model/m:0/converse", JSON, r#"{"model":"other"}"#).unwrap();
        assert_eq!(asked.model(), &Model::Named("m:0".into()));
        let body = Bytes::from_static(br#"{"model":"other"}"#);
        assert_eq!(asked.body_for(&body, "n"), body);
        assert_eq!(
            asked.path_for("/model/m:0/converse", "n"),
            "/model/n/converse"
        );
        assert_eq!(
            asked.path_for("/model/m%3A0/converse", "m:0"),
            "/model/m%3A0/converse"
        );
    }

    #[test]
    fn what_can_carry_no_model_is_nobodys() {
        assert_eq!(read("/chat/completions", JSON, ""), None);
        assert_eq!(read("/chat/completions", JSON, "[1]"), None);
        assert_eq!(read("/chat/completions", Some("text/plain"), "{}"), None);
    }

    #[test]
    fn a_body_without_a_declared_type_is_read_as_json() {
        assert!(read("/chat/completions", None, r#"{"model":"m"}"#).is_some());
    }

    #[test]
    fn a_body_that_is_not_what_it_declares_is_an_error() {
        assert!(Asked::read("/x", JSON, b"{").is_err());
        assert!(Asked::read("/x", Some("multipart/form-data; boundary=XX"), b"{}").is_err());
    }
}
