//! `POST /auth/token`: the OAuth2 password and refresh grants (RFC 6749 sections 4.3 and 6).

use std::net::{IpAddr, Ipv4Addr};

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object};

use crate::domain::identity::Identity;
use crate::domain::identity::refresh::refresh;
use crate::domain::identity::sign_in::{PasswordForm, sign_in};
use crate::domain::identity::tokens::SignedIn;
use crate::http::client_ip::{address, request_origin};
use crate::protocol::examples;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::role::Role;

/// `Cache-Control` of answers with secrets: no cache may store them.
pub(super) const NO_STORE: &str = "no-store";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum GrantType {
    Password,
    RefreshToken,
}

/// A sign-in, or its refresh.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TokenRequest {
    /// `password` when absent.
    grant_type: Option<GrantType>,
    /// `name` or `tenant/name`; for the password grant.
    #[oai(validator(max_length = 1024))]
    username: Option<String>,
    /// For the password grant.
    #[oai(validator(max_length = 4096))]
    password: Option<String>,
    /// `tenant:SLUG` names the tenant; other scopes are ignored.
    #[oai(validator(max_length = 1024))]
    scope: Option<String>,
    /// For the refresh grant.
    #[oai(validator(max_length = 100))]
    refresh_token: Option<String>,
}

/// A pair of tokens.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TokenPair {
    access_token: String,
    /// `bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: u32,
    /// Valid once; the answer to it contains the next one.
    refresh_token: String,
    /// Absent for an operator.
    tenant_id: Option<i64>,
    /// Absent for an operator.
    user_id: Option<i64>,
    /// For an operator only.
    operator_id: Option<i64>,
    /// `viewer`, `member`, `admin` or `operator`.
    role: String,
}

#[derive(Debug, ApiResponse)]
pub enum TokenResponse {
    /// Signed in.
    #[oai(status = 200)]
    Made(Json<TokenPair>, #[oai(header = "Cache-Control")] String),
}

#[derive(Debug, ApiResponse)]
pub enum RegisterResponse {
    /// The tenant is created, and its admin is signed in.
    #[oai(status = 201)]
    Made(Json<TokenPair>, #[oai(header = "Cache-Control")] String),
}

pub(super) async fn token(
    request: &Request,
    identity: &Identity,
    form: TokenRequest,
) -> Result<TokenResponse, Problem> {
    let origin = request_origin(request);
    let signed_in = match form.grant_type.unwrap_or(GrantType::Password) {
        GrantType::Password => {
            let (username, password) = require_both(form.username, form.password)?;
            let form = PasswordForm {
                username: &username,
                password: &password,
                scope: form.scope.as_deref(),
                client: client(request),
            };
            sign_in(identity, &form, &origin).await?
        }
        GrantType::RefreshToken => {
            let token =
                form.refresh_token.ok_or_else(|| Problem::validation(vec![missing("refresh_token")]))?;
            refresh(identity, &token, &origin).await?
        }
    };
    Ok(TokenResponse::Made(Json(token_pair(&signed_in)), NO_STORE.to_owned()))
}

/// The client address for which sign-in attempts are counted; all clients without a known address share one count.
pub(super) fn client(request: &Request) -> IpAddr {
    address(request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

pub(super) fn token_pair(signed_in: &SignedIn) -> TokenPair {
    let person = signed_in.user();
    TokenPair {
        access_token: signed_in.access.text.expose().to_owned(),
        token_type: "bearer".to_owned(),
        expires_in: signed_in.expires_in,
        refresh_token: signed_in.refresh.expose().to_owned(),
        tenant_id: person.map(|(tenant, _, _)| tenant.0),
        user_id: person.map(|(_, user, _)| user.0),
        operator_id: signed_in.operator_id().map(|operator| operator.0),
        role: person.map_or("operator", |(_, _, role)| role.name()).to_owned(),
    }
}

fn require_both(username: Option<String>, password: Option<String>) -> Result<(String, String), Problem> {
    match (username, password) {
        (Some(username), Some(password)) => Ok((username, password)),
        (username, password) => {
            let absent = [("username", username.is_none()), ("password", password.is_none())];
            let errors = absent.into_iter().filter(|(_, absent)| *absent).map(|(name, _)| missing(name));
            Err(Problem::validation(errors.collect()))
        }
    }
}

fn missing(name: &str) -> FieldError {
    FieldError::in_body(&[PathSegment::Name(name.to_owned())], "required", "is required for this grant")
}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            grant_type: Some(GrantType::Password),
            username: Some(format!("acme/{}", examples::USERNAME)),
            password: Some(examples::PASSWORD.to_owned()),
            scope: None,
            refresh_token: None,
        }
    }
}

impl Example for TokenPair {
    fn example() -> Self {
        Self {
            access_token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl".to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: 900,
            refresh_token: "llr_7Xq0mB7sKfV1tYnRdAcJ3vE5gLhW8p".to_owned(),
            tenant_id: Some(examples::TENANT),
            user_id: Some(examples::USER),
            operator_id: None,
            role: Role::Admin.name().to_owned(),
        }
    }
}
