//! A configuration file that names key files: the program signs with the first key, accepts tokens that the others
//! signed, and those of an issuer with a key set in a file.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotline::auth::token::key_ring::{KeyPairKind, SigningKey};
use serde_json::{Value, json};

use super::clients::{Admin, with_one_admin};
use crate::support::answer::Response;
use crate::support::binary::Server;
use crate::support::key_pair::KeyPair;
use crate::support::key_server::{IssuerKey, KeyServer};
use crate::support::wait::eventually;

const ISSUER: &str = "https://id.example.com";

fn write_key(path: &Path, kind: KeyPairKind) {
    fs::write(path, SigningKey::generate_pem(kind).unwrap()).unwrap();
}

fn write_config(folder: &Path, algorithm: &str, key_files: &[&str]) {
    let paths: Vec<_> = key_files.iter().map(|name| folder.join(name)).collect();
    let text = format!(
        "[auth]\nalgorithm = \"{algorithm}\"\nkey_files = {paths:?}\n\n[[auth.issuers]]\nissuer = \"{ISSUER}\"\n\
         jwks_file = {set:?}\nalgorithms = [\"RS256\", \"EdDSA\"]\ntenants = [\"acme\"]\n",
        set = folder.join("jwks.json"),
    );
    fs::write(folder.join("lotline.toml"), text).unwrap();
}

fn start(folder: &Path) -> Server {
    Server::start(with_one_admin(folder).arg("--config").arg(folder.join("lotline.toml")))
}

async fn status(admin: &Admin, token: &str) -> u16 {
    let request = admin.http.get(format!("http://{}/api/v1/users/me", admin.address));
    Response::send(request.bearer_auth(token)).await.status
}

async fn public_keys(admin: &Admin, address: SocketAddr) -> Vec<Value> {
    let set = Response::send(admin.http.get(format!("http://{address}/.well-known/jwks.json"))).await.json();
    set["keys"].as_array().unwrap().clone()
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_first_key_file_of_the_algorithm_signs_and_all_verify() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jwks.json"), json!({ "keys": [KeyPair::rsa().jwk()] }).to_string())
        .unwrap();
    write_key(&folder.path().join("ed.pem"), KeyPairKind::Ed25519);
    write_key(&folder.path().join("rsa.pem"), KeyPairKind::Rsa);
    write_config(folder.path(), "EdDSA", &["rsa.pem", "ed.pem"]);
    let mut server = start(folder.path());
    let admin = Admin::of(server.address).await;
    let keys = public_keys(&admin, server.address).await;
    let older = admin.token.clone();
    assert_eq!((keys.len(), header(&older)["alg"].as_str()), (2, Some("EdDSA")));
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait_for_exit().await, Some(0));

    write_config(folder.path(), "RS256", &["rsa.pem", "ed.pem"]);
    let server = start(folder.path());
    let admin = Admin::of(server.address).await;

    assert_eq!(header(&admin.token)["alg"], "RS256");
    assert!(keys.iter().any(|key| key["kid"] == header(&admin.token)["kid"]), "{keys:?}");
    assert_eq!((status(&admin, &admin.token).await, status(&admin, &older).await), (200, 200));
    let mut socket = admin.connects(None).await;
    socket.sends(&json!({ "type": "ping" })).await;
    socket.receives_until("pong").await;
}

#[tokio::test]
async fn an_issuer_is_believed_by_the_key_set_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let listed = [KeyPair::rsa(), KeyPair::ed25519()];
    let curve = KeyPair::p256();
    let set = json!({ "keys": [listed[0].jwk(), listed[1].jwk(), curve.jwk()] });
    fs::write(folder.path().join("jwks.json"), set.to_string()).unwrap();
    write_key(&folder.path().join("ed.pem"), KeyPairKind::Ed25519);
    write_config(folder.path(), "EdDSA", &["ed.pem"]);
    let server = start(folder.path());
    let admin = Admin::of(server.address).await;
    // The server uses the machine's clock, and so do files.
    let now = chrono::DateTime::<chrono::Utc>::from(
        fs::metadata(folder.path().join("ed.pem")).unwrap().modified().unwrap(),
    );
    let claims = json!({ "iss": ISSUER, "sub": "root", "exp": now.timestamp() + 600 });

    for key in &listed {
        let token = key.token(&claims);
        assert_eq!(status(&admin, &token).await, 200, "{}", key.algorithm);
        let mut socket = Admin { token, ..admin.clone() }.connects(None).await;
        socket.sends(&json!({ "type": "ping" })).await;
        socket.receives_until("pong").await;
    }
    assert_eq!(status(&admin, &curve.token(&claims)).await, 401);
    assert_eq!(status(&admin, &KeyPair::rsa().token(&claims)).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_set_is_fetched_past_every_proxy_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (server, proxy) = (KeyServer::start().await, KeyServer::start().await);
    server.publishes(&IssuerKey::new());
    let text = format!(
        "[[auth.issuers]]\nissuer = \"{ISSUER}\"\njwks_url = \"{}\"\nalgorithms = [\"EdDSA\"]\ntenants = [\"acme\"]\n",
        server.url()
    );
    fs::write(folder.path().join("lotline.toml"), text).unwrap();

    let mut command = with_one_admin(folder.path());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    let _running = Server::start(command.arg("--config").arg(folder.path().join("lotline.toml")));

    eventually("the key set to be fetched", async || server.request_count() > 0 || proxy.request_count() > 0)
        .await;
    assert_eq!(proxy.request_count(), 0);
}
