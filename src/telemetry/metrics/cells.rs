//! Metric values: plain atomics. Counting never locks, never waits and never allocates.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// A count that only increases.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn inc(&self) {
        self.add(1);
    }

    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shards of a [`HotCounter`]: about as many as threads that count concurrently.
const SHARDS: usize = 8;

/// A shard on a cache line of its own, so that threads do not contend for it.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

/// A count that many threads increase concurrently, such as that of delivered frames.
#[derive(Debug, Default)]
pub struct HotCounter([Shard; SHARDS]);

impl HotCounter {
    pub fn add(&self, count: u64) {
        self.0[shard()].0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

/// The calling thread's shard. Only the assignment to shards is shared, never a value.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    OWN.with(Cell::get)
}

/// A value that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// A boolean. It is not exported before it is first set.
#[derive(Debug, Default)]
pub struct Flag(AtomicU64);

impl Flag {
    pub fn set(&self, stands: bool) {
        self.0.store(1 + u64::from(stands), Ordering::Relaxed);
    }

    pub fn get(&self) -> Option<bool> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(|stands| stands == 1)
    }
}

/// A count that is kept elsewhere, such as the system's of our CPU seconds; copied when it is read.
#[derive(Debug, Default)]
pub struct MirroredCounter(Gauge);

impl MirroredCounter {
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

/// Upper bounds of a histogram's buckets, in seconds: from usual waits to those of an incident.
pub(super) const BOUNDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// Durations. The buckets are fixed, so that memory does not grow with the observations.
#[derive(Debug, Default)]
pub struct Histogram {
    /// The last is for durations above all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The number of observations up to each bound, and in total.
    pub(super) fn cumulative(&self) -> ([u64; BOUNDS.len()], u64) {
        let mut sum = 0;
        let mut upto = [0; BOUNDS.len()];
        for (upto, bucket) in upto.iter_mut().zip(&self.buckets) {
            sum += bucket.load(Ordering::Relaxed);
            *upto = sum;
        }
        (upto, sum + self.buckets[BOUNDS.len()].load(Ordering::Relaxed))
    }

    pub(super) fn seconds(&self) -> f64 {
        self.micros.load(Ordering::Relaxed) as f64 / 1e6
    }
}
