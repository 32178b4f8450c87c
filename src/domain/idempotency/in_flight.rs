//! Exclusion within this node: of requests under the same key one works, and the others wait without holding
//! a database connection. Requests on other nodes are excluded by a lock of the database itself.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::base::clock::Clock;

/// How long to wait for a concurrent request with the same key.
pub const IN_FLIGHT_WAIT: TimeDelta = TimeDelta::seconds(10);

type KeyDigest = [u8; 32];

/// The keys in use. An entry lives as long as a request that holds or awaits it, so there are never more than
/// running requests.
#[derive(Clone, Default)]
pub struct InFlight {
    entries: Arc<Mutex<HashMap<KeyDigest, Arc<AsyncMutex<()>>>>>,
}

/// A request's exclusive use of its key; dropping it admits the next request.
pub struct InFlightGuard {
    key_digest: KeyDigest,
    in_flight: InFlight,
    lock: Arc<AsyncMutex<()>>,
    lock_guard: Option<OwnedMutexGuard<()>>,
}

impl InFlight {
    /// Waits for exclusive use of the key; `None` if the deadline passes first.
    pub(super) async fn acquire(
        &self,
        key_digest: KeyDigest,
        clock: &Clock,
        until: DateTime<Utc>,
    ) -> Option<InFlightGuard> {
        let lock = Arc::clone(self.entries.lock().entry(key_digest).or_default());
        // Created before the wait, so that a waiter that is dropped is cleaned up as well.
        let mut guard = InFlightGuard { key_digest, in_flight: self.clone(), lock, lock_guard: None };
        tokio::select! {
            biased;
            held = Arc::clone(&guard.lock).lock_owned() => guard.lock_guard = Some(held),
            () = clock.sleep_until(until) => return None,
        }
        Some(guard)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.entries.lock().len()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.lock_guard = None;
        let mut entries = self.in_flight.entries.lock();
        // The map's and ours: no other request holds or awaits it, and under the map's lock none can begin to.
        if Arc::strong_count(&self.lock) == 2 {
            entries.remove(&self.key_digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clock() -> Clock {
        Clock::manual(DateTime::from_timestamp(1_764_000_000, 0).unwrap())
    }

    #[tokio::test]
    async fn a_concurrent_request_waits_for_the_first_and_leaves_no_entry() {
        let (in_flight, clock) = (InFlight::default(), clock());
        let until = clock.now() + IN_FLIGHT_WAIT;
        let first = in_flight.acquire([1; 32], &clock, until).await.unwrap();
        let other = in_flight.acquire([2; 32], &clock, until).await.unwrap();
        let second = in_flight.acquire([1; 32], &clock, until);
        let mut second = std::pin::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());

        drop(first);
        let second = second.await.unwrap();

        assert_eq!(in_flight.count(), 2);
        drop((second, other));
        assert_eq!(in_flight.count(), 0);
    }

    #[tokio::test]
    async fn a_concurrent_request_does_not_wait_forever() {
        let (in_flight, clock) = (InFlight::default(), clock());
        let until = clock.now() + IN_FLIGHT_WAIT;
        let first = in_flight.acquire([1; 32], &clock, until).await.unwrap();
        clock.advance(Duration::from_secs(10));

        assert!(in_flight.acquire([1; 32], &clock, until).await.is_none());

        drop(first);
        assert_eq!(in_flight.count(), 0);
    }
}
