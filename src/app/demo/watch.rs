//! Keeps everything that a socket was told, for checks afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::socket::Socket;
use super::stage::Stage;
use crate::base::clock::Clock;
use crate::base::ids::JobId;

/// No crawl of the demo takes longer, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// A socket that is read until the stage closes.
pub(super) struct Watch {
    heard: watch::Receiver<Heard>,
    clock: Clock,
}

/// What came so far. A demo's log has some thousand messages, so all are kept.
#[derive(Default)]
struct Heard {
    messages: Vec<Value>,
    /// Jobs that came to an end.
    over: BTreeSet<i64>,
    /// Subscriptions that stand.
    standing: usize,
    /// How the connection ended.
    ended: Option<String>,
}

impl Watch {
    /// Opens the socket and returns when all of `feeds` are subscribed.
    pub(super) async fn open(stage: &Stage, token: &str, feeds: &[&str]) -> Result<Self, String> {
        let mut socket = Socket::open(stage.address, token, None).await?;
        for feed in feeds {
            socket.subscribe(feed, None).await?;
        }
        let (sender, mut heard) = watch::channel(Heard::default());
        let stop = stage.stop.clone();
        stage.tasks.spawn(async move {
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                ended = listen(&mut socket, &sender) => Some(ended),
            };
            match ended {
                None => socket.close().await,
                Some(words) => sender.send_modify(|heard| heard.ended = Some(words)),
            }
        });
        let standing = |heard: &Heard| heard.standing >= feeds.len() && !heard.messages.is_empty();
        wait(&mut heard, &stage.clock, standing).await?;
        Ok(Self { heard, clock: stage.clock.clone() })
    }

    /// How many messages came so far.
    pub(super) fn count(&self) -> usize {
        self.heard.borrow().messages.len()
    }

    /// What came after the first `count` messages.
    pub(super) fn after(&self, count: usize) -> Vec<Value> {
        self.heard.borrow().messages.iter().skip(count).cloned().collect()
    }

    /// Waits until this socket was told that the job is over.
    pub(super) async fn hears_the_end_of(&self, job: JobId) -> Result<(), String> {
        wait(&mut self.heard.clone(), &self.clock, |heard| heard.over.contains(&job.0)).await
    }
}

async fn listen(socket: &mut Socket, heard: &watch::Sender<Heard>) -> String {
    loop {
        match socket.next().await {
            Ok(message) => heard.send_modify(|heard| heard.take(message)),
            Err(words) => return words,
        }
    }
}

impl Heard {
    fn take(&mut self, message: Value) {
        match (message["type"].as_str(), message["event"].as_str()) {
            (Some("subscription_confirmed"), _) => self.standing += 1,
            (Some("job_update"), Some("job_completed" | "job_failed" | "job_cancelled")) => {
                self.over.extend(message["job_id"].as_i64());
            }
            _ => {}
        }
        self.messages.push(message);
    }
}

async fn wait(
    heard: &mut watch::Receiver<Heard>,
    clock: &Clock,
    so_far: impl Fn(&Heard) -> bool,
) -> Result<(), String> {
    tokio::select! {
        // The sender goes only after it has said how the connection ended.
        found = heard.wait_for(|heard| so_far(heard) || heard.ended.is_some()) => match found {
            Ok(heard) if so_far(&heard) => Ok(()),
            Ok(heard) => Err(format!("a socket ended: {}", heard.ended.as_deref().unwrap_or_default())),
            Err(_) => Err("a socket was closed".to_owned()),
        },
        () = clock.sleep(DEADLINE) => Err("a socket was not told in time what it waited for".to_owned()),
    }
}
