//! `[auth]`: registration, issuers, the lifetimes of tokens, and the secrets that sign them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::issuers::{Issuer, read_issuers};
use super::rules::{SECRET_BYTES, is_hmac_secret, slug};
use crate::base::text::has_length;
use crate::config::reader::ConfigReader;

/// One secret of the key ring.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    pub kid: String,
    pub secret: SecretString,
}

/// The algorithm that signs own access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnAlgorithm {
    Hs256,
    EdDsa,
    Rs256,
}

#[derive(Clone, Debug)]
pub struct AuthSettings {
    pub registration: bool,
    pub default_tenant: Option<String>,
    pub issuer: String,
    pub audience: String,
    pub access_ttl_seconds: u64,
    pub refresh_ttl_seconds: u64,
    pub password_link_ttl_seconds: u64,
    pub algorithm: OwnAlgorithm,
    /// PEM files of key pairs; the first of the algorithm signs, all verify.
    pub key_files: Vec<PathBuf>,
    /// The first signs, all verify; without these and without files, keys are generated.
    pub keys: Vec<SigningSecret>,
    pub seal_key: Option<SecretString>,
    pub password_memory_kib: u32,
    pub password_iterations: u32,
    pub issuers: Vec<Issuer>,
}

impl AuthSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let name = "1 to 200 characters";
        let settings = Self {
            registration: reader.flag("auth.registration"),
            default_tenant: reader.optional_text("auth.default_tenant", "a tenant's slug", slug),
            issuer: reader.text("auth.issuer", name, claim).unwrap_or_default(),
            audience: reader.text("auth.audience", name, claim).unwrap_or_default(),
            access_ttl_seconds: reader.integer("auth.access_ttl_seconds", 5..=86_400),
            refresh_ttl_seconds: reader.integer("auth.refresh_ttl_seconds", 60..=31_536_000),
            password_link_ttl_seconds: reader.integer("auth.password_link_ttl_seconds", 60..=2_592_000),
            algorithm: reader
                .text("auth.algorithm", "HS256, EdDSA or RS256", algorithm)
                .unwrap_or(OwnAlgorithm::Hs256),
            key_files: reader.list("auth.key_files", "the path of a PEM file", path),
            keys: reader.secret_list(
                "auth.keys",
                "KID:SECRET with a secret of 32 bytes or more",
                signing_key,
            ),
            seal_key: reader.secret("auth.seal_key", "32 bytes or more", |text| text.len() >= SECRET_BYTES),
            password_memory_kib: reader.integer("auth.password_memory_kib", 64..=1_048_576),
            password_iterations: reader.integer("auth.password_iterations", 1..=20),
            issuers: read_issuers(reader),
        };
        settings.refuse_ambiguity(reader);
        settings
    }

    pub fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.access_ttl_seconds)
    }

    pub fn refresh_ttl(&self) -> Duration {
        Duration::from_secs(self.refresh_ttl_seconds)
    }

    pub fn password_link_ttl(&self) -> Duration {
        Duration::from_secs(self.password_link_ttl_seconds)
    }

    /// With two keys under one key id or issuer, it would be arbitrary which of them verifies a token.
    fn refuse_ambiguity(&self, reader: &mut ConfigReader) {
        let mut kids = HashSet::new();
        for key in self.keys.iter().filter(|key| !kids.insert(&key.kid)) {
            reader.refuse("auth.keys", format!("the key id {:?} is used twice; give each its own", key.kid));
        }
        let own = Some(self.issuer.as_str());
        let mut names = HashSet::from([own]);
        for issuer in self.issuers.iter().filter(|issuer| issuer.issuer.is_some()) {
            let name = issuer.issuer.as_deref();
            if !names.insert(name) {
                let whose = if name == own { "is our own (auth.issuer)" } else { "is used twice" };
                reader.refuse("auth.issuers", format!("the issuer {name:?} {whose}; give each its own"));
            }
        }
        if self.issuers.iter().filter(|issuer| issuer.default).count() > 1 {
            reader.refuse("auth.issuers", "more than one issuer is the default; leave default = true in one");
        }
    }
}

fn algorithm(text: &str) -> Option<OwnAlgorithm> {
    match text {
        "HS256" => Some(OwnAlgorithm::Hs256),
        "EdDSA" => Some(OwnAlgorithm::EdDsa),
        "RS256" => Some(OwnAlgorithm::Rs256),
        _ => None,
    }
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn claim(text: &str) -> Option<String> {
    has_length(text, 1, 200).then(|| text.to_owned())
}

fn signing_key(text: &str) -> Option<SigningSecret> {
    let (kid, secret) = text.split_once(':')?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let named = (1..=64).contains(&kid.len()) && kid.bytes().all(allowed);
    (named && is_hmac_secret(secret)).then(|| SigningSecret { kid: kid.to_owned(), secret: secret.into() })
}
