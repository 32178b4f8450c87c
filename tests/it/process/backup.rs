//! Copies of a SQLite store: made during writes, restored elsewhere and over the old one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lotline::base::entropy::Entropy;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::support::binary::{ProcessOutput, Server, lotline, run, serve_in};
use crate::support::wait::eventually;

fn subcommand(folder: &Path, arguments: &[&str]) -> ProcessOutput {
    run(lotline(arguments).env("LOTLINE__SERVER__DATA_DIR", folder))
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let ended = subcommand(folder, arguments);
    assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout.trim().to_owned()
}

/// A folder with a tenant and its admin.
fn store_with_admin() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    succeeds(data, &["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    succeeds(data, &["user", "create", "--tenant", "acme", "--username", "ann", "--role", "admin"]);
    folder
}

fn token(folder: &Path) -> String {
    succeeds(folder, &["token", "mint", "--tenant", "acme", "--username", "ann"])
}

/// Ann, as a client of a server.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    fn at(server: &Server, token: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("http://{}/api/v1", server.address), token }
    }

    async fn broadcasts(&self, words: &str) -> reqwest::StatusCode {
        let call = self.http.post(format!("{}/admin/broadcast", self.base)).bearer_auth(&self.token);
        call.json(&json!({ "message": words })).send().await.unwrap().status()
    }

    async fn reads(&self, path: &str) -> Value {
        let call = self.http.get(format!("{}/{path}", self.base)).bearer_auth(&self.token);
        call.send().await.unwrap().json().await.unwrap()
    }

    /// The texts of all broadcasts, from the list that a gap points to.
    async fn reads_messages(&self) -> Vec<String> {
        let (mut found, mut path) = (Vec::new(), "notifications?limit=200".to_owned());
        loop {
            let page = self.reads(&path).await;
            let rows = page["data"].as_array().unwrap();
            found.extend(rows.iter().filter_map(|row| row["message"]["message"].as_str()).map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            path = format!("notifications?limit=200&cursor={cursor}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_a_writer_has_all_that_was_acknowledged_before() {
    let (house, elsewhere) = (store_with_admin(), tempfile::tempdir().unwrap());
    let server = Server::start(&mut serve_in(house.path()));
    let ann = Client::at(&server, token(house.path()));
    let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let writing = {
        let (ann, acknowledged, stop) = (ann.clone(), Arc::clone(&acknowledged), Arc::clone(&stop));
        TaskTracker::new().spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let number = acknowledged.load(Ordering::Relaxed);
                assert!(ann.broadcasts(&format!("number {number}")).await.is_success());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    eventually("some writing", async || acknowledged.load(Ordering::Relaxed) >= 20).await;
    let old_place = ann.reads("events").await["position"].as_str().unwrap().to_owned();

    let before = acknowledged.load(Ordering::Relaxed);
    let copy = elsewhere.path().join("copy.db");
    let path = copy.to_str().unwrap().to_owned();
    let folder = house.path().to_owned();
    let made =
        tokio::task::spawn_blocking(move || succeeds(&folder, &["backup", "--to", &path])).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    drop(server);
    let copy = copy.to_str().unwrap();
    let verified = succeeds(elsewhere.path(), &["restore", "--from", copy, "--verify"]);
    succeeds(elsewhere.path(), &["restore", "--from", copy]);
    let restored = Server::start(&mut serve_in(elsewhere.path()));
    let ann = Client::at(&restored, token(elsewhere.path()));
    let found = ann.reads_messages().await;
    let page = ann.reads(&format!("events?since={old_place}")).await;

    assert!(made.contains("written") && verified.starts_with("sound"), "{made} {verified}");
    let missing = (0..before).filter(|number| !found.contains(&format!("number {number}"))).count();
    assert_eq!((before >= 20, missing), (true, 0), "of {before}, {} found", found.len());
    assert_eq!((&page["recovered"], page["resync_url"].is_string()), (&json!(false), true), "{page}");
    assert!(ann.broadcasts("life goes on").await.is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_over_a_store_waits_for_its_server_to_be_gone_and_keeps_the_old_one() {
    let house = store_with_admin();
    let data = house.path();
    let copy = data.join("copy.db");
    let copy = copy.to_str().unwrap();
    let server = Server::start(&mut serve_in(data));
    let ann = Client::at(&server, token(data));
    assert!(ann.broadcasts("in the copy").await.is_success());
    succeeds(data, &["backup", "--to", copy]);
    assert!(ann.broadcasts("after the copy").await.is_success());

    let again = subcommand(data, &["backup", "--to", copy]);
    let unforced = subcommand(data, &["restore", "--from", copy]);
    let in_use = subcommand(data, &["restore", "--from", copy, "--force"]);
    assert!(ann.broadcasts("undisturbed").await.is_success());
    drop(server);
    let restored = succeeds(data, &["restore", "--from", copy, "--force"]);
    let server = Server::start(&mut serve_in(data));
    let old_token = ann.token.clone();
    let ann = Client::at(&server, token(data));
    let found = ann.reads_messages().await;
    let stale = Client::at(&server, old_token).broadcasts("from before").await;

    for (refused, words) in [(again, "--force"), (unforced, "--force"), (in_use, "in use")] {
        assert_eq!((refused.status, refused.stderr.contains(words)), (Some(1), true), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
    assert!(restored.contains("is kept as"), "{restored}");
    assert_eq!(found, ["in the copy"]);
    assert_eq!(stale, http::StatusCode::UNAUTHORIZED);
    let kept = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains("replaced")).collect();
    assert_eq!(kept.len(), 1);
    let kept = succeeds(data, &["restore", "--verify", "--from", kept[0].to_str().unwrap()]);
    assert!(kept.contains("acme: 3 events, head 3"), "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_that_hold_again_are_named_and_may_be_revoked_with_the_restore() {
    let house = store_with_admin();
    let data = house.path();
    let copy = data.join("copy.db");
    let copy = copy.to_str().unwrap();
    let words = ["key", "create", "--tenant", "acme", "--username", "ann", "--name", "old worker"];
    let key = succeeds(data, &[&words[..], &["--scopes", "events:read"]].concat());
    succeeds(data, &["backup", "--to", copy]);
    let server = Server::start(&mut serve_in(data));
    let ann = Client::at(&server, token(data));
    let id = ann.reads("api-keys").await["data"][0]["id"].as_str().unwrap().to_owned();
    let call = ann.http.delete(format!("{}/api-keys/{id}", ann.base)).bearer_auth(&ann.token);
    assert_eq!(call.send().await.unwrap().status(), http::StatusCode::NO_CONTENT);
    assert_eq!(opens_with(&server, &key).await, http::StatusCode::UNAUTHORIZED);
    drop(server);

    let restored = succeeds(data, &["restore", "--from", copy, "--force"]);
    let server = Server::start(&mut serve_in(data));
    let holds_again = opens_with(&server, &key).await;
    drop(server);
    let revoked = succeeds(data, &["restore", "--from", copy, "--force", "--revoke-keys"]);
    let after = opens_with(&Server::start(&mut serve_in(data)), &key).await;

    let line = format!("{id} of acme/ann: \"old worker\"");
    assert!(restored.contains("revoke those again") && restored.contains(&line), "{restored}");
    assert!(revoked.contains("are revoked") && revoked.contains(&line), "{revoked}");
    assert_eq!((holds_again, after), (http::StatusCode::OK, http::StatusCode::UNAUTHORIZED));
}

/// The server's answer to a key.
async fn opens_with(server: &Server, key: &str) -> reqwest::StatusCode {
    let it = Client::at(server, key.to_owned());
    let call = it.http.get(format!("{}/events?subscriptions=job_updates", it.base)).bearer_auth(key);
    call.send().await.unwrap().status()
}

#[test]
fn what_is_no_whole_copy_is_refused_and_the_store_stays_as_it_was() {
    let house = store_with_admin();
    let data = house.path();
    let copy = data.join("copy.db");
    succeeds(data, &["backup", "--to", copy.to_str().unwrap()]);
    let whole = std::fs::read(&copy).unwrap();
    let store = std::fs::read(data.join("lotline.db")).unwrap();
    let noise: Vec<u8> = (0..4_096).map(|_| Entropy.bytes::<1>()[0]).collect();

    for (name, bytes) in [("cut", &whole[..whole.len() / 2]), ("noise", &noise[..]), ("empty", &[])] {
        let broken = data.join(name);
        std::fs::write(&broken, bytes).unwrap();
        let broken = broken.to_str().unwrap();
        for arguments in
            [vec!["restore", "--from", broken, "--verify"], vec!["restore", "--from", broken, "--force"]]
        {
            let ended = subcommand(data, &arguments);
            assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{name}: {ended:?}");
        }
    }

    assert_eq!(std::fs::read(data.join("lotline.db")).unwrap(), store);
    let left: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_copy_is_for_its_owners_eyes_and_carries_no_signing_key() {
    use std::os::unix::fs::PermissionsExt;
    let house = store_with_admin();
    let data = house.path();
    drop(Server::start(&mut serve_in(data)));
    token(data);
    let copy = data.join("copy.db");

    succeeds(data, &["backup", "--to", copy.to_str().unwrap()]);

    let key = std::fs::read(data.join("keys/signing.key")).unwrap();
    let key = key.trim_ascii();
    let bytes = std::fs::read(&copy).unwrap();
    assert!(key.len() >= 32 && !bytes.windows(key.len()).any(|window| window == key));
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
}
