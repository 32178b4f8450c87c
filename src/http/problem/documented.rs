//! Problems in the API document.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;

use super::response::PROBLEM_JSON;
use crate::protocol::problem::{Problem, ProblemBody};

/// The statuses that an operation may refuse with, and their descriptions in the API document, which drops from every
/// operation those that cannot occur there (`document/mod.rs`).
const DOCUMENTED: &[(u16, &str)] = &[
    (400, "The request cannot be read: no JSON, or two credentials at once."),
    (401, "A token is missing, or the one that was shown does not hold."),
    (403, "The caller may not do this."),
    (404, "The thing does not exist, or the caller may not see it."),
    (
        409,
        "The thing is in a state that does not allow this, or the name is taken, or a request with the same \
         `Idempotency-Key` is still being worked on.",
    ),
    (410, "The thing was here once, and is not any more."),
    (412, "The thing has changed since the version in `If-Match` was read."),
    (413, "The body is larger than the limit."),
    (415, "The body is of a type that is not taken here."),
    (416, "The asked range of bytes lies outside the content."),
    (
        422,
        "Fields are bad, missing or unknown; `errors` names every one of them. Or the `Idempotency-Key` was used for \
         another request.",
    ),
    (429, "More was sent than the limit allows."),
    (500, "The server failed."),
    (503, "The server cannot take this now."),
    (507, "The tenant's quota, or the disk, is full."),
];

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let responses = DOCUMENTED.iter().map(|(status, description)| MetaResponse {
            description,
            status: Some(*status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemBody::schema_ref() }],
            headers: documented_headers(*status),
        });
        MetaResponses { responses: responses.collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

fn documented_headers(status: u16) -> Vec<MetaHeader> {
    let header = |name: &str, ty, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        // A retry after a conflict is useful only if it is with a request that is still running.
        required: status != 409,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(ty))),
    };
    match status {
        401 => vec![header(
            "WWW-Authenticate",
            "string",
            "`Bearer`, with `error` and `error_description` when a credential was shown (RFC 6750).",
        )],
        409 | 429 | 503 => vec![header("Retry-After", "integer", "Seconds to wait before the next try.")],
        _ => Vec::new(),
    }
}
