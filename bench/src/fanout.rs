//! Broadcasts to many subscribers of one tenant: at a fixed rate, then as fast as the server answers, then the same
//! messages from the bare write loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use crate::bare::{self, Plan};
use crate::clock::Stopwatch;
use crate::delivery::{Delivered, DeliveryStats, TIMESTAMP_PREFIX, TimestampFinder};
use crate::environment::{Environment, broadcast};
use crate::feed::{self, Carrier, Feed};
use crate::metric::Metric;
use crate::options::Options;
use crate::statistics::percentile;
use crate::{Failure, Outcome, load};

#[derive(Clone, Copy)]
enum Pace {
    AtRate,
    Saturated,
}

pub async fn measure(stage: &Environment, options: &Options, carrier: Carrier) -> Outcome<Vec<Metric>> {
    let (paced, _) = part(stage, options, carrier, Pace::AtRate).await?;
    let (saturated, sent) = part(stage, options, carrier, Pace::Saturated).await?;
    let message_bytes = paced.bytes_each as usize;
    let plan = Plan { sockets: options.subscribers, messages: sent, message_bytes, rate: None };
    let bare_saturated = bare::measure(plan).await?;
    let plan = Plan { messages: options.paced_messages().into(), rate: Some(options.rate), ..plan };
    let bare_paced = bare::measure(plan).await?;
    let mut figures = at_the_rate(&paced, &bare_paced);
    figures.extend(at_saturation(&saturated, &bare_saturated));
    Ok(figures)
}

/// One part with its own subscribers: what they received, and the number of broadcasts.
async fn part(
    stage: &Environment,
    options: &Options,
    carrier: Carrier,
    pace: Pace,
) -> Outcome<(Delivered, u64)> {
    let feeds = feed::open_all(stage, carrier, options.subscribers).await?;
    let (delivery_stats, mut readers) = (Arc::new(DeliveryStats::start()), JoinSet::new());
    for feed in feeds {
        readers.spawn(read(feed, Arc::clone(&delivery_stats)));
    }
    let before = stage.server.cpu_seconds()?;
    let sent = match pace {
        Pace::AtRate => publish_at_rate(stage, options, delivery_stats.watch).await?,
        Pace::Saturated => publish_saturated(stage, options, delivery_stats.watch).await?,
    };
    delivery_stats.wait_for(sent * u64::from(options.subscribers), &mut readers).await?;
    let cpu_seconds = stage.server.cpu_seconds()? - before;
    readers.shutdown().await;
    Ok((delivery_stats.summary(cpu_seconds), sent))
}

/// Reads until the connection fails; returns the reason.
async fn read(mut feed: Feed, delivery_stats: Arc<DeliveryStats>) -> Failure {
    let mut finder = TimestampFinder::new(TIMESTAMP_PREFIX);
    loop {
        match feed.next().await {
            Ok(bytes) => delivery_stats.record(&mut finder, &bytes),
            Err(failure) => return failure,
        }
    }
}

/// Sends each broadcast when it is due, however late the answers are; latency counts from then.
async fn publish_at_rate(stage: &Environment, options: &Options, watch: Stopwatch) -> Outcome<u64> {
    let period = Duration::from_secs(1) / options.rate;
    let (begin_us, count) = (watch.micros(), options.paced_messages());
    let (mut ticks, mut requests) = (interval(period), JoinSet::new());
    for number in 0..count {
        ticks.tick().await;
        let due_us = begin_us + (period * number).as_micros() as u64;
        requests.spawn(broadcast(stage.admin.clone(), due_us));
    }
    while let Some(answer) = requests.join_next().await {
        answer??;
    }
    Ok(count.into())
}

async fn publish_saturated(stage: &Environment, options: &Options, watch: Stopwatch) -> Outcome<u64> {
    let admin = stage.admin.clone();
    let step = move |_| broadcast(admin.clone(), watch.micros());
    Ok(load::repeat(options.clients, options.span(), step).await?.done())
}

fn at_the_rate(server: &Delivered, bare: &Delivered) -> Vec<Metric> {
    let latency = |share| percentile(&server.latencies_us, share) as f64 / 1e3;
    vec![
        Metric::new("message", "bytes", server.bytes_each),
        Metric::new("rate_cpu", "CPU-s per 100,000", server.cpu_seconds),
        Metric::new("rate_bare_cpu", "CPU-s per 100,000", bare.cpu_seconds),
        Metric::new("rate_cpu_to_bare", "ratio", server.cpu_seconds / bare.cpu_seconds),
        Metric::new("rate_latency_p50", "ms", latency(0.50)),
        Metric::new("rate_latency_p95", "ms", latency(0.95)),
        Metric::new("rate_latency_p99", "ms", latency(0.99)),
        Metric::new("rate_latency_max", "ms", latency(1.0)),
    ]
}

fn at_saturation(server: &Delivered, bare: &Delivered) -> Vec<Metric> {
    vec![
        Metric::new("saturated_cpu", "CPU-s per 100,000", server.cpu_seconds),
        Metric::new("saturated_bare_cpu", "CPU-s per 100,000", bare.cpu_seconds),
        Metric::new("saturated_cpu_to_bare", "ratio", server.cpu_seconds / bare.cpu_seconds),
        Metric::new("saturated", "deliveries/s", server.per_second),
        Metric::new("saturated_bare", "deliveries/s", bare.per_second),
        Metric::new("saturated_to_bare", "ratio", server.per_second / bare.per_second),
    ]
}
