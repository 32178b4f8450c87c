//! Tokens of an issuer that publishes its keys: verified with its current key set, which may change at any time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::support::answer::Response;
use crate::support::app::{Backend, TestApp};
use crate::support::key_server::{IssuerKey, KeyServer};
use crate::support::people::{Caller, Member};
use crate::support::wait::eventually;

const ISSUER: &str = "https://id.example.com";

async fn app(server: &KeyServer) -> TestApp {
    let issuers = json!([{ "issuer": ISSUER, "jwks_url": server.url(), "tenants": ["acme"] }]).to_string();
    let issuers: &'static str = issuers.leak();
    TestApp::spawn_with(Backend::Sqlite, &[("LOTLINE__AUTH__ISSUERS", issuers)]).await
}

fn claims(app: &TestApp, of: &Member<'_>) -> Value {
    json!({ "iss": ISSUER, "sub": of.username, "exp": app.clock.now().timestamp() + 36_000 })
}

/// A new connection: a kept one would be closed when the clock is advanced.
async fn status(app: &TestApp, token: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let request = http.get(app.url("/api/v1/users/me"));
    Response::send(request.bearer_auth(token)).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_hold_as_long_as_their_key_is_published() {
    let (server, first, second) = (KeyServer::start().await, IssuerKey::new(), IssuerKey::new());
    server.publishes(&first);
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let (old, new) = (first.token(&claims(&app, &bob)), second.token(&claims(&app, &bob)));

    assert_eq!(status(&app, &old).await, 200);
    let socket = app.anonymous().socket_request("/ws").query("token", &old).open().await;
    assert_eq!(status(&app, &new).await, 401);

    // The issuer changes its key: the first token of the new one triggers a fetch, at most once a minute.
    app.clock.advance(Duration::from_secs(61));
    server.publishes(&second);
    assert_eq!(status(&app, &new).await, 200);
    assert_eq!(status(&app, &old).await, 401);

    drop((socket, bob));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_by_name_speaks_for_the_user_who_has_the_name_now() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    server.publishes(&key);
    let app = app(&server).await;
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut renamed = claims(&app, &bob);
    renamed["sub"] = json!("robert");
    let (old, new) = (key.token(&claims(&app, &bob)), key.token(&renamed));
    assert_eq!((status(&app, &old).await, status(&app, &new).await), (200, 401));

    let body = json!({ "username": "robert" });
    assert_eq!(ann.patch(&format!("/api/v1/users/{}", bob.id), &body).await.status, 200);

    assert_eq!((status(&app, &old).await, status(&app, &new).await), (401, 200));
    drop((ann, bob));
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
    let before = server.request_count();

    let forged: Vec<String> = (0..20).map(|_| IssuerKey::new().token(&claims(&app, &bob))).collect();
    let answers = futures_util::future::join_all(forged.iter().map(|token| status(&app, token))).await;

    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    // One fetch for the tokens; the periodic one may have happened as well.
    assert!(server.request_count() - before <= 2, "asked {} times", server.request_count() - before);
    drop(bob);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_neither_accepted_nor_refused_until_the_keys_are_fetched() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let token = key.token(&claims(&app, &bob));

    let caller = Caller { app: &app, credential: Some(token.clone()) };
    caller.get("/api/v1/users/me").await.expect_problem(503, "unavailable");
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
        server.responds_with(code, body);
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
    // The issuer may have another account of this name in capitals.
    assert_eq!(status(&app, &with("sub", json!("BOB"))).await, 401);
    assert_eq!(status(&app, &with("sub", json!("sue"))).await, 401);
    assert_eq!(status(&app, &with("iss", json!("lotline"))).await, 401);
    assert_eq!(status(&app, &with("exp", json!(1))).await, 401);
    // The public key, used as a shared secret, signs nothing valid.
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

/// Two issuers, one per server.
async fn app_of_two(servers: [&KeyServer; 2]) -> TestApp {
    let issuers = json!([
        { "issuer": ISSUER, "jwks_url": servers[0].url(), "tenants": ["acme"] },
        { "issuer": "https://other.example.com", "jwks_url": servers[1].url(), "tenants": ["acme"] },
    ]);
    let issuers: &'static str = issuers.to_string().leak();
    let settings: &[(&str, &str)] = &[
        ("LOTLINE__AUTH__ISSUERS", issuers),
        // Far fewer permits than there will be callers with unknown keys.
        ("LOTLINE__LIMITS__CONNECTS_IN_FLIGHT", "4"),
    ];
    TestApp::spawn_with(Backend::Sqlite, settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_does_not_answer_keeps_nobody_else_waiting() {
    let (silent, other) = (KeyServer::start().await, KeyServer::start().await);
    let (key, of_other) = (IssuerKey::new(), IssuerKey::new());
    silent.publishes(&key);
    other.publishes(&of_other);
    let app = app_of_two([&silent, &other]).await;
    let bob = app.member("bob").await;
    let known = key.token(&claims(&app, &bob));
    let mut others = claims(&app, &bob);
    others["iss"] = json!("https://other.example.com");
    let others = of_other.token(&others);
    for token in [&known, &others] {
        assert_eq!(status(&app, token).await, 200);
    }
    app.clock.advance(Duration::from_secs(61));
    let before = silent.request_count();
    silent.stops_responding();

    // Each names an unknown key, over REST and at a socket.
    let ask = |path: &str| {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let request = http.get(app.url(path)).bearer_auth(IssuerKey::new().token(&claims(&app, &bob)));
        TaskTracker::new().spawn(async move { request.send().await.unwrap().status().as_u16() })
    };
    let waiting: Vec<_> = (0..30).flat_map(|_| [ask("/api/v1/users/me"), ask("/ws")]).collect();
    eventually("the issuer to be asked", async || silent.request_count() > before).await;

    // The clock is not advanced, so these waits never time out. A token with a known key does not wait.
    for token in [&known, &others] {
        assert_eq!(status(&app, token).await, 200);
    }
    assert_eq!(bob.get("/api/v1/users/me").await.status, 200);
    let socket = bob.connects().await;
    assert!(waiting.iter().all(|one| !one.is_finished()), "they wait for the issuer");
    // The number of waiting callers is limited.
    let beyond: Vec<_> = (0..20).map(|_| ask("/api/v1/users/me")).collect();
    eventually("those beyond the bound to be refused", async || {
        beyond.iter().filter(|one| one.is_finished()).count() == 16
    })
    .await;
    app.clock.advance(Duration::from_secs(2));

    for answer in waiting.into_iter().chain(beyond) {
        assert_eq!(answer.await.unwrap(), 503);
    }
    assert_eq!(silent.request_count() - before, 1, "one fetch for all of them");
    drop((socket, bob));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_tokens_times_end_with_the_year_9999() {
    let (server, key) = (KeyServer::start().await, IssuerKey::new());
    server.publishes(&key);
    let app = app(&server).await;
    let bob = app.member("bob").await;
    let with = |name: &str, value: Value| {
        let mut claims = claims(&app, &bob);
        claims[name] = value;
        key.token(&claims)
    };

    let last = with("exp", json!(253_402_300_799_i64));
    assert_eq!(status(&app, &last).await, 200);
    let mut socket = app.anonymous().socket_request("/ws").query("token", &last).open().await;
    assert_eq!(socket.next().await["user_id"], bob.id.0);
    for name in ["exp", "iat", "nbf"] {
        for far in [json!(253_402_300_800_i64), json!(i64::MAX), json!(-1), json!(1e300), json!(i64::MIN)] {
            assert_eq!(status(&app, &with(name, far.clone())).await, 401, "{name} {far}");
        }
    }

    drop((socket, bob));
    app.finish().await;
}
