//! The only source of time and of waiting. Production uses the system clock; tests advance a manual clock, so that no
//! test sleeps.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

use super::timestamp::clamp_to_rfc3339;

/// A shared clock. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

/// A clock of a test.
struct Manual {
    /// Moved by [`Clock::advance`] alone.
    steady: watch::Sender<DateTime<Utc>>,
    /// How far the wall clock was set away from it, in microseconds.
    step: AtomicI64,
}

impl Manual {
    fn step(&self) -> TimeDelta {
        TimeDelta::microseconds(self.step.load(Ordering::Relaxed))
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stays at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        let manual = Manual { steady: watch::Sender::new(start), step: AtomicI64::new(0) };
        Self(Source::Manual(Arc::new(manual)))
    }

    /// The time now, in whole microseconds: what both databases keep.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Manual(manual) => *manual.steady.borrow() + manual.step(),
        }
    }

    /// The time without any change of the wall clock since the process began: for measuring how long ago something
    /// was. With a wall clock set forward every peer would look silent; with one set back every count would stop.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn steady(&self) -> DateTime<Utc> {
        static BEGIN: LazyLock<(DateTime<Utc>, Instant)> = LazyLock::new(|| (Utc::now(), Instant::now()));
        match &self.0 {
            Source::System => (BEGIN.0 + BEGIN.1.elapsed()).trunc_subsecs(6),
            Source::Manual(manual) => *manual.steady.borrow(),
        }
    }

    /// The time that a stored end is set and judged by: the later of the wall clock and the steady one. Neither a
    /// wall clock that is set back nor a machine that was suspended (its steady clock stops) makes an end later.
    pub fn latest(&self) -> DateTime<Utc> {
        self.now().max(self.steady())
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
                // The wall clock may be set back meanwhile; the length of the wait is fixed at its start.
                let span = (at - Utc::now()).to_std().unwrap_or_default();
                tokio::time::sleep(span).await;
            }
            Source::Manual(manual) => {
                // As with the system's clock, the length of the wait is fixed at its start.
                let at = at - manual.step();
                let mut seen = manual.steady.subscribe();
                // The sender lives as long as this clock, so the wait ends only when the time is reached.
                let _ = seen.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Moves a manual clock. The system's clock cannot be moved: there this does nothing.
    pub fn advance(&self, span: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let step = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
            manual.steady.send_modify(|now| *now += step);
        }
    }

    /// Sets a manual wall clock forward or back, as an administrator or NTP does; the steady clock is not affected.
    /// The system's clock cannot be set: there this does nothing.
    pub fn set_by(&self, span: TimeDelta) {
        if let Source::Manual(manual) = &self.0 {
            manual.step.fetch_add(span.num_microseconds().unwrap_or_default(), Ordering::Relaxed);
        }
    }
}

/// Measures how long something took, for metrics and logs. Nothing is decided by it, so tests need not move it.
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

/// `at` as RFC 3339 in UTC with milliseconds: the wire's form for every `…_at`. A time outside of the range of RFC
/// 3339, which an old row may hold, is written as the nearest one in it.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    clamp_to_rfc3339(at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_moves_neither_the_steady_one_nor_an_end_backwards() {
        let start = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let clock = Clock::manual(start);

        clock.set_by(TimeDelta::hours(-1));
        clock.advance(Duration::from_secs(60));

        let minute = TimeDelta::seconds(60);
        assert_eq!(clock.now(), start - TimeDelta::hours(1) + minute);
        assert_eq!((clock.steady(), clock.latest()), (start + minute, start + minute));
        clock.set_by(TimeDelta::hours(2));
        assert_eq!(clock.latest(), clock.now());
    }
}
