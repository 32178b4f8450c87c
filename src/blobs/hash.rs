//! The SHA-256 of a blob, computed while it is stored. Its state is saved with each checkpoint, so that an upload in
//! several sessions is never read again for its hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use crate::base::hex::hex;

/// The format of a saved state. One that another version wrote is refused: the file is sent again.
const STATE_PREFIX: &str = "sha2-0.11:";

#[derive(Clone, Default)]
pub(super) struct BlobHash(Sha256);

impl BlobHash {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// In hexadecimal.
    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }

    pub(super) fn serialize_state(&self) -> String {
        format!("{STATE_PREFIX}{}", STANDARD_NO_PAD.encode(self.0.serialize()))
    }

    /// An empty text is the state before the first byte.
    pub(super) fn from_state(noted: &str) -> Result<Self> {
        if noted.is_empty() {
            return Ok(Self::default());
        }
        let bytes = noted.strip_prefix(STATE_PREFIX).and_then(|text| STANDARD_NO_PAD.decode(text).ok());
        let state = bytes.and_then(|bytes| SerializedState::<Sha256>::try_from(bytes.as_slice()).ok());
        let hash = state.and_then(|state| Sha256::deserialize(&state).ok());
        hash.map(Self).ok_or_else(|| Error::Lost("the noted state of a hash is not readable".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_resumed_from_its_state_equals_one_pass() {
        let (mut whole, mut first) = (BlobHash::default(), BlobHash::default());
        whole.update(b"one sitting or two");
        first.update(b"one sit");

        let mut second = BlobHash::from_state(&first.serialize_state()).unwrap();
        second.update(b"ting or two");

        assert_eq!(second.finish(), whole.finish());
        assert!(BlobHash::from_state("sha2-0.11:AAAA").is_err());
        assert!(BlobHash::from_state("another").is_err());
    }
}
