//! What a stream says of its failure.

use bytes::Bytes;

use super::framing::{Content, Frame};
use crate::refusal::{Evidence, Refusal};

/// What a frame says of a failure.
pub(super) fn refusal_of(frame: &Frame) -> Option<Refusal> {
    let (evidence, body) = match &frame.content {
        Content::Json(event) => {
            let body = Bytes::from(event.to_string());
            (Evidence::in_band(&body), body)
        }
        Content::Text(text) => (Evidence::in_band(text), text.clone()),
        Content::Exception(payload) => {
            let evidence = Evidence::of_exception(&frame.name, payload);
            (evidence, payload.clone())
        }
        _ => return None,
    };
    Some(Refusal { evidence, body })
}
