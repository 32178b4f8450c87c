//! The only place that reads a clock or waits. The rest of the program takes a [`Stopwatch`].

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Measures from its start. Copies measure from the same start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that measures")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }

    pub fn micros(self) -> u64 {
        self.elapsed().as_micros() as u64
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that waits")]
pub async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// The date for the report, RFC 3339 in UTC.
#[expect(clippy::disallowed_methods, reason = "the report carries its date")]
pub fn date() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// CPU time of the calling thread.
pub fn thread_cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
