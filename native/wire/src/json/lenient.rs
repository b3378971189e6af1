//! What only a strict parser refuses, and many a writer writes.

use std::borrow::Cow;

/// JSON with `NaN` and `Infinity`, which Python's library writes and most read, replaced by numbers.
pub(crate) fn with_plain_numbers(json: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Cow::Borrowed(json);
    let mut at = 0;
    let mut in_text = false;
    while at < json.len() {
        match json[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'N' | b'I' if !in_text => {
                for word in [&b"NaN"[..], b"Infinity"] {
                    if json[at..].starts_with(word) {
                        let place = &mut out.to_mut()[at..at + word.len()];
                        place.fill(b' ');
                        place[0] = b'0';
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// JSON without what only a strict parser refuses.
pub(crate) fn lenient(json: &[u8]) -> Vec<u8> {
    let mut out = with_plain_numbers(json).into_owned();
    let escape = |out: &[u8], at: usize| {
        let digits = out.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < out.len() {
        if out[at] != b'\\' {
            at += 1;
            continue;
        }
        match (escape(&out, at), escape(&out, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                out[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            _ => at += 2,
        }
    }
    out
}
