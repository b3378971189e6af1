//! Content codings of requests (RFC 9110 §8.4.1): to find a request's model, and to send another one, its body is read
//! through them. What comes out is bounded and counted as it comes, however little went in, and so is what a decoder
//! keeps to look back at.

use std::io::{self, Read};

use ruzstd::decoding::StreamingDecoder;

use crate::room::extend;

/// Why a body can't be read through its coding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// A coding that is not known here.
    #[error("compressed with {0}; known are gzip, deflate, br and zstd")]
    Unknown(String),
    /// Not what its coding says.
    #[error("not valid {0}")]
    Broken(&'static str),
    /// More than may come out.
    #[error("larger than {0} bytes when it is unpacked")]
    TooLarge(u64),
    /// There is no room for what comes out.
    #[error("too large for the memory that is left")]
    NoMemory,
}

/// What may come out.
pub struct Bounds<'a> {
    /// The most bytes.
    pub limit: u64,
    /// Told how many bytes are held in all, before they are; says whether there is room for them.
    pub room: &'a mut dyn FnMut(usize) -> bool,
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

    /// `held`: the bytes that are held beside what comes out.
    fn unpack(
        self,
        packed: &[u8],
        held: usize,
        bounds: &mut Bounds<'_>,
    ) -> Result<Vec<u8>, Undecodable> {
        let mut out = Unpacked {
            bytes: Vec::new(),
            held,
            bounds,
        };
        let read = match self {
            Coding::Gzip => out.take(&mut flate2::read::MultiGzDecoder::new(packed)),
            Coding::Deflate => {
                match out.take(&mut flate2::read::ZlibDecoder::new(packed)) {
                    // Some send it without the zlib header that the standard asks for.
                    Err(End::Broken) => {
                        out.bytes.clear();
                        out.take(&mut flate2::read::DeflateDecoder::new(packed))
                    }
                    read => read,
                }
            }
            Coding::Brotli if looks_back_far(packed) => Err(End::Broken),
            Coding::Brotli => out.take(&mut brotli_decompressor::Decompressor::new(packed, PIECE)),
            Coding::Zstd => out.take_frames(packed),
        };
        match read {
            Ok(()) => Ok(out.bytes),
            Err(End::Broken) => Err(Undecodable::Broken(self.name())),
            Err(End::TooLarge) => Err(Undecodable::TooLarge(bounds.limit)),
            Err(End::NoMemory) => Err(Undecodable::NoMemory),
        }
    }
}

/// Bytes that are unpacked at a time.
const PIECE: usize = 16 * 1024;

/// How far back zstd may refer in a body (RFC 9659): a decoder keeps that much.
const ZSTD_WINDOW: u64 = 8 << 20;

/// Whether brotli refers further back than the 16 MiB of RFC 7932: an extension of a gigabyte, which is allocated at
/// once.
fn looks_back_far(packed: &[u8]) -> bool {
    packed.first().is_some_and(|first| first & 0x7f == 0x11)
}

/// How far back a zstd frame refers (RFC 8878 §3.1.1.1); `None`: it is no frame.
fn window(frame: &[u8]) -> Option<u64> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = frame else {
        return None;
    };
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let (exponent, mantissa) = (rest.first()? >> 3, u64::from(rest.first()? & 7));
        let base = 1u64 << (10 + exponent);
        return Some(base + base / 8 * mantissa);
    }
    // It is as large as what comes out.
    let after_dictionary = rest.get([0, 1, 2, 4][usize::from(descriptor & 3)]..)?;
    let length = 1 << (descriptor >> 6);
    let mut size = [0; 8];
    size[..length].copy_from_slice(after_dictionary.get(..length)?);
    let size = u64::from_le_bytes(size);
    Some(if length == 2 { size + 256 } else { size })
}

/// Why nothing more comes out.
enum End {
    Broken,
    TooLarge,
    NoMemory,
}

/// What has come out.
struct Unpacked<'a, 'b> {
    bytes: Vec<u8>,
    held: usize,
    bounds: &'a mut Bounds<'b>,
}

impl Unpacked<'_, '_> {
    /// Takes all that is to be had.
    fn take(&mut self, from: &mut dyn Read) -> Result<(), End> {
        let mut piece = [0; PIECE];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => self.add(&piece[..count])?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(End::Broken),
            }
        }
    }

    /// A body can have several frames, one after the other.
    fn take_frames(&mut self, mut packed: &[u8]) -> Result<(), End> {
        while !packed.is_empty() {
            if window(packed).is_none_or(|window| window > ZSTD_WINDOW) {
                return Err(End::Broken);
            }
            let decoder = StreamingDecoder::new(&mut packed);
            self.take(&mut decoder.map_err(|_| End::Broken)?)?;
        }
        Ok(())
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), End> {
        let needed = self.bytes.len() + piece.len();
        if needed as u64 > self.bounds.limit {
            return Err(End::TooLarge);
        }
        let most = usize::try_from(self.bounds.limit).unwrap_or(usize::MAX);
        let room = |wanted| (self.bounds.room)(self.held + wanted);
        match extend(&mut self.bytes, piece, most, room) {
            true => Ok(()),
            false => Err(End::NoMemory),
        }
    }
}

/// The most codings of one body: nobody packs it so many times.
const MOST_CODINGS: usize = 4;

/// A body without its codings. `encoding`: the value of Content-Encoding. `None`: there is no coding, and it is as it
/// came.
///
/// # Errors
/// Why it can't be read. A coding that is not known is named.
pub fn decoded(
    encoding: &str,
    body: &[u8],
    mut bounds: Bounds<'_>,
) -> Result<Option<Vec<u8>>, Undecodable> {
    let codings = encoding.split(',').map(|c| c.trim().to_ascii_lowercase());
    let names: Vec<String> = codings
        .filter(|c| !c.is_empty() && c != "identity")
        .take(MOST_CODINGS + 1)
        .collect();
    let unknown = |name: &String| Undecodable::Unknown(name.chars().take(40).collect());
    let codings = names
        .iter()
        .map(|name| Coding::of(name).ok_or_else(|| unknown(name)));
    let codings = codings.collect::<Result<Vec<Coding>, _>>()?;
    if codings.len() > MOST_CODINGS {
        return Err(Undecodable::Unknown("more than four codings".to_owned()));
    }
    let mut out: Option<Vec<u8>> = None;
    // Applied from left to right, so taken off from right to left.
    for coding in codings.into_iter().rev() {
        let packed = out.as_deref().unwrap_or(body);
        let held = out.as_ref().map_or(0, Vec::capacity);
        out = Some(coding.unpack(packed, held, &mut bounds)?);
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

    /// With room for all that may come out.
    fn decoded(encoding: &str, body: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Undecodable> {
        let room = &mut |_| true;
        super::decoded(encoding, body, Bounds { limit, room })
    }

    fn zstd(body: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
    }

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
        let zstd = zstd(SAID);
        assert_eq!(decoded("zstd", &zstd, 1 << 20), Ok(Some(SAID.to_vec())));
        let frames = [&zstd[..], &zstd[..]].concat();
        assert_eq!(
            decoded("zstd", &frames, 1 << 20),
            Ok(Some([SAID, SAID].concat()))
        );
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
    #[test]
    fn what_comes_out_is_counted_before_it_is_held() {
        let bomb = gzip(&vec![b'a'; 4 << 20]);
        let mut counted = 0;
        let room = &mut |bytes| {
            counted = bytes;
            bytes < 1 << 20
        };
        let limit = 64 << 20;
        let read = super::decoded("gzip", &bomb, Bounds { limit, room });
        assert_eq!(read, Err(Undecodable::NoMemory));
        assert!((1 << 20..2 << 20).contains(&counted), "{counted}");
        // What was packed twice is held twice for a moment.
        let inner = gzip(&[b'a'; 1000]);
        let room = &mut |bytes| {
            counted = bytes;
            true
        };
        let twice = super::decoded("gzip, gzip", &gzip(&inner), Bounds { limit, room });
        assert_eq!(twice.map(|out| out.map(|b| b.len())), Ok(Some(1000)));
        assert!(counted >= 1000 + inner.len(), "{counted}");
    }

    #[test]
    fn who_would_have_a_decoder_look_back_too_far_is_not_read() {
        // A window of 2 TB and no content; a frame of one segment, a gigabyte; brotli's extension of 1 GiB.
        let far = [0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3, 1, 0, 0];
        let long = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0];
        for frame in [&far[..], &long] {
            let broken = Err(Undecodable::Broken("zstd"));
            assert_eq!(decoded("zstd", frame, 1 << 20), broken);
        }
        let large = [0x11, 0x1e, 0x03];
        let broken = Err(Undecodable::Broken("br"));
        assert_eq!(decoded("br", &large, 1 << 20), broken);
        assert_eq!(window(&zstd(SAID)).map(|w| w <= ZSTD_WINDOW), Some(true));
    }
}
