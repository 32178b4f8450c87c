//! The server's own key pairs: published at `/.well-known/jwks.json`, changed without a restart, with an overlap.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotline::app::signing_keys::reload;
use lotline::auth::token::key_ring::{KeyPairKind, SigningKey};
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::people::Caller;
use crate::support::settings::Setting;

const EDDSA: &[Setting] = &[("LOTLINE__AUTH__ALGORITHM", "EdDSA"), ("LOTLINE__AUTH__KEYS", "")];
const RS256: &[Setting] = &[("LOTLINE__AUTH__ALGORITHM", "RS256"), ("LOTLINE__AUTH__KEYS", "")];

fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn key_set(app: &TestApp) -> Vec<Value> {
    let answer = app.anonymous().get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.json()["keys"].as_array().unwrap().clone()
}

/// Puts a key of this age into the node's folder, as an operator would.
fn drops_in(folder: &Path, name: &str, age: chrono::DateTime<chrono::Utc>) {
    let path = folder.join("keys").join(name);
    std::fs::write(&path, SigningKey::generate_pem(KeyPairKind::Ed25519).unwrap()).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(age.into()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_set_shows_the_public_half_of_what_signs() {
    for (settings, algorithm, members) in [
        (EDDSA, "EdDSA", &["alg", "crv", "kid", "kty", "use", "x"][..]),
        (RS256, "RS256", &["alg", "e", "kid", "kty", "n", "use"][..]),
    ] {
        let app = TestApp::spawn_with(Backend::Sqlite, settings).await;
        let bob = app.member("bob").await;

        let keys = key_set(&app).await;

        let [key] = &keys[..] else { panic!("{keys:?}") };
        assert_eq!(key.as_object().unwrap().keys().collect::<Vec<_>>(), members);
        assert_eq!((key["alg"].as_str(), key["use"].as_str()), (Some(algorithm), Some("sig")));
        assert_eq!(header(bob.token()), json!({"typ": "at+jwt", "alg": algorithm, "kid": key["kid"]}));
        assert_eq!(bob.get("/api/v1/users/me").await.status, 200);
        let mut socket = bob.connects().await;
        assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
        drop((socket, bob));
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_secrets_are_not_shown() {
    let app = TestApp::spawn_with(Backend::Sqlite, &[]).await;

    assert_eq!(key_set(&app).await, Vec::<Value>::new());

    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_key_is_for_its_owners_eyes_only() {
    let app = TestApp::spawn_with(Backend::Sqlite, EDDSA).await;

    let path = app.folder().join("keys").join("signing.pem");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());

    assert_eq!(mode & 0o777, 0o600);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_signs_after_a_reload_and_the_old_one_holds_until_it_is_removed() {
    let app = TestApp::spawn_with(Backend::Sqlite, EDDSA).await;
    let settings = app.settings(EDDSA);
    let folder = app.folder().to_owned();
    let generated = folder.join("keys").join("signing.pem");
    let long_ago = app.clock.now() - chrono::TimeDelta::days(1);
    std::fs::File::options().write(true).open(&generated).unwrap().set_modified(long_ago.into()).unwrap();
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;
    let accepts = async |token: &str| {
        let caller = Caller { app: &app, credential: Some(token.to_owned()) };
        caller.get("/api/v1/users/me").await.status
    };

    drops_in(&folder, "second.pem", app.clock.now() - chrono::TimeDelta::hours(1));
    reload(&settings, &app.identity).unwrap();
    let newer = bob.another_token().await;
    assert_ne!(header(&newer)["kid"], header(bob.token())["kid"]);
    assert_eq!((accepts(bob.token()).await, accepts(&newer).await), (200, 200));
    assert_eq!(key_set(&app).await.len(), 2);

    std::fs::write(folder.join("keys").join("broken.pem"), "no key").unwrap();
    assert!(reload(&settings, &app.identity).unwrap_err().to_string().contains("broken.pem"));
    assert_eq!((accepts(bob.token()).await, accepts(&newer).await), (200, 200));
    std::fs::remove_file(folder.join("keys").join("broken.pem")).unwrap();

    std::fs::remove_file(&generated).unwrap();
    reload(&settings, &app.identity).unwrap();
    assert_eq!((accepts(bob.token()).await, accepts(&newer).await), (401, 200));
    assert_eq!(key_set(&app).await.len(), 1);

    // An open connection stays, and is refreshed with the new key.
    let refreshed = socket.request(json!({"type": "refresh_token", "token": newer})).await;
    assert_eq!(refreshed["type"], "token_refreshed");
    app.advance(Duration::from_secs(1)).await;
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
    drop((socket, bob));
    app.finish().await;
}
