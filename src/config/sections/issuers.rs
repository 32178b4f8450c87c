//! `[[auth.issuers]]`: foreign tokens that are accepted, each issuer for the tenants it names and no others.

use secrecy::SecretString;

use super::auth::{is_hmac_secret, slug};
use crate::config::fault::quoted;
use crate::config::form::{Form, Part};
use crate::config::layers::read_value_file;
use crate::config::print::HIDDEN;

const KEY: &str = "auth.issuers";
const FIELDS: &str =
    "issuer, key, key_file, algorithms, audience, required_claims, claims, tenants and default";

/// An algorithm that an issuer's tokens may be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Hs256,
}

/// The claim that says who the user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserClaim {
    Username(String),
    UserId(String),
}

/// One issuer of foreign tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The token's `iss`; `None` only in the default issuer.
    pub issuer: Option<String>,
    pub key: SecretString,
    pub algorithms: Vec<Algorithm>,
    /// One of these must be in `aud`; empty: `aud` is not looked at.
    pub audience: Vec<String>,
    pub required_claims: Vec<String>,
    pub user_claim: UserClaim,
    /// Slugs, at least one.
    pub tenants: Vec<String>,
    /// Whether tokens without `iss` are taken for this issuer's.
    pub default: bool,
}

/// All issuers; those with a fault are left out, which does not matter then.
pub(super) fn read_issuers(form: &mut Form) -> Vec<Issuer> {
    let tables = form.tables(KEY);
    let shown: Vec<toml::Value> = tables.iter().map(|table| masked(table.clone()).into()).collect();
    form.show(KEY, shown.into());
    let numbered = tables.into_iter().enumerate();
    numbered.filter_map(|(index, table)| read_issuer(Part::new(form, KEY, index, table))).collect()
}

/// Reads every field before it gives up on one, so that all faults are named.
fn read_issuer(mut part: Part<'_>) -> Option<Issuer> {
    let default = part.flag("default").unwrap_or(false);
    let issuer = read_name(&mut part, default);
    let key = read_key(&mut part);
    let algorithms = read_algorithms(&mut part);
    let audience = part.texts("audience").unwrap_or_default();
    let required_claims = part.texts("required_claims").unwrap_or_else(|| vec!["exp".into(), "sub".into()]);
    let user_claim = read_user_claim(&mut part);
    let tenants = read_tenants(&mut part);
    part.finish(FIELDS);
    Some(Issuer {
        issuer,
        key: key?,
        algorithms,
        audience,
        required_claims,
        user_claim: user_claim?,
        tenants,
        default,
    })
}

fn read_name(part: &mut Part<'_>, default: bool) -> Option<String> {
    let name = part.text("issuer").filter(|name| !name.is_empty());
    if name.is_none() && !default {
        part.refuse("issuer", "is missing; give the token's iss, or default = true for tokens without one");
    }
    name
}

fn read_key(part: &mut Part<'_>) -> Option<SecretString> {
    let (field, text) = match (part.text("key"), part.text("key_file")) {
        (Some(_), Some(_)) => {
            part.refuse("key_file", "key is given as well; give one of the two");
            return None;
        }
        (None, None) => {
            part.refuse("key", "is missing; give key or key_file");
            return None;
        }
        (Some(text), None) => ("key", text),
        (None, Some(path)) => match read_value_file(&path) {
            Ok(text) => ("key_file", text),
            Err(problem) => {
                part.refuse("key_file", problem);
                return None;
            }
        },
    };
    if !is_hmac_secret(&text) {
        part.refuse(field, "the value (not shown) is not accepted; give a shared secret of 32 bytes or more");
        return None;
    }
    Some(text.into())
}

fn read_algorithms(part: &mut Part<'_>) -> Vec<Algorithm> {
    let names = part.texts("algorithms").unwrap_or_else(|| vec!["HS256".to_owned()]);
    if names.is_empty() {
        part.refuse("algorithms", "is empty; give [\"HS256\"]");
    }
    for name in names.iter().filter(|name| *name != "HS256") {
        part.refuse("algorithms", format!("{} is not accepted; give \"HS256\"", quoted(name)));
    }
    vec![Algorithm::Hs256]
}

fn read_user_claim(part: &mut Part<'_>) -> Option<UserClaim> {
    let Some(claims) = part.table("claims") else { return Some(UserClaim::Username("sub".to_owned())) };
    let mut found = claims.iter();
    let claim = match (found.next(), found.next()) {
        (Some((field, toml::Value::String(claim))), None) if !claim.is_empty() => match field.as_str() {
            "username" => Some(UserClaim::Username(claim.clone())),
            "user_id" => Some(UserClaim::UserId(claim.clone())),
            _ => None,
        },
        _ => None,
    };
    if claim.is_none() {
        part.refuse("claims", "give { username = \"CLAIM\" } or { user_id = \"CLAIM\" }");
    }
    claim
}

fn read_tenants(part: &mut Part<'_>) -> Vec<String> {
    let tenants = part.texts("tenants").unwrap_or_default();
    if tenants.is_empty() {
        part.refuse("tenants", "is missing; give the slugs of the tenants that it may speak for");
    }
    for tenant in tenants.iter().filter(|tenant| slug(tenant).is_none()) {
        part.refuse("tenants", format!("{} is not accepted; give a tenant's slug", quoted(tenant)));
    }
    tenants
}

fn masked(mut table: toml::Table) -> toml::Table {
    if let Some(key) = table.get_mut("key") {
        *key = HIDDEN.into();
    }
    table
}
