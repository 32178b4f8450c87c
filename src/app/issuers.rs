//! The trusted issuers: our own, and those of the configuration.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::start_error::StartError;
use crate::auth::token::issuers::{ClaimMap, ForeignIssuer, Issuers, OwnIssuer, SubjectClaim};
use crate::auth::token::jwks::{IssuerKeys, parse_jwks};
use crate::auth::token::key_ring::{Algorithm, KeyRing, VerifyingKey};
use crate::config::{self, AuthSettings, UserClaim};
use crate::domain::identity::key_sets::KeySource;

/// Builds the issuers, and the list of key sets to fetch; refuses a foreign key that could sign our own tokens, warns
/// about a weak one.
pub fn load(auth: &AuthSettings, ring: &KeyRing) -> Result<(Issuers, Vec<KeySource>), StartError> {
    let own = OwnIssuer::new(&auth.issuer, &auth.audience);
    let foreign = auth.issuers.iter().map(foreign).collect::<Result<Vec<_>, _>>()?;
    refuse_shared_secrets(&foreign, ring)?;
    for issuer in &foreign {
        if issuer.keys.get().is_some_and(|keys| keys.iter().any(VerifyingKey::is_weak)) {
            tracing::warn!(issuer = %issuer.name, "the shared secret of a token issuer is short");
        }
    }
    let sources = auth.issuers.iter().zip(&foreign).enumerate().filter_map(source).collect();
    let issuers = Issuers::new(own, foreign).map_err(|error| StartError::Issuers(error.to_string()))?;
    Ok((issuers, sources))
}

/// Refuses a foreign issuer with one of our secrets, because it could sign as us.
pub(super) fn refuse_shared_secrets(foreign: &[ForeignIssuer], ring: &KeyRing) -> Result<(), StartError> {
    for issuer in foreign {
        let shared = |key: &VerifyingKey| ring.shares_secret_with(key);
        if issuer.keys.get().is_some_and(|keys| keys.iter().any(shared)) {
            let words = format!("issuer {} has the secret of a key of ours", issuer.name);
            return Err(StartError::Issuers(words));
        }
    }
    Ok(())
}

fn source((index, (issuer, foreign)): (usize, (&config::Issuer, &ForeignIssuer))) -> Option<KeySource> {
    let config::IssuerKeySource::Url(url) = &issuer.keys else { return None };
    Some(KeySource {
        issuer_index: index,
        name: Arc::clone(&foreign.name),
        url: url.clone(),
        algorithms: algorithms(issuer),
        keys: foreign.keys.clone(),
    })
}

fn algorithms(issuer: &config::Issuer) -> Vec<Algorithm> {
    let of = |algorithm: &config::Algorithm| match algorithm {
        config::Algorithm::Hs256 => Algorithm::Hs256,
        config::Algorithm::Rs256 => Algorithm::Rs256,
        config::Algorithm::Es256 => Algorithm::Es256,
        config::Algorithm::EdDsa => Algorithm::EdDsa,
    };
    issuer.algorithms.iter().map(of).collect()
}

fn keys(issuer: &config::Issuer, name: &str) -> Result<IssuerKeys, StartError> {
    let refused = |error: &dyn std::fmt::Display| StartError::Issuers(format!("issuer {name}: {error}"));
    match &issuer.keys {
        config::IssuerKeySource::Secret(secret) => {
            let secret = secret.expose_secret().as_bytes();
            let key = VerifyingKey::shared_secret(None, secret, algorithms(issuer));
            Ok(vec![key.map_err(|error| refused(&error))?].into())
        }
        config::IssuerKeySource::KeySet(text) => {
            let keys = parse_jwks(text.as_bytes(), &algorithms(issuer));
            Ok(keys.map_err(|error| refused(&format!("jwks_file: {error}")))?.into())
        }
        config::IssuerKeySource::Url(_) => Ok(IssuerKeys::not_loaded()),
    }
}

fn foreign(issuer: &config::Issuer) -> Result<ForeignIssuer, StartError> {
    let subject = match &issuer.user_claim {
        UserClaim::Username(claim) => SubjectClaim::Username(claim.clone()),
        UserClaim::UserId(claim) => SubjectClaim::UserId(claim.clone()),
    };
    let name: Arc<str> = issuer.issuer.as_deref().unwrap_or("default").into();
    let keys = keys(issuer, &name)?;
    Ok(ForeignIssuer {
        name,
        iss: issuer.issuer.clone(),
        is_default: issuer.default,
        keys,
        audiences: issuer.audience.clone(),
        required: issuer.required_claims.clone(),
        claims: ClaimMap { subject, tenant: None },
        tenants: issuer.tenants.clone().into(),
    })
}
