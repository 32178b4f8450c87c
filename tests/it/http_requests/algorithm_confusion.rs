//! Key confusion: public keys as shared secrets, swapped algorithms, keys that an issuer does not list. No endpoint
//! accepts such a token, and each accepts the valid one beside it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::tokens::at_each_endpoint;
use crate::support::app::{Backend, TestApp};
use crate::support::key_pair::{KeyPair, hmac_token, secrets_of};
use crate::support::settings::Setting;

const BOTH: &str = "https://id.example.com";
const CURVE: &str = "https://curve.example.com";

/// Two issuers with the same three keys: one lists RS256 and EdDSA, the other ES256 alone.
async fn app(keys: &[KeyPair]) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let set = json!({ "keys": keys.iter().map(KeyPair::jwk).collect::<Vec<_>>() });
    std::fs::write(&path, set.to_string()).unwrap();
    let issuer = |name: &str, algorithms: &[&str]| json!({ "issuer": name, "jwks_file": path, "algorithms": algorithms, "tenants": ["acme"] });
    let issuers = json!([issuer(BOTH, &["RS256", "EdDSA"]), issuer(CURVE, &["ES256"])]).to_string();
    let issuers: &'static str = issuers.leak();
    // The file is read at the start and may be deleted then.
    TestApp::spawn_with(Backend::Sqlite, &[("LOTLINE__AUTH__ISSUERS", issuers)]).await
}

async fn statuses(app: &TestApp, token: &str) -> Vec<u16> {
    at_each_endpoint(app, token).await.iter().map(|(_, answer)| answer.status).collect()
}

/// The names of the tokens that some endpoint does not answer with 401.
async fn accepted_tokens(app: &TestApp, tokens: Vec<(String, String)>) -> Vec<String> {
    let mut taken = Vec::new();
    for (name, token) in tokens {
        for (request, answer) in at_each_endpoint(app, &token).await {
            if (answer.status, answer.header("content-type")) != (401, Some("application/problem+json")) {
                taken.push(format!("{request} answers {} to: {name}", answer.status));
            }
        }
    }
    taken
}

/// Tokens that claim HS256, or the key's own algorithm, signed with an HMAC over public values.
fn by_public_secrets(
    jwk: &Value,
    secrets: &[(&'static str, Vec<u8>)],
    typ: &str,
    claims: &Value,
) -> Vec<(String, String)> {
    let mut tokens = Vec::new();
    for (what, secret) in secrets {
        for algorithm in ["HS256", jwk["alg"].as_str().unwrap()] {
            for kid in [Some(&jwk["kid"]), None] {
                let mut header = json!({ "typ": typ, "alg": algorithm });
                kid.iter().for_each(|kid| header["kid"] = (*kid).clone());
                let name = format!("{} key: {header} over {what}", jwk["alg"]);
                tokens.push((name, hmac_token(&header, claims, secret)));
            }
        }
    }
    tokens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_public_key_is_no_hmac_secret_and_verifies_its_own_algorithm_only() {
    let keys = [KeyPair::rsa(), KeyPair::ed25519(), KeyPair::p256()];
    let app = app(&keys).await;
    let ann = app.admin("ann").await;
    let claims = |issuer: &str| {
        let end = app.clock.now().timestamp() + 600;
        json!({ "iss": issuer, "sub": ann.username, "exp": end })
    };

    let mut hostile = Vec::new();
    for key in &keys {
        for issuer in [BOTH, CURVE] {
            hostile.extend(by_public_secrets(&key.jwk(), &key.as_secrets(), "JWT", &claims(issuer)));
            for other in ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "none"] {
                for kid in keys.iter().map(KeyPair::kid) {
                    let is_honest = other == key.algorithm && kid == key.kid();
                    let header = json!({ "typ": "JWT", "alg": other, "kid": kid });
                    if !is_honest {
                        let name = format!("{issuer}: {header} signed by {}", key.algorithm);
                        hostile.push((name, key.token_with(&header, &claims(issuer))));
                    }
                }
            }
        }
    }
    let [rsa, ed25519, p256] = &keys;
    for (issuer, key) in [(BOTH, p256), (CURVE, rsa), (CURVE, ed25519), ("lotline", rsa)] {
        let name = format!("{} for {issuer}, which does not list it", key.algorithm);
        hostile.push((name, key.token(&claims(issuer))));
    }
    for key in [KeyPair::rsa(), KeyPair::ed25519()] {
        hostile.push((format!("{} by a key of the same name", key.algorithm), key.token(&claims(BOTH))));
    }

    assert!(hostile.len() > 200, "only {} tokens", hostile.len());
    assert_eq!(accepted_tokens(&app, hostile).await, Vec::<String>::new());
    for (issuer, key) in [(BOTH, rsa), (BOTH, ed25519), (CURVE, p256)] {
        let token = key.token(&claims(issuer));
        assert_eq!(statuses(&app, &token).await, [200, 200, 101], "{} for {issuer}", key.algorithm);
    }
    drop(ann);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_public_key_is_no_secret_either() {
    for algorithm in ["EdDSA", "RS256"] {
        let settings: &[Setting] = &[("LOTLINE__AUTH__ALGORITHM", algorithm), ("LOTLINE__AUTH__KEYS", "")];
        let app = TestApp::spawn_with(Backend::Sqlite, settings).await;
        let ann = app.admin("ann").await;
        let jwk = app.anonymous().get("/.well-known/jwks.json").await.json()["keys"][0].clone();
        let body = URL_SAFE_NO_PAD.decode(ann.token().split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&body).unwrap();

        let mut hostile = by_public_secrets(&jwk, &secrets_of(&jwk), "at+jwt", &claims);
        // Keys of every kind that claim to be ours.
        for key in [KeyPair::rsa(), KeyPair::ed25519(), KeyPair::p256()] {
            for name in ["RS256", "PS256", "ES256", "EdDSA", "HS256"] {
                let header = json!({ "typ": "at+jwt", "alg": name, "kid": jwk["kid"] });
                let words = format!("{algorithm} node: {header} signed by {}", key.algorithm);
                hostile.push((words, key.token_with(&header, &claims)));
            }
        }

        assert_eq!(accepted_tokens(&app, hostile).await, Vec::<String>::new());
        assert_eq!(statuses(&app, ann.token()).await, [200, 200, 101], "{algorithm}");
        drop(ann);
        app.finish().await;
    }
}
