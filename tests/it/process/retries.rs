//! The program is killed while it works on a request: the retry is answered, and the work is done once.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::binary::{Server, serve_in};
use crate::support::wait::within;

/// Each is killed a little later than the one before: before the work, in it, after it.
const ROUNDS: u32 = 12;

fn start(folder: &TempDir) -> Server {
    let mut command = serve_in(folder.path());
    command
        .env("LOTLINE__BOOTSTRAP__TENANT", "acme")
        .env("LOTLINE__BOOTSTRAP__USERNAME", "root")
        .env("LOTLINE__BOOTSTRAP__PASSWORD", "a nightingale sang in 1915")
        .env("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64")
        .env("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1")
        .env("LOTLINE__CRAWLER__ENABLED", "false");
    Server::start(&mut command)
}

async fn signs_in(http: &reqwest::Client, server: &Server) -> String {
    let request = http.post(format!("http://{}/api/v1/auth/token", server.address));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body("username=root&password=a+nightingale+sang+in+1915");
    let answer = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_a_kill_is_answered_and_the_work_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut server = start(&folder);
    let token = signs_in(&http, &server).await;
    let body = json!({"spider_name": "auto", "target_urls": ["https://listings.example/"]});
    let post = |server: &Server, key: u32| {
        let request = http.post(format!("http://{}/api/v1/jobs", server.address)).bearer_auth(&token);
        request.header("idempotency-key", key.to_string()).json(&body).send()
    };

    let mut replays = 0;
    for round in 0..ROUNDS {
        let lost = tokio::spawn(post(&server, round));
        lotline::base::clock::Clock::system().sleep(Duration::from_micros(700) * round).await;
        // Dropping kills (SIGKILL).
        drop(server);
        let answered = lost.await.unwrap().is_ok();
        server = start(&folder);

        let retried = within("the retry", post(&server, round)).await.unwrap();
        let replayed = retried.headers().contains_key("idempotent-replayed");
        assert_eq!(retried.status(), 201);
        assert!(replayed || !answered, "what was acknowledged is on disk");
        replays += u32::from(replayed);
    }

    let list = http.get(format!("http://{}/api/v1/jobs?limit=200", server.address)).bearer_auth(&token);
    let list: Value = serde_json::from_str(&list.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), ROUNDS as usize, "{replays} were replays");
}
