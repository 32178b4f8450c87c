//! The one way to read the time and to wait for it. Production follows the system; tests move a clock by hand,
//! so that no test sleeps.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

use super::timestamp::nearest;

/// A shared clock. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<watch::Sender<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The time now, in whole microseconds: what both databases keep.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// The time as it would be had nobody set the wall clock since the process began: for measuring how long something
    /// is ago. A clock that is set forth would make every peer look silent, one that is set back would stop every count.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn steady(&self) -> DateTime<Utc> {
        static BEGIN: LazyLock<(DateTime<Utc>, Instant)> = LazyLock::new(|| (Utc::now(), Instant::now()));
        match &self.0 {
            Source::System => BEGIN.0 + BEGIN.1.elapsed(),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Float seconds since the epoch: the wire's top-level `timestamp`.
    pub fn epoch_seconds(&self) -> f64 {
        epoch_seconds(self.now())
    }

    /// Waits until the clock has moved on by `span`.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    /// Waits until the clock shows `at` or later.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        match &self.0 {
            Source::System => {
                // The wall clock may be set back meanwhile; a wait never lasts longer than it looked at its start.
                let span = (at - Utc::now()).to_std().unwrap_or_default();
                tokio::time::sleep(span).await;
            }
            Source::Manual(time) => {
                let mut seen = time.subscribe();
                // The sender lives as long as this clock, so the wait ends only by the time.
                let _ = seen.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Moves a manual clock. The system's clock cannot be moved: there this does nothing.
    pub fn advance(&self, span: Duration) {
        if let Source::Manual(time) = &self.0 {
            let step = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
            time.send_modify(|now| *now += step);
        }
    }
}

/// Measures how long something took, for figures and logs. It decides nothing, so tests need not move it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that measures")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// `at` as float seconds since the epoch.
pub fn epoch_seconds(at: DateTime<Utc>) -> f64 {
    // Microseconds of any date this century fit an f64's 53 bits exactly.
    at.timestamp_micros() as f64 / 1e6
}

/// `at` as RFC 3339 in UTC with milliseconds: the wire's form for every `…_at`. It is always that: a moment that has no
/// such form, in a row of a time before such were refused, is written as the nearest one.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    nearest(at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
