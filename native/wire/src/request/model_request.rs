//! What a request asks for, wherever its format or the API's provider says so.

use std::borrow::Cow;

use super::form::{Form, boundary};
use super::json::JsonBody;
use super::model::{Model, NoRequest};
use super::path::{PathModel, is_inference};
use crate::json::Path;
use crate::media_type::is_json;
use crate::provider::{ModelPlace, Provider};
use crate::room::Room;
use crate::uri_path::{decoded, without_query};

/// What a request asks for, and where its model is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRequest {
    model: Model,
    stream: bool,
    /// Where the path is rewritten.
    path: Option<PathModel>,
    body: Body,
    /// Whether the model is replaced in the body.
    in_body: bool,
    /// Whether the provider reports a stream's usage only to who asks for it.
    usage_on_request: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Json(JsonBody),
    Form(Form),
    Other,
}

/// Whether a body of this type can name a model. Others need not be read.
pub fn can_name_model(content_type: Option<&str>) -> bool {
    content_type.is_none_or(|declared| is_json(declared) || boundary(declared).is_some())
}

impl ModelRequest {
    /// Reads a request. The API's provider says where its model stands:
    ///
    /// - in the path: in one of the shapes that are known, else where the provider's pattern matches;
    /// - in the body: there alone, in a form in the field that bears the last name of the provider's JSONPath;
    /// - in the body and as the path's deployment: the body is never rewritten, and the deployment only where it bears
    ///   the model's name;
    /// - without a provider: where a path has one of the known shapes, there; otherwise in the body's `model`.
    ///
    /// A body that names no model, but has no object into which the provider's JSONPath would put one, is a request
    /// without a model whose body stays as it is.
    ///
    /// `None`: the request can carry no model, or names none where none belongs: a model is put only into the JSON of an
    /// operation that asks one ([`is_inference`]).
    ///
    /// # Errors
    /// When the body is not what its type declares.
    pub fn read(
        provider: Option<&Provider>,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Option<ModelRequest>, NoRequest> {
        if body.is_empty() {
            return Ok(None);
        }
        let found = PathModel::find(path);
        let asked = match provider.map_or(&ModelPlace::Usual, |provider| &provider.model) {
            ModelPlace::Usual => match found {
                Some(found) => Some(ModelRequest::in_path(found, content_type, body)?),
                None => ModelRequest::in_body(None, content_type, body)?,
            },
            ModelPlace::Path(pattern) => {
                match found.or_else(|| PathModel::matched(path, pattern)) {
                    Some(found) => Some(ModelRequest::in_path(found, content_type, body)?),
                    None => None,
                }
            }
            ModelPlace::Body(place) => ModelRequest::in_body(Some(place), content_type, body)?,
            ModelPlace::BodyAndDeployment(place) => {
                match (
                    ModelRequest::in_body(Some(place), content_type, body)?,
                    found,
                ) {
                    (None, Some(found)) => Some(ModelRequest::in_path(found, content_type, body)?),
                    (Some(asked), found) => Some(asked.with_deployment(found)),
                    (None, None) => None,
                }
            }
        };
        let meant = |asked: &ModelRequest| {
            asked.model != Model::Absent
                || matches!(asked.body, Body::Json(_)) && is_inference(path)
        };
        Ok(asked.filter(meant).map(|asked| ModelRequest {
            usage_on_request: provider.is_none_or(|provider| provider.usage_on_request),
            ..asked
        }))
    }

    fn in_path(
        found: PathModel,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<ModelRequest, NoRequest> {
        // Azure's paths name the model, and the body asks for the stream.
        let body = match content_type.is_none_or(is_json) {
            true => Body::json(None, body)?,
            false => Body::Other,
        };
        Ok(ModelRequest {
            model: found.model.clone(),
            stream: found.stream || body.stream(),
            path: Some(found),
            body,
            in_body: false,
            usage_on_request: false,
        })
    }

    fn in_body(
        place: Option<&Path>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Option<ModelRequest>, NoRequest> {
        let body = if let Some(boundary) = content_type.and_then(boundary) {
            Body::Form(Form::read(
                boundary,
                place.map_or("model", Path::name),
                body,
            )?)
        } else if content_type.is_none_or(is_json) {
            Body::json(place, body)?
        } else {
            Body::Other
        };
        let model = match &body {
            Body::Json(request) => request.model.clone(),
            Body::Form(form) => form.model.clone(),
            Body::Other => return Ok(None),
        };
        Ok(Some(ModelRequest {
            model,
            stream: body.stream(),
            path: None,
            body,
            in_body: true,
            usage_on_request: false,
        }))
    }

    /// The deployment that the path names goes along with the body's model, which stays.
    fn with_deployment(self, found: Option<PathModel>) -> ModelRequest {
        let path = found.filter(|found| self.model == Model::Absent || self.model == found.model);
        ModelRequest {
            model: path
                .as_ref()
                .map_or(self.model, |found| found.model.clone()),
            path,
            in_body: false,
            ..self
        }
    }

    /// The model that is asked for.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether a streamed answer is asked for.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether a streamed answer may come as one JSON array.
    pub fn in_array(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.in_array)
    }

    /// Whether the candidates' paths differ.
    pub fn rewrites_path(&self) -> bool {
        self.path.is_some()
    }

    /// Whether the report of a stream's usage can be asked for in the client's stead: OpenAI's completions and what
    /// speaks their format (`stream_options`, OpenAI API reference).
    pub fn can_ask_usage(&self, path: &str) -> bool {
        self.usage_on_request
            && matches!(&self.body, Body::Json(request) if request.can_ask_usage())
            && decoded(without_query(path))
                .is_some_and(|(path, _)| path.trim_end_matches('/').ends_with("/completions"))
    }

    fn names(&self, model: &str) -> bool {
        matches!(&self.model, Model::Named(named) if named == model)
    }

    /// The body for a candidate, with the report of a stream's usage asked for if `ask_usage`; the client's own bytes
    /// where nothing has to change. `None`: there is no room for it.
    pub fn body_for<'a>(
        &self,
        body: &'a [u8],
        model: &str,
        ask_usage: bool,
        room: &mut Room<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        let model = (self.in_body && !self.names(model)).then_some(model);
        match (&self.body, model) {
            (Body::Json(request), _) => request.edited(body, model, ask_usage, room),
            (Body::Form(form), Some(model)) => form.with_model(body, model, room).map(Cow::Owned),
            (Body::Form(_), None) | (Body::Other, _) => Some(Cow::Borrowed(body)),
        }
    }

    /// The path for a candidate.
    pub fn path_for<'a>(&self, path: &'a str, model: &str) -> Cow<'a, str> {
        match &self.path {
            Some(found) if !self.names(model) => Cow::Owned(found.with_model(path, model)),
            _ => Cow::Borrowed(path),
        }
    }
}

impl Body {
    fn json(place: Option<&Path>, body: &[u8]) -> Result<Body, NoRequest> {
        let read = match place {
            Some(path) => JsonBody::read_at(body, path),
            None => JsonBody::read(body),
        };
        match read {
            Ok(request) => Ok(Body::Json(request)),
            Err(NoRequest::NotAnObject) => Ok(Body::Other),
            Err(error) => Err(error),
        }
    }

    fn stream(&self) -> bool {
        match self {
            Body::Json(request) => request.stream,
            Body::Form(form) => form.stream,
            Body::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::allocated;

    const JSON: Option<&str> = Some("application/json");

    fn read(path: &str, content_type: Option<&str>, body: &str) -> Option<ModelRequest> {
        ModelRequest::read(None, path, content_type, body.as_bytes()).unwrap()
    }

    #[test]
    fn a_model_in_the_path_goes_before_one_in_the_body() {
        let asked = read("/model/m:0/converse", JSON, r#"{"model":"other"}"#).unwrap();
        assert_eq!(asked.model(), &Model::Named("m:0".into()));
        let body = br#"{"model":"other"}"#;
        let sent = asked.body_for(body, "n", false, &mut allocated).unwrap();
        assert!(matches!(sent, Cow::Borrowed(sent) if sent == body));
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
        assert!(ModelRequest::read(None, "/x", JSON, b"{").is_err());
        assert!(
            ModelRequest::read(None, "/x", Some("multipart/form-data; boundary=XX"), b"{}")
                .is_err()
        );
    }
}
