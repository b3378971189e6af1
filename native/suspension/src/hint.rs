//! What providers say about when to come back.
//!
//! Sources: Retry-After, RFC 9110 §10.2.3; `retry-after-ms`, Azure OpenAI and the OpenAI client libraries;
//! `x-ratelimit-reset-*`, OpenAI's "Rate limits" guide (`1s`, `6m0s`) and Azure's (seconds);
//! `anthropic-ratelimit-*-reset`, Anthropic's "Rate limits" page (RFC 3339); `retryDelay`, google.rpc.RetryInfo in
//! the details of a Gemini error. A hint that can't be read, lies in the past or more than a month ahead is ignored;
//! how much of the rest is believed is the client's to cap.
//!
//! What is read here comes from a peer: numbers are compared as `f64`, which can't overflow, before they become a time;
//! headers are gone through twice, whatever their number, and a body once, without keeping any of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest wait that is taken for one: beyond it a header is noise.
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The longest wait that a failed answer asks for, of all the ways it has to say so. `headers` gives them in any
/// order, names in lower case, as often as it is called; `now` is the wall clock, which dates are compared with.
pub fn after_failure<'a, I: Iterator<Item = (&'a str, &'a str)>>(
    headers: impl Fn() -> I,
    body: &[u8],
    now: SystemTime,
) -> Option<Duration> {
    retry_after_of(headers(), now)
        .into_iter()
        .chain(exhausted(headers, now))
        .chain(retry_delay(body))
        .max()
}

/// The wait until an announced reset, when an answer left nothing of a limit.
pub fn after_success<'a, I: Iterator<Item = (&'a str, &'a str)>>(
    headers: impl Fn() -> I,
    now: SystemTime,
) -> Option<Duration> {
    exhausted(headers, now).max()
}

/// Retry-After alone, in either unit: the wait that a client is expected to be able to sit out.
pub fn retry_after_of<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    now: SystemTime,
) -> Option<Duration> {
    headers
        .filter_map(|(name, value)| match name {
            "retry-after-ms" => millis(value),
            "retry-after" => retry_after(value, now),
            _ => None,
        })
        .max()
}

/// The most limits of one answer that are looked at. OpenAI's have six, Anthropic's four.
const MOST_LIMITS: usize = 32;

/// A limit that a header speaks of.
#[derive(PartialEq, Eq)]
enum Limit<'a> {
    Anthropic(&'a str),
    Other(&'a str),
}

impl<'a> Limit<'a> {
    /// That of `anthropic-ratelimit-{limit}-{what}` or `x-ratelimit-{what}{limit}`.
    fn named(name: &'a str, what: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("anthropic-ratelimit-") {
            let limit = rest.strip_suffix(what)?.strip_suffix('-')?;
            return Some(Limit::Anthropic(limit));
        }
        let rest = name.strip_prefix("x-ratelimit-")?;
        rest.strip_prefix(what).map(Limit::Other)
    }
}

/// The resets of those limits of which nothing remains.
fn exhausted<'a, I: Iterator<Item = (&'a str, &'a str)>>(
    headers: impl Fn() -> I,
    now: SystemTime,
) -> impl Iterator<Item = Duration> {
    let nothing_left: Vec<Limit<'a>> = headers()
        .filter(|(_, value)| value.trim().parse::<f64>().is_ok_and(|left| left <= 0.0))
        .filter_map(|(name, _)| Limit::named(name, "remaining"))
        .take(MOST_LIMITS)
        .collect();
    headers().filter_map(move |(name, value)| {
        if nothing_left.is_empty() {
            return None;
        }
        let limit = Limit::named(name, "reset")?;
        if !nothing_left.contains(&limit) {
            return None;
        }
        match limit {
            Limit::Anthropic(_) => timestamp(value, now),
            Limit::Other(_) => reset_value(value, now),
        }
    })
}

/// A time ahead, of at most a month. Whatever the number, NaN and infinity included, this can't overflow.
fn believable(seconds: f64) -> Option<Duration> {
    if !(seconds > 0.0 && seconds <= MONTH.as_secs_f64()) {
        return None;
    }
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    (!wait.is_zero()).then_some(wait)
}

fn millis(value: &str) -> Option<Duration> {
    believable(value.trim().parse::<f64>().ok()? / 1000.0)
}

fn ahead(date: SystemTime, now: SystemTime) -> Option<Duration> {
    believable(date.duration_since(now).ok()?.as_secs_f64())
}

fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(seconds) => believable(seconds),
        Err(_) => ahead(httpdate::parse_http_date(value).ok()?, now),
    }
}

fn timestamp(value: &str, now: SystemTime) -> Option<Duration> {
    let timestamp: jiff::Timestamp = value.trim().parse().ok()?;
    ahead(timestamp.into(), now)
}

/// Seconds, an epoch in seconds or milliseconds, `1m30s` or a date.
fn reset_value(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        let epoch = if number > 1e11 {
            number / 1000.0
        } else {
            number
        };
        if epoch > 1e9 {
            let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            return believable(epoch - since.as_secs_f64());
        }
        return believable(number);
    }
    composed(value).or_else(|| timestamp(value, now))
}

/// `6m0s`, `120ms`, `1h2m3.5s`.
fn composed(value: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = value;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..unit_at].parse().ok()?;
        rest = &rest[unit_at..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit_end] {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    believable(seconds)
}

/// The longest `retryDelay` in the details of an error.
fn retry_delay(body: &[u8]) -> Option<Duration> {
    let mut longest = None;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    Delays {
        longest: &mut longest,
        at: At::Top,
    }
    .deserialize(&mut deserializer)
    .ok()?;
    deserializer.end().ok()?;
    longest
}

/// Where in an error's body a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// The body. Gemini answers a streamed request with an array of one error.
    Top,
    /// One of several errors.
    Error,
    /// The value of `error`.
    Status,
    /// The value of `details`.
    Details,
    Detail,
    /// The value of `retryDelay`.
    Delay,
    Elsewhere,
}

/// Looks for delays on the way through a body.
struct Delays<'l> {
    longest: &'l mut Option<Duration>,
    at: At,
}

impl Delays<'_> {
    fn below(&mut self, at: At) -> Delays<'_> {
        Delays {
            longest: self.longest,
            at,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Delays<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        match self.at {
            At::Elsewhere => value.deserialize_ignored_any(self),
            _ => value.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Delays<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.at == At::Delay {
            *self.longest = composed(text.trim()).max(*self.longest);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let at = match self.at {
            At::Top => At::Error,
            At::Details => At::Detail,
            _ => At::Elsewhere,
        };
        while items.next_element_seed(self.below(at))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(at) = members.next_key_seed(Below(self.at))? {
            members.next_value_seed(self.below(at))?;
        }
        Ok(())
    }
}

/// Where the value of a member stands.
struct Below(At);

impl<'de> DeserializeSeed<'de> for Below {
    type Value = At;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<At, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Below {
    type Value = At;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<At, E> {
        Ok(match (self.0, key) {
            (At::Top | At::Error, "error") => At::Status,
            (At::Status, "details") => At::Details,
            (At::Detail, "retryDelay") => At::Delay,
            _ => At::Elsewhere,
        })
    }
}

#[cfg(test)]
mod tests;
