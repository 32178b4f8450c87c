//! Replay of events from a position before them, over a WebSocket and over server-sent events.

use std::time::Duration;

use tokio::time::timeout;

use crate::Outcome;
use crate::clock::Stopwatch;
use crate::delivery::TimestampFinder;
use crate::environment::Environment;
use crate::feed::{Carrier, Feed};
use crate::listings::{self, BATCH};
use crate::metric::Metric;
use crate::options::Options;

/// Occurs once in every event of a new listing.
const CREATED: &str = "\"property_created\"";
const TIMEOUT: Duration = Duration::from_secs(120);

struct Replayed {
    per_second: f64,
    cpu_ms_per_1000: f64,
}

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    let head = stage.admin.get("/api/v1/events").await?;
    let since = head["position"].as_str().ok_or("no position")?;
    let batches = u64::from(options.events).div_ceil(BATCH);
    for number in 0..batches {
        listings::send(&stage.worker, number).await?;
    }
    let socket = replay(stage, Carrier::WebSocket, since, batches * BATCH).await?;
    let stream = replay(stage, Carrier::Sse, since, batches * BATCH).await?;
    Ok(vec![
        Metric::new("websocket", "events/s", socket.per_second),
        Metric::new("websocket_cpu", "CPU-ms per 1,000", socket.cpu_ms_per_1000),
        Metric::new("sse", "events/s", stream.per_second),
        Metric::new("sse_cpu", "CPU-ms per 1,000", stream.cpu_ms_per_1000),
    ])
}

async fn replay(stage: &Environment, carrier: Carrier, since: &str, events: u64) -> Outcome<Replayed> {
    let more = format!("&subscriptions=property_updates&since={since}");
    let (before, watch) = (stage.server.cpu_seconds()?, Stopwatch::start());
    let mut feed = Feed::connect(carrier, &stage.endpoint, stage.member(0), &more).await?;
    timeout(TIMEOUT, read(&mut feed, events)).await.map_err(|_| "the replay did not end")??;
    let (seconds, cpu_seconds) = (watch.seconds(), stage.server.cpu_seconds()? - before);
    Ok(Replayed { per_second: events as f64 / seconds, cpu_ms_per_1000: cpu_seconds * 1e6 / events as f64 })
}

/// Reads until `events` events have come.
async fn read(feed: &mut Feed, events: u64) -> Outcome<()> {
    let (mut finder, mut seen) = (TimestampFinder::new(CREATED), 0);
    while seen < events {
        finder.feed(&feed.next().await?, |_| seen += 1);
    }
    Ok(())
}
