//! Paths of requests, query and percent-encoding included (RFC 3986 §2.1, §3).

/// A path without its query.
pub(crate) fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
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
