//! The rules of a property's key: the source, and the source's own key of the listing.

use crate::base::text;

/// Characters of the two parts.
const MAX_SOURCE: usize = 100;
const MAX_LISTING_KEY: usize = 200;

/// The rule that a part of a key breaks, and what would be accepted.
pub type KeyFault = (&'static str, String);

/// What is wrong with a source, in its normal form.
pub fn source_fault(text: &str) -> Option<KeyFault> {
    key_fault(text, MAX_SOURCE)
}

/// What is wrong with a listing key, in its normal form.
pub fn listing_key_fault(text: &str) -> Option<KeyFault> {
    key_fault(text, MAX_LISTING_KEY)
}

fn key_fault(text: &str, most: usize) -> Option<KeyFault> {
    if text.trim().is_empty() {
        return Some(("required", format!("is needed, with 1 to {most} characters")));
    }
    if !text::has_length(text, 1, most) {
        return Some(("max_length", format!("must have 1 to {most} characters and no NUL")));
    }
    // Clients resolve them away in the path of `by-key` (RFC 3986 section 5.2.4).
    matches!(text, "." | "..").then(|| ("reserved", "must not be `.` or `..`".to_owned()))
}
