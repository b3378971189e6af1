//! The model in a request's path.
//!
//! Three shapes, told by their verbs, so that no other path is taken for one:
//! `…/models/{model}:generateContent` (Gemini API reference; Vertex AI's `publishers/*/models/{model}:rawPredict`
//! too), `…/model/{model}/converse` (Amazon Bedrock API reference) and `…/deployments/{model}/chat/completions`
//! (Azure OpenAI REST reference). What an API's provider says beside them is a regular expression.

use std::borrow::Cow;
use std::ops::Range;

use fancy_regex::Regex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::model::Model;
use crate::uri_path::{decoded, without_query};

/// What RFC 3986 lets stand in a path segment beside letters and digits; `:` too, which Bedrock's and Gemini's own
/// names have and which signers of AWS's expect as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

const GOOGLE_VERBS: &[&str] = &[
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "predict",
    "rawPredict",
    "streamRawPredict",
];

const BEDROCK_VERBS: &[&str] = &[
    "converse",
    "converse-stream",
    "invoke",
    "invoke-with-response-stream",
];

const STREAMING_VERBS: &[&str] = &[
    "streamGenerateContent",
    "streamRawPredict",
    "converse-stream",
    "invoke-with-response-stream",
];

/// The model that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathModel {
    /// Its name, decoded: always [`Model::Named`].
    pub model: Model,
    /// Whether the path asks for a streamed answer.
    pub stream: bool,
    /// Whether the stream may come as one JSON array: Gemini's, without `alt=sse`.
    pub in_array: bool,
    span: Range<usize>,
}

impl PathModel {
    /// Finds the model in a path, query included or not.
    pub fn find(path: &str) -> Option<PathModel> {
        let plain = without_query(path);
        let (span, verb) = google(plain)
            .or_else(|| bedrock(plain))
            .or_else(|| azure(plain))?;
        let model: Cow<'_, str> = percent_decode_str(&path[span.clone()]).decode_utf8().ok()?;
        PathModel::new(&model, span, verb)
    }

    /// Finds the model by a provider's pattern: its first match in the decoded path.
    pub(crate) fn matched(path: &str, pattern: &Regex) -> Option<PathModel> {
        let plain = without_query(path);
        let (decoded, offsets) = decoded(plain)?;
        let found = pattern.find(&decoded).ok()??;
        let span = *offsets.get(found.start())?..*offsets.get(found.end())?;
        let verb = plain.rsplit([':', '/']).next().unwrap_or_default();
        PathModel::new(found.as_str(), span, verb)
    }

    fn new(model: &str, span: Range<usize>, verb: &str) -> Option<PathModel> {
        (!span.is_empty()).then(|| PathModel {
            model: Model::Named(model.to_owned()),
            stream: STREAMING_VERBS.contains(&verb),
            in_array: verb == "streamGenerateContent",
            span,
        })
    }

    /// The path with another model in its place. `path` is the one that was searched.
    pub fn with_model(&self, path: &str, model: &str) -> String {
        format!(
            "{}{}{}",
            &path[..self.span.start],
            utf8_percent_encode(model, SEGMENT),
            &path[self.span.end..]
        )
    }
}

/// The operations that ask a model, by the last segments of their paths: OpenAI's, Anthropic's `messages`, Cohere's
/// `rerank` and `embed`, Ollama's `chat` and `generate`.
const INFERENCE: [&[&str]; 14] = [
    &["completions"],
    &["chat"],
    &["generate"],
    &["responses"],
    &["messages"],
    &["embeddings"],
    &["embed"],
    &["moderations"],
    &["rerank"],
    &["audio", "speech"],
    &["speech"],
    &["images", "generations"],
    &["images", "edits"],
    &["images", "variations"],
];

/// Whether a path is that of an operation that asks a model, and not of files, batches, vector stores or threads.
pub(crate) fn is_inference(path: &str) -> bool {
    let segments: Vec<&str> = without_query(path)
        .split('/')
        .filter(|s| !s.is_empty())
        .collect();
    !segments.contains(&"threads") && INFERENCE.iter().any(|last| segments.ends_with(last))
}

fn google(path: &str) -> Option<(Range<usize>, &str)> {
    let start = path.rfind("/models/")? + "/models/".len();
    let rest = &path[start..];
    // Some clients encode the colon.
    let colons = [":", "%3A", "%3a"];
    let verbs = colons.into_iter().filter_map(|c| rest.rsplit_once(c));
    let (model, verb) = verbs.min_by_key(|(_, verb)| verb.len())?;
    let end = start + model.len();
    GOOGLE_VERBS.contains(&verb).then_some((start..end, verb))
}

fn bedrock(path: &str) -> Option<(Range<usize>, &str)> {
    let start = path.find("/model/")? + "/model/".len();
    let slash = start + path[start..].rfind('/')?;
    let verb = &path[slash + 1..];
    BEDROCK_VERBS
        .contains(&verb)
        .then_some((start..slash, verb))
}

fn azure(path: &str) -> Option<(Range<usize>, &str)> {
    let start = path.find("/deployments/")? + "/deployments/".len();
    let slash = start + path[start..].find('/')?;
    Some((start..slash, &path[slash + 1..]))
}

#[cfg(test)]
mod tests;
