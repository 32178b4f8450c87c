//! Issues our own access tokens: short-lived, with `typ` `at+jwt` (RFC 9068), signed by the newest key of the ring.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::claims::{OwnClaims, to_datetime};
use super::issuers::OwnIssuer;
use super::key_ring::KeyRing;
use super::signing_key::SigningError;
use crate::auth::key_scope::Role;
use crate::auth::secret::SecretText;
use crate::base::entropy::Entropy;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};

/// The header's `typ`. Tokens of any other kind under the same key are never accepted as access tokens.
pub(super) const TOKEN_TYPE: &str = "at+jwt";
/// The `role` in an operator's token.
pub(super) const OPERATOR_ROLE: &str = "operator";
/// The longest lifetime of an access token, made or accepted: a page that keeps one token may keep it for a month.
pub(super) const MAX_LIFETIME_SECS: u32 = 31 * 24 * 3600;

/// The lifetime of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(u32);

impl Lifetime {
    /// A quarter of an hour.
    pub const DEFAULT: Self = Self(900);

    /// From one second to 31 days; `None` for anything else.
    pub fn from_secs(secs: u32) -> Option<Self> {
        (1..=MAX_LIFETIME_SECS).contains(&secs).then_some(Self(secs))
    }

    /// The wire's `expires_in`.
    pub fn secs(self) -> u32 {
        self.0
    }
}

/// The user or operator that a token is for.
#[derive(Clone, Debug)]
pub enum Subject {
    User { user_id: UserId, tenant_id: TenantId, username: String, role: Role, session_id: SessionId },
    Operator { operator_id: OperatorId, username: String, session_id: SessionId },
}

/// An access token that was just made.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub text: SecretText,
    /// The token's id, which may be logged.
    pub jti: String,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error("the claims could not be written")]
    Claims(#[from] serde_json::Error),
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// Signs a token for `subject` that begins at `now`.
pub fn mint(
    subject: &Subject,
    lifetime: Lifetime,
    signer: &Signer<'_>,
    now: DateTime<Utc>,
) -> Result<AccessToken, MintError> {
    let key = signer.ring.signing_key(now);
    let jti = URL_SAFE_NO_PAD.encode(signer.entropy.bytes::<16>());
    // Whole seconds: the caller gets the same times as the claims state.
    let issued_at = to_datetime(now.timestamp());
    let expires_at = issued_at + TimeDelta::seconds(lifetime.0.into());
    let header = json!({ "typ": TOKEN_TYPE, "alg": key.algorithm().name(), "kid": key.kid() });
    let claims = claims(subject, signer.issuer, &jti, issued_at, expires_at);
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let message = format!("{}.{}", part(header.to_string().into_bytes()), part(serde_json::to_vec(&claims)?));
    let text = format!("{message}.{}", key.sign(&message)?);
    Ok(AccessToken { text: SecretText::new(text), jti, issued_at, expires_at })
}

/// The parameters of signing.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub ring: &'a KeyRing,
    pub issuer: &'a OwnIssuer,
    pub entropy: Entropy,
}

fn claims<'a>(
    subject: &'a Subject,
    issuer: &'a OwnIssuer,
    jti: &'a str,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> OwnClaims<'a> {
    let (aud, sub, username, tid, role, sid) = match subject {
        Subject::User { user_id, tenant_id, username, role, session_id } => {
            (&issuer.audience, user_id.0, username, Some(tenant_id.0), role.name(), session_id)
        }
        Subject::Operator { operator_id, username, session_id } => {
            (&issuer.operator_audience, operator_id.0, username, None, OPERATOR_ROLE, session_id)
        }
    };
    OwnClaims {
        iss: &issuer.name,
        aud,
        sub: sub.to_string(),
        username,
        tid,
        role,
        sid: sid.to_string(),
        jti,
        iat: issued_at.timestamp(),
        nbf: issued_at.timestamp(),
        exp: expires_at.timestamp(),
    }
}
