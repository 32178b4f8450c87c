//! Packed bodies for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// A small page.
pub(crate) const HELLO: &[u8] = b"<p>hello, hello, hello</p>";
/// [`HELLO`], packed by another implementation of Brotli: the crates here only unpack.
pub(crate) const HELLO_BROTLI: &[u8] = b"\x8b\x0c\x80<p>hello, hello, hello</p>\x03";
/// The size of [`spaces`].
const SPACES_BYTES: usize = 4 * 1024 * 1024;
/// [`spaces`], packed by another implementation of Brotli.
pub(crate) const SPACES_BROTLI: &[u8] =
    &[0x9b, 0xff, 0xff, 0x3f, 0xf8, 0x25, 0x40, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x07];

/// A body that packs well.
pub(crate) fn spaces() -> Vec<u8> {
    vec![b' '; SPACES_BYTES]
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// With the zlib wrapper.
pub(crate) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Without it.
pub(crate) fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(body: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(body, 3).unwrap()
}
