//! Content codings of requests (RFC 9110 §8.4.1): to find a request's model, and to send another one, its body is read
//! through them. What comes out is bounded by what may be held, however little went in.

use std::io::{self, Read};

/// Why a body can't be read through its coding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// A coding that is not known here.
    #[error("compressed with {0}; known are gzip, deflate, br and zstd")]
    Unknown(String),
    /// Not what its coding says.
    #[error("not valid {0}")]
    Broken(&'static str),
    /// More than may be held when unpacked.
    #[error("larger than {0} bytes when it is unpacked")]
    TooLarge(u64),
}

/// A coding that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn of(name: &str) -> Option<Coding> {
        match name {
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            "deflate" => Some(Coding::Deflate),
            "br" => Some(Coding::Brotli),
            "zstd" => Some(Coding::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    fn unpack(self, packed: &[u8], limit: u64) -> Result<Vec<u8>, Undecodable> {
        let broken = |_: io::Error| Undecodable::Broken(self.name());
        let read = |from: &mut dyn Read| read(from, limit);
        match self {
            Coding::Gzip => read(&mut flate2::read::MultiGzDecoder::new(packed)),
            // Some send it without the zlib header that the standard asks for.
            Coding::Deflate => {
                read(&mut flate2::read::ZlibDecoder::new(packed)).or_else(|e| match e.kind() {
                    io::ErrorKind::FileTooLarge => Err(e),
                    _ => read(&mut flate2::read::DeflateDecoder::new(packed)),
                })
            }
            Coding::Brotli => read(&mut brotli_decompressor::Decompressor::new(packed, 4096)),
            Coding::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
                read(&mut decoder.map_err(|_| Undecodable::Broken(self.name()))?)
            }
        }
        .map_err(|e| match e.kind() {
            io::ErrorKind::FileTooLarge => Undecodable::TooLarge(limit),
            _ => broken(e),
        })
    }
}

/// Reads to the end, at most `limit` bytes. Memory grows with what has come out.
fn read(from: &mut dyn Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => return Ok(out),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if (out.len() + count) as u64 > limit || out.try_reserve(count).is_err() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        out.extend_from_slice(&piece[..count]);
    }
}

/// A body without its codings. `encoding`: the value of Content-Encoding; `limit`: the most bytes that may come out.
/// `None`: there is no coding, and it is as it came.
///
/// # Errors
/// Why it can't be read. A coding that is not known is named.
pub fn decoded(encoding: &str, body: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Undecodable> {
    let mut out: Option<Vec<u8>> = None;
    // Applied from left to right, so taken off from right to left. Nobody packs a body many times.
    let codings: Vec<String> = encoding
        .split(',')
        .map(|c| c.trim().to_ascii_lowercase())
        .filter(|c| !c.is_empty() && c != "identity")
        .collect();
    if codings.len() > 4 {
        return Err(Undecodable::Unknown("more than four codings".to_owned()));
    }
    for name in codings.iter().rev() {
        let Some(coding) = Coding::of(name) else {
            let name: String = name.chars().take(40).collect();
            return Err(Undecodable::Unknown(name));
        };
        let packed = out.as_deref().unwrap_or(body);
        out = Some(coding.unpack(packed, limit)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const SAID: &[u8] =
        br#"{"model":"gpt-4o","messages":[{"role":"user","content":"aaaaaaaaaaaaaaaa"}]}"#;

    /// `SAID` as Google's own library packs it: no encoder is linked.
    const BROTLI: &str = "1b4b00189d077683f3055a58c0e95662e86b91bd2d9a1d76f606a77558bafaa6\
        480b1d38e444e0d69684296650231842260fe285df92519e2394c50588ef";

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(body).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn every_known_coding_is_read() {
        assert_eq!(
            decoded("gzip", &gzip(SAID), 1 << 20),
            Ok(Some(SAID.to_vec()))
        );
        assert_eq!(
            decoded("X-GZIP", &gzip(SAID), 1 << 20),
            Ok(Some(SAID.to_vec()))
        );
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(SAID).unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(decoded("deflate", &zlib, 1 << 20), Ok(Some(SAID.to_vec())));
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(SAID).unwrap();
        let raw = raw.finish().unwrap();
        assert_eq!(decoded("deflate", &raw, 1 << 20), Ok(Some(SAID.to_vec())));
        let zstd =
            ruzstd::encoding::compress_to_vec(SAID, ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(decoded("zstd", &zstd, 1 << 20), Ok(Some(SAID.to_vec())));
        let brotli: Vec<u8> = BROTLI
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(decoded("br", &brotli, 1 << 20), Ok(Some(SAID.to_vec())));
        let twice = gzip(&zstd);
        assert_eq!(
            decoded("zstd, gzip", &twice, 1 << 20),
            Ok(Some(SAID.to_vec()))
        );
        assert_eq!(decoded("identity", SAID, 1 << 20), Ok(None));
    }

    #[test]
    fn what_is_not_known_or_not_valid_is_named() {
        assert_eq!(
            decoded("compress", SAID, 1 << 20),
            Err(Undecodable::Unknown("compress".to_owned()))
        );
        for coding in ["gzip", "deflate", "br", "zstd"] {
            assert_eq!(
                decoded(coding, SAID, 1 << 20),
                Err(Undecodable::Broken(Coding::of(coding).unwrap().name())),
                "{coding}"
            );
        }
        let cut = &gzip(SAID)[..20];
        assert_eq!(
            decoded("gzip", cut, 1 << 20),
            Err(Undecodable::Broken("gzip"))
        );
    }

    #[test]
    fn little_that_unpacks_to_much_ends_at_the_limit() {
        let bomb = gzip(&vec![b'a'; 4 << 20]);
        assert!(bomb.len() < 8 << 10);
        assert_eq!(
            decoded("gzip", &bomb, 1 << 20),
            Err(Undecodable::TooLarge(1 << 20))
        );
    }
}
