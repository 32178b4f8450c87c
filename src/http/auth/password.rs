//! `POST /auth/password`.

use poem::Request;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::token::client;
use crate::domain::identity::Identity;
use crate::domain::identity::password::{PasswordChange, change, set_by_link, validate_new};
use crate::http::body::body_rules;
use crate::http::caller::AccountCaller;
use crate::http::client_ip::request_origin;
use crate::protocol::examples;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// A new password, with the old one or a one-time link.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SetPasswordRequest {
    #[oai(validator(max_length = 4096))]
    current_password: Option<String>,
    /// The part of the link behind `#token=`.
    #[oai(validator(max_length = 100))]
    link_token: Option<String>,
    /// 8 to 200 characters.
    new_password: String,
}

#[derive(Debug, ApiResponse)]
pub enum SetPasswordResponse {
    /// The password is set.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn set(
    request: &Request,
    identity: &Identity,
    account: Option<AccountCaller>,
    body: SetPasswordRequest,
) -> Result<SetPasswordResponse, Problem> {
    let new = &body.new_password;
    let proof = choose_proof(&body.current_password, &body.link_token)
        .map_err(|error| Problem::validation(std::iter::once(error).chain(validate_new(new)).collect()))?;
    match proof {
        // The link is sufficient proof, even if another user is signed in on this page.
        Proof::Link(link) => set_by_link(identity, link, new, &request_origin(request)).await?,
        Proof::Current(current) => {
            let account = account.ok_or_else(Problem::authentication_required)?;
            let change_request = PasswordChange { current, new, client: client(request) };
            change(identity, &account.authenticated.principal, &change_request, &account.origin).await?;
        }
    }
    Ok(SetPasswordResponse::Done)
}

/// The proof that the caller may set the password.
enum Proof<'a> {
    Current(&'a str),
    Link(&'a str),
}

/// Returns the one proof that is given.
fn choose_proof<'a>(current: &'a Option<String>, link: &'a Option<String>) -> Result<Proof<'a>, FieldError> {
    let bad = |name: &str, kind: &str, words: &str| {
        Err(FieldError::in_body(&[PathSegment::Name(name.to_owned())], kind, words))
    };
    match (current, link) {
        (None, Some(link)) => Ok(Proof::Link(link)),
        (Some(current), None) => Ok(Proof::Current(current)),
        (Some(_), Some(_)) => {
            bad("link_token", "conflict", "stands in for `current_password`; give one of them")
        }
        (None, None) => bad("current_password", "required", "is required, unless there is a `link_token`"),
    }
}

body_rules! {
    SetPasswordRequest: |body, _now| {
        let ways = choose_proof(&body.current_password, &body.link_token).err();
        ways.into_iter().chain(validate_new(&body.new_password)).collect()
    };
}

impl Example for SetPasswordRequest {
    fn example() -> Self {
        Self {
            current_password: Some(examples::PASSWORD.to_owned()),
            link_token: None,
            new_password: "seventeen herons by the weir".to_owned(),
        }
    }
}
