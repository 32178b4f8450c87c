//! Somebody who follows everything on a stream, and after each cut goes on from the last position seen.

use futures_util::StreamExt;
use serde_json::Value;

use super::history::Entry;
use super::node::Whereabouts;
use crate::support::wait::a_moment;

const EVERYTHING: &str = "/sse/events?subscriptions=job_updates,property_updates,system_alerts";

/// Follows from `since` until the broadcast `last_word` has come; then gives all that was seen, and how often it was cut.
pub async fn follow(node: Whereabouts, token: String, since: String, last_word: &str) -> (Vec<Entry>, u64) {
    let mut reading = Reading { position: since, seen: Vec::new() };
    let mut cuts = 0;
    while !reading.has_heard(last_word) {
        if connection(&node, &token, &mut reading, last_word).await.is_none() {
            cuts += 1;
            a_moment().await;
        }
    }
    (reading.seen, cuts)
}

/// How far the follower has come.
struct Reading {
    position: String,
    seen: Vec<Entry>,
}

impl Reading {
    fn has_heard(&self, word: &str) -> bool {
        self.seen.last().is_some_and(|entry| entry.broadcast.as_deref() == Some(word))
    }

    fn read(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        if let Some(data) = field("data: ") {
            let frame: Value = serde_json::from_str(data).unwrap();
            assert_ne!(frame["type"], "gap", "{frame}");
            self.seen.extend(Entry::of(&frame));
        }
        if let Some(id) = field("id: ") {
            self.position = id.to_owned();
        }
    }
}

/// One connection, to the last word. `None`: it was cut. What was read whole counts; a block that was cut comes again.
async fn connection(node: &Whereabouts, token: &str, reading: &mut Reading, last_word: &str) -> Option<()> {
    let request = node.request(reqwest::Method::GET, EVERYTHING).bearer_auth(token);
    let response = request.header("last-event-id", reading.position.as_str()).send().await.ok()?;
    if response.status() != 200 {
        return None;
    }
    let (mut body, mut text) = (response.bytes_stream(), Vec::new());
    loop {
        text.extend_from_slice(&body.next().await?.ok()?);
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = text.drain(..end + 2).collect();
            reading.read(std::str::from_utf8(&block).unwrap());
            if reading.has_heard(last_word) {
                return Some(());
            }
        }
    }
}
