//! Entity tags (RFC 9110 section 8.8): a client need not read an unchanged resource again, and does not overwrite a
//! concurrent change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use sha2::{Digest, Sha256};

use crate::protocol::problem::{Code, Problem};

/// The answer of a read that can be conditional.
#[derive(Debug, ApiResponse)]
pub enum Tagged<T: ParseFromJSON + ToJSON + Type + Send + Sync> {
    /// The resource in its current state.
    #[oai(status = 200)]
    Fresh(
        Json<T>,
        /// Identifies this state of the resource.
        #[oai(header = "ETag")]
        String,
    ),
    /// The resource is unchanged since the `ETag` in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(#[oai(header = "ETag")] String),
}

/// The answer to a change: the resource as it is now, with the tag of this state.
#[derive(Debug, ApiResponse)]
pub enum Changed<T: ParseFromJSON + ToJSON + Type + Send + Sync> {
    /// The resource as it is now.
    #[oai(status = 200)]
    Now(
        Json<T>,
        /// Identifies this state of the resource.
        #[oai(header = "ETag")]
        String,
    ),
}

/// Answers a change.
pub fn changed<T>(value: T) -> Changed<T>
where
    T: ParseFromJSON + ToJSON + Type + Send + Sync,
{
    let tag = tag_of(&value);
    Changed::Now(Json(value), tag)
}

/// Answers a read, without the resource if the client has this state.
pub fn tagged<T>(value: T, if_none_match: Option<&str>) -> Tagged<T>
where
    T: ParseFromJSON + ToJSON + Type + Send + Sync,
{
    let tag = tag_of(&value);
    if if_none_match.is_some_and(|given| matches_tag(given, &tag)) {
        return Tagged::NotModified(tag);
    }
    Tagged::Fresh(Json(value), tag)
}

/// Refuses with 412 when the client read another state than `value`. Without `If-Match` every state is accepted.
pub fn require_match<T: ToJSON>(value: &T, if_match: Option<&str>) -> Result<(), Problem> {
    if if_match.is_none_or(|given| matches_tag(given, &tag_of(value))) {
        return Ok(());
    }
    Err(Problem::new(Code::PreconditionFailed, "It has changed since you read it; read it again."))
}

/// The tag of a resource: a different representation has a different tag.
pub(super) fn tag_of<T: ToJSON>(value: &T) -> String {
    // A JSON value always serialises.
    let bytes = serde_json::to_vec(&value.to_json()).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..12]))
}

/// Whether a list of tags, or `*`, contains this one. Our tags contain no comma. A weak tag of the same text matches
/// too, although a change requires a strong one (RFC 9110 section 13.1.1): compressing proxies make our tags weak.
pub(super) fn matches_tag(given: &str, tag: &str) -> bool {
    given.trim() == "*"
        || given.split(',').any(|one| one.trim().strip_prefix("W/").unwrap_or(one.trim()) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_one_state() {
        let (one, other) = (tag_of(&1_i64), tag_of(&2_i64));

        assert_ne!(one, other);
        assert!(matches_tag(&format!("{other}, W/{one}"), &one));
        assert!(matches_tag(" * ", &one));
        assert!(!matches_tag(&other, &one));
        assert!(!matches_tag("", &one));
    }

    #[test]
    fn a_change_of_what_has_changed_is_refused() {
        assert!(require_match(&1_i64, None).is_ok());
        assert!(require_match(&1_i64, Some(&tag_of(&1_i64))).is_ok());
        assert_eq!(
            require_match(&1_i64, Some(&tag_of(&2_i64))).map_err(|problem| problem.code),
            Err(Code::PreconditionFailed)
        );
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let tag = tag_of(&1_i64);

        assert!(matches!(tagged(1_i64, Some(&tag)), Tagged::NotModified(_)));
        assert!(matches!(tagged(2_i64, Some(&tag)), Tagged::Fresh(..)));
        assert!(matches!(tagged(1_i64, None), Tagged::Fresh(..)));
    }
}
