//! SIGHUP: the reloadable keys change while connections stay open, and a bad configuration changes nothing.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use super::clients::{Admin, with_one_admin};
use crate::support::binary::Server;
use crate::support::wait::eventually;

const READ_AGAIN: &str = "the configuration was read again";

fn write(path: &Path, filter: &str, origin: &str, queue_bytes: u32) {
    let text = format!(
        "[telemetry]\nlog_filter = \"{filter}\"\n[cors]\nallowed_origins = [\"{origin}\"]\n\
         [limits]\nqueue_bytes = {queue_bytes}\n"
    );
    fs::write(path, text).unwrap();
}

fn start(folder: &Path, config: &Path) -> Server {
    let mut command = with_one_admin(folder);
    Server::start(command.arg("--config").arg(config))
}

/// Whether pages of this origin are answered.
async fn admits(admin: &Admin, origin: &str) -> bool {
    let request = admin.http.get(format!("http://{}/version", admin.address)).header("origin", origin);
    request.send().await.unwrap().headers().contains_key("access-control-allow-origin")
}

/// Everything logged so far, once a line contains the text.
async fn wait_for_log(server: &Server, words: &str) -> Vec<String> {
    let mut said = Vec::new();
    eventually("a line of the log", async || {
        said.extend(server.log_lines());
        said.iter().any(|line| line.contains(words))
    })
    .await;
    said
}

#[tokio::test]
async fn origins_and_log_level_change_while_a_socket_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lotline.toml");
    write(&config, "info", "https://one.example", 262_144);
    let server = start(folder.path(), &config);
    let admin = Admin::of(server.address).await;
    let mut client = admin.connects(None).await;
    assert!(admits(&admin, "https://one.example").await);

    write(&config, "debug", "https://two.example", 524_288);
    server.signal(Signal::HUP);

    let said = wait_for_log(&server, READ_AGAIN).await;
    assert!(
        said.iter().any(|line| line.contains("limits.queue_bytes") && line.contains("restart")),
        "{said:?}"
    );
    assert!(!said.iter().any(|line| line.contains("DEBUG")), "{said:?}");
    assert!(!admits(&admin, "https://one.example").await && admits(&admin, "https://two.example").await);
    let stranger = admin.http.get(format!("http://{}/api/v1/users/me", admin.address));
    stranger.bearer_auth("a.b.c").send().await.unwrap();
    wait_for_log(&server, "DEBUG").await;
    client.sends(&json!({ "type": "ping" })).await;
    client.receives_until("pong").await;
}

#[tokio::test]
async fn every_fault_of_a_bad_configuration_is_logged_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lotline.toml");
    write(&config, "info", "https://one.example", 262_144);
    let mut server = start(folder.path(), &config);
    let admin = Admin::of(server.address).await;
    let mut client = admin.connects(None).await;

    write(&config, "loud", "https://two.example", 1);
    server.signal(Signal::HUP);

    let said = wait_for_log(&server, "stays as it was").await;
    for key in ["telemetry.log_filter", "limits.queue_bytes"] {
        assert!(said.iter().any(|line| line.contains(key)), "{key} in {said:?}");
    }
    assert!(admits(&admin, "https://one.example").await && !admits(&admin, "https://two.example").await);
    client.sends(&json!({ "type": "ping" })).await;
    client.receives_until("pong").await;
    drop(client);
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await, Some(0));
}
