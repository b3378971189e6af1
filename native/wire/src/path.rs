//! The model in a request's path.
//!
//! Three shapes, told by their verbs, so that no other path is taken for one:
//! `…/models/{model}:generateContent` (Gemini API reference; Vertex AI's `publishers/*/models/{model}:rawPredict`
//! too), `…/model/{model}/converse` (Amazon Bedrock API reference) and `…/deployments/{model}/chat/completions`
//! (Azure OpenAI REST reference).

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::request::Model;

/// What RFC 3986 lets stand in a path segment beside letters and digits; `:` too, which Bedrock's and Gemini's own
/// names have and which the host's signer expects as it is.
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
        let end = path.find('?').unwrap_or(path.len());
        let (span, verb) = google(&path[..end])
            .or_else(|| bedrock(&path[..end]))
            .or_else(|| azure(&path[..end]))?;
        if span.is_empty() {
            return None;
        }
        let model: Cow<'_, str> = percent_decode_str(&path[span.clone()]).decode_utf8().ok()?;
        Some(PathModel {
            model: Model::Named(model.into_owned()),
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

fn google(path: &str) -> Option<(Range<usize>, &str)> {
    let start = path.rfind("/models/")? + "/models/".len();
    let colon = start + path[start..].rfind(':')?;
    let verb = &path[colon + 1..];
    GOOGLE_VERBS.contains(&verb).then_some((start..colon, verb))
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(path: &str) -> (String, bool) {
        let found = PathModel::find(path).unwrap_or_else(|| panic!("no model in {path}"));
        (name(found.model), found.stream)
    }

    fn name(model: Model) -> String {
        match model {
            Model::Named(name) => name,
            other => panic!("a path names its model: {other:?}"),
        }
    }

    #[test]
    fn the_three_shapes_are_found() {
        assert_eq!(
            found("/v1beta/models/gemini-2.0-flash:generateContent"),
            ("gemini-2.0-flash".into(), false)
        );
        assert_eq!(
            found("/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"),
            ("gemini-2.0-flash".into(), true)
        );
        assert_eq!(
            found("/model/anthropic.claude-3-haiku-20240307-v1:0/converse"),
            ("anthropic.claude-3-haiku-20240307-v1:0".into(), false)
        );
        assert_eq!(
            found("/model/anthropic.claude-v2%3A1/converse-stream"),
            ("anthropic.claude-v2:1".into(), true)
        );
        assert_eq!(
            found("/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01"),
            ("my gpt".into(), false)
        );
    }

    #[test]
    fn a_name_with_slashes_is_one_model() {
        let arn = "/model/arn:aws:bedrock:eu-west-1:1:inference-profile%2Feu.claude/invoke";
        assert_eq!(
            found(arn).0,
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude"
        );
        assert_eq!(found("/model/a/b/invoke").0, "a/b");
    }

    #[test]
    fn other_paths_have_no_model() {
        for path in [
            "/chat/completions",
            "/v1/models",
            "/models/x",
            "/models/x:unheard",
            "/model/x",
            "/deployments/x",
            "/model//converse",
            "/models/%ff:predict",
        ] {
            assert_eq!(PathModel::find(path), None, "{path}");
        }
    }

    #[test]
    fn only_the_segment_changes_and_it_is_encoded() {
        let path = "/model/a%3Ab/converse?x=%2F";
        let found = PathModel::find(path).unwrap();
        assert_eq!(
            found.with_model(path, "us.m:0"),
            "/model/us.m:0/converse?x=%2F"
        );
        assert_eq!(
            found.with_model(path, "a/b c?d#é%"),
            "/model/a%2Fb%20c%3Fd%23%C3%A9%25/converse?x=%2F"
        );
    }

    proptest! {
        #[test]
        fn any_name_that_is_put_in_is_found_again(name in "\\PC{1,24}") {
            for path in ["/v1/models/x:generateContent", "/model/x/invoke", "/deployments/x/chat/completions?a=b"] {
                let out = PathModel::find(path).unwrap().with_model(path, &name);
                prop_assert_eq!(PathModel::find(&out).unwrap().model, Model::Named(name.clone()));
            }
        }

        #[test]
        fn no_path_makes_the_reader_panic(path in "\\PC{0,40}") {
            let _ = PathModel::find(&path);
            let _ = PathModel::find(&format!("/model/{path}/invoke"));
        }
    }
}
