//! Refusals for OAuth2 clients: the member `error` of a token endpoint (RFC 6749 section 5.2), and the parameters of
//! a bearer challenge (RFC 6750 section 3).

use crate::protocol::problem::{Code, Problem};

/// The token endpoint.
const TOKEN_PATH: &str = "/auth/token";

pub(super) fn is_token_endpoint(path: &str) -> bool {
    path.ends_with(TOKEN_PATH)
}

/// The refusal of a token request with its OAuth2 error code.
pub(super) fn with_error(problem: Problem) -> Problem {
    let error = match problem.code {
        Code::Unauthenticated
        | Code::TokenExpired
        | Code::SessionRevoked
        | Code::InactiveUser
        | Code::Forbidden => "invalid_grant",
        Code::ValidationFailed if names(&problem, "grant_type") => "unsupported_grant_type",
        Code::ValidationFailed if names(&problem, "scope") => "invalid_scope",
        code => match code.row().status {
            429 | 503 | 507 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        },
    };
    Problem { oauth_error: Some(error), ..problem }
}

/// Whether the field is the only fault.
fn names(problem: &Problem, field: &str) -> bool {
    matches!(problem.errors.as_slice(), [only] if only.pointer == format!("/{field}") && only.kind != "repeated")
}

/// The challenge for a caller without a usable credential.
pub const REALM: &str = "Bearer realm=\"lotline\"";

/// The challenge of a refusal; `None` when it has none. Without a credential the challenge contains no error, as RFC
/// 6750 section 3.1 asks.
pub(super) fn challenge(problem: &Problem) -> Option<String> {
    match problem.code {
        // A password is not a bearer token, so a bad one is not an invalid token.
        Code::Unauthenticated if problem.oauth_error.is_some() => Some(REALM.to_owned()),
        Code::Unauthenticated if problem.detail == Problem::authentication_required().detail => {
            Some(REALM.to_owned())
        }
        code if code.row().status == 401 => Some(format!(
            "{REALM}, error=\"invalid_token\", error_description=\"{}\"",
            quoted(&problem.detail)
        )),
        Code::Forbidden => problem
            .missing_scopes
            .as_ref()
            .map(|scopes| format!("{REALM}, error=\"insufficient_scope\", scope=\"{scopes}\"")),
        _ => None,
    }
}

/// The text reduced to the characters that RFC 6750 section 3 allows in a description.
fn quoted(text: &str) -> String {
    let allowed = |one: &char| matches!(one, ' '..='~') && !matches!(one, '"' | '\\');
    text.chars().filter(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::{FieldError, PathSegment};

    fn bad(field: &str) -> Problem {
        Problem::validation(vec![FieldError::in_body(&[PathSegment::Name(field.to_owned())], "enum", "no")])
    }

    #[test]
    fn each_refusal_has_the_word_of_the_standard() {
        for (problem, word) in [
            (Problem::invalid_token(), "invalid_grant"),
            (Problem::inactive_user(), "invalid_grant"),
            (bad("grant_type"), "unsupported_grant_type"),
            (bad("scope"), "invalid_scope"),
            (bad("username"), "invalid_request"),
            (Problem::new(Code::RateLimited, "wait"), "temporarily_unavailable"),
            (Problem::internal(), "server_error"),
        ] {
            assert_eq!(with_error(problem).oauth_error, Some(word));
        }
    }

    #[test]
    fn a_challenge_speaks_of_an_error_only_where_a_credential_was_shown() {
        assert_eq!(challenge(&Problem::authentication_required()).unwrap(), "Bearer realm=\"lotline\"");
        let shown = challenge(&Problem::invalid_token()).unwrap();
        assert!(shown.contains("error=\"invalid_token\", error_description=\"Invalid token\""), "{shown}");
        assert_eq!(challenge(&Problem::not_found()), None);
    }
}
