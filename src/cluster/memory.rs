//! The cluster of one node: everything stays in this process.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::once::{Once, OnceError, OnceKey};
use crate::base::clock::Clock;

/// Short-lived values of this process.
pub struct MemoryOnce {
    clock: Clock,
    /// Bounded: when it is full and nothing in it has ended, the next value is refused.
    capacity: usize,
    values: Mutex<HashMap<OnceKey, Kept>>,
}

struct Kept {
    value: String,
    ends_at: DateTime<Utc>,
}

impl MemoryOnce {
    pub fn new(clock: Clock, capacity: usize) -> Self {
        Self { clock, capacity, values: Mutex::default() }
    }

    fn keep(&self, key: OnceKey, value: String, ttl: Duration) -> Result<(), OnceError> {
        let now = self.clock.now();
        let mut values = self.values.lock();
        if values.len() >= self.capacity && !values.contains_key(&key) {
            values.retain(|_, kept| kept.ends_at > now);
            if values.len() >= self.capacity {
                return Err(OnceError::Full);
            }
        }
        values.insert(key, Kept { value, ends_at: now + ttl });
        Ok(())
    }
}

impl Once for MemoryOnce {
    fn put(&self, key: OnceKey, value: String, ttl: Duration) -> BoxFuture<'_, Result<(), OnceError>> {
        ready(self.keep(key, value, ttl)).boxed()
    }

    fn peek(&self, key: OnceKey) -> BoxFuture<'_, Result<Option<String>, OnceError>> {
        let now = self.clock.now();
        let values = self.values.lock();
        let found = values.get(&key).filter(|kept| kept.ends_at > now).map(|kept| kept.value.clone());
        ready(Ok(found)).boxed()
    }

    fn take(&self, key: OnceKey) -> BoxFuture<'_, Result<Option<String>, OnceError>> {
        let now = self.clock.now();
        let taken = self.values.lock().remove(&key);
        ready(Ok(taken.filter(|kept| kept.ends_at > now).map(|kept| kept.value))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::SecretKind;
    use crate::base::entropy::Entropy;
    use crate::cluster::once::Space;

    fn clock() -> Clock {
        Clock::manual(DateTime::UNIX_EPOCH)
    }

    fn key() -> OnceKey {
        OnceKey::new(Space::Ticket, &SecretKind::Ticket.mint(Entropy).hash)
    }

    const TTL: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_value_is_read_at_will_and_taken_once() {
        let (once, key) = (MemoryOnce::new(clock(), 10), key());

        once.put(key, "a".into(), TTL).await.unwrap();

        assert_eq!(once.peek(key).await.unwrap().as_deref(), Some("a"));
        assert_eq!(once.take(key).await.unwrap().as_deref(), Some("a"));
        assert_eq!(once.take(key).await.unwrap(), None);
        assert_eq!(once.peek(key).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_value_ends_with_its_time() {
        let clock = clock();
        let (once, key) = (MemoryOnce::new(clock.clone(), 10), key());
        once.put(key, "a".into(), TTL).await.unwrap();

        clock.advance(TTL);

        assert_eq!(once.peek(key).await.unwrap(), None);
        assert_eq!(once.take(key).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_full_store_makes_room_by_what_has_ended_and_by_nothing_else() {
        let clock = clock();
        let once = MemoryOnce::new(clock.clone(), 1);
        once.put(key(), "a".into(), TTL).await.unwrap();

        assert!(matches!(once.put(key(), "b".into(), TTL).await, Err(OnceError::Full)));
        clock.advance(TTL);

        assert!(once.put(key(), "c".into(), TTL).await.is_ok());
    }
}
