//! Kills in the middle of a restore, and a server started in the middle of one: afterwards there is either the whole
//! old store or the whole new one, and no process writes to a file that was unlinked.

use std::process::{Child, Stdio};

use lotline::base::failpoint::Failpoint;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::binary::{ProcessOutput, Server, lotline, run, serve_in};
use crate::support::wait::eventually;

/// Every step of a restore, and whether the store is the new one after a kill there.
const STEPS: [(Failpoint, bool); 4] = [
    (Failpoint::RestoreReady, false),
    (Failpoint::RestoreLocked, false),
    (Failpoint::RestoreKept, false),
    (Failpoint::RestorePlaced, true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_old_store_or_the_new_one_whole() {
    for (step, is_new) in STEPS {
        let house = TestStore::with_backup().await;

        let killed = run(house.restore().env("LOTLINE_FAILPOINT", format!("{}:1", step.name())));
        let left = house.reads_messages().await;
        let again = house.succeeds(&["restore", "--from", &house.copy(), "--force"]);
        let restored = house.reads_messages().await;

        assert_eq!((killed.status, killed.stdout.as_str()), (None, ""), "{step:?}");
        let after_the_copy = left.contains(&"after the copy".to_owned());
        assert_eq!((left.len(), after_the_copy), if is_new { (1, false) } else { (2, true) }, "{step:?}");
        assert!(again.contains("is kept as"), "{step:?}: {again}");
        assert_eq!(restored, ["in the copy"], "{step:?}");
        assert_eq!(house.hidden_files(), [""; 0], "{step:?}: a copy of everything is left behind");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_started_in_the_middle_of_a_restore_does_not_open_the_old_store() {
    for (step, _) in STEPS {
        let house = TestStore::with_backup().await;
        let mut restoring = Stopped::at(step, &house).await;

        let refused = run(&mut serve_in(house.folder()));
        let verb = house.subcommand(&["user", "create", "--tenant", "acme", "--username", "late"]);
        let other = run(&mut house.restore());
        restoring.resume().await;

        for ended in [&refused, &verb] {
            assert_eq!(ended.status, Some(1), "{step:?}: {ended:?}");
            assert!(ended.stderr.contains("is being restored"), "{step:?}: {ended:?}");
        }
        assert_eq!((other.status, other.stderr.contains("in use")), (Some(1), true), "{step:?}: {other:?}");
        assert_eq!(house.reads_messages().await, ["in the copy"], "{step:?}");
    }
}

/// A data folder with a tenant, a backup that has one broadcast, and a store that has two.
struct TestStore {
    folder: TempDir,
}

impl TestStore {
    async fn with_backup() -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap() };
        house.succeeds(&["tenant", "create", "--slug", "acme", "--name", "Acme"]);
        house.succeeds(&["user", "create", "--tenant", "acme", "--username", "ann", "--role", "admin"]);
        house.broadcasts("in the copy").await;
        house.succeeds(&["backup", "--to", &house.copy()]);
        house.broadcasts("after the copy").await;
        house
    }

    fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn copy(&self) -> String {
        self.folder.path().join("copy.db").display().to_string()
    }

    fn subcommand(&self, words: &[&str]) -> ProcessOutput {
        run(lotline(words).env("LOTLINE__SERVER__DATA_DIR", self.folder()))
    }

    #[track_caller]
    fn succeeds(&self, words: &[&str]) -> String {
        let ended = self.subcommand(words);
        assert_eq!(ended.status, Some(0), "{words:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    }

    fn restore(&self) -> std::process::Command {
        let mut command = lotline(&["restore", "--from", &self.copy(), "--force"]);
        command.env("LOTLINE__SERVER__DATA_DIR", self.folder());
        command
    }

    /// Runs a server for one broadcast.
    async fn broadcasts(&self, words: &str) {
        let (server, http) = self.start_server();
        let token = self.succeeds(&["token", "mint", "--tenant", "acme", "--username", "ann"]);
        let url = format!("http://{}/api/v1/admin/broadcast", server.address);
        let sent = http.post(url).bearer_auth(token).json(&json!({ "message": words })).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }

    /// Whether the store is intact, and the broadcasts that a server on it lists.
    async fn reads_messages(&self) -> Vec<String> {
        let verified = self.succeeds(&["restore", "--verify"]);
        assert!(verified.starts_with("sound"), "{verified}");
        let (server, http) = self.start_server();
        let token = self.succeeds(&["token", "mint", "--tenant", "acme", "--username", "ann"]);
        let url = format!("http://{}/api/v1/notifications", server.address);
        let page: Value = http.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["message"]["message"].as_str().unwrap().to_owned()).collect()
    }

    fn start_server(&self) -> (Server, reqwest::Client) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        (Server::start(&mut serve_in(self.folder())), http)
    }

    fn hidden_files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with('.')).collect()
    }
}

/// A restore that is stopped (SIGSTOP) in the middle.
struct Stopped(Child);

impl Stopped {
    async fn at(step: Failpoint, house: &TestStore) -> Self {
        let mut command = house.restore();
        command.env("LOTLINE_FAILPOINT", format!("{}:1:stop", step.name()));
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let stopped = Self(child);
        eventually("the restore to stop", async || stopped.state() == 'T').await;
        stopped
    }

    /// The process's state, which proc(5) has after the name in parentheses.
    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.chars().next().unwrap()
    }

    async fn resume(&mut self) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::CONT).unwrap();
        let child = &mut self.0;
        eventually("the restore to end", async || child.try_wait().unwrap().is_some()).await;
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
