//! A PostgreSQL server that a test may stop: one per test, on a reserved port, in its own folder.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use url::Url;

use crate::support::port::ReservedPort;

pub struct PostgresServer {
    folder: TempDir,
    bin: PathBuf,
    port: ReservedPort,
}

impl PostgresServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Self { folder, bin: newest_bin(), port: ReservedPort::take() };
        let data = server.data();
        if rustix::process::geteuid().is_root() {
            // PostgreSQL refuses to run as root; Debian's package has a user for it.
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status().unwrap();
            assert!(owned.success());
        }
        let encoding = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"];
        run(server.tool("initdb").args(["-D", &data]).args(encoding));
        server.resume();
        server
    }

    /// Starts it again after [`PostgresServer::shut_down`].
    pub fn resume(&self) {
        let (data, folder) = (self.data(), self.folder.path().display().to_string());
        let log = format!("{folder}/log");
        let options = format!("-p {} -k {folder} -c listen_addresses=127.0.0.1", self.port.number());
        run(self.tool("pg_ctl").args(["-D", &data, "-w", "-l", &log, "-o", &options, "start"]));
    }

    /// Shuts it down like a machine that restarts: open connections are closed.
    pub fn shut_down(&self) {
        let data = self.data();
        run(self.tool("pg_ctl").args(["-D", &data, "-m", "fast", "-w", "stop"]));
    }

    /// Suspends the server's processes (SIGSTOP): it accepts connections and answers none.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub fn superuser(&self) -> Url {
        Url::parse(&format!("postgres://postgres@{}/postgres", self.port.address())).unwrap()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn tool(&self, name: &str) -> Command {
        let tool = self.bin.join(name);
        let mut command = match rustix::process::geteuid().is_root() {
            false => Command::new(tool),
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(tool);
                command
            }
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Signals the first process and all its descendants.
    fn signal(&self, signal: Signal) {
        let file = std::fs::read_to_string(format!("{}/postmaster.pid", self.data())).unwrap();
        let first: i32 = file.lines().next().unwrap().trim().parse().unwrap();
        for id in std::iter::once(first).chain(children(first)) {
            // A process may have ended before the signal.
            let _ = kill_process(Pid::from_raw(id).unwrap(), signal);
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.tool("pg_ctl").args(["-D", &data, "-m", "immediate", "-w", "stop"]).status();
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// The child processes of `parent` (proc(5): the second field after the name in stat).
fn children(parent: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |id: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.to_owned()).unwrap_or_default();
        fields.split_whitespace().nth(1).and_then(|field| field.parse().ok()) == Some(parent)
    };
    ids.filter(is_child).collect()
}

fn newest_bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|found| found.flatten().collect::<Vec<_>>());
    let versions = versions.unwrap_or_default();
    let newest = versions.iter().max_by_key(|entry| {
        entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()).unwrap_or_default()
    });
    newest.expect("PostgreSQL is not installed; run scripts/install").path().join("bin")
}
