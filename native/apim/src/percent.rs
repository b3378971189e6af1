//! Escapes in URLs (RFC 3986 section 2.1).

use percent_encoding::percent_encode_byte;

/// Escapes everything but letters, digits and the bytes of `plain`; what is escaped already stays as it is.
pub(crate) fn escaped(text: &str, plain: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut spelt = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        match escape_at(bytes, at) {
            Some(_) => spelt.push('%'),
            None => put(&mut spelt, *byte, plain),
        }
    }
    spelt
}

/// Unescapes a name or a value of a query, and escapes it anew.
pub(crate) fn respelt(text: &str, plain: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut spelt = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (meant, length) = match escape_at(bytes, at) {
            Some(escaped) => (escaped, 3),
            None if byte == b'+' => (b' ', 1),
            None => (byte, 1),
        };
        put(&mut spelt, meant, plain);
        at += length;
    }
    spelt
}

/// The byte that an escape at this place stands for.
fn escape_at(bytes: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low] = *bytes.get(at..at + 3)? else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn put(spelt: &mut String, byte: u8, plain: &[u8]) {
    if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
        spelt.push(char::from(byte));
    } else {
        spelt.push_str(percent_encode_byte(byte));
    }
}
