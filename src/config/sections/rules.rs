//! What a value must be, where more than one section asks for it.

use std::path::PathBuf;

use crate::base::text::is_slug;

/// The minimum length of an HS256 secret (RFC 7518 section 3.2).
pub(super) const SECRET_BYTES: usize = 32;

/// Whether `text` may be an HS256 secret. PEM is refused: with a public key as the secret, its readers could sign
/// tokens.
pub(super) fn is_hmac_secret(text: &str) -> bool {
    text.len() >= SECRET_BYTES && !text.trim_start().starts_with("-----BEGIN")
}

pub(super) fn slug(text: &str) -> Option<String> {
    is_slug(text, 63).then(|| text.to_owned())
}

/// A path that is not empty and that an operating system accepts.
pub(super) fn folder(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// A limit that is not there when the number is 0.
pub(super) fn zero_is_unlimited<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}
