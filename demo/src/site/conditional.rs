//! Entity tags: a page that the caller already has is not sent again (RFC 9110, section 13.1.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The strong tag of `body`, in quotes.
pub(super) fn etag(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..16]))
}

/// Whether `if_none_match`, one tag or a list or `*`, names `etag`. Weak tags compare by their value.
pub(super) fn etag_matches(if_none_match: &str, etag: &str) -> bool {
    let mut tags = if_none_match.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bodies_have_equal_tags() {
        assert_eq!(etag("a page"), etag("a page"));
        assert_ne!(etag("a page"), etag("a page "));
    }

    #[test]
    fn a_tag_is_found_in_any_form_the_header_has() {
        assert!(
            etag_matches("\"a\"", "\"a\"") && etag_matches("W/\"a\"", "\"a\"") && etag_matches("*", "\"a\"")
        );
        assert!(etag_matches("\"b\", W/\"a\"", "\"a\""));
        assert!(!etag_matches("\"b\"", "\"a\"") && !etag_matches("a", "\"a\"") && !etag_matches("", "\"a\""));
    }
}
