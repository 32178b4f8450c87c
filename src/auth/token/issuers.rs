//! The trusted issuers: our own, and those of existing back ends that the configuration names.

use std::sync::Arc;

use super::error::TokenError;
use super::jwks::IssuerKeys;

/// Our own identity as an issuer.
#[derive(Clone, Debug)]
pub struct OwnIssuer {
    pub(super) name: String,
    pub(super) audience: String,
    /// Operators' tokens have an audience of their own, so that no mistake about a claim can turn one kind into the
    /// other; in addition they have `role: operator` and no `tid`.
    pub(super) operator_audience: String,
}

impl OwnIssuer {
    /// Our `iss` and `aud`; the audience of operators has `/operators` appended.
    pub fn new(issuer: &str, audience: &str) -> Self {
        let operator_audience = format!("{audience}/operators");
        Self { name: issuer.to_owned(), audience: audience.to_owned(), operator_audience }
    }
}

/// Which claim of a foreign token identifies the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectClaim {
    /// The claim holds a user name in one of the issuer's tenants.
    Username(String),
    /// The claim holds one of our user ids, as a number or in digits.
    UserId(String),
}

/// Which claims of a foreign token are read. Only top-level claims are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMap {
    pub subject: SubjectClaim,
    /// The claim with the tenant's slug, if the issuer states one; it must then be among the issuer's tenants.
    pub tenant: Option<String>,
}

impl Default for ClaimMap {
    /// The usual claims of existing back ends: `sub` is the user name.
    fn default() -> Self {
        Self { subject: SubjectClaim::Username("sub".into()), tenant: None }
    }
}

/// One `[[auth.issuers]]` of the configuration.
#[derive(Clone, Debug)]
pub struct ForeignIssuer {
    /// Its name in our log.
    pub name: Arc<str>,
    /// The `iss` of its tokens; `None` when they carry none, which only the default issuer's may.
    pub iss: Option<String>,
    /// Whether tokens without `iss` belong to it.
    pub is_default: bool,
    pub keys: IssuerKeys,
    /// The audiences that mean this server. Without any, a token with an `aud` is meant for another server.
    pub audiences: Vec<String>,
    /// Claims that must be present, with any value.
    pub required: Vec<String>,
    pub claims: ClaimMap,
    /// Slugs of the tenants in which it may authenticate users.
    pub tenants: Arc<[String]>,
}

impl ForeignIssuer {
    /// The claims that a token must have unless the configuration says otherwise.
    pub fn default_required() -> Vec<String> {
        vec!["exp".into(), "sub".into()]
    }
}

/// A set of issuers that are not distinguishable, or an issuer that no token could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    #[error("issuer `{0}` has the `iss` of another")]
    SameIss(Arc<str>),
    #[error("issuer `{0}` is a second default; there may be one")]
    SecondDefault(Arc<str>),
    #[error("issuer `{0}` has no `iss` and is not the default, so that no token can be its")]
    Unreachable(Arc<str>),
    #[error("issuer `{0}` has no key")]
    NoKey(Arc<str>),
    #[error("issuer `{0}` may speak for no tenant")]
    NoTenant(Arc<str>),
}

/// All trusted issuers.
#[derive(Clone, Debug)]
pub struct Issuers {
    own: OwnIssuer,
    foreign: Vec<ForeignIssuer>,
}

/// The issuer that a token names. The name proves nothing: it only selects the keys to check with.
pub(super) enum IssuerMatch<'a> {
    Own(&'a OwnIssuer),
    /// With its index among the foreign ones.
    Foreign(usize, &'a ForeignIssuer),
}

impl Issuers {
    /// Our own issuer and the foreign ones, which must differ in their `iss`.
    pub fn new(own: OwnIssuer, foreign: Vec<ForeignIssuer>) -> Result<Self, IssuerError> {
        for (index, issuer) in foreign.iter().enumerate() {
            let before = &foreign[..index];
            let name = || Arc::clone(&issuer.name);
            let taken =
                |iss: &String| *iss == own.name || before.iter().any(|other| other.iss.as_ref() == Some(iss));
            if issuer.iss.as_ref().is_some_and(taken) {
                return Err(IssuerError::SameIss(name()));
            }
            if issuer.is_default && before.iter().any(|other| other.is_default) {
                return Err(IssuerError::SecondDefault(name()));
            }
            if issuer.iss.is_none() && !issuer.is_default {
                return Err(IssuerError::Unreachable(name()));
            }
            if issuer.keys.get().is_some_and(|keys| keys.is_empty()) {
                return Err(IssuerError::NoKey(name()));
            }
            if issuer.tenants.is_empty() {
                return Err(IssuerError::NoTenant(name()));
            }
        }
        Ok(Self { own, foreign })
    }

    /// Our own issuer.
    pub fn own(&self) -> &OwnIssuer {
        &self.own
    }

    /// The foreign issuers, for warnings about weak or shared keys at the start.
    pub fn foreign(&self) -> &[ForeignIssuer] {
        &self.foreign
    }

    pub(super) fn find(&self, iss: Option<&str>) -> Result<IssuerMatch<'_>, TokenError> {
        if iss == Some(self.own.name.as_str()) {
            return Ok(IssuerMatch::Own(&self.own));
        }
        // A token with an `iss` never belongs to the default issuer by default.
        let fits = |(_, issuer): &(usize, &ForeignIssuer)| match iss {
            Some(_) => issuer.iss.as_deref() == iss,
            None => issuer.is_default,
        };
        let found = self.foreign.iter().enumerate().find(fits);
        found.map(|(place, issuer)| IssuerMatch::Foreign(place, issuer)).ok_or(TokenError::Issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::key_ring::{Algorithm, VerifyingKey};

    fn foreign(name: &str, iss: Option<&str>) -> ForeignIssuer {
        ForeignIssuer {
            name: name.into(),
            iss: iss.map(str::to_owned),
            is_default: iss.is_none(),
            keys: vec![VerifyingKey::shared_secret(None, b"secret", vec![Algorithm::Hs256]).unwrap()].into(),
            audiences: vec![],
            required: ForeignIssuer::default_required(),
            claims: ClaimMap::default(),
            tenants: ["acme".to_owned()].into(),
        }
    }

    fn refusal(issuers: Vec<ForeignIssuer>) -> Option<IssuerError> {
        Issuers::new(OwnIssuer::new("lotline", "lotline"), issuers).err()
    }

    #[test]
    fn distinguishable_issuers_are_accepted() {
        assert_eq!(refusal(vec![foreign("a", Some("https://a")), foreign("b", None)]), None);
    }

    #[test]
    fn indistinguishable_issuers_are_refused() {
        assert_eq!(refusal(vec![foreign("a", Some("lotline"))]), Some(IssuerError::SameIss("a".into())));
        let twins = vec![foreign("a", Some("x")), foreign("b", Some("x"))];
        assert_eq!(refusal(twins), Some(IssuerError::SameIss("b".into())));
        let defaults = vec![foreign("a", None), foreign("b", None)];
        assert_eq!(refusal(defaults), Some(IssuerError::SecondDefault("b".into())));
    }

    #[test]
    fn issuers_that_can_do_nothing_are_refused() {
        let unreachable = ForeignIssuer { is_default: false, ..foreign("a", None) };
        assert_eq!(refusal(vec![unreachable]), Some(IssuerError::Unreachable("a".into())));
        let keyless = ForeignIssuer { keys: vec![].into(), ..foreign("a", None) };
        assert_eq!(refusal(vec![keyless]), Some(IssuerError::NoKey("a".into())));
        let tenantless = ForeignIssuer { tenants: [].into(), ..foreign("a", None) };
        assert_eq!(refusal(vec![tenantless]), Some(IssuerError::NoTenant("a".into())));
    }
}
