//! The settings, each with its default, unit and range: the one list of them.

use std::time::Duration;

use crate::choices::{AttemptLog, OnStreamCut, OnUnknownRefusal, RetryBudget, WhenAllSuspended};
use crate::value::{DAY, boolean, duration, factor, size, whole_number};

/// Everything that can be set for the gateway or for one API. Times are exact; see [`SETTINGS`] for their ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whether HTTP/2 is spoken with providers that offer it.
    pub http2: bool,
    /// TCP + TLS; never more than what is left of the attempt.
    pub connect_timeout: Duration,
    /// Streams: until the first useful chunk. `None`: the policy's request timeout.
    pub first_token_timeout: Option<Duration>,
    /// Streams: between useful chunks after the first.
    pub idle_timeout: Duration,
    /// All attempts together.
    pub overall_timeout: Duration,
    /// Longest silence of a client that is still sending its request.
    pub upload_timeout: Duration,
    /// Extra tries on the same candidate.
    pub target_retries: u32,
    /// Longest first wait before such a try; doubles.
    pub retry_backoff: Duration,
    /// Longest Retry-After that is waited out on the same candidate.
    pub max_retry_after_wait: Duration,
    /// Cap on any hint from a provider.
    pub max_suspend: Duration,
    /// Factor on the base duration for each failed probe in a row.
    pub suspend_growth: f64,
    /// Who answers while every candidate is suspended.
    pub when_all_suspended: WhenAllSuspended,
    /// Whether a content filter's refusal goes on to the next candidate.
    pub failover_on_content_filter: bool,
    /// What becomes of a 4xx whose reason is not known.
    pub on_unknown_refusal: OnUnknownRefusal,
    /// Allowance for same-candidate retries.
    pub retry_budget: RetryBudget,
    /// Largest request body, in bytes.
    pub max_request_body: u64,
    /// Largest whole answer, in bytes.
    pub max_answer_body: u64,
    /// Most bytes of bodies that the policy holds at one time, over all APIs. `None`: a quarter of the JVM's heap.
    pub max_memory: Option<u64>,
    /// Most bytes of complete events held back while waiting for the first useful chunk.
    pub max_held: u64,
    /// Most bytes of delivered text kept for a continuation.
    pub max_continued_text: u64,
    /// Whether the `x-failover-*` headers are sent.
    pub response_headers: bool,
    /// Whether a client may switch failover off, or leave candidates out.
    pub client_control: bool,
    /// How attempts are written to the log.
    pub attempt_log: AttemptLog,
    /// What happens to a stream that breaks after its first useful chunk.
    pub on_stream_cut: OnStreamCut,
    /// Whether the tokens of streams are counted, and asked for where they are reported only on request.
    pub count_stream_tokens: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Settings {
            http2: false,
            connect_timeout: Duration::ZERO,
            first_token_timeout: None,
            idle_timeout: Duration::ZERO,
            overall_timeout: Duration::ZERO,
            upload_timeout: Duration::ZERO,
            target_retries: 0,
            retry_backoff: Duration::ZERO,
            max_retry_after_wait: Duration::ZERO,
            max_suspend: Duration::ZERO,
            suspend_growth: 1.0,
            when_all_suspended: WhenAllSuspended::Probe,
            failover_on_content_filter: false,
            on_unknown_refusal: OnUnknownRefusal::Next,
            retry_budget: RetryBudget {
                share: 0.0,
                per_second: 0.0,
            },
            max_request_body: 0,
            max_answer_body: 0,
            max_memory: None,
            max_held: 0,
            max_continued_text: 0,
            response_headers: true,
            client_control: false,
            attempt_log: AttemptLog::Text,
            on_stream_cut: OnStreamCut::Error,
            count_stream_tokens: true,
        };
        for setting in SETTINGS {
            // The defaults are checked by a test; one that did not parse would leave the neutral value above.
            let _ = (setting.apply)(&mut settings, setting.default);
        }
        settings
    }
}

/// The sort of value that a setting takes, for the reference page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of seconds, or text with a unit.
    Time,
    /// A number of bytes, or text with a unit.
    Size,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of a few words.
    Choice,
    /// A share and a rate, as in `20% + 1/s`.
    Budget,
}

/// One setting: where it is named, what it takes, what it means.
pub struct Setting {
    /// Its name in `deployment.toml`.
    pub name: &'static str,
    /// The sort of value.
    pub kind: Kind,
    /// The default, as it would be written.
    pub default: &'static str,
    /// The values it takes, in words.
    pub range: &'static str,
    /// A value that is not the default, as it would be written in `deployment.toml`.
    pub example: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Sets it from text; the error says what was wrong.
    pub apply: fn(&mut Settings, &str) -> Result<(), String>,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("name", &self.name).finish()
    }
}

/// The name of a setting beside `requestTimeout` in `failoverConfigs`, or as a policy attribute.
pub fn lower_camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        d if d < Duration::from_millis(1) => Err(format!("must be at least 1ms, but is {text}")),
        d => Ok(d),
    }
}

/// Every setting, in the order of the reference page.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "http2",
        kind: Kind::Boolean,
        default: "false",
        range: "true, false",
        example: "true",
        meaning: "whether HTTP/2 is spoken with providers that offer it; off: a connection for each call, so that no call shares another's fate",
        apply: |s, v| boolean(v).map(|v| s.http2 = v),
    },
    Setting {
        name: "connect_timeout",
        kind: Kind::Time,
        default: "5s",
        range: "1ms to 24h",
        example: r#""2s""#,
        meaning: "longest time to open a connection to one candidate, TLS included; never more than what is left of the attempt",
        apply: |s, v| positive(v).map(|v| s.connect_timeout = v),
    },
    Setting {
        name: "first_token_timeout",
        kind: Kind::Time,
        default: "",
        range: "1ms to 24h; not set: the policy's requestTimeout",
        example: r#""4s""#,
        meaning: "streams: longest wait for the first useful chunk of one candidate before the next is tried; the last candidate left is given the whole requestTimeout",
        apply: |s, v| {
            s.first_token_timeout = if v.is_empty() {
                None
            } else {
                Some(positive(v)?)
            };
            Ok(())
        },
    },
    Setting {
        name: "idle_timeout",
        kind: Kind::Time,
        default: "30s",
        range: "1ms to 24h",
        example: r#""20s""#,
        meaning: "streams: longest silence between two useful chunks after the first",
        apply: |s, v| positive(v).map(|v| s.idle_timeout = v),
    },
    Setting {
        name: "overall_timeout",
        kind: Kind::Time,
        default: "170s",
        range: "1ms to 24h; keep it below the gateway's http.socket.timeout",
        example: r#""2m""#,
        meaning: "longest time for all attempts together, until the answer is whole or, when streamed, until its first useful chunk",
        apply: |s, v| positive(v).map(|v| s.overall_timeout = v),
    },
    Setting {
        name: "upload_timeout",
        kind: Kind::Time,
        default: "30s",
        range: "1ms to 24h",
        example: r#""10s""#,
        meaning: "longest silence of a client that is still sending its request; then it is answered 408",
        apply: |s, v| positive(v).map(|v| s.upload_timeout = v),
    },
    Setting {
        name: "target_retries",
        kind: Kind::Number,
        default: "1",
        range: "0 to 10",
        example: "0",
        meaning: "extra tries on the same candidate for 5xx and resets before the response; a silent candidate is never tried again; the last candidate standing gets at least 1",
        apply: |s, v| whole_number(v, 10).map(|v| s.target_retries = v),
    },
    Setting {
        name: "retry_backoff",
        kind: Kind::Time,
        default: "200ms",
        range: "0 to 24h",
        example: r#""100ms""#,
        meaning: "longest wait before the first such try; doubles; the wait is drawn from 0 to it (full jitter)",
        apply: |s, v| duration(v).map(|v| s.retry_backoff = v),
    },
    Setting {
        name: "max_retry_after_wait",
        kind: Kind::Time,
        default: "2s",
        range: "0 to 24h",
        example: r#""0s""#,
        meaning: "a 429 or 503 whose Retry-After is no longer than this is waited out on the same candidate instead of failing over",
        apply: |s, v| duration(v).map(|v| s.max_retry_after_wait = v),
    },
    Setting {
        name: "max_suspend",
        kind: Kind::Time,
        default: "1h",
        range: "1ms to 24h",
        example: r#""30m""#,
        meaning: "longest time that a candidate may be suspended, whatever its provider asks for and however often its probes fail",
        apply: |s, v| positive(v).map(|v| s.max_suspend = v),
    },
    Setting {
        name: "suspend_growth",
        kind: Kind::Number,
        default: "1.0",
        range: "1 to 10",
        example: "2.0",
        meaning: "factor on the suspend duration for each failed probe in a row, capped by max_suspend",
        apply: |s, v| factor(v, 1.0, 10.0).map(|v| s.suspend_growth = v),
    },
    Setting {
        name: "when_all_suspended",
        kind: Kind::Choice,
        default: "probe",
        range: "probe, reject",
        example: r#""reject""#,
        meaning: "probe: one request at a time goes to the candidate whose suspension ends first, the others get a fast 503 with Retry-After; reject: all get the 503",
        apply: |s, v| WhenAllSuspended::read(v).map(|v| s.when_all_suspended = v),
    },
    Setting {
        name: "failover_on_content_filter",
        kind: Kind::Boolean,
        default: "false",
        range: "true, false",
        example: "true",
        meaning: "whether a refusal by a provider's content filter goes on to the next candidate",
        apply: |s, v| boolean(v).map(|v| s.failover_on_content_filter = v),
    },
    Setting {
        name: "on_unknown_refusal",
        kind: Kind::Choice,
        default: "next",
        range: "next, return",
        example: r#""return""#,
        meaning: "a 4xx whose reason is not known: next tries the next candidate and blames nobody, return gives it to the client",
        apply: |s, v| OnUnknownRefusal::read(v).map(|v| s.on_unknown_refusal = v),
    },
    Setting {
        name: "retry_budget",
        kind: Kind::Budget,
        default: "20% + 1/s",
        range: "0% to 100% and 0/s to 1000/s",
        example: r#""10% + 2/s""#,
        meaning: "same-candidate retries allowed as a share of requests plus a floor, per API; going on to another candidate is never charged",
        apply: |s, v| RetryBudget::read(v).map(|v| s.retry_budget = v),
    },
    Setting {
        name: "max_request_body",
        kind: Kind::Size,
        default: "64MiB",
        range: "0 to 4GB",
        example: r#""16MiB""#,
        meaning: "largest request body; a larger one is answered 413, because what cannot be replayed cannot fail over",
        apply: |s, v| size(v).map(|v| s.max_request_body = v),
    },
    Setting {
        name: "max_answer_body",
        kind: Kind::Size,
        default: "64MiB",
        range: "0 to 4GB",
        example: r#""16MiB""#,
        meaning: "largest whole answer, an error's body and a collected stream too; a larger one counts as the candidate's failure",
        apply: |s, v| size(v).map(|v| s.max_answer_body = v),
    },
    Setting {
        name: "max_memory",
        kind: Kind::Size,
        default: "",
        range: "0 to 4GB; not set: a quarter of the JVM's maximum heap",
        example: r#""512MiB""#,
        meaning: "all bodies that the policy holds at one time, of requests and of answers, over all APIs; none may be larger than what all leave free, and a request without room is answered 503 with Retry-After. Set for one API: the sum that its requests go by",
        apply: |s, v| {
            s.max_memory = if v.is_empty() { None } else { Some(size(v)?) };
            Ok(())
        },
    },
    Setting {
        name: "max_held",
        kind: Kind::Size,
        default: "256KiB",
        range: "0 to 4GB",
        example: r#""64KiB""#,
        meaning: "most bytes of a stream's complete events held back while waiting for the first useful chunk",
        apply: |s, v| size(v).map(|v| s.max_held = v),
    },
    Setting {
        name: "max_continued_text",
        kind: Kind::Size,
        default: "256KiB",
        range: "0 to 4GB",
        example: r#""64KiB""#,
        meaning: "most bytes of a stream's delivered text kept so that the next candidate can go on with it",
        apply: |s, v| size(v).map(|v| s.max_continued_text = v),
    },
    Setting {
        name: "response_headers",
        kind: Kind::Boolean,
        default: "true",
        range: "true, false",
        example: "false",
        meaning: "whether answers carry x-failover-model, x-failover-endpoint, x-failover-attempts and x-failover-reason",
        apply: |s, v| boolean(v).map(|v| s.response_headers = v),
    },
    Setting {
        name: "client_control",
        kind: Kind::Boolean,
        default: "false",
        range: "true, false",
        example: "true",
        meaning: "whether a client may say x-failover: off, or which candidates to leave out; the header is taken off every request, also when this is false",
        apply: |s, v| boolean(v).map(|v| s.client_control = v),
    },
    Setting {
        name: "attempt_log",
        kind: Kind::Choice,
        default: "text",
        range: "text, json",
        example: r#""json""#,
        meaning: "how the lines of the logger org.modelfailover.attempts are written: as name=value, or as one JSON object each",
        apply: |s, v| AttemptLog::read(v).map(|v| s.attempt_log = v),
    },
    Setting {
        name: "on_stream_cut",
        kind: Kind::Choice,
        default: "continue",
        range: "continue, error",
        example: r#""error""#,
        meaning: "a stream that breaks after its first useful chunk is continued by the next candidate, or ends with the wire format's error event and without its success marker",
        apply: |s, v| OnStreamCut::read(v).map(|v| s.on_stream_cut = v),
    },
    Setting {
        name: "count_stream_tokens",
        kind: Kind::Boolean,
        default: "true",
        range: "true, false",
        example: "false",
        meaning: "whether the tokens of a streamed answer count for the gateway's throttling and analytics; a provider that reports them only on request is asked, and the extra chunk is hidden from a client who did not ask",
        apply: |s, v| boolean(v).map(|v| s.count_stream_tokens = v),
    },
];

/// The setting of this name, or the nearest one when there is none.
pub(crate) fn find(name: &str, camel: bool) -> Result<&'static Setting, Option<String>> {
    let spelled = |s: &Setting| {
        if camel {
            lower_camel_case(s.name)
        } else {
            s.name.to_owned()
        }
    };
    if let Some(setting) = SETTINGS.iter().find(|s| spelled(s) == name) {
        return Ok(setting);
    }
    Err(nearest(SETTINGS.iter().map(spelled), name))
}

/// The name among those that is meant, as likely as not.
pub(crate) fn nearest(names: impl Iterator<Item = String>, name: &str) -> Option<String> {
    names
        .map(|known| (strsim::damerau_levenshtein(&known, name), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min()
        .map(|(_, known)| known)
}

const _: () = assert!(DAY.as_secs() == 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_its_setting_takes() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            assert_eq!(
                (setting.apply)(&mut settings, setting.default),
                Ok(()),
                "{}",
                setting.name
            );
            assert_eq!(settings, Settings::default());
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let s = Settings::default();
        assert_eq!(s.connect_timeout, Duration::from_secs(5));
        assert_eq!(s.overall_timeout, Duration::from_secs(170));
        assert_eq!(s.retry_backoff, Duration::from_millis(200));
        assert_eq!(s.target_retries, 1);
        assert_eq!(s.max_retry_after_wait, Duration::from_secs(2));
        assert_eq!(s.on_unknown_refusal, OnUnknownRefusal::Next);
        assert_eq!(s.max_suspend, Duration::from_secs(3600));
        assert_eq!(
            s.retry_budget,
            RetryBudget {
                share: 0.2,
                per_second: 1.0
            }
        );
        assert_eq!(s.max_request_body, 64 << 20);
        assert_eq!(s.max_answer_body, 64 << 20);
        assert_eq!(s.max_memory, None);
        assert_eq!(s.max_held, 256 << 10);
        assert_eq!(s.max_continued_text, 256 << 10);
        assert_eq!(s.upload_timeout, Duration::from_secs(30));
        assert!(!s.http2);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_known_one() {
        assert_eq!(
            find("conect_timeout", false).unwrap_err(),
            Some("connect_timeout".into())
        );
        assert_eq!(
            find("overallTimout", true).unwrap_err(),
            Some("overallTimeout".into())
        );
        assert_eq!(find("colour", false).unwrap_err(), None);
    }
}
