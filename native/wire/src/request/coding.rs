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
    /// Told how many bytes are buffered in all, before they are; says whether there is room for them.
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
    fn named(name: &str) -> Option<Coding> {
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

    /// `buffered`: the bytes that are buffered beside what comes out.
    fn unpack(
        self,
        packed: &[u8],
        buffered: usize,
        bounds: &mut Bounds<'_>,
    ) -> Result<Vec<u8>, Undecodable> {
        let mut out = Unpacked {
            bytes: Vec::new(),
            buffered,
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
    buffered: usize,
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
        let room = |wanted| (self.bounds.room)(self.buffered + wanted);
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
        .map(|name| Coding::named(name).ok_or_else(|| unknown(name)));
    let codings = codings.collect::<Result<Vec<Coding>, _>>()?;
    if codings.len() > MOST_CODINGS {
        return Err(Undecodable::Unknown("more than four codings".to_owned()));
    }
    let mut out: Option<Vec<u8>> = None;
    // Applied from left to right, so taken off from right to left.
    for coding in codings.into_iter().rev() {
        let packed = out.as_deref().unwrap_or(body);
        let buffered = out.as_ref().map_or(0, Vec::capacity);
        out = Some(coding.unpack(packed, buffered, &mut bounds)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
