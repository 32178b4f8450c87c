//! Tests of issuing and verifying together, and of every hostile token of the corpus.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::error::TokenError;
use super::issuers::{ClaimMap, ForeignIssuer, Issuers, OwnIssuer, SubjectClaim};
use super::jwt_corpus::{SampleKeys, corpus, valid, valid_foreign};
use super::key_ring::{Algorithm, KeyRing, SigningKey, VerifyingKey};
use super::mint::{Lifetime, Signer, Subject, mint};
use super::verified::{ForeignSubject, Verified};
use super::verify::verify;
use crate::auth::key_scope::Role;
use crate::base::entropy::Entropy;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};

const SECRET: [u8; 32] = [9; 32];
const FOREIGN_SECRET: &[u8] = b"the secret of the old back end, 39 bytes";
const NOW: i64 = 1_790_000_000;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn key(kid: &str, secret: u8, from: i64) -> SigningKey {
    SigningKey::new(kid, &[secret; 32], at(from)).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(vec![key("k1", 9, 0)]).unwrap()
}

fn foreign_issuer() -> ForeignIssuer {
    ForeignIssuer {
        name: "old".into(),
        iss: None,
        is_default: true,
        keys: vec![VerifyingKey::shared_secret(None, FOREIGN_SECRET, vec![Algorithm::Hs256]).unwrap()].into(),
        audiences: vec![],
        required: ForeignIssuer::default_required(),
        claims: ClaimMap::default(),
        tenants: ["acme".to_owned(), "beta".to_owned()].into(),
    }
}

fn issuers_with(foreign: ForeignIssuer) -> Issuers {
    Issuers::new(OwnIssuer::new("https://lotline.example", "lotline"), vec![foreign]).unwrap()
}

fn issuers() -> Issuers {
    issuers_with(foreign_issuer())
}

fn sample_keys() -> SampleKeys {
    SampleKeys {
        issuer: "https://lotline.example".into(),
        audience: "lotline".into(),
        kid: "k1".into(),
        secret: SECRET.into(),
        now: NOW,
        user_id: 41,
        tenant_id: 7,
        username: "ann".into(),
        role: "admin".into(),
        session_id: "0190b5c0-a000-7000-8000-00000000aaaa".into(),
        foreign_secret: Some(FOREIGN_SECRET.into()),
    }
}

fn ann() -> Subject {
    Subject::User {
        user_id: UserId(41),
        tenant_id: TenantId(7),
        username: "ann".into(),
        role: Role::Member,
        session_id: SessionId(Uuid::from_u128(5)),
    }
}

fn minted(subject: &Subject, ring: &KeyRing, now: i64) -> String {
    let issuers = issuers();
    let signer = Signer { ring, issuer: issuers.own(), entropy: Entropy };
    mint(subject, Lifetime::from_secs(900).unwrap(), &signer, at(now)).unwrap().text.expose().to_owned()
}

#[test]
fn every_token_of_the_corpus_is_refused() {
    let (ring, issuers, table) = (ring(), issuers(), corpus(&sample_keys()));

    let accepted: Vec<_> = table
        .iter()
        .filter(|(_, token)| verify(token, &ring, &issuers, at(NOW)).is_ok())
        .map(|(name, _)| name)
        .collect();

    assert!(accepted.is_empty(), "accepted: {accepted:#?}");
    assert!(table.len() >= 340, "the corpus has shrunk to {}", table.len());
    let (names, tokens): (BTreeSet<_>, BTreeSet<_>) = table.iter().map(|(name, token)| (name, token)).unzip();
    assert_eq!((names.len(), tokens.len()), (table.len(), table.len()), "an entry is there twice");
}

#[test]
fn the_corpus_entries_fail_at_every_check() {
    let (ring, issuers) = (ring(), issuers());
    let seen: Vec<_> = corpus(&sample_keys())
        .iter()
        .filter_map(|(_, token)| verify(token, &ring, &issuers, at(NOW)).err())
        .collect();

    // If the whole corpus failed one early check, the later checks would not be tested.
    for reason in [
        TokenError::TooLong,
        TokenError::Malformed,
        TokenError::Header("crit"),
        TokenError::Header("kid"),
        TokenError::Header("typ"),
        TokenError::Algorithm,
        TokenError::UnknownKey,
        TokenError::Signature,
        TokenError::Issuer,
        TokenError::Audience,
        TokenError::Claim("sub"),
        TokenError::Claim("tid"),
        TokenError::Claim("exp"),
        TokenError::MissingClaim("sub".into()),
        TokenError::MissingClaim("exp".into()),
        TokenError::Lifetime,
        TokenError::NotYetValid,
        TokenError::Expired,
    ] {
        assert!(seen.contains(&reason), "nothing in the corpus fails with: {reason}");
    }
}

#[test]
fn the_tokens_that_the_corpus_starts_from_are_accepted() {
    let keys = sample_keys();

    let own = verify(&valid(&keys), &ring(), &issuers(), at(NOW));
    let foreign = verify(&valid_foreign(&keys).unwrap(), &ring(), &issuers(), at(NOW));

    assert!(matches!(own, Ok(Verified::User(_))), "{own:?}");
    assert!(matches!(foreign, Ok(Verified::Foreign(_))), "{foreign:?}");
}

#[test]
fn a_token_with_any_one_character_changed_is_refused() {
    let (token, ring, issuers) = (minted(&ann(), &ring(), NOW), ring(), issuers());

    for (index, _) in token.char_indices() {
        for other in ["A", "B", "_", ".", "=", ""] {
            let changed = format!("{}{other}{}", &token[..index], &token[index + 1..]);
            let refused = verify(&changed, &ring, &issuers, at(NOW)).is_err();
            assert!(changed == token || refused, "character {index} as `{other}`");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_at_all_makes_verifying_panic(text in r"\PC{0,300}", header in r#"\{("[a-z0-9]{1,4}":[0-9a-z"\[{},:]{0,9}){0,9}\}"#) {
        let encoded = URL_SAFE_NO_PAD.encode(&header);
        for token in [text.clone(), format!("{encoded}.{encoded}.AAAA"), format!("{encoded}.{text}.AA")] {
            proptest::prop_assert!(verify(&token, &ring(), &issuers(), at(NOW)).is_err());
        }
    }
}

#[test]
fn a_users_token_says_what_was_signed() {
    let token = minted(&ann(), &ring(), NOW);

    let Ok(Verified::User(user)) = verify(&token, &ring(), &issuers(), at(NOW)) else {
        unreachable!("no user")
    };

    assert_eq!((user.user_id(), user.tenant_id(), user.role()), (UserId(41), TenantId(7), Role::Member));
    assert_eq!((user.username(), user.session_id()), ("ann", SessionId(Uuid::from_u128(5))));
    assert_eq!((user.issued_at(), user.expires_at()), (at(NOW), at(NOW + 900)));
    assert_eq!(user.jti().len(), 22);
}

#[test]
fn an_operators_token_is_of_another_kind() {
    let root = Subject::Operator {
        operator_id: OperatorId(3),
        username: "root".into(),
        session_id: SessionId(Uuid::from_u128(6)),
    };

    let verified = verify(&minted(&root, &ring(), NOW), &ring(), &issuers(), at(NOW));

    let Ok(Verified::Operator(operator)) = verified else { unreachable!("no operator") };
    assert_eq!((operator.operator_id(), operator.username()), (OperatorId(3), "root"));
}

#[test]
fn a_token_is_reported_as_expired_only_when_its_signature_is_good() {
    let token = minted(&ann(), &ring(), NOW);
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", "A".repeat(43));
    let after = at(NOW + 905);

    let expired = verify(&token, &ring(), &issuers(), after).unwrap_err();

    assert!(expired.is_expired());
    assert_eq!(verify(&forged, &ring(), &issuers(), after), Err(TokenError::Signature));
}

#[test]
fn a_new_key_takes_over_while_the_old_ones_tokens_live_on() {
    let old = KeyRing::new(vec![key("k1", 9, 0)]).unwrap();
    let both = KeyRing::new(vec![key("k1", 9, 0), key("k2", 8, NOW + 60)]).unwrap();
    let new = KeyRing::new(vec![key("k2", 8, NOW + 60)]).unwrap();

    let (before, after) = (minted(&ann(), &both, NOW), minted(&ann(), &both, NOW + 60));

    let now = at(NOW + 61);
    assert!(
        verify(&before, &both, &issuers(), now).is_ok() && verify(&after, &both, &issuers(), now).is_ok()
    );
    assert!(verify(&before, &old, &issuers(), now).is_ok());
    assert_eq!(verify(&after, &old, &issuers(), now), Err(TokenError::UnknownKey));
    assert_eq!(verify(&before, &new, &issuers(), now), Err(TokenError::UnknownKey));
}

#[test]
fn the_longest_name_still_fits_into_a_token() {
    let Subject::User { user_id, tenant_id, role, session_id, .. } = ann() else {
        unreachable!("ann is a user")
    };
    let name = "\u{1f3e0}".repeat(200);
    let subject = Subject::User { user_id, tenant_id, username: name.clone(), role, session_id };

    let token = minted(&subject, &ring(), NOW);

    let Ok(Verified::User(user)) = verify(&token, &ring(), &issuers(), at(NOW)) else {
        unreachable!("no user")
    };
    assert_eq!(user.username(), name);
}

#[test]
fn a_lifetime_is_bounded() {
    assert_eq!(Lifetime::from_secs(0), None);
    assert_eq!(Lifetime::from_secs(31 * 24 * 3600 + 1), None);
    assert_eq!(Lifetime::from_secs(900).map(Lifetime::secs), Some(900));
}

/// A foreign token with these claims, signed with the old back end's secret under `kid`.
fn foreign_token(kid: Option<&str>, claims: &serde_json::Value) -> String {
    let header = jsonwebtoken::Header { kid: kid.map(str::to_owned), ..Default::default() };
    jsonwebtoken::encode(&header, claims, &jsonwebtoken::EncodingKey::from_secret(FOREIGN_SECRET)).unwrap()
}

#[test]
fn a_foreign_token_names_a_user_in_the_tenants_of_its_issuer() {
    let token = foreign_token(None, &serde_json::json!({"sub": "bob", "exp": NOW + 60, "role": "operator"}));

    let Ok(Verified::Foreign(foreign)) = verify(&token, &ring(), &issuers(), at(NOW)) else {
        unreachable!("refused")
    };

    assert_eq!(foreign.subject(), &ForeignSubject::Username("bob".into()));
    assert_eq!(foreign.tenants(), ["acme", "beta"]);
    assert_eq!((foreign.issuer(), foreign.expires_at()), ("old", at(NOW + 60)));
}

#[test]
fn a_foreign_token_may_name_one_of_its_tenants_and_no_other() {
    let claims = ClaimMap { tenant: Some("org".into()), ..ClaimMap::default() };
    let issuers = issuers_with(ForeignIssuer { claims, ..foreign_issuer() });
    let verified = |org: serde_json::Value| {
        let token = foreign_token(None, &serde_json::json!({"sub": "bob", "exp": NOW + 60, "org": org}));
        verify(&token, &ring(), &issuers, at(NOW))
    };

    let Ok(Verified::Foreign(foreign)) = verified("beta".into()) else { unreachable!("refused") };
    assert_eq!(foreign.tenants(), ["beta"]);
    for org in ["gamma".into(), "".into(), serde_json::Value::Null, vec!["beta"].into()] {
        assert_eq!(verified(org), Err(TokenError::Tenant));
    }
}

#[test]
fn a_foreign_token_may_name_a_user_id() {
    let claims = ClaimMap { subject: SubjectClaim::UserId("uid".into()), tenant: None };
    let issuers = issuers_with(ForeignIssuer { claims, ..foreign_issuer() });
    let subject = |uid: serde_json::Value| {
        let token = foreign_token(None, &serde_json::json!({"sub": "x", "exp": NOW + 60, "uid": uid}));
        verify(&token, &ring(), &issuers, at(NOW)).map(|verified| match verified {
            Verified::Foreign(foreign) => foreign.subject().clone(),
            Verified::User(_) | Verified::Operator(_) => unreachable!("a foreign token became our own"),
        })
    };

    assert_eq!(subject(12.into()), Ok(ForeignSubject::UserId(UserId(12))));
    assert_eq!(subject("12".into()), Ok(ForeignSubject::UserId(UserId(12))));
    for uid in [0.into(), (-1).into(), 1.5.into(), "012".into(), "ann".into(), true.into()] {
        assert_eq!(subject(uid), Err(TokenError::Claim("sub")));
    }
}

#[test]
fn a_configured_audience_must_be_stated() {
    let issuers = issuers_with(ForeignIssuer { audiences: vec!["lots".into()], ..foreign_issuer() });
    let verified = |mut claims: serde_json::Value, aud: Option<serde_json::Value>| {
        if let Some(aud) = aud {
            claims["aud"] = aud;
        }
        verify(&foreign_token(None, &claims), &ring(), &issuers, at(NOW)).map(|_| ())
    };
    let claims = || serde_json::json!({"sub": "bob", "exp": NOW + 60});

    assert_eq!(verified(claims(), Some("lots".into())), Ok(()));
    assert_eq!(verified(claims(), Some(vec!["other", "lots"].into())), Ok(()));
    for aud in
        [None, Some("other".into()), Some(serde_json::json!(["lots", 1])), Some(serde_json::Value::Null)]
    {
        assert_eq!(verified(claims(), aud), Err(TokenError::Audience));
    }
}

#[test]
fn a_claim_that_an_issuer_must_state_is_named_when_it_is_missing() {
    let issuers =
        issuers_with(ForeignIssuer { required: vec!["sub".into(), "org".into()], ..foreign_issuer() });
    let token = foreign_token(None, &serde_json::json!({"sub": "bob", "exp": NOW + 60}));

    let refused = verify(&token, &ring(), &issuers, at(NOW)).unwrap_err();

    assert_eq!(refused.to_string(), "the claim `org`, which this issuer must state, is missing");
}

#[test]
fn a_foreign_token_without_expiry_is_valid_for_a_day_where_allowed() {
    let issuers = issuers_with(ForeignIssuer { required: vec!["sub".into()], ..foreign_issuer() });
    let token = foreign_token(None, &serde_json::json!({"sub": "bob"}));

    let verified = verify(&token, &ring(), &issuers, at(NOW)).unwrap();

    assert_eq!(verified.expires_at(), at(NOW) + Duration::hours(24));
}

#[test]
fn a_kid_selects_a_foreign_key_and_a_key_without_kid_matches_every_token() {
    let named = |kid: &str, secret: &[u8]| {
        VerifyingKey::shared_secret(Some(kid.into()), secret, vec![Algorithm::Hs256]).unwrap()
    };
    let keys = vec![named("a", b"something else"), named("b", FOREIGN_SECRET)];
    let issuers = issuers_with(ForeignIssuer { keys: keys.into(), ..foreign_issuer() });
    let claims = serde_json::json!({"sub": "bob", "exp": NOW + 60});
    let verified =
        |kid, issuers: &Issuers| verify(&foreign_token(kid, &claims), &ring(), issuers, at(NOW)).map(|_| ());

    assert_eq!(verified(Some("b"), &issuers), Ok(()));
    assert_eq!(verified(None, &issuers), Ok(()));
    assert_eq!(verified(Some("a"), &issuers), Err(TokenError::Signature));
    assert_eq!(verified(Some("c"), &issuers), Err(TokenError::UnknownForeignKey(0)));
    assert_eq!(verified(Some("whatever"), &self::issuers()), Ok(()));
}
