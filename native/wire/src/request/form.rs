//! The model in a `multipart/form-data` body (`/audio/transcriptions`), found and replaced in place.
//!
//! Written by hand because the libraries read a form to take it apart: here an upload of many megabytes must reach the
//! provider with the same boundary and the same bytes, with one field's value exchanged (RFC 7578, RFC 2046 §5.1).

use std::ops::Range;

use memchr::memmem;

use super::model::{LONGEST_NAME, MOST_MODELS, Model, NoRequest};
use crate::room::Room;

/// A form, and where its model stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// The model that is asked for.
    pub(crate) model: Model,
    /// Whether the field `stream` is `true`.
    pub(crate) stream: bool,
    field: String,
    delimiter: Vec<u8>,
    /// Where the first delimiter stands.
    first: usize,
    spans: Vec<Range<usize>>,
}

/// The boundary of a multipart form's content type, or `None` for any other type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parts
        .filter_map(|p| p.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .filter(|value| !value.is_empty())
}

impl Form {
    /// Reads a body with this boundary, whose model is in `field`.
    ///
    /// # Errors
    /// When the body does not begin with the boundary, a part does not end, or the model is repeated too often.
    pub(crate) fn read(boundary: &str, field: &str, body: &[u8]) -> Result<Form, NoRequest> {
        let malformed = |what: &str| NoRequest::MalformedForm(what.to_owned());
        let line = [b"\r\n--", boundary.as_bytes()].concat();
        let delimiter = &line[2..];
        let finder = memmem::Finder::new(&line);
        let first = match body.starts_with(delimiter) {
            true => Some(0),
            false => finder.find(body).map(|at| at + 2),
        };
        let mut at = first.ok_or_else(|| malformed("has no boundary"))?;
        let mut form = Form {
            model: Model::Absent,
            stream: false,
            field: field.to_owned(),
            delimiter: delimiter.to_owned(),
            first: at,
            spans: Vec::new(),
        };
        loop {
            at += delimiter.len();
            if body[at..].starts_with(b"--") {
                return Ok(form);
            }
            let head_end = memmem::find(&body[at..], b"\r\n\r\n")
                .ok_or_else(|| malformed("has a part without an end of its headers"))?;
            let content = at + head_end + 4;
            // The line break before a delimiter belongs to it. It can be the one that ends the headers.
            let from = content - 2;
            let end = from
                + finder
                    .find(&body[from..])
                    .ok_or_else(|| malformed("has a part without an end"))?;
            let value = content..end.max(content);
            match field_name(&body[at..content]) {
                Some(name) if name == field => {
                    form.model = match std::str::from_utf8(&body[value.clone()]) {
                        Ok("") => Model::Absent,
                        Ok(name) if name.len() > LONGEST_NAME => Model::NoName,
                        Ok(name) => Model::Named(name.to_owned()),
                        Err(_) => Model::NoName,
                    };
                    if form.spans.len() == MOST_MODELS {
                        return Err(NoRequest::TooManyModels);
                    }
                    form.spans.push(value);
                }
                Some(name) if name == "stream" => form.stream = &body[value] == b"true",
                _ => {}
            }
            at = end + 2;
        }
    }

    /// The body with `model` as its model; a field is put first where there is none. `None`: there is no room for it.
    pub(crate) fn with_model(
        &self,
        body: &[u8],
        model: &str,
        room: &mut Room<'_>,
    ) -> Option<Vec<u8>> {
        let field = 64 + self.delimiter.len() + self.field.len();
        let more = field + model.len() * self.spans.len().max(1);
        let mut out = room(body.len() + more)?;
        let mut from = 0;
        if self.spans.is_empty() {
            out.extend_from_slice(&self.delimiter);
            out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
            out.extend_from_slice(self.field.as_bytes());
            out.extend_from_slice(b"\"\r\n\r\n");
            out.extend_from_slice(model.as_bytes());
            out.extend_from_slice(b"\r\n");
            from = self.first;
        }
        for span in &self.spans {
            out.extend_from_slice(&body[from..span.start]);
            out.extend_from_slice(model.as_bytes());
            if span.is_empty() && body[span.end..].starts_with(&self.delimiter) {
                // An empty value may share its line break with the headers.
                out.extend_from_slice(b"\r\n");
            }
            from = span.end;
        }
        out.extend_from_slice(&body[from..]);
        Some(out)
    }
}

/// The `name` of a part's Content-Disposition.
fn field_name(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let (mut quoted, mut before) = (false, ' ');
    let mut parameters = disposition.split(|c| {
        quoted ^= c == '"' && before != '\\';
        before = c;
        c == ';' && !quoted
    });
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("name")
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests;
