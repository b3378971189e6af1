use proptest::prelude::*;

use super::*;

/// 2026-01-01T00:00:00Z
const NOW_EPOCH: u64 = 1_767_225_600;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_EPOCH)
}

fn failure(headers: &[(&str, &str)]) -> Option<Duration> {
    after_failure(|| headers.iter().copied(), b"", now())
}

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(failure(&[("retry-after", "17")]), secs(17));
    assert_eq!(
        failure(&[("retry-after", "0.5")]),
        Some(Duration::from_millis(500))
    );
    assert_eq!(
        failure(&[("retry-after", "Thu, 01 Jan 2026 00:01:30 GMT")]),
        secs(90)
    );
    assert_eq!(
        failure(&[("retry-after-ms", "2500")]),
        Some(Duration::from_millis(2500))
    );
}

#[test]
fn the_longest_of_several_hints_counts() {
    assert_eq!(
        failure(&[("retry-after", "3"), ("retry-after-ms", "9000")]),
        secs(9)
    );
}

#[test]
fn only_the_reset_of_an_exhausted_dimension_counts() {
    let headers = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1m30s"),
        ("x-ratelimit-remaining-tokens", "1200"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(failure(&headers), secs(90));
}

#[test]
fn resets_come_as_seconds_composed_text_epochs_and_dates() {
    for (value, expected) in [
        ("20", secs(20)),
        ("120ms", Some(Duration::from_millis(120))),
        ("1h2m3s", secs(3723)),
        ("1767225660", secs(60)),
        ("1767225660000", secs(60)),
        ("2026-01-01T00:01:00Z", secs(60)),
    ] {
        let headers = [
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", value),
        ];
        assert_eq!(failure(&headers), expected, "{value}");
    }
}

#[test]
fn anthropic_resets_are_rfc_3339() {
    let headers = [
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        (
            "anthropic-ratelimit-input-tokens-reset",
            "2026-01-01T00:00:45Z",
        ),
        ("anthropic-ratelimit-requests-remaining", "4"),
        (
            "anthropic-ratelimit-requests-reset",
            "2026-01-01T01:00:00+00:00",
        ),
    ];
    assert_eq!(failure(&headers), secs(45));
}

#[test]
fn gemini_puts_its_delay_into_the_details() {
    let body = br#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}"#;
    assert_eq!(after_failure(|| [].into_iter(), body, now()), secs(37));
    let streamed = [b"[".as_slice(), body, b"]"].concat();
    assert_eq!(after_failure(|| [].into_iter(), &streamed, now()), secs(37));
}

#[test]
fn garbage_the_past_and_the_far_future_are_ignored() {
    for value in [
        "",
        "soon",
        "-5",
        "0",
        "NaN",
        "inf",
        "1e300",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        assert_eq!(failure(&[("retry-after", value)]), None, "{value}");
    }
}

#[test]
fn a_number_beyond_any_time_is_ignored_in_every_header() {
    let numbers = [
        "1e22",
        "1e19",
        "18446744073709551615",
        "1e308",
        "-1e308",
        "1e-308",
        "inf",
        "-inf",
        "NaN",
    ];
    for number in numbers {
        for unit in ["", "d", "h", "m", "s", "ms", "ns"] {
            let value = format!("{number}{unit}");
            let headers = [
                ("retry-after", value.as_str()),
                ("retry-after-ms", &value),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", &value),
                ("anthropic-ratelimit-tokens-remaining", "0"),
                ("anthropic-ratelimit-tokens-reset", &value),
            ];
            assert_eq!(failure(&headers), None, "{value}");
            assert_eq!(
                after_success(|| headers.into_iter(), now()),
                None,
                "{value}"
            );
        }
    }
}

#[test]
fn a_delay_counts_in_the_details_of_an_error_and_nowhere_else() {
    for (body, expected) in [
        (
            r#"{"error":{"details":[{"retryDelay":"2s"},{"retryDelay":7},{"retryDelay":"9s"},null,3]}}"#,
            secs(9),
        ),
        (
            r#"{"error":{"retryDelay":"2s","details":{"retryDelay":"2s"}},"retryDelay":"2s"}"#,
            None,
        ),
        (r#"{"error":{"details":[{"a":{"retryDelay":"2s"}}]}}"#, None),
        (r#"[[{"error":{"details":[{"retryDelay":"2s"}]}}]]"#, None),
        (r#"{"error":{"details":[{"retryDelay":"2s"}]}} x"#, None),
        (r#"{"error":{"details":[{"retryDelay":"2s"}]}"#, None),
    ] {
        assert_eq!(
            after_failure(|| [].into_iter(), body.as_bytes(), now()),
            expected,
            "{body}"
        );
    }
}

#[test]
fn a_success_that_leaves_nothing_announces_its_reset() {
    let headers = [
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "12s"),
    ];
    assert_eq!(after_success(|| headers.into_iter(), now()), secs(12));
    let plenty = [
        ("x-ratelimit-remaining-tokens", "9"),
        ("x-ratelimit-reset-tokens", "12s"),
    ];
    assert_eq!(after_success(|| plenty.into_iter(), now()), None);
}

proptest! {
    #[test]
    fn no_header_and_no_body_makes_the_readers_panic(value in "\\PC{0,40}", body: Vec<u8>) {
        for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset"] {
            let headers = [(name, value.as_str()), ("x-ratelimit-remaining-tokens", "0"), ("anthropic-ratelimit-tokens-remaining", "0")];
            if let Some(hint) = after_failure(|| headers.into_iter(), &body, now()) {
                prop_assert!(hint > Duration::ZERO && hint <= MONTH);
            }
        }
    }

    #[test]
    fn no_number_makes_the_readers_panic(mantissa: f64, exponent in -400i32..400, unit in "|d|h|m|s|ms|us|ns|Z") {
        for value in [format!("{mantissa:e}{unit}"), format!("{mantissa}{unit}"), format!("1e{exponent}{unit}"), format!("9{:0>1$}{unit}", 0, exponent.unsigned_abs() as usize)] {
            let delay = format!(r#"{{"error":{{"details":[{{"retryDelay":"{value}"}}]}}}}"#);
            for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset"] {
                let headers = [(name, value.as_str()), ("x-ratelimit-remaining-tokens", "-1e999"), ("anthropic-ratelimit-tokens-remaining", "0")];
                for hint in [after_failure(|| headers.into_iter(), delay.as_bytes(), now()), after_success(|| headers.into_iter(), now())].into_iter().flatten() {
                    prop_assert!(hint > Duration::ZERO && hint <= MONTH);
                }
            }
        }
    }

    #[test]
    fn composed_durations_are_read_back(h in 0u32..20, m in 0u32..60, s in 1u32..60) {
        let text = format!("{h}h{m}m{s}s");
        prop_assert_eq!(composed(&text), secs(u64::from(h * 3600 + m * 60 + s)));
    }
}
