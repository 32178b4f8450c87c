//! A crawling server in its own process, with its readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::binary::{Server, lotline, run, serve_in};
use crate::support::settings::Setting;
use crate::support::wait::{eventually, sleep_briefly};

/// The settings of every server here: two tenants can sign in, and there is no crawl delay.
const COMMON: &[Setting] = &[
    ("LOTLINE__CRAWLER__CRAWL_DELAY_MS", "0"),
    ("LOTLINE__CRAWLER__READERS", "1"),
    ("LOTLINE__SERVER__SHUTDOWN_SECONDS", "4"),
];
/// The longest time for a crawl of a few pages on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

pub(super) struct Node {
    pub(super) server: Server,
    http: reqwest::Client,
    folder: TempDir,
}

/// A user that creates jobs.
pub(super) struct Person {
    pub(super) token: String,
}

impl Node {
    /// A server that may crawl `host`, with these settings.
    pub(super) fn start(host: &str, settings: &[Setting]) -> (Self, Person) {
        Self::start_from(None, host, settings)
    }

    /// The same with another executable.
    pub(super) fn start_from(program: Option<&Path>, host: &str, settings: &[Setting]) -> (Self, Person) {
        let folder = tempfile::tempdir().unwrap();
        let person = person(folder.path(), "acme");
        let mut command = program.map_or_else(|| serve_in(folder.path()), |file| from(file, folder.path()));
        command.env("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", host).envs(COMMON.iter().copied());
        let server = Server::start(command.envs(settings.iter().copied()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        (Self { server, http, folder }, person)
    }

    /// Another tenant with its admin.
    pub(super) fn another_tenant(&self) -> Person {
        person(self.folder.path(), "other")
    }

    pub(super) async fn starts_a_crawl(&self, person: &Person, urls: &[String]) -> i64 {
        let body = json!({ "spider_name": "auto", "target_urls": urls });
        let request = self.http.post(self.url("/api/v1/jobs")).json(&body);
        let answer = request.bearer_auth(&person.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        answer.json::<Value>().await.unwrap()["job_id"].as_i64().unwrap()
    }

    pub(super) async fn cancels(&self, person: &Person, job: i64) {
        let request = self.http.post(self.url(&format!("/api/v1/jobs/{job}/cancel")));
        assert!(request.bearer_auth(&person.token).send().await.unwrap().status().is_success());
    }

    pub(super) async fn gets(&self, person: &Person, path: &str) -> Value {
        let request = self.http.get(self.url(path)).bearer_auth(&person.token);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The job once it has ended.
    pub(super) async fn sees_the_end_of(&self, person: &Person, job: i64) -> Value {
        let over = async {
            loop {
                let found = self.gets(person, &format!("/api/v1/jobs/{job}")).await;
                if !matches!(found["status"].as_str().unwrap(), "pending" | "running") {
                    return found;
                }
                sleep_briefly().await;
            }
        };
        tokio::time::timeout(TIMEOUT, over).await.unwrap_or_else(|_| panic!("job {job} does not end"))
    }

    /// The job's log lines of this level.
    pub(super) async fn lines(&self, person: &Person, job: i64, level: &str) -> Vec<String> {
        let page = self.gets(person, &format!("/api/v1/jobs/{job}/logs?limit=200")).await;
        let lines = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
        let of_level = lines.iter().filter(|line| line["level"] == level);
        of_level.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The server's readers; there is at least one.
    pub(super) async fn readers(&self) -> Vec<Reader> {
        eventually("a reader that waits", async || {
            let readers = readers_of(self.server.id());
            !readers.is_empty() && readers.iter().all(|reader| reader.has_begun())
        })
        .await;
        readers_of(self.server.id())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }
}

fn person(folder: &Path, tenant: &str) -> Person {
    let done = |arguments: &[&str]| {
        let ended = run(lotline(arguments).env("LOTLINE__SERVER__DATA_DIR", folder));
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    };
    done(&["tenant", "create", "--slug", tenant, "--name", tenant]);
    done(&["user", "create", "--tenant", tenant, "--username", "ann", "--role", "admin"]);
    Person { token: done(&["token", "mint", "--tenant", tenant, "--username", "ann"]) }
}

fn from(file: &Path, folder: &Path) -> Command {
    let mut command = Command::new(file);
    crate::support::binary::clear_environment(command.arg("serve"));
    command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", folder);
    command
}

/// A reader process, as proc(5) shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reader(u32);

impl From<u32> for Reader {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl Reader {
    /// Memory of this kind, such as `VmRSS`, in bytes.
    pub(super) fn bytes(self, field: &str) -> usize {
        let value = self.status(field);
        let kib = value.strip_suffix(" kB").and_then(|kib| kib.parse::<usize>().ok());
        kib.unwrap_or_else(|| panic!("{field}: {value:?}")) * 1024
    }

    /// CPU time so far, in hundredths of a second.
    pub(super) fn cpu(self) -> Duration {
        let stat = self.read("stat");
        // The name in parentheses may contain anything; user and system time are the 14th and 15th field.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        let ticks: u64 =
            fields.into_iter().flatten().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    pub(super) fn read(self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    pub(super) fn path(self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.0).into()
    }

    /// A field of its status file.
    pub(super) fn status(self, field: &str) -> String {
        let status = self.read("status");
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// The soft limit with this name.
    pub(super) fn limit(self, name: &str) -> String {
        let limits = self.read("limits");
        let value = limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        value.unwrap_or_else(|| panic!("no {name} in {limits}")).to_owned()
    }

    /// Whether it has ended; a zombie counts as ended.
    pub(super) fn has_ended(self) -> bool {
        matches!(self.status("State").chars().next(), None | Some('Z' | 'X'))
    }

    /// Whether it is sandboxed and has reported it: the filter comes last, and then it waits for a page.
    fn has_begun(self) -> bool {
        self.status("Seccomp") == "2" && !self.status("State").starts_with('R')
    }

    pub(super) fn signal(self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.cast_signed()).unwrap(), signal).unwrap();
    }

    /// Stops it (SIGSTOP), to simulate a page that takes forever.
    pub(super) async fn suspend(self) {
        self.signal(Signal::STOP);
        eventually("the reader to stop", async || self.status("State").starts_with('T')).await;
    }
}

/// The child processes of `parent`; a server's only children are readers.
pub(super) fn readers_of(parent: u32) -> Vec<Reader> {
    let entries =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let processes = entries.filter_map(|name| name.parse().ok()).map(Reader);
    let own = |reader: &Reader| reader.status("PPid") == parent.to_string() && !reader.has_ended();
    processes.filter(own).filter(|reader| !reader.status("Seccomp").is_empty()).collect()
}
