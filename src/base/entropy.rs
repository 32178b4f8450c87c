//! The only source of randomness, passed as a value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

impl Entropy {
    /// `N` random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness: no secret may be made then.
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        #[expect(clippy::expect_used, reason = "a server without randomness must not mint secrets")]
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A secret of 256 bits as 43 characters of base64url (RFC 4648 section 5).
    pub fn token(self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A number in `0..bound`; for jitter, not for secrets (the bias is below 2^-32 for small bounds).
    pub fn below(self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { u64::from_le_bytes(self.bytes()) % bound }
    }
}
