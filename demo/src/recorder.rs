//! Records all messages of a socket, for later checks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::clock::sleep;
use super::environment::Environment;
use super::socket::SocketClient;
use super::wire::JobId;

/// No crawl of the demo takes longer, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// A socket that is read until the environment closes.
pub(crate) struct Recorder {
    recorded: watch::Receiver<Recording>,
}

/// The messages received so far. A demo's log has some thousand messages, so all are kept.
#[derive(Default)]
struct Recording {
    messages: Vec<Value>,
    /// Jobs that have ended.
    ended_jobs: BTreeSet<i64>,
    /// Confirmed subscriptions.
    subscriptions: usize,
    /// How the connection ended.
    close_reason: Option<String>,
}

impl Recorder {
    /// Opens the socket and returns when all of `feeds` are subscribed.
    pub(crate) async fn open(env: &Environment, token: &str, feeds: &[&str]) -> Result<Self, String> {
        let mut socket = SocketClient::connect(env.server.address, token, None).await?;
        for feed in feeds {
            socket.subscribe(feed, None).await?;
        }
        let (sender, mut recorded) = watch::channel(Recording::default());
        let stop = env.stop.clone();
        env.tasks.spawn(async move {
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                ended = record(&mut socket, &sender) => Some(ended),
            };
            match ended {
                None => socket.close().await,
                Some(words) => sender.send_modify(|recorded| recorded.close_reason = Some(words)),
            }
        });
        let is_subscribed =
            |recorded: &Recording| recorded.subscriptions >= feeds.len() && !recorded.messages.is_empty();
        wait(&mut recorded, is_subscribed).await?;
        Ok(Self { recorded })
    }

    /// The number of messages received so far.
    pub(crate) fn count(&self) -> usize {
        self.recorded.borrow().messages.len()
    }

    /// The messages after the first `count`.
    pub(crate) fn after(&self, count: usize) -> Vec<Value> {
        self.recorded.borrow().messages.iter().skip(count).cloned().collect()
    }

    /// Waits until this socket has received the end of the job.
    pub(crate) async fn wait_for_job_end(&self, job: JobId) -> Result<(), String> {
        wait(&mut self.recorded.clone(), |recorded| recorded.ended_jobs.contains(&job.0)).await
    }
}

async fn record(socket: &mut SocketClient, recorded: &watch::Sender<Recording>) -> String {
    loop {
        match socket.next().await {
            Ok(message) => recorded.send_modify(|recorded| recorded.push(message)),
            Err(words) => return words,
        }
    }
}

impl Recording {
    fn push(&mut self, message: Value) {
        match (message["type"].as_str(), message["event"].as_str()) {
            (Some("subscription_confirmed"), _) => self.subscriptions += 1,
            (Some("job_update"), Some("job_completed" | "job_failed" | "job_cancelled")) => {
                self.ended_jobs.extend(message["job_id"].as_i64());
            }
            _ => {}
        }
        self.messages.push(message);
    }
}

async fn wait(
    recorded: &mut watch::Receiver<Recording>,
    condition: impl Fn(&Recording) -> bool,
) -> Result<(), String> {
    tokio::select! {
        // The sender is dropped only after it has recorded how the connection ended.
        found = recorded.wait_for(|recorded| condition(recorded) || recorded.close_reason.is_some()) => match found {
            Ok(recorded) if condition(&recorded) => Ok(()),
            Ok(recorded) => Err(format!("a socket ended: {}", recorded.close_reason.as_deref().unwrap_or_default())),
            Err(_) => Err("a socket was closed".to_owned()),
        },
        () = sleep(DEADLINE) => Err("a socket did not receive the expected message in time".to_owned()),
    }
}
