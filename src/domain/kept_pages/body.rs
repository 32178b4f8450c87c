//! The body of a page in its stored form: compressed with Zstandard (RFC 8878), and named by its hash.

use std::io;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::base::hex::hex;

/// Zstandard's default: pages become a fifth to a tenth of their size at several hundred megabytes a second.
const LEVEL: i32 = 3;

/// A compressed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedBody {
    /// Of the body before compression, in hexadecimal.
    pub sha256: String,
    /// The compressed bytes.
    pub bytes: Bytes,
    /// Of the body before compression.
    pub body_bytes: u64,
}

impl PackedBody {
    /// Compresses a body. Takes milliseconds, so it belongs on a blocking thread.
    pub fn pack(body: &[u8]) -> io::Result<Self> {
        Ok(Self {
            sha256: hex(&Sha256::digest(body)),
            // Shrunk: the compressor makes room for a body that does not become smaller.
            bytes: zstd::bulk::compress(body, LEVEL)?.into_boxed_slice().into(),
            body_bytes: body.len() as u64,
        })
    }
}

/// The body again. `None` when the bytes are damaged.
pub(super) fn unpack(bytes: &[u8], body_bytes: u64, sha256: &str) -> Option<Vec<u8>> {
    let body = zstd::bulk::decompress(bytes, usize::try_from(body_bytes).ok()?).ok()?;
    (hex(&Sha256::digest(&body)) == sha256).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_and_a_damaged_one_does_not() {
        let body = "<p>a home</p>".repeat(1_000).into_bytes();
        let packed = PackedBody::pack(&body).unwrap();
        let unpacked = |bytes: &[u8], length: u64| unpack(bytes, length, &packed.sha256);

        assert!(packed.bytes.len() * 20 < body.len(), "{} bytes", packed.bytes.len());
        assert_eq!(unpacked(&packed.bytes, packed.body_bytes).as_deref(), Some(&*body));
        assert_eq!(unpacked(&packed.bytes, packed.body_bytes - 1), None, "longer than was said");
        assert_eq!(unpacked(&packed.bytes[..packed.bytes.len() / 2], packed.body_bytes), None);
        let another = PackedBody::pack(b"another").unwrap();
        assert_eq!(unpacked(&another.bytes, another.body_bytes), None);
    }

    #[test]
    fn an_empty_body_is_one_too() {
        let packed = PackedBody::pack(b"").unwrap();

        assert_eq!(unpack(&packed.bytes, 0, &packed.sha256), Some(Vec::new()));
    }
}
