//! The id of a request: the caller's own if it is valid, so that two logs can be correlated.

use std::fmt;
use std::sync::Arc;

use poem::http::HeaderMap;

use crate::base::entropy::Entropy;

/// Visible ASCII, at most [`LONGEST`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

const LONGEST: usize = 128;

impl RequestId {
    pub const HEADER: &str = "x-request-id";

    /// The id in `headers`, or a new one.
    pub fn accept_or_make(headers: &HeaderMap, entropy: Entropy) -> Self {
        let sent = headers.get(Self::HEADER).map(|value| value.as_bytes()).filter(|text| is_sane(text));
        match sent.and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => Self(text.into()),
            None => Self::make(entropy),
        }
    }

    /// A new one, for a request with unreadable headers.
    pub fn make(entropy: Entropy) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(entropy.bytes())).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_sane(text: &[u8]) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn id_for(sent: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(RequestId::HEADER, HeaderValue::from_bytes(sent).unwrap());
        RequestId::accept_or_make(&headers, Entropy).to_string()
    }

    #[test]
    fn a_sane_id_of_the_caller_is_kept_and_any_other_is_replaced() {
        assert_eq!(id_for(b"abc-1"), "abc-1");
        assert_eq!(id_for(&[b'a'; 128]), "a".repeat(128));

        for insane in [&b"two words"[..], b"", &[b'a'; 129], "ü".as_bytes()] {
            assert_eq!(id_for(insane).len(), 32);
        }
    }

    #[test]
    fn made_ids_differ() {
        let headers = HeaderMap::new();

        assert_ne!(
            RequestId::accept_or_make(&headers, Entropy),
            RequestId::accept_or_make(&headers, Entropy)
        );
    }
}
