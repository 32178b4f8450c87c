//! Limits on concurrent connects. When all clients reconnect together, a node serves those that it can and refuses
//! the rest at little cost: no signature is verified and no row is read for them. Open connections are not affected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::domain::op::Services;
use crate::protocol::problem::{Code, Problem};
use crate::telemetry::metrics::{AdmissionLimit, Metrics};

/// Longest wait for a permit; a client that waited longer would have given up.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Longest `retry_after`, in seconds.
const MAX_RETRY_AFTER_SECS: u64 = 30;

/// Limits on concurrent connects.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionSettings {
    /// Credentials of sockets and streams that are checked concurrently; as many again of requests.
    pub connects: usize,
    /// Connections between their admission and the first events that they read, concurrently.
    pub joins: usize,
    /// Maximum number of waiting callers for each of these limits; further ones are refused.
    pub max_waiting: usize,
}

/// The concurrency limits of a node.
pub struct Admission {
    /// Sockets and streams that authenticate.
    pub connects: ConcurrencyLimit,
    /// Requests that authenticate. A storm of sockets does not keep workers and users from theirs.
    pub requests: ConcurrencyLimit,
    /// Connections that join their log.
    pub joins: ConcurrencyLimit,
}

/// Gives a limited number of permits, lets a few callers wait, and refuses the rest.
pub struct ConcurrencyLimit {
    name: AdmissionLimit,
    permits: Arc<Semaphore>,
    max_permits: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
    metrics: Arc<Metrics>,
    /// The refusals of this second and of the one before it, as a measure of the storm.
    recent_refusals: Mutex<RecentRefusals>,
    clock: Clock,
    entropy: Entropy,
}

#[derive(Default)]
struct RecentRefusals {
    second: i64,
    now: u64,
    before: u64,
}

/// A permit of a limit; dropping it admits the next caller.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    pub(super) fn new(settings: AdmissionSettings, services: &Services) -> Self {
        let limit = |name, permits| {
            let (clock, metrics) = (services.clock.clone(), Arc::clone(&services.metrics));
            ConcurrencyLimit::new(name, permits, settings.max_waiting, clock, services.entropy, metrics)
        };
        Self {
            connects: limit(AdmissionLimit::Connects, settings.connects),
            requests: limit(AdmissionLimit::Requests, settings.connects),
            joins: limit(AdmissionLimit::Joins, settings.joins),
        }
    }
}

impl ConcurrencyLimit {
    fn new(
        name: AdmissionLimit,
        max_permits: usize,
        max_waiting: usize,
        clock: Clock,
        entropy: Entropy,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            name,
            // Bounded: `max_waiting` callers may wait; further ones are refused immediately.
            permits: Arc::new(Semaphore::new(max_permits.min(Semaphore::MAX_PERMITS))),
            max_permits,
            waiting: AtomicUsize::new(0),
            max_waiting,
            metrics,
            recent_refusals: Mutex::default(),
            clock,
            entropy,
        }
    }

    /// A permit, immediately or after a short wait in the order of arrival; otherwise an error with `retry_after`.
    pub async fn acquire(&self) -> Result<Permit, Problem> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(Permit { _permit: permit });
        }
        let Some(_in_line) = WaitSlot::of(self) else { return Err(self.refuse()) };
        tokio::select! {
            permit = Arc::clone(&self.permits).acquire_owned() => match permit {
                Ok(permit) => Ok(Permit { _permit: permit }),
                Err(_) => Err(self.refuse()),
            },
            () = self.clock.sleep(MAX_WAIT) => Err(self.refuse()),
        }
    }

    fn refuse(&self) -> Problem {
        self.metrics.admission_refused.of(self.name).inc();
        let words = "Too many connect at this moment; come again in a while.";
        Problem::new(Code::Unavailable, words).retry_after(self.retry_after_secs())
    }

    /// Seconds before a retry: random within a span that grows with the callers that wait and those that were
    /// refused, so that they do not return together.
    fn retry_after_secs(&self) -> u32 {
        let backlog = self.waiting.load(Ordering::Relaxed) as u64 + self.count_refusal();
        let span = (1 + backlog / (self.max_permits as u64).max(1)).min(MAX_RETRY_AFTER_SECS);
        u32::try_from(1 + self.entropy.below(span)).unwrap_or(1)
    }

    fn count_refusal(&self) -> u64 {
        let second = self.clock.now().timestamp();
        let mut lately = self.recent_refusals.lock();
        if lately.second != second {
            let before = if lately.second + 1 == second { lately.now } else { 0 };
            *lately = RecentRefusals { second, now: 0, before };
        }
        lately.now += 1;
        lately.now + lately.before
    }
}

/// A waiting caller; dropped when the wait ends, also when the client disconnects.
struct WaitSlot<'a>(&'a ConcurrencyLimit);

impl<'a> WaitSlot<'a> {
    fn of(limit: &'a ConcurrencyLimit) -> Option<Self> {
        let joins = |waiting| (waiting < limit.max_waiting).then_some(waiting + 1);
        limit.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, joins).ok()?;
        Some(Self(limit))
    }
}

impl Drop for WaitSlot<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use futures_util::poll;
    use std::pin::pin;

    use super::*;

    fn limit(places: usize, waiting: usize) -> ConcurrencyLimit {
        let clock = Clock::manual(DateTime::from_timestamp(1_764_000_000, 0).unwrap());
        ConcurrencyLimit::new(AdmissionLimit::Joins, places, waiting, clock, Entropy, Arc::default())
    }

    #[tokio::test]
    async fn free_permits_are_given_immediately_a_few_callers_wait_and_the_rest_are_refused() {
        let limit = limit(1, 1);
        let first = limit.acquire().await.unwrap();
        let mut second = pin!(limit.acquire());
        assert!(poll!(&mut second).is_pending());

        let third = limit.acquire().await.unwrap_err();
        drop(first);

        assert_eq!(third.code, Code::Unavailable);
        assert!(limit.metrics.text().contains("lotline_admission_refused_total{gate=\"joins\"} 1"));
        assert!(third.retry_after.is_some_and(|seconds| seconds >= 1));
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn a_cancelled_waiter_frees_its_wait_slot() {
        let limit = limit(1, 1);
        let _first = limit.acquire().await.unwrap();
        {
            let mut gone = pin!(limit.acquire());
            assert!(poll!(&mut gone).is_pending());
        }

        let mut next = pin!(limit.acquire());

        assert!(poll!(&mut next).is_pending(), "the line is free again");
    }

    #[tokio::test]
    async fn a_waiter_is_refused_after_the_longest_wait() {
        let limit = limit(1, 1);
        let _first = limit.acquire().await.unwrap();
        let mut waiting = pin!(limit.acquire());
        assert!(poll!(&mut waiting).is_pending());

        limit.clock.advance(MAX_WAIT);

        assert_eq!(waiting.await.unwrap_err().code, Code::Unavailable);
    }

    #[tokio::test]
    async fn the_more_refusals_the_wider_retry_after_is_spread() {
        let limit = limit(1, 0);
        let _first = limit.acquire().await.unwrap();

        let mut delays = Vec::new();
        for _ in 0..500 {
            delays.push(limit.acquire().await.unwrap_err().retry_after.unwrap());
        }

        assert!(delays[0] <= 2, "{delays:?}");
        assert!(delays.iter().all(|seconds| (1..=30).contains(seconds)), "{delays:?}");
        let different: std::collections::HashSet<_> = delays.iter().collect();
        assert!(different.len() > 15, "{different:?}");
    }
}
