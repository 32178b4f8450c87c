//! The issuers whose tokens are believed: our own, and those of the configuration.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::start_error::StartError;
use crate::auth::token::issuers::{ClaimMap, ForeignIssuer, Issuers, OwnIssuer, SubjectClaim};
use crate::auth::token::keys::{Algorithm, KeyRing, VerifyingKey};
use crate::config::{self, AuthSettings, UserClaim};

/// Builds the set; refuses a foreign key that could sign our own tokens, warns of a weak one.
pub fn load(auth: &AuthSettings, ring: &KeyRing) -> Result<Issuers, StartError> {
    let own = OwnIssuer::new(&auth.issuer, &auth.audience);
    let foreign = auth.issuers.iter().map(foreign).collect::<Result<Vec<_>, _>>()?;
    for issuer in &foreign {
        for key in &issuer.keys {
            if ring.shares_secret_with(key) {
                let words = format!("issuer {} has the secret of a key of ours", issuer.name);
                return Err(StartError::Issuers(words));
            }
            if key.is_weak() {
                tracing::warn!(issuer = %issuer.name, "the shared secret of a token issuer is short");
            }
        }
    }
    Issuers::new(own, foreign).map_err(|error| StartError::Issuers(error.to_string()))
}

fn foreign(issuer: &config::Issuer) -> Result<ForeignIssuer, StartError> {
    let algorithms = issuer.algorithms.iter().map(|algorithm| match algorithm {
        config::Algorithm::Hs256 => Algorithm::Hs256,
    });
    let key = VerifyingKey::shared_secret(None, issuer.key.expose_secret().as_bytes(), algorithms.collect())
        .map_err(|error| StartError::Issuers(error.to_string()))?;
    let subject = match &issuer.user_claim {
        UserClaim::Username(claim) => SubjectClaim::Username(claim.clone()),
        UserClaim::UserId(claim) => SubjectClaim::UserId(claim.clone()),
    };
    let name: Arc<str> = issuer.issuer.as_deref().unwrap_or("default").into();
    Ok(ForeignIssuer {
        name,
        iss: issuer.issuer.clone(),
        is_default: issuer.default,
        keys: vec![key],
        audiences: issuer.audience.clone(),
        required: issuer.required_claims.clone(),
        claims: ClaimMap { subject, tenant: None },
        tenants: issuer.tenants.clone().into(),
    })
}
