//! Messages that carry the time of sending, and counts of the received ones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::clock::{Stopwatch, pause};
use crate::{Failure, Outcome};

/// Precedes the time of sending in a message's text; a dot follows the time.
pub const TIMESTAMP_PREFIX: &str = "sent at ";
/// The longest wait for the next message.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// The text of a message that is sent `sent_us` after the start of its stopwatch.
pub fn text(sent_us: u64) -> String {
    format!("{TIMESTAMP_PREFIX}{sent_us}.")
}

/// Finds a mark and the number after it in a stream of bytes, wherever the stream is split.
pub struct TimestampFinder {
    mark: memmem::Finder<'static>,
    /// The end of the bytes read so far, in which a mark may begin.
    tail: Vec<u8>,
}

impl TimestampFinder {
    pub fn new(prefix: &'static str) -> Self {
        Self { mark: memmem::Finder::new(prefix), tail: Vec::new() }
    }

    /// Calls `found` for each mark with the number after it, zero where no digit follows.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(u64)) {
        self.tail.extend_from_slice(bytes);
        let length = self.mark.needle().len();
        let (mut at, mut keep) = (0, self.tail.len().saturating_sub(length.saturating_sub(1)));
        while let Some(start) = self.mark.find(&self.tail[at..]) {
            let digits = at + start + length;
            let Some((number, used)) = number(&self.tail[digits..]) else {
                keep = at + start;
                break;
            };
            found(number);
            at = digits + used;
        }
        self.tail.drain(..keep.max(at));
    }
}

/// The number that begins here and its length in bytes; none while its end has not arrived.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let used = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let add = |sum: u64, byte: &u8| sum.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
    Some((bytes[..used].iter().fold(0, add), used))
}

/// What all subscribers received.
pub struct DeliveryStats {
    pub watch: Stopwatch,
    delivered: AtomicU64,
    bytes: AtomicU64,
    last_us: AtomicU64,
    latencies_us: Mutex<Vec<u64>>,
}

impl DeliveryStats {
    pub fn start() -> Self {
        Self {
            watch: Stopwatch::start(),
            delivered: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            last_us: AtomicU64::new(0),
            latencies_us: Mutex::default(),
        }
    }

    /// Counts the messages in what one subscriber received.
    pub fn record(&self, finder: &mut TimestampFinder, bytes: &[u8]) {
        let (now, mut count) = (self.watch.micros(), 0);
        let mut latencies = self.latencies_us.lock();
        finder.feed(bytes, |sent_us| {
            latencies.push(now.saturating_sub(sent_us));
            count += 1;
        });
        drop(latencies);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // A keepalive is not a delivery.
        if count > 0 {
            self.last_us.fetch_max(now, Ordering::Relaxed);
        }
        self.delivered.fetch_add(count, Ordering::Relaxed);
    }

    /// Waits until all have arrived. Fails when a reader ends earlier, and when nothing arrives any more.
    pub async fn wait_for(&self, expected: u64, readers: &mut JoinSet<Failure>) -> Outcome<()> {
        let (mut seen, mut since) = (0, Stopwatch::start());
        loop {
            let delivered = self.delivered.load(Ordering::Relaxed);
            if delivered >= expected {
                return Ok(());
            }
            if let Some(ended) = readers.try_join_next() {
                return Err(ended?);
            }
            if delivered > seen {
                (seen, since) = (delivered, Stopwatch::start());
            } else if since.elapsed() > TIMEOUT {
                return Err(format!("{delivered} of {expected} messages arrived").into());
            }
            pause(POLL).await;
        }
    }

    /// The results, with the CPU time that the sender used.
    pub fn summary(&self, cpu_seconds: f64) -> Delivered {
        let mut latencies_us = std::mem::take(&mut *self.latencies_us.lock());
        latencies_us.sort_unstable();
        let deliveries = self.delivered.load(Ordering::Relaxed).max(1) as f64;
        let seconds = self.last_us.load(Ordering::Relaxed) as f64 / 1e6;
        Delivered {
            bytes_each: self.bytes.load(Ordering::Relaxed) as f64 / deliveries,
            per_second: deliveries / seconds.max(f64::EPSILON),
            cpu_seconds: cpu_seconds / deliveries * 1e5,
            latencies_us,
        }
    }
}

/// The metrics of one part of a fan-out.
pub struct Delivered {
    pub bytes_each: f64,
    pub per_second: f64,
    /// Of the sender, per 100,000 deliveries.
    pub cpu_seconds: f64,
    /// Sorted.
    pub latencies_us: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &[&str]) -> Vec<u64> {
        let (mut finder, mut numbers) = (TimestampFinder::new(TIMESTAMP_PREFIX), Vec::new());
        for piece in pieces {
            finder.feed(piece.as_bytes(), |number| numbers.push(number));
        }
        numbers
    }

    #[test]
    fn every_timestamp_is_found_with_its_number() {
        let stream = format!("{{\"message\":\"{}\"}}\n\n{{\"message\":\"{}\"}}", text(12), text(345));

        assert_eq!(found(&[&stream]), [12, 345]);
        assert_eq!(found(&["nothing", "of it"]), [0; 0]);
    }

    #[test]
    fn a_timestamp_is_found_once_wherever_the_stream_is_cut() {
        let stream = format!("--{}--{}--", text(12), text(345));

        for cut in 0..stream.len() {
            let (head, tail) = stream.split_at(cut);
            assert_eq!(found(&[head, tail]), [12, 345], "cut at {cut}");
        }
    }

    #[test]
    fn a_prefix_without_digits_counts_as_zero() {
        let mut finder = TimestampFinder::new("\"property_created\"");
        let mut numbers = Vec::new();

        finder.feed(b"{\"event\":\"property_created\",\"x\":1}", |number| numbers.push(number));

        assert_eq!(numbers, [0]);
    }

    #[test]
    fn a_delivery_is_summed_up_for_a_hundred_thousand() {
        let (delivery_stats, mut finder) = (DeliveryStats::start(), TimestampFinder::new(TIMESTAMP_PREFIX));

        delivery_stats.record(&mut finder, text(0).as_bytes());
        delivery_stats.record(&mut finder, text(0).as_bytes());
        let delivered = delivery_stats.summary(0.5);

        assert_eq!(delivered.latencies_us.len(), 2);
        assert_eq!(delivered.cpu_seconds, 25_000.0);
        assert_eq!(delivered.bytes_each, 10.0);
    }
}
