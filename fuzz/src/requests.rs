//! Requests: the model is found and replaced, and nothing else changes.

use std::sync::LazyLock;

use bytes::Bytes;
use failover_apim::provider::{Attribute, compile};
use failover_wire::request::Model;
use failover_wire::request::PathModel;
use failover_wire::request::coding::{self, Bounds};
use failover_wire::room::allocated;
use failover_wire::{ModelRequest, Provider};
use serde_json::Value;

use crate::head;

fn provider(source: &str, place: &str) -> Provider {
    let attribute = Attribute {
        name: "requestModel".into(),
        source: source.into(),
        identifier: place.into(),
    };
    let (provider, warnings) = compile("Own".into(), "1".into(), "own", [attribute]);
    assert_eq!(warnings, Vec::<String>::new());
    provider
}

static PROVIDERS: LazyLock<[Option<Provider>; 4]> = LazyLock::new(|| {
    [
        None,
        Some(provider("payload", "$.a.b[1].model")),
        Some(provider("payload", "$..model")),
        Some(provider("payload", "$.a[?@.t=='x'].model")),
    ]
});

static PATTERNS: LazyLock<[Provider; 3]> = LazyLock::new(|| {
    [
        provider("pathParams", r"(?<=models/)[a-zA-Z0-9.\-]+"),
        provider("pathParams", r"(?<=model/)[^/]+(?=/)"),
        provider("pathParams", r"[a-z]++(?=!)"),
    ]
});

/// A JSON body.
pub fn json(data: &[u8]) {
    let ([which], body) = head(data);
    let place = &PROVIDERS[usize::from(which) % 4];
    let read = |body: &Bytes| {
        ModelRequest::read(
            place.as_ref(),
            "/chat/completions",
            Some("application/json"),
            body,
        )
    };
    let body = Bytes::copy_from_slice(body);
    let Ok(Some(asked)) = read(&body) else {
        return;
    };
    // What was read of it was JSON, and is still when it was changed.
    let usage = asked.can_ask_usage("/chat/completions");
    let edited = sent(&asked, &body, "n\"é", usage);
    if *asked.model() == Model::NoName {
        return;
    }
    let again = read(&edited).expect("a request").expect("a request");
    if edited != body || matches!(asked.model(), Model::Named(_)) {
        // Where a query finds several, one may stand in what another was.
        if which % 4 < 2 && again.model() != &Model::Absent {
            assert_eq!(again.model(), &Model::Named("n\"é".into()));
        }
    }
    assert_eq!(again.stream(), asked.stream());
    // Only the values' bytes changed: with the same name in all of them nothing tells the two apart.
    if which % 4 == 0 {
        let other = sent(&asked, &body, "other", usage);
        assert_eq!(sent(&again, &edited, "other", false), other);
        if let (Ok(Value::Object(mut before)), Ok(Value::Object(mut after))) = (
            serde_json::from_slice(&body),
            serde_json::from_slice(&edited),
        ) {
            for one in [&mut before, &mut after] {
                one.shift_remove("model");
                one.shift_remove("stream_options");
            }
            assert_eq!(before, after);
        }
    }
}

/// A path, with any pattern.
pub fn path(data: &[u8]) {
    let ([which], path) = head(data);
    let path = String::from_utf8_lossy(path);
    if let Some(found) = PathModel::find(&path) {
        let with = found.with_model(&path, "us.a/b:0");
        let again = PathModel::find(&with).expect("a model");
        assert_eq!(
            (again.model, again.stream),
            (Model::Named("us.a/b:0".into()), found.stream)
        );
        assert_eq!(
            found.with_model(&path, "x").len() + "us.a%2Fb:0".len(),
            with.len() + 1
        );
    }
    let pattern = &PATTERNS[usize::from(which) % 3];
    if let Ok(Some(asked)) = ModelRequest::read(Some(pattern), &path, None, b"{}") {
        assert!(asked.path_for(&path, "a name").contains("a%20name"));
        let _ = asked.can_ask_usage(&path);
    }
    pattern.metadata(&path, b"");
}

/// The body for a candidate.
fn sent(asked: &ModelRequest, body: &Bytes, model: &str, usage: bool) -> Bytes {
    let body = asked.body_for(body, model, usage, &mut allocated);
    Bytes::from(body.expect("room").into_owned())
}

/// A multipart form.
pub fn form(data: &[u8]) {
    let ([which], body) = head(data);
    let content_type = [
        "multipart/form-data; boundary=X",
        "multipart/form-data; boundary=\"--\"",
    ][usize::from(which) % 2];
    let read =
        |body: &Bytes| ModelRequest::read(None, "/audio/transcriptions", Some(content_type), body);
    let body = Bytes::copy_from_slice(body);
    let Ok(Some(asked)) = read(&body) else {
        return;
    };
    let edited = sent(&asked, &body, "name", false);
    let again = read(&edited).expect("a form").expect("a form");
    assert_eq!(again.model(), &Model::Named("name".into()));
    assert_eq!(again.stream(), asked.stream());
    let other = sent(&asked, &body, "other name", false);
    assert_eq!(sent(&again, &edited, "other name", false), other);
}

/// A body in a coding, or in two.
pub fn packed(data: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let ([which], body) = head(data);
    let encoding = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip"];
    let encoding = encoding[usize::from(which) % encoding.len()];
    let mut most = 0;
    let bounds = Bounds {
        limit: LIMIT as u64,
        room: &mut |bytes| {
            most = most.max(bytes);
            true
        },
    };
    let read = coding::decoded(encoding, body, bounds);
    assert!(most <= 4 * LIMIT, "{most} bytes were held");
    if let Ok(Some(out)) = read {
        assert!(out.len() <= LIMIT.min(most), "{} bytes came out", out.len());
    }
}
