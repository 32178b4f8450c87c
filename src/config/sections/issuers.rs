//! `[[auth.issuers]]`: accepted foreign tokens, each issuer for the tenants it names and no others.

use secrecy::SecretString;

use super::rules::{is_hmac_secret, slug};
use crate::config::error::quoted;
use crate::config::layers::read_value_file;
use crate::config::reader::ConfigReader;
use crate::config::redact::HIDDEN;
use crate::config::table_reader::TableReader;

const KEY: &str = "auth.issuers";
const FIELDS: &str = "issuer, key, key_file, jwks_url, jwks_file, algorithms, audience, required_claims, claims, tenants and default";

/// An algorithm that an issuer's tokens may be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum IssuerKeySource {
    /// A secret that is shared with the issuer: HS256.
    Secret(SecretString),
    /// The text of a key set (RFC 7517): RS256, ES256, EdDSA.
    KeySet(String),
    /// Where the issuer publishes its key set.
    Url(String),
}

/// The claim that identifies the user.
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
    pub keys: IssuerKeySource,
    pub algorithms: Vec<Algorithm>,
    /// One of these must be in `aud`; empty: tokens with `aud` are refused.
    pub audience: Vec<String>,
    pub required_claims: Vec<String>,
    pub user_claim: UserClaim,
    /// Slugs, at least one.
    pub tenants: Vec<String>,
    /// Whether tokens without `iss` belong to this issuer.
    pub default: bool,
}

/// All issuers; those with an error are left out, which is harmless, because errors prevent the start.
pub(super) fn read_issuers(reader: &mut ConfigReader) -> Vec<Issuer> {
    let tables = reader.tables(KEY);
    let shown: Vec<toml::Value> = tables.iter().map(|table| masked(table.clone()).into()).collect();
    reader.record_effective(KEY, shown.into());
    let numbered = tables.into_iter().enumerate();
    numbered.filter_map(|(index, table)| read_issuer(TableReader::new(reader, KEY, index, table))).collect()
}

/// Reads every field before it gives up on one, so that all errors are reported.
fn read_issuer(mut table: TableReader<'_>) -> Option<Issuer> {
    let default = table.flag("default").unwrap_or(false);
    let issuer = read_name(&mut table, default);
    let keys = read_keys(&mut table);
    let algorithms = read_algorithms(&mut table, keys.as_ref());
    let audience = table.texts("audience").unwrap_or_default();
    let required_claims = table.texts("required_claims").unwrap_or_else(|| vec!["exp".into(), "sub".into()]);
    let user_claim = read_user_claim(&mut table);
    let tenants = read_tenants(&mut table);
    table.finish(FIELDS);
    Some(Issuer {
        issuer,
        keys: keys?,
        algorithms,
        audience,
        required_claims,
        user_claim: user_claim?,
        tenants,
        default,
    })
}

fn read_name(table: &mut TableReader<'_>, default: bool) -> Option<String> {
    let name = table.text("issuer").filter(|name| !name.is_empty());
    if name.is_none() && !default {
        table.refuse("issuer", "is missing; give the token's iss, or default = true for tokens without one");
    }
    name
}

/// The fields that say where the keys come from; exactly one must be given.
const SOURCES: [&str; 4] = ["key", "key_file", "jwks_url", "jwks_file"];

fn read_keys(table: &mut TableReader<'_>) -> Option<IssuerKeySource> {
    let mut given: Vec<(&str, String)> =
        SOURCES.into_iter().filter_map(|field| Some((field, table.text(field)?))).collect();
    if given.len() > 1 {
        let (first, second) = (given[0].0, given[1].0);
        table.refuse(second, format!("{first} is given as well; give one of the two"));
        return None;
    }
    let Some((field, text)) = given.pop() else {
        table.refuse("key", "is missing; give key, key_file, jwks_url or jwks_file");
        return None;
    };
    match field {
        "jwks_url" => read_url(table, &text),
        "key" => read_secret(table, field, text),
        _ => match read_value_file(&text) {
            Ok(text) if field == "jwks_file" => Some(IssuerKeySource::KeySet(text)),
            Ok(text) => read_secret(table, field, text),
            Err(problem) => {
                table.refuse(field, problem);
                None
            }
        },
    }
}

fn read_secret(table: &mut TableReader<'_>, field: &str, text: String) -> Option<IssuerKeySource> {
    if !is_hmac_secret(&text) {
        table
            .refuse(field, "the value (not shown) is not accepted; give a shared secret of 32 bytes or more");
        return None;
    }
    Some(IssuerKeySource::Secret(text.into()))
}

/// A changed response would allow forged tokens of any user: unencrypted only to loopback.
fn read_url(table: &mut TableReader<'_>, text: &str) -> Option<IssuerKeySource> {
    let url = url::Url::parse(text).ok();
    let loopback = |url: &url::Url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = |url: &url::Url| url.username().is_empty() && url.password().is_none();
    let fits = |url: &url::Url| url.scheme() == "https" || (url.scheme() == "http" && loopback(url));
    match url {
        Some(url) if fits(&url) && plain(&url) => Some(IssuerKeySource::Url(url.into())),
        _ => {
            let words = "the value is not accepted; give an https:// address (http:// to loopback only)";
            table.refuse("jwks_url", words);
            None
        }
    }
}

const SECRET_ALGORITHMS: &[(&str, Algorithm)] = &[("HS256", Algorithm::Hs256)];
const KEY_SET_ALGORITHMS: &[(&str, Algorithm)] =
    &[("RS256", Algorithm::Rs256), ("ES256", Algorithm::Es256), ("EdDSA", Algorithm::EdDsa)];

/// A secret signs with HS256; a public key never does, or its readers could sign tokens.
fn read_algorithms(table: &mut TableReader<'_>, keys: Option<&IssuerKeySource>) -> Vec<Algorithm> {
    let (allowed, accepted) = match keys {
        Some(IssuerKeySource::KeySet(_) | IssuerKeySource::Url(_)) => {
            (KEY_SET_ALGORITHMS, "\"RS256\", \"ES256\" or \"EdDSA\"")
        }
        Some(IssuerKeySource::Secret(_)) | None => (SECRET_ALGORITHMS, "\"HS256\""),
    };
    let all = || allowed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = table.texts("algorithms").unwrap_or_else(all);
    if names.is_empty() {
        table.refuse("algorithms", format!("is empty; give {accepted}"));
    }
    let mut algorithms = Vec::with_capacity(names.len());
    for name in &names {
        match allowed.iter().find(|(known, _)| known == name) {
            Some((_, algorithm)) => algorithms.push(*algorithm),
            None => {
                table.refuse("algorithms", format!("{} is not accepted; give {accepted}", quoted(name)));
            }
        }
    }
    algorithms
}

fn read_user_claim(table: &mut TableReader<'_>) -> Option<UserClaim> {
    let Some(claims) = table.table("claims") else { return Some(UserClaim::Username("sub".to_owned())) };
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
        table.refuse("claims", "give { username = \"CLAIM\" } or { user_id = \"CLAIM\" }");
    }
    claim
}

fn read_tenants(table: &mut TableReader<'_>) -> Vec<String> {
    let tenants = table.texts("tenants").unwrap_or_default();
    if tenants.is_empty() {
        table.refuse("tenants", "is missing; give the slugs of the tenants that it may speak for");
    }
    for tenant in tenants.iter().filter(|tenant| slug(tenant).is_none()) {
        table.refuse("tenants", format!("{} is not accepted; give a tenant's slug", quoted(tenant)));
    }
    tenants
}

fn masked(mut table: toml::Table) -> toml::Table {
    if let Some(key) = table.get_mut("key") {
        *key = HIDDEN.into();
    }
    table
}
