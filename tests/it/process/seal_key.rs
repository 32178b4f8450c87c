//! The key that encrypts the headers of spiders: from the data folder, or from the configuration. A lost one is said
//! where the spider is shown.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::clients::{Admin, with_one_admin};
use crate::support::answer::Response;
use crate::support::binary::Server;

const SECRET: &str = "a secret of more than thirty-two bytes";

async fn makes_spider(admin: &Admin) {
    let body = json!({"name": "portal", "runner": "builtin", "headers": {"Cookie": "a=b"}});
    let request = admin.http.post(format!("http://{}/api/v1/spiders", admin.address));
    let answer = Response::send(request.bearer_auth(&admin.token).json(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

async fn spider(admin: &Admin) -> Value {
    let request = admin.http.get(format!("http://{}/api/v1/spiders/portal", admin.address));
    Response::send(request.bearer_auth(&admin.token)).await.json()
}

async fn stops(mut server: Server) {
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait_for_exit().await, Some(0));
}

/// Starts a server, reads the spider and stops.
async fn spider_after_a_start(folder: &Path, seal_key: &str) -> Value {
    let server = Server::start(with_one_admin(folder).env("LOTLINE__AUTH__SEAL_KEY", seal_key));
    let shown = spider(&Admin::of(server.address).await).await;
    stops(server).await;
    shown
}

#[tokio::test]
async fn the_key_is_made_with_the_first_headers_and_headers_are_lost_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys/seal.secret");
    let server = Server::start(&mut with_one_admin(folder.path()));
    let admin = Admin::of(server.address).await;
    assert!(!file.exists());
    makes_spider(&admin).await;
    assert!(file.exists());
    stops(server).await;

    let kept = spider_after_a_start(folder.path(), "").await;
    fs::remove_file(&file).unwrap();
    let lost = spider_after_a_start(folder.path(), "").await;

    assert_eq!((kept.get("headers_lost"), &kept["header_names"]), (None, &json!(["Cookie"])));
    assert_eq!((&lost["headers_lost"], &lost["header_names"]), (&json!(true), &json!(["Cookie"])));
}

#[tokio::test]
async fn headers_outlast_the_data_folder_with_a_configured_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(with_one_admin(folder.path()).env("LOTLINE__AUTH__SEAL_KEY", SECRET));
    makes_spider(&Admin::of(server.address).await).await;
    assert!(!folder.path().join("keys/seal.secret").exists());
    stops(server).await;

    let kept = spider_after_a_start(folder.path(), SECRET).await;
    let lost = spider_after_a_start(folder.path(), "another secret of more than thirty-two bytes").await;

    assert_eq!(kept.get("headers_lost"), None);
    assert_eq!(lost["headers_lost"], json!(true));
}
