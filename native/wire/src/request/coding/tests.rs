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
            Err(Undecodable::Broken(Coding::named(coding).unwrap().name())),
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
    // What was packed twice is buffered twice for a moment.
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
