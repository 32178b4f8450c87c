//! Canary secrets: every credential of a client is used in every way, rightly and wrongly, and afterwards appears in
//! no log line, metric, answer, database file, copy or export.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::load::{Accounts, Node, NodeClient, Outcome, PASSWORD};
use crate::support::app::Backend;
use crate::support::settings::METRICS_KEY;

const WRONG_PASSWORD: &str = "canary-wrong-password-4711";
const NEW_PASSWORD: &str = "canary-new-password-0815";
const WRONG_TOKEN: &str = "canary.wrong-token.0123456789abcdef";

/// What a secret is, and its text.
struct Secret(&'static str, String);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_a_log_a_metric_or_a_database_file() {
    let settings = [
        ("LOTLINE__CRAWLER__ENABLED", "false"),
        ("LOTLINE__TELEMETRY__LOG_FILTER", "trace"),
        ("LOTLINE__TELEMETRY__METRICS_KEY", METRICS_KEY),
    ];
    let mut node = Node::prepare(Backend::Sqlite, &settings).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let location = node.client();
    let tenant = &cast.tenants[0];

    let mut secrets = uses_passwords(&location, &tenant.admin).await;
    secrets.push(Secret("a minted token", tenant.admin.clone()));
    secrets.push(Secret("an API key", tenant.key.clone()));
    secrets.push(Secret("a ticket", uses_a_ticket(&location, &tenant.admin).await));
    sends_everywhere(&location, &secrets).await;
    secrets.push(Secret("the collector's key", METRICS_KEY.to_owned()));
    let metrics = location
        .request(reqwest::Method::GET, "/metrics")
        .bearer_auth(METRICS_KEY)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();

    let log = node.server().log_lines().join("\n");
    let is_talkative =
        log.contains(" TRACE ") && log.contains(" request{request.id=") && log.lines().count() > 200;
    assert!(is_talkative, "the log says little, so this would prove little: {log}");
    assert_silent("the log", log.as_bytes(), &secrets);
    assert_silent("the metrics", metrics.as_bytes(), &secrets);
    // Copies are files in the folder like the others.
    node.subcommand(&["backup", "--to", &node.folder().join("copy.db").display().to_string()], "");
    let export = node.folder().join("acme.ndjson").display().to_string();
    node.subcommand(&["tenant", "export", "--slug", "acme", "--to", &export], "");
    // Searching the wrong file would prove nothing.
    let files = files(node.folder());
    let holds = |file: &PathBuf, words: &[u8]| {
        std::fs::read(file).unwrap().windows(words.len()).any(|one| one == words)
    };
    let found = files.iter().filter(|file| holds(file, b"canary@mail.example")).count();
    assert!(found >= 3, "the store, its copy and the export: {files:?}");
    for file in files {
        // The signing key may be in its own file.
        if !file.starts_with(node.folder().join("keys")) {
            assert_silent(&file.display().to_string(), &std::fs::read(&file).unwrap(), &secrets);
        }
    }
    node.remove().await;
}

/// Signs in and out, rightly and wrongly, and sets a password by link; returns all secrets involved.
async fn uses_passwords(node: &NodeClient, admin: &str) -> Vec<Secret> {
    let new = json!({ "username": "canary", "email": "canary@mail.example", "role": "member" });
    let user = node.post(admin, "/api/v1/users", &new).await.expect_done("a user");
    let link =
        format!("/api/v1/users/{}/password-link", user["user_id"].as_i64().or(user["id"].as_i64()).unwrap());
    let link = node.post(admin, &link, &json!({})).await.expect_done("a link");
    let url = link["url"].as_str().unwrap();
    let link_token = url.rsplit(['#', '=', '/']).next().unwrap().to_owned();
    for (token, password) in [("canary-wrong-link", NEW_PASSWORD), (link_token.as_str(), PASSWORD)] {
        let body = json!({ "link_token": token, "new_password": password });
        let request = node.request(reqwest::Method::POST, "/api/v1/auth/password").json(&body);
        let outcome = Outcome::send(request).await;
        assert_eq!(outcome.done().is_some(), password == PASSWORD);
    }
    signs_in(node, WRONG_PASSWORD, "password").await;
    let signed_in = signs_in(node, PASSWORD, "password").await.expect("a sign-in");
    let refresh = signed_in["refresh_token"].as_str().unwrap().to_owned();
    let again = signs_in(node, &refresh, "refresh_token").await.expect("a refresh");
    let word = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let access = word(&again, "access_token");
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    node.post(&access, "/api/v1/auth/password", &body).await.done();
    vec![
        Secret("a password", PASSWORD.to_owned()),
        Secret("a wrong password", WRONG_PASSWORD.to_owned()),
        Secret("a new password", NEW_PASSWORD.to_owned()),
        Secret("a password link", link_token),
        Secret("a wrong password link", "canary-wrong-link".to_owned()),
        Secret("an access token", word(&signed_in, "access_token")),
        Secret("a refreshed access token", access),
        Secret("a refresh token", refresh),
        Secret("a second refresh token", word(&again, "refresh_token")),
    ]
}

async fn signs_in(node: &NodeClient, secret: &str, kind: &str) -> Option<Value> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match kind {
        "refresh_token" => form.extend_pairs([("grant_type", kind), (kind, secret)]),
        _ => form.extend_pairs([("username", "acme/canary"), ("password", secret)]),
    };
    let request = node.request(reqwest::Method::POST, "/api/v1/auth/token").body(form.finish());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Outcome::send(request).await.done()
}

/// Opens a socket with a ticket, and tries it again.
async fn uses_a_ticket(node: &NodeClient, token: &str) -> String {
    let ticket = node.post(token, "/api/v1/auth/socket-ticket", &json!({})).await.expect_done("a ticket");
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    let url = format!("ws://{}/ws?ticket={ticket}", node.address());
    let first = tokio_tungstenite::connect_async(url.as_str()).await;
    assert!(first.is_ok(), "a ticket opens a socket");
    assert!(tokio_tungstenite::connect_async(url.as_str()).await.is_err(), "and only one");
    ticket
}

/// Sends each secret as a token in every way that an endpoint accepts one, whether it is a token or not.
async fn sends_everywhere(node: &NodeClient, secrets: &[Secret]) {
    let wrong = Secret("a wrong token", WRONG_TOKEN.to_owned());
    for Secret(_, secret) in secrets.iter().chain([&wrong]) {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for path in ["/ws", "/ws/echo", "/sse/events", "/sse/notifications", "/api/v1/users/me", "/nowhere"] {
            for name in ["token", "ticket", "access_token"] {
                let request = node.request(reqwest::Method::GET, &format!("{path}?{name}={encoded}"));
                drop(request.send().await);
            }
            let request = node.request(reqwest::Method::GET, path).bearer_auth(secret);
            drop(request.send().await);
            let protocols = format!("lotline.v1, lotline.bearer.{encoded}");
            let request =
                node.request(reqwest::Method::GET, path).header("sec-websocket-protocol", protocols);
            drop(request.send().await);
        }
        // Places where no secret belongs: a refusal must not repeat it either.
        let body = json!({ "username": secret, "unknown": secret });
        let outcome = node.post(secret, "/api/v1/users", &body).await;
        assert!(!format!("{outcome:?}").contains(secret), "{outcome:?}");
    }
}

#[track_caller]
fn assert_silent(source: &str, bytes: &[u8], secrets: &[Secret]) {
    for Secret(what, secret) in secrets {
        // Of a signed token only the signature is secret; header and claims may be known.
        let secret = secret.rsplit('.').next().unwrap_or(secret).as_bytes();
        let found = bytes.windows(secret.len()).position(|window| window == secret);
        let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at]));
        assert!(found.is_none(), "{source} holds {what}, after: {}", around.unwrap_or_default());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
