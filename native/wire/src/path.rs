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
        let plain = without_query(path);
        let (span, verb) = google(plain)
            .or_else(|| bedrock(plain))
            .or_else(|| azure(plain))?;
        let model: Cow<'_, str> = percent_decode_str(&path[span.clone()]).decode_utf8().ok()?;
        PathModel::new(&model, span, verb)
    }

    /// Finds the model by a provider's pattern: its first match in the decoded path, as in the host's
    /// `AIAPIMediator`.
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

/// A path without its query.
pub(crate) fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
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

/// The longest path that is searched for a provider's pattern, in bytes: a client chooses the path, and the time that
/// some patterns take grows with its square. The longest identifiers of models, Bedrock's, have 2048 characters.
const LONGEST: usize = 8192;

/// The path decoded, with the place in `path` of each of its bytes and of its end. `None` when it is no UTF-8 then, or
/// too long.
pub(crate) fn decoded(path: &str) -> Option<(String, Vec<usize>)> {
    let raw = path.as_bytes();
    if raw.len() > LONGEST {
        return None;
    }
    let hex = |at: usize| raw.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut bytes = Vec::with_capacity(raw.len());
    let mut offsets = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        offsets.push(at);
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    offsets.push(raw.len());
    Some((String::from_utf8(bytes).ok()?, offsets))
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
    fn an_encoded_colon_before_the_verb_is_one() {
        let path = "/v1beta/models/claude%2Dx@2024%3Av1%3AstreamGenerateContent?a=%3A";
        assert_eq!(found(path), ("claude-x@2024:v1".into(), true));
        let model = PathModel::find(path).unwrap();
        assert!(model.in_array);
        assert_eq!(
            model.with_model(path, "n@1"),
            "/v1beta/models/n@1%3AstreamGenerateContent?a=%3A"
        );
        assert_eq!(found("/models/m%3apredict"), ("m".into(), false));
    }

    #[test]
    fn a_path_longer_than_any_models_is_not_searched_for_a_pattern() {
        // What can be slow: a pattern that tries every place, each up to the end.
        let pattern = Regex::new("[a-z]++(?=!)").unwrap();
        let path = format!("/{}", "a".repeat(1 << 18));
        let begun = std::time::Instant::now();
        assert_eq!(PathModel::matched(&path, &pattern), None);
        assert!(
            begun.elapsed().as_secs() < 5,
            "a client's path kept the gateway busy for {:?}",
            begun.elapsed()
        );
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

    #[test]
    fn a_pattern_matches_the_decoded_path_and_only_its_match_changes() {
        let pattern = Regex::new("(?<=/engines/)[^/]+(?=/)").unwrap();
        let path = "/%C3%A9/engines/old%3Aone/generate%2Fx?q=/engines/y/";
        let found = PathModel::matched(path, &pattern).unwrap();
        assert_eq!(found.model, Model::Named("old:one".into()));
        assert_eq!(
            found.with_model(path, "a/b"),
            "/%C3%A9/engines/a%2Fb/generate%2Fx?q=/engines/y/"
        );
        assert_eq!(PathModel::matched("/chat?a=/engines/y/", &pattern), None);
        assert_eq!(PathModel::matched("/%ff/engines/y/x", &pattern), None);
        let empty = Regex::new("z*").unwrap();
        assert_eq!(PathModel::matched("/engines/y/x", &empty), None);
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
            for pattern in [r"(?<=m/)[a-zA-Z0-9.\-]+", ".", "$", "(?<=%)."] {
                let pattern = Regex::new(pattern).unwrap();
                if let Some(found) = PathModel::matched(&path, &pattern) {
                    prop_assert!(found.with_model(&path, "x").contains('x'));
                }
            }
        }

        #[test]
        fn what_a_pattern_does_not_match_stays_byte_for_byte(
            before in "(/[a-z%~+]{0,4}|%2F|%C3%A9){0,4}",
            old in "([a-z]|%2F|%20|%C3%A9){1,6}",
            after in "(/[a-z%~+]{0,4}|%2f|\\?[a-z/]{0,3}){0,3}",
            new in "\\PC{1,8}",
        ) {
            let pattern = Regex::new("(?<=<)[^>]+(?=>)").unwrap();
            let path = format!("{before}<{old}%3E{after}");
            if let Some(found) = PathModel::matched(&path, &pattern) {
                let expected = format!("{before}<{}%3E{after}", utf8_percent_encode(&new, SEGMENT));
                prop_assert_eq!(found.with_model(&path, &new), expected);
            }
        }
    }
}
