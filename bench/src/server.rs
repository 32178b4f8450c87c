//! The server under measurement, in its own process.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::pause;
use crate::{Outcome, print_line, process};

/// The longest time for the server's start, and for its stop.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Killed when dropped.
pub struct Server {
    child: Child,
    pid: u32,
    /// Where it listens.
    pub url: String,
    _log: JoinSet<()>,
}

impl Server {
    /// Starts `command`; returns when the server is ready.
    pub async fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pid = child.id().ok_or("the server ended at once")?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
        let url = timeout(TIMEOUT, listening(&mut lines)).await.map_err(|_| "the server did not start")??;
        let mut log = JoinSet::new();
        log.spawn(forward(lines));
        let server = Self { child, pid, url, _log: log };
        timeout(TIMEOUT, server.is_ready()).await.map_err(|_| "the server is not ready")??;
        Ok(server)
    }

    async fn is_ready(&self) -> Outcome<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/readyz", self.url);
        while !client.get(&url).send().await?.status().is_success() {
            pause(POLL).await;
        }
        Ok(())
    }

    /// CPU time of the server and its page readers so far.
    pub fn cpu_seconds(&self) -> Outcome<f64> {
        process::cpu_seconds(self.pid)
    }

    /// Memory of the server without its page readers.
    pub fn resident_bytes(&self) -> Outcome<f64> {
        process::resident_bytes(self.pid)
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) -> Outcome<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
        kill_process(pid, Signal::TERM)?;
        let status = timeout(TIMEOUT, self.child.wait()).await.map_err(|_| "the server did not stop")??;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

/// The address that the server prints when it is ready.
async fn listening(lines: &mut Lines<BufReader<ChildStderr>>) -> Outcome<String> {
    while let Some(line) = lines.next_line().await? {
        match line.strip_prefix("listening on ") {
            Some(url) => return Ok(url.trim().to_owned()),
            None => print_line(&line),
        }
    }
    Err("the server ended at its start".into())
}

/// The pipe has to be read: a full one would block the server at its next line.
async fn forward(mut lines: Lines<BufReader<ChildStderr>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        print_line(&line);
    }
}
