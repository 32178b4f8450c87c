//! Turns within this node: of requests under the same key one works, and its twins wait without holding a connection
//! of the database. Twins on other nodes are held off by a lock of the database itself.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::base::clock::Clock;

type Slot = [u8; 32];

/// The keys at work. An entry lives as long as a request that holds or awaits it, so there are never more than requests
/// that run.
#[derive(Clone, Default)]
pub struct Twins {
    at_work: Arc<Mutex<HashMap<Slot, Arc<AsyncMutex<()>>>>>,
}

/// A request's turn; dropping it lets the next twin in.
pub struct Turn {
    slot: Slot,
    twins: Twins,
    lock: Arc<AsyncMutex<()>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Twins {
    /// Waits for the turn; `None` when it has not come until then.
    pub(super) async fn turn(&self, slot: Slot, clock: &Clock, until: DateTime<Utc>) -> Option<Turn> {
        let lock = Arc::clone(self.at_work.lock().entry(slot).or_default());
        // Made before the wait, so that a waiter that is dropped tidies up as well.
        let mut turn = Turn { slot, twins: self.clone(), lock, held: None };
        tokio::select! {
            biased;
            held = Arc::clone(&turn.lock).lock_owned() => turn.held = Some(held),
            () = clock.sleep_until(until) => return None,
        }
        Some(turn)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.at_work.lock().len()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held = None;
        let mut at_work = self.twins.at_work.lock();
        // The map's and ours: nobody else holds or awaits it, and under the map's lock nobody can begin to.
        if Arc::strong_count(&self.lock) == 2 {
            at_work.remove(&self.slot);
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
    async fn a_twin_waits_for_its_turn_and_leaves_nothing_behind() {
        let (twins, clock) = (Twins::default(), clock());
        let until = clock.now() + super::super::TWIN_WAIT;
        let first = twins.turn([1; 32], &clock, until).await.unwrap();
        let other = twins.turn([2; 32], &clock, until).await.unwrap();
        let second = twins.turn([1; 32], &clock, until);
        let mut second = std::pin::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());

        drop(first);
        let second = second.await.unwrap();

        assert_eq!(twins.count(), 2);
        drop((second, other));
        assert_eq!(twins.count(), 0);
    }

    #[tokio::test]
    async fn a_twin_does_not_wait_for_ever() {
        let (twins, clock) = (Twins::default(), clock());
        let until = clock.now() + super::super::TWIN_WAIT;
        let first = twins.turn([1; 32], &clock, until).await.unwrap();
        clock.advance(Duration::from_secs(10));

        assert!(twins.turn([1; 32], &clock, until).await.is_none());

        drop(first);
        assert_eq!(twins.count(), 0);
    }
}
