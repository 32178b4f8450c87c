//! What a sender declares of a file before its bytes, and the check of it.

use super::error::too_large;
use super::filename;
use crate::base::text::has_length;
use crate::domain::error::Result;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// Maximum characters of a declared type.
const MAX_TYPE: usize = 200;

/// A file as its sender announces it.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    pub filename: String,
    pub size: Option<i64>,
    pub content_type: Option<String>,
    /// In hexadecimal.
    pub sha256: Option<String>,
}

/// Checks all fields; returns the declared size, which is at most `most`.
pub fn check(new: &NewUpload, most: u64) -> Result<Option<u64>> {
    validate(new)?;
    let size = new.size.and_then(|size| u64::try_from(size).ok());
    if size.is_some_and(|size| size > most) {
        return Err(too_large(most));
    }
    Ok(size)
}

/// Refuses a declaration for every invalid field of it. A bad name alone has a code of its own.
pub fn validate(new: &NewUpload) -> Result<()> {
    let mut errors = Vec::new();
    if new.size.is_some_and(|size| size < 0) {
        errors.push(error("size", "minimum", "must be 0 or more"));
    }
    if new.content_type.as_deref().is_some_and(|text| !is_media_type(text)) {
        let words = "must be a media type, such as image/png, of at most 200 characters";
        errors.push(error("content_type", "invalid", words));
    }
    errors.extend(new.sha256.as_deref().and_then(sha256_error));
    let named = filename::check(&new.filename);
    if errors.is_empty() {
        return named;
    }
    errors.extend(named.err().into_iter().flat_map(|problem| problem.errors));
    Err(Problem::validation(errors))
}

/// The error of a text that is no SHA-256.
pub fn sha256_error(text: &str) -> Option<FieldError> {
    let words = "must be the 64 hexadecimal digits of a SHA-256";
    (!is_sha256(text)).then(|| error("sha256", "invalid", words))
}

fn error(field: &str, kind: &str, words: &str) -> FieldError {
    FieldError::in_body(&[PathSegment::Name(field.to_owned())], kind, words)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let whole = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    whole && has_length(text, 3, MAX_TYPE) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_and_digests_are_recognised() {
        assert!(
            ["image/png", "text/csv; charset=utf-8", "application/geo+json"].into_iter().all(is_media_type)
        );
        assert!(
            !["png", "image/", "/png", "im age/png", "a/b/c\n", "a/b; \u{7}"].into_iter().any(is_media_type)
        );
        assert!(is_sha256(&"aB".repeat(32)) && !is_sha256(&"a".repeat(63)) && !is_sha256(&"g".repeat(64)));
    }
}
