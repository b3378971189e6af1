//! Values as people write them: durations with or without a unit, sizes, shares, booleans.

use std::time::Duration;

use crate::document::Node;

/// The longest duration that any setting takes.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A value of a setting: text from an attribute, or a JSON or TOML scalar as text. Empty text means "not set".
pub(crate) fn scalar(node: &Node) -> Result<Option<String>, String> {
    match node {
        Node::Null => Ok(None),
        Node::Bool(b) => Ok(Some(b.to_string())),
        Node::Number(n) => Ok(Some(n.clone())),
        Node::String(s) => Ok(Some(s.trim().to_owned()).filter(|s| !s.is_empty())),
        Node::Array(_) | Node::Object(_) => {
            Err(format!("must be a single value, not {}", node.kind()))
        }
    }
}

/// `30`, `1.5`, `"250ms"`, `"1m 30s"`; a bare number is seconds. At most 24 h.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_nan() => return Err(not_a_duration(text)),
        Ok(seconds) if seconds < 0.0 => {
            return Err(format!("must not be negative, but is {text}"));
        }
        Ok(seconds) if seconds > DAY.as_secs_f64() => return Err(too_long(text)),
        Ok(seconds) => Duration::from_secs_f64(seconds),
        Err(_) => humantime::parse_duration(text).map_err(|_| not_a_duration(text))?,
    };
    if parsed > DAY {
        return Err(too_long(text));
    }
    Ok(parsed)
}

fn not_a_duration(text: &str) -> String {
    format!("must be a number of seconds or a time with a unit such as \"250ms\", but is '{text}'")
}

fn too_long(text: &str) -> String {
    format!("must be at most 24 h, but is {text}")
}

/// `65536`, `"256KiB"`, `"64MiB"`, `"1GiB"` (and `KB`, `MB`, `GB` as powers of 1000): bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024.0 * 1024.0,
        "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(not_a_size(text)),
    };
    let number: f64 = number.parse().map_err(|_| not_a_size(text))?;
    let bytes = number * factor;
    if bytes > 4e9 {
        return Err(format!("must be at most 4 GB, but is {text}"));
    }
    Ok(bytes as u64)
}

fn not_a_size(text: &str) -> String {
    format!("must be a number of bytes or a size with a unit such as \"64MiB\", but is '{text}'")
}

pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("must be true or false, but is '{text}'")),
    }
}

pub(crate) fn whole_number(text: &str, max: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|n| *n <= max)
        .ok_or_else(|| format!("must be a whole number from 0 to {max}, but is '{text}'"))
}

pub(crate) fn factor(text: &str, min: f64, max: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|n: &f64| (min..=max).contains(n))
        .ok_or_else(|| format!("must be a number from {min} to {max}, but is '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_be_whole_fractional_or_have_a_unit() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration(".5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1e3"), Ok(Duration::from_secs(1000)));
        assert_eq!(duration("007"), Ok(Duration::from_secs(7)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_text_in_the_message() {
        for text in [
            "-5",
            "it's",
            "NaN",
            "inf",
            "25h",
            "99999999999999999999",
            "5 parsecs",
            "-1s",
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("256 KiB"), Ok(256 << 10));
        assert_eq!(size("1000"), Ok(1000));
        assert_eq!(size("2MB"), Ok(2_000_000));
        assert!(size("lots").is_err());
        assert!(size("9000GiB").is_err());
    }
}
