//! Rate limiting with the generic cell rate algorithm: a number of units per second or minute, all of which may be
//! taken at once. The whole state is one number: the time at which the bucket will be full again.
//!
//! Written here because a tenant's rate changes while its bucket is in use and responses state the remaining units,
//! which keyed limiters of the available crates do not offer.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// The span over which a rate is counted, in nanoseconds.
const WINDOW_NS: i64 = 1_000_000_000;
/// Debt beyond this is dropped, so that a clock that is set back, or one huge write, does not block a caller for
/// long.
const MAX_DEBT_NS: i64 = 10 * WINDOW_NS;

/// The span over which the units of a rate are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Second,
    Minute,
}

impl Window {
    fn nanos(self) -> i64 {
        match self {
            Self::Second => WINDOW_NS,
            Self::Minute => 60 * WINDOW_NS,
        }
    }
}

/// A number of units in each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub units: u64,
    pub window: Window,
}

impl Rate {
    pub fn per_second(units: u64) -> Self {
        Self { units, window: Window::Second }
    }

    pub fn per_minute(units: u64) -> Self {
        Self { units, window: Window::Minute }
    }
}

/// The bucket of one key, full at first.
#[derive(Debug, Default)]
pub struct Bucket {
    full_at_ns: AtomicI64,
}

/// The state of a bucket after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    pub per_second: u64,
    pub remaining: u64,
    /// Seconds until the bucket is full again, rounded up.
    pub full_in_secs: u64,
    /// When the units were refused: seconds until they would be granted, rounded up and at least 1.
    pub retry_after_secs: Option<u64>,
}

impl RateState {
    pub fn used(&self) -> u64 {
        self.per_second.saturating_sub(self.remaining)
    }
}

impl Bucket {
    /// Takes one unit, or leaves the bucket unchanged. One bucket is used with only one window.
    pub fn take(&self, rate: Rate, now: DateTime<Utc>) -> RateState {
        let Rate { units, window } = rate;
        let (now, window_ns) = (nanos(now), window.nanos());
        self.cap_debt(now, window_ns);
        let cost = cost_within(window_ns, 1, units);
        let taken = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = full_at.clamp(now, now + window_ns) + cost;
            (next - now <= window_ns).then_some(next)
        });
        match taken {
            Ok(before) => {
                let debt = before.clamp(now, now + window_ns) + cost - now;
                rate_state_within(window_ns, debt, units, None)
            }
            Err(full_at) => {
                let debt = full_at.clamp(now, now + window_ns) - now;
                let refused_for = ceil_secs(debt + cost - window_ns).max(1);
                rate_state_within(window_ns, debt, units, Some(refused_for))
            }
        }
    }

    /// Takes units that are already spent, as debt if necessary.
    pub fn spend(&self, units: u64, per_second: u64, now: DateTime<Utc>) -> RateState {
        let now = nanos(now);
        let next = |full_at: i64| {
            let next = full_at.clamp(now, now + MAX_DEBT_NS).saturating_add(cost_ns(units, per_second));
            next.min(now + MAX_DEBT_NS)
        };
        let before = self
            .full_at_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| Some(next(full_at)))
            .unwrap_or_else(|unchanged| unchanged);
        rate_state(next(before) - now, per_second, None)
    }

    /// When the debt is paid; `None` when there is none.
    pub fn pays_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let now_ns = nanos(now);
        self.cap_debt(now_ns, MAX_DEBT_NS);
        let debt = self.full_at_ns.load(Ordering::Relaxed) - now_ns - WINDOW_NS;
        (debt > 0).then(|| now + chrono::TimeDelta::nanoseconds(debt) + chrono::TimeDelta::microseconds(1))
    }

    /// The state of the bucket, which is left unchanged; refused if [`Bucket::take`] would be.
    pub fn peek(&self, rate: Rate, now: DateTime<Utc>) -> RateState {
        let Rate { units, window } = rate;
        let (now, window_ns) = (nanos(now), window.nanos());
        let debt = self.full_at_ns.load(Ordering::Relaxed).clamp(now, now + window_ns.max(MAX_DEBT_NS)) - now;
        let lacking = debt.min(window_ns) + cost_within(window_ns, 1, units) - window_ns;
        let refused_for = (lacking > 0).then(|| ceil_secs(lacking).max(1));
        rate_state_within(window_ns, debt, units, refused_for)
    }

    /// Caps the debt at what a bucket can have: more than that means that the clock was set back.
    fn cap_debt(&self, now_ns: i64, most_ns: i64) {
        self.full_at_ns.fetch_min(now_ns + most_ns, Ordering::Relaxed);
    }

    /// Whether no unit is taken: such a bucket may be dropped.
    pub fn is_full(&self, now: DateTime<Utc>) -> bool {
        self.full_at_ns.load(Ordering::Relaxed) <= nanos(now)
    }

    /// When it will be full; used to find the bucket that is nearest to it.
    pub fn full_at_ns(&self) -> i64 {
        self.full_at_ns.load(Ordering::Relaxed)
    }
}

fn rate_state(debt_ns: i64, per_second: u64, refused_for_secs: Option<u64>) -> RateState {
    rate_state_within(WINDOW_NS, debt_ns, per_second, refused_for_secs)
}

fn rate_state_within(
    window_ns: i64,
    debt_ns: i64,
    per_second: u64,
    refused_for_secs: Option<u64>,
) -> RateState {
    let free = u128::try_from(window_ns - debt_ns).unwrap_or(0) * u128::from(per_second);
    let remaining = u64::try_from(free / window_ns.unsigned_abs() as u128).unwrap_or(u64::MAX);
    RateState { per_second, remaining, full_in_secs: ceil_secs(debt_ns), retry_after_secs: refused_for_secs }
}

fn cost_ns(units: u64, per_second: u64) -> i64 {
    cost_within(WINDOW_NS, units, per_second)
}

fn cost_within(window_ns: i64, units: u64, per_window: u64) -> i64 {
    let cost = u128::from(units) * window_ns.unsigned_abs() as u128 / u128::from(per_window.max(1));
    i64::try_from(cost).unwrap_or(i64::MAX)
}

fn ceil_secs(ns: i64) -> u64 {
    u64::try_from(ns).unwrap_or(0).div_ceil(WINDOW_NS.unsigned_abs())
}

/// Nanoseconds since the epoch; they fit until 2262.
fn nanos(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_764_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_second_gives_its_rate_and_refills_evenly() {
        for rate in [1, 3, 7, 100, 1_000] {
            let bucket = Bucket::default();

            let left: Vec<_> =
                (0..rate).map(|_| bucket.take(Rate::per_second(rate), at(0)).remaining).collect();
            let refused = bucket.take(Rate::per_second(rate), at(0));

            assert_eq!(left, (0..rate).rev().collect::<Vec<_>>());
            assert_eq!((refused.retry_after_secs, refused.remaining), (Some(1), 0));
            assert_eq!(bucket.peek(Rate::per_second(rate), at(1_000)).remaining, rate);
        }
        let bucket = Bucket::default();
        for _ in 0..10 {
            bucket.take(Rate::per_second(10), at(0));
        }
        assert_eq!(bucket.take(Rate::per_second(10), at(50)).retry_after_secs, Some(1));
        assert_eq!(bucket.take(Rate::per_second(10), at(100)).retry_after_secs, None);
    }

    #[test]
    fn a_minute_gives_its_rate_and_no_more() {
        let (bucket, rate) = (Bucket::default(), Rate::per_minute(30));

        for _ in 0..30 {
            assert_eq!(bucket.peek(rate, at(0)).retry_after_secs, None);
            assert_eq!(bucket.take(rate, at(0)).retry_after_secs, None);
        }

        assert_eq!(bucket.take(rate, at(0)).retry_after_secs, Some(2));
        assert_eq!(bucket.peek(rate, at(500)).retry_after_secs, Some(2));
        assert_eq!(bucket.take(rate, at(2_000)).retry_after_secs, None);
        assert_eq!(bucket.take(rate, at(2_000)).retry_after_secs, Some(2));
        // Set back by an hour it gives as after a minute.
        assert_eq!(bucket.take(rate, at(-3_600_000)).retry_after_secs, Some(2));
        assert_eq!(bucket.take(rate, at(-3_598_000)).retry_after_secs, None);
    }

    #[test]
    fn a_look_says_what_a_take_would_say_and_changes_nothing() {
        for rate in [Rate::per_second(2), Rate::per_minute(2)] {
            let bucket = Bucket::default();

            assert_eq!(bucket.peek(rate, at(0)).remaining, 2);
            bucket.take(rate, at(0));
            assert_eq!(
                (bucket.peek(rate, at(0)).remaining, bucket.peek(rate, at(0)).retry_after_secs),
                (1, None)
            );
            bucket.take(rate, at(0));

            assert_eq!(bucket.peek(rate, at(0)), bucket.take(rate, at(0)));
            assert!(bucket.peek(rate, at(0)).retry_after_secs.is_some());
        }
    }

    #[test]
    fn units_spent_beyond_the_rate_are_a_debt_paid_over_time() {
        let bucket = Bucket::default();

        bucket.spend(1_000, 1_000, at(0));
        assert_eq!(bucket.pays_at(at(0)), None);
        bucket.spend(500, 1_000, at(0));

        let pays_at = bucket.pays_at(at(0)).unwrap();
        assert!(pays_at > at(499) && pays_at < at(502), "{pays_at}");
        assert_eq!(bucket.pays_at(pays_at), None);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_block_for_long() {
        let bucket = Bucket::default();
        bucket.take(Rate::per_second(1), at(3_600_000));

        assert_eq!(bucket.take(Rate::per_second(1), at(0)).retry_after_secs, Some(1));
        assert_eq!(bucket.take(Rate::per_second(1), at(1_000)).retry_after_secs, None);
        bucket.spend(u64::MAX, 1, at(0));
        assert!(bucket.pays_at(at(0)).unwrap() <= at(10_000));
    }
}
