//! Records all messages of a socket, for later checks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::environment::Environment;
use super::socket::SocketClient;
use crate::base::clock::Clock;
use crate::base::ids::JobId;

/// No crawl of the demo takes longer, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// A socket that is read until the environment closes.
pub(super) struct Recorder {
    heard: watch::Receiver<Recording>,
    clock: Clock,
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
    pub(super) async fn open(env: &Environment, token: &str, feeds: &[&str]) -> Result<Self, String> {
        let mut socket = SocketClient::connect(env.address, token, None).await?;
        for feed in feeds {
            socket.subscribe(feed, None).await?;
        }
        let (sender, mut heard) = watch::channel(Recording::default());
        let stop = env.stop.clone();
        env.tasks.spawn(async move {
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                ended = record(&mut socket, &sender) => Some(ended),
            };
            match ended {
                None => socket.close().await,
                Some(words) => sender.send_modify(|heard| heard.close_reason = Some(words)),
            }
        });
        let is_subscribed =
            |heard: &Recording| heard.subscriptions >= feeds.len() && !heard.messages.is_empty();
        wait(&mut heard, &env.clock, is_subscribed).await?;
        Ok(Self { heard, clock: env.clock.clone() })
    }

    /// The number of messages received so far.
    pub(super) fn count(&self) -> usize {
        self.heard.borrow().messages.len()
    }

    /// The messages after the first `count`.
    pub(super) fn after(&self, count: usize) -> Vec<Value> {
        self.heard.borrow().messages.iter().skip(count).cloned().collect()
    }

    /// Waits until this socket has received the end of the job.
    pub(super) async fn wait_for_job_end(&self, job: JobId) -> Result<(), String> {
        wait(&mut self.heard.clone(), &self.clock, |heard| heard.ended_jobs.contains(&job.0)).await
    }
}

async fn record(socket: &mut SocketClient, heard: &watch::Sender<Recording>) -> String {
    loop {
        match socket.next().await {
            Ok(message) => heard.send_modify(|heard| heard.push(message)),
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
    heard: &mut watch::Receiver<Recording>,
    clock: &Clock,
    condition: impl Fn(&Recording) -> bool,
) -> Result<(), String> {
    tokio::select! {
        // The sender is dropped only after it has recorded how the connection ended.
        found = heard.wait_for(|heard| condition(heard) || heard.close_reason.is_some()) => match found {
            Ok(heard) if condition(&heard) => Ok(()),
            Ok(heard) => Err(format!("a socket ended: {}", heard.close_reason.as_deref().unwrap_or_default())),
            Err(_) => Err("a socket was closed".to_owned()),
        },
        () = clock.sleep(DEADLINE) => Err("a socket did not receive the expected message in time".to_owned()),
    }
}
