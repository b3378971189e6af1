//! Hints and error bodies: nothing a provider says is more than it may be.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use failover_apim::provider::{Attribute, compile};
use failover_suspension::hint;
use failover_wire::answer;
use failover_wire::answer::{Told, told};
use failover_wire::refusal::{Evidence, Signs};

use crate::head;

const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

fn assert_believable(hint: Option<Duration>) {
    if let Some(hint) = hint {
        assert!(hint > Duration::ZERO && hint <= MONTH, "{hint:?}");
    }
}

/// Lines of `name: value`, and a body behind an empty one.
pub fn headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let headers = || head.lines().filter_map(|line| line.split_once(": "));
    // 2026-01-01T00:00:00Z
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    assert_believable(hint::after_failure(headers, body.as_bytes(), now));
    assert_believable(hint::after_success(headers, now));
    assert_believable(hint::retry_after_of(headers(), now));
}

/// The body of an answer, as an error and as a success.
pub fn bodies(data: &[u8]) {
    let ([which], body) = head(data);
    let statuses = [400, 401, 403, 404, 413, 422, 429, 503];
    let header = [None, Some("ThrottlingException:http://x/")][usize::from(which >> 3) % 2];
    static SIGNS: LazyLock<Signs> = LazyLock::new(|| Signs::with(&[]).0);
    let status = statuses[usize::from(which) % 8];
    let evidence = Evidence::of_answer(status, header, body);
    let said = SIGNS.reason(&evidence, b"");
    // Whoever repeats the request says nothing of its own, but in codes.
    let repeated = SIGNS.reason(&evidence, body);
    assert!(said.is_some() || repeated.is_none());
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(
        body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body),
    );
    let lines = body.contains(&b'\n');
    let events = told(None, body) == Told::Events;
    let plain = !["NaN", "Infinity"]
        .iter()
        .any(|w| String::from_utf8_lossy(body).contains(w));
    if answer::check(Some("application/json"), body).is_ok() && !lines && !events && plain {
        is_json.expect("an answer that is declared as JSON");
    }
    let _ = answer::check(None, body);
    let attributes = [
        ("responseModel", "$.model"),
        ("promptTokenCount", "$..n"),
        ("x", "$.a[-1]"),
    ];
    let attributes = attributes.map(|(name, place)| Attribute {
        name: name.into(),
        source: "payload".into(),
        identifier: place.into(),
    });
    let (own, _) = compile("Own".into(), "1".into(), "own", attributes);
    assert!(own.metadata("/", body).len() >= 2);
    assert_believable(hint::after_failure(
        || [].into_iter(),
        body,
        SystemTime::now(),
    ));
}
