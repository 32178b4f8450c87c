//! One rate limit for many callers, each with a bucket of its own.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::base::gcra::{Bucket, RateState};

/// Bounded: callers with a bucket at once. Beyond it full buckets are dropped, which changes nothing for their
/// callers, and if that is not enough, the half that is nearest to full.
const MAX_CALLERS: usize = 65_536;

/// Buckets by caller.
pub struct RateLimiter<K> {
    rate: Option<Rate>,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// The rate of each caller.
#[derive(Clone, Copy)]
enum Rate {
    PerSecond(u64),
    PerMinute(u64),
}

impl<K: Hash + Eq> RateLimiter<K> {
    /// `None`: no limit, and nothing is counted.
    pub fn new(per_second: Option<u64>) -> Self {
        Self { rate: per_second.map(Rate::PerSecond), buckets: Mutex::default() }
    }

    /// The same by the minute.
    pub fn per_minute(units: Option<u64>) -> Self {
        Self { rate: units.map(Rate::PerMinute), buckets: Mutex::default() }
    }

    /// Takes one unit for the caller; `None` when there is no limit.
    pub fn take(&self, caller: K, now: DateTime<Utc>) -> Option<RateState> {
        let rate = self.rate?;
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MAX_CALLERS && !buckets.contains_key(&caller) {
            evict(&mut buckets, now);
        }
        let bucket = buckets.entry(caller).or_default();
        Some(match rate {
            Rate::PerSecond(units) => bucket.take(units, now),
            Rate::PerMinute(units) => bucket.take_per_minute(units, now),
        })
    }

    /// For how many seconds the caller's rate by the minute is used up; `None`: it is not.
    pub fn refused_for_secs(&self, caller: &K, now: DateTime<Utc>) -> Option<u64> {
        let Some(Rate::PerMinute(units)) = self.rate else { return None };
        self.buckets.lock().get(caller)?.retry_after_per_minute(units, now)
    }
}

fn evict<K: Hash + Eq>(buckets: &mut HashMap<K, Bucket>, now: DateTime<Utc>) {
    buckets.retain(|_, bucket| !bucket.is_full(now));
    if buckets.len() < MAX_CALLERS {
        return;
    }
    let mut ends: Vec<i64> = buckets.values().map(Bucket::full_at_ns).collect();
    let middle = ends.len() / 2;
    let (_, median, _) = ends.select_nth_unstable(middle);
    let median = *median;
    buckets.retain(|_, bucket| bucket.full_at_ns() > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_764_000_000_000 + ms).unwrap()
    }

    #[test]
    fn each_caller_has_a_bucket_and_without_a_limit_nothing_is_counted() {
        let rates = RateLimiter::new(Some(1));

        assert_eq!(rates.take("a", at(0)).unwrap().retry_after_secs, None);
        assert_eq!(rates.take("a", at(0)).unwrap().retry_after_secs, Some(1));
        assert_eq!(rates.take("b", at(0)).unwrap().retry_after_secs, None);
        assert_eq!(RateLimiter::new(None).take("a", at(0)), None);
    }

    #[test]
    fn a_flood_of_callers_does_not_grow_the_memory_nor_free_the_one_who_is_at_the_limit() {
        let rates = RateLimiter::new(Some(10));
        for _ in 0..10 {
            rates.take(0, at(0));
        }

        for caller in 1..=(MAX_CALLERS * 2) {
            rates.take(caller, at(0));
        }

        assert!(rates.buckets.lock().len() <= MAX_CALLERS);
        assert_eq!(rates.take(0, at(0)).unwrap().retry_after_secs, Some(1));
    }
}
