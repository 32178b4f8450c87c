//! Tokens of an issuer that publishes its keys: believed as its key set stands, which may change at any time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Back, TestApp};
use crate::support::key_server::{IssuerKey, KeyServer};
use crate::support::people::{Caller, Member};
use crate::support::wait::eventually;

const ISSUER: &str = "https://id.example.com";

async fn app(server: &KeyServer) -> TestApp {
    let issuers = json!([{ "issuer": ISSUER, "jwks_url": server.url(), "tenants": ["acme"] }]).to_string();
    let issuers: &'static str = issuers.leak();
    TestApp::spawn_with(Back::Sqlite, &[("LOTLINE__AUTH__ISSUERS", issuers)]).await
}

fn claims(app: &TestApp, of: &Member<'_>) -> Value {
    json!({ "iss": ISSUER, "sub": of.username, "exp": app.clock.now().timestamp() + 36_000 })
}

/// On a connection of its own: one that is kept ends while the clock is moved.
async fn status(app: &TestApp, token: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let request = http.get(app.url("/api/v1/users/me"));
    Answer::of(request.bearer_auth(token)).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_hold_as_long_as_their_key_is_published() {
    let (server, first, second) = (KeyServer::start().await, IssuerKey::new(), IssuerKey::new());
    server.publishes(&first);
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let (old, new) = (first.token(&claims(&app, &bob)), second.token(&claims(&app, &bob)));

    assert_eq!(status(&app, &old).await, 200);
    let socket = app.anonymous().door("/ws").query("token", &old).open().await;
    assert_eq!(status(&app, &new).await, 401);

    // The issuer goes on with another key: the first token of it makes us ask again, once a minute at most.
    app.clock.advance(Duration::from_secs(61));
    server.publishes(&second);
    assert_eq!(status(&app, &new).await, 200);
    assert_eq!(status(&app, &old).await, 401);

    drop((socket, bob));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_key_ids_do_not_make_us_ask_more_than_once_a_minute() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    server.publishes(&key);
    let app = app(&server).await;
    let bob = app.member("bob").await;
    assert_eq!(status(&app, &key.token(&claims(&app, &bob))).await, 200);
    app.clock.advance(Duration::from_secs(61));
    let before = server.asked();

    let forged: Vec<String> = (0..20).map(|_| IssuerKey::new().token(&claims(&app, &bob))).collect();
    let answers = futures_util::future::join_all(forged.iter().map(|token| status(&app, token))).await;

    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    // One for the tokens; the one by the clock may have come as well.
    assert!(server.asked() - before <= 2, "asked {} times", server.asked() - before);
    drop(bob);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_the_keys_were_fetched_nothing_is_said_of_a_token() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let token = key.token(&claims(&app, &bob));

    let caller = Caller { app: &app, credential: Some(token.clone()) };
    caller.get("/api/v1/users/me").await.is_problem(503, "unavailable");
    assert_eq!(bob.get("/api/v1/users/me").await.status, 200);
    server.publishes(&key);
    eventually("the keys to be fetched by the clock", async || {
        app.clock.advance(Duration::from_secs(30));
        status(&app, &token).await == 200
    })
    .await;

    drop((caller, bob));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_key_set_changes_nothing() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    server.publishes(&key);
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let token = key.token(&claims(&app, &bob));
    assert_eq!(status(&app, &token).await, 200);

    let large = json!({ "keys": [], "more": "x".repeat(70_000) }).to_string();
    for (code, body) in [(500, String::new()), (200, "{}".to_owned()), (200, large), (302, String::new())] {
        server.answers(code, body);
        app.clock.advance(Duration::from_secs(301));
        let forged = IssuerKey::new().token(&claims(&app, &bob));
        assert_eq!(status(&app, &forged).await, 401);
        assert_eq!(status(&app, &token).await, 200);
    }

    drop(bob);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_key_speaks_for_its_issuer_and_tenants_only() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    server.publishes(&key);
    let app = app(&server).await;
    let (bob, sue) = (app.member("bob").await, app.stranger("sue").await);
    let with = |name: &str, value: Value| {
        let mut claims = claims(&app, &bob);
        claims[name] = value;
        key.token(&claims)
    };

    assert_eq!(status(&app, &with("sub", json!("bob"))).await, 200);
    assert_eq!(status(&app, &with("sub", json!("sue"))).await, 401);
    assert_eq!(status(&app, &with("iss", json!("lotline"))).await, 401);
    assert_eq!(status(&app, &with("exp", json!(1))).await, 401);
    // The public key, taken for a shared secret, signs nothing.
    let public = key.ring.public_keys()["keys"][0]["x"].as_str().unwrap().to_owned();
    let public = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, public).unwrap();
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key.kid.clone());
    let secret = jsonwebtoken::EncodingKey::from_secret(&public);
    let confused = jsonwebtoken::encode(&header, &claims(&app, &bob), &secret).unwrap();
    assert_eq!(status(&app, &confused).await, 401);

    drop((bob, sue));
    app.finish().await;
}
