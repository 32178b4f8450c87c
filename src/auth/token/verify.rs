//! The one way to verify a token, used by every entry point, so that none is weaker than another. Time is a
//! parameter; the library checks the signature and nothing else, because its defaults are too lenient.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::claims::{TimeClaims, canonical_id, optional_text, required_text, to_datetime};
use super::compact::CompactJws;
use super::error::TokenError;
use super::issuers::{ForeignIssuer, IssuerMatch, Issuers, OwnIssuer, SubjectClaim};
use super::key_ring::KeyRing;
use super::mint::{MAX_LIFETIME_SECS, OPERATOR_ROLE, TOKEN_TYPE};
use super::verified::{
    CommonClaims, ForeignSubject, Verified, VerifiedForeign, VerifiedOperator, VerifiedUser,
};
use super::verifying_key::VerifyingKey;
use crate::auth::key_scope::Role;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::base::text::has_length;

/// The lifetime of a foreign token without `exp`, where its issuer is allowed to omit it.
const DEFAULT_LIFETIME_HOURS: i64 = 24;
const MAX_JTI_BYTES: usize = 64;
const MAX_NAME_CHARS: usize = 200;

/// Verifies `token` at the time `now`.
pub fn verify(
    token: &str,
    ring: &KeyRing,
    issuers: &Issuers,
    now: DateTime<Utc>,
) -> Result<Verified, TokenError> {
    let parts = CompactJws::split(token)?;
    match issuers.find(optional_text(&parts.claims, "iss")?)? {
        IssuerMatch::Own(own) => verify_own(&parts, ring, own, now),
        IssuerMatch::Foreign(place, foreign) => {
            verify_foreign(&parts, place, foreign, now).map(Verified::Foreign)
        }
    }
}

/// The configured name of the issuer that a token claims to be from, for the log; nothing is verified.
pub fn claimed_issuer<'i>(token: &str, issuers: &'i Issuers) -> Option<&'i str> {
    let parts = CompactJws::split(token).ok()?;
    match issuers.find(optional_text(&parts.claims, "iss").ok()?).ok()? {
        IssuerMatch::Own(own) => Some(&own.name),
        IssuerMatch::Foreign(_, foreign) => Some(&foreign.name),
    }
}

fn verify_own(
    parts: &CompactJws<'_>,
    ring: &KeyRing,
    issuer: &OwnIssuer,
    now: DateTime<Utc>,
) -> Result<Verified, TokenError> {
    if parts.header.typ.as_deref() != Some(TOKEN_TYPE) {
        return Err(TokenError::Header("typ"));
    }
    let kid = parts.header.kid.as_deref().ok_or(TokenError::Header("kid"))?;
    let key = ring.find(kid).ok_or(TokenError::UnknownKey)?;
    check_signature(parts, [key])?;
    let times = read_own_times(&parts.claims)?;
    let own = read_common_claims(&parts.claims, &times)?;
    let verified = read_own_claims(&parts.claims, own, issuer)?;
    times.check(now)?;
    Ok(verified)
}

/// The only check of signatures: only keys that have the named algorithm are tried.
fn check_signature<'a>(
    parts: &CompactJws<'_>,
    keys: impl IntoIterator<Item = &'a VerifyingKey>,
) -> Result<(), TokenError> {
    let algorithm = parts.header.algorithm;
    let mut fitting = keys.into_iter().filter(|key| key.accepts(algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(TokenError::Algorithm);
    }
    let verified = fitting.any(|key| key.verifies(parts.message, parts.signature, algorithm));
    if verified { Ok(()) } else { Err(TokenError::Signature) }
}

fn read_own_claims(
    claims: &Map<String, Value>,
    own: CommonClaims,
    issuer: &OwnIssuer,
) -> Result<Verified, TokenError> {
    let id = required_text(claims, "sub")?;
    let id = canonical_id(id).ok_or(TokenError::Claim("sub"))?;
    let audience = required_text(claims, "aud")?;
    let role = required_text(claims, "role")?;
    if audience == issuer.operator_audience {
        if role != OPERATOR_ROLE {
            return Err(TokenError::Claim("role"));
        }
        if claims.contains_key("tid") {
            return Err(TokenError::Claim("tid"));
        }
        return Ok(Verified::Operator(VerifiedOperator { own, operator_id: OperatorId(id) }));
    }
    if audience != issuer.audience {
        return Err(TokenError::Audience);
    }
    let role: Role = role.parse().map_err(|_| TokenError::Claim("role"))?;
    let tenant = claims.get("tid").and_then(Value::as_i64).filter(|tenant| *tenant > 0);
    let tenant_id = tenant.map(TenantId).ok_or(TokenError::Claim("tid"))?;
    Ok(Verified::User(VerifiedUser { own, user_id: UserId(id), tenant_id, role }))
}

fn read_common_claims(claims: &Map<String, Value>, times: &TimeClaims) -> Result<CommonClaims, TokenError> {
    let session = required_text(claims, "sid")?;
    let uuid = Uuid::try_parse(session).map_err(|_| TokenError::Claim("sid"))?;
    if uuid.to_string() != session {
        return Err(TokenError::Claim("sid"));
    }
    let jti = required_text(claims, "jti")?;
    if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
        return Err(TokenError::Claim("jti"));
    }
    let username = required_text(claims, "username")?;
    if !has_length(username, 1, MAX_NAME_CHARS) {
        return Err(TokenError::Claim("username"));
    }
    Ok(CommonClaims {
        session_id: SessionId(uuid),
        username: username.to_owned(),
        jti: jti.to_owned(),
        issued_at: to_datetime(times.iat.unwrap_or_default()),
        expires_at: to_datetime(times.exp.unwrap_or_default()),
    })
}

/// Our own tokens state all of their times and live for a bounded time.
fn read_own_times(claims: &Map<String, Value>) -> Result<TimeClaims, TokenError> {
    let times = TimeClaims::read(claims)?;
    let iat = times.iat.ok_or(TokenError::Claim("iat"))?;
    let exp = times.exp.ok_or(TokenError::Claim("exp"))?;
    times.nbf.ok_or(TokenError::Claim("nbf"))?;
    if exp <= iat || exp - iat > i64::from(MAX_LIFETIME_SECS) {
        return Err(TokenError::Lifetime);
    }
    Ok(times)
}

fn verify_foreign(
    parts: &CompactJws<'_>,
    index: usize,
    issuer: &ForeignIssuer,
    now: DateTime<Utc>,
) -> Result<VerifiedForeign, TokenError> {
    let usual = |typ: &str| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case(TOKEN_TYPE);
    if !parts.header.typ.as_deref().is_none_or(usual) {
        return Err(TokenError::Header("typ"));
    }
    let keys = issuer.keys.get().ok_or(TokenError::KeysNotLoaded(index))?;
    let meant = keys_for(&keys, parts.header.kid.as_deref());
    if meant.is_empty() {
        return Err(TokenError::UnknownForeignKey(index));
    }
    check_signature(parts, meant)?;
    let claims = &parts.claims;
    if let Some(missing) = issuer.required.iter().find(|name| claims.get(*name).is_none_or(Value::is_null)) {
        return Err(TokenError::MissingClaim(missing.as_str().into()));
    }
    check_audience(claims, &issuer.audiences)?;
    let tenants = read_tenants(claims, issuer)?;
    let subject = read_subject(claims, &issuer.claims.subject)?;
    let times = TimeClaims::read(claims)?;
    times.check(now)?;
    let expires_at = times.exp.map_or_else(|| now + TimeDelta::hours(DEFAULT_LIFETIME_HOURS), to_datetime);
    Ok(VerifiedForeign { issuer: issuer.name.clone(), subject, tenants, expires_at })
}

/// A `kid` selects among the issuer's keys. A key without an id in the configuration is tried for every token, and a
/// token without `kid` is tried with all keys.
fn keys_for<'a>(keys: &'a [VerifyingKey], kid: Option<&str>) -> Vec<&'a VerifyingKey> {
    let meant = |key: &&VerifyingKey| kid.is_none() || key.kid().is_none() || key.kid() == kid;
    keys.iter().filter(meant).collect()
}

/// RFC 7519 section 4.1.3: one text or an array of them, one of which must be ours.
fn check_audience(claims: &Map<String, Value>, accepted: &[String]) -> Result<(), TokenError> {
    let is_us = |value: &Value| value.as_str().is_some_and(|text| accepted.iter().any(|own| own == text));
    let good = match claims.get("aud") {
        None => accepted.is_empty(),
        Some(Value::Array(audiences)) => {
            audiences.iter().all(Value::is_string) && audiences.iter().any(is_us)
        }
        Some(audience) => is_us(audience),
    };
    if good { Ok(()) } else { Err(TokenError::Audience) }
}

fn read_tenants(
    claims: &Map<String, Value>,
    issuer: &ForeignIssuer,
) -> Result<std::sync::Arc<[String]>, TokenError> {
    let stated = issuer.claims.tenant.as_ref().and_then(|name| claims.get(name));
    match stated {
        None => Ok(issuer.tenants.clone()),
        Some(Value::String(slug)) if issuer.tenants.contains(slug) => Ok([slug.clone()].into()),
        Some(_) => Err(TokenError::Tenant),
    }
}

fn read_subject(claims: &Map<String, Value>, claim: &SubjectClaim) -> Result<ForeignSubject, TokenError> {
    let refused = TokenError::Claim("sub");
    match claim {
        SubjectClaim::Username(name) => match claims.get(name) {
            Some(Value::String(username)) if has_length(username, 1, MAX_NAME_CHARS) => {
                Ok(ForeignSubject::Username(username.clone()))
            }
            _ => Err(refused),
        },
        SubjectClaim::UserId(name) => {
            let id = match claims.get(name) {
                Some(Value::String(digits)) => canonical_id(digits),
                Some(number) => number.as_i64().filter(|id| *id > 0),
                None => None,
            };
            id.map(|id| ForeignSubject::UserId(UserId(id))).ok_or(refused)
        }
    }
}
