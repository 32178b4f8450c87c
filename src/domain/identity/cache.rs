//! A short-lived cache of account data: one query however many requests ask at once, and no entry outlives
//! its revocation.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use moka::ops::compute::Op;
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use crate::auth::revocation::{Revocation, RevocationSubject};
use crate::base::clock::Clock;
use crate::domain::error::Result;
use crate::protocol::problem::Problem;

/// Lifetime of an entry that may change without a revocation.
const TTL: Duration = Duration::from_secs(5);
/// Lifetime of an entry if every loss of rights is announced at once, so that a storm of reconnecting sockets
/// reads each user once per lifetime. It is sound only on a single node (`cluster.url` is refused): a cluster
/// must deliver the other nodes' revocations here, and until it does, [`TTL`] is the bound.
pub(super) const TTL_WITH_REVOCATIONS: Duration = Duration::from_secs(60);
/// Bounded: cached entries; beyond it the least used are evicted.
const MAX_ENTRIES: u64 = 50_000;
/// Revocations that are remembered, to check entries that were read before them; some 100 bytes each. Entries
/// from before the oldest are read again, each when it is next needed.
const MAX_REVOCATIONS: usize = 65_536;
/// A cached value that revocations can invalidate.
pub(super) trait Invalidate {
    /// A revocation of any of these invalidates it.
    fn subjects(&self) -> [Option<RevocationSubject>; 3];

    /// Whether every change that invalidates it is announced as a revocation; not if it can only gain rights.
    fn has_revocations(&self) -> bool;
}

/// How a value is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupKind {
    /// By an id, which belongs to one account for good.
    Id,
    /// By a name, which another account may take.
    Name,
}

/// A value from the store and when it was read.
struct CachedValue<V> {
    value: V,
    lookup: LookupKind,
    read_at: DateTime<Utc>,
    /// The revocation number before the read; the value is checked against later ones.
    version: u64,
}

/// Values by lookup key.
pub(super) struct CredentialCache<K, V> {
    cache: Cache<K, Arc<CachedValue<V>>>,
    clock: Clock,
    reads: AtomicU64,
    hits: AtomicU64,
}

impl<K, V> CredentialCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Invalidate + Clone + Send + Sync + 'static,
{
    pub(super) fn new(clock: Clock) -> Self {
        // The time to live only frees memory: whether a value is fresh is decided by our own clock.
        let cache = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(TTL_WITH_REVOCATIONS).build();
        Self { cache, clock, reads: AtomicU64::new(0), hits: AtomicU64::new(0) }
    }

    /// The cached value, or what `load` reads; of concurrent requests for one key, one reads.
    pub(super) async fn get_or_load(
        &self,
        key: K,
        lookup: LookupKind,
        revocations: &RevocationLog,
        load: impl AsyncFnOnce() -> Result<V> + Send,
    ) -> Result<V>
    where
        K: std::fmt::Debug,
    {
        if let Some(known) = self.cache.get(&key).await.filter(|known| self.is_fresh(known, revocations)) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(known.value.clone());
        }
        let outcome = self.cache.entry(key).and_try_compute_with(async |entry| {
            let known = entry.map(moka::Entry::into_value);
            if known.is_some_and(|known| self.is_fresh(&known, revocations)) {
                return Ok(Op::Nop);
            }
            // Before the read: a revocation that is committed meanwhile must invalidate what was read.
            let (version, read_at) = (revocations.version(), self.clock.steady());
            self.reads.fetch_add(1, Ordering::Relaxed);
            let value = load().await?;
            Ok::<_, Problem>(Op::Put(Arc::new(CachedValue { value, lookup, read_at, version })))
        });
        let entry = outcome.await?.into_entry().ok_or_else(Problem::internal)?;
        Ok(entry.value().value.clone())
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    fn is_fresh(&self, known: &CachedValue<V>, revocations: &RevocationLog) -> bool {
        let age = self.clock.steady() - known.read_at;
        let has_revocations = known.lookup == LookupKind::Id && known.value.has_revocations();
        let most = if has_revocations { TTL_WITH_REVOCATIONS } else { TTL };
        let fresh = TimeDelta::zero() <= age && age.to_std().is_ok_and(|age| age < most);
        fresh && !revocations.has_revocation_since(known.version, &known.value.subjects())
    }
}

/// Recent revocations, of this node and of others. They are drained on every lookup, so that the request
/// after a revocation already sees it.
pub(super) struct RevocationLog(Mutex<RevocationLogState>);

struct RevocationLogState {
    receiver: broadcast::Receiver<Revocation>,
    /// The number of the last revocation of each subject.
    latest: HashMap<RevocationSubject, u64>,
    /// The same by number, to evict the oldest.
    order: VecDeque<(u64, RevocationSubject)>,
    /// The number of the next revocation.
    next: u64,
    /// Revocations below this number are forgotten: values that were read before it may be stale.
    floor: u64,
}

impl RevocationLog {
    pub(super) fn new(receiver: broadcast::Receiver<Revocation>) -> Self {
        let (latest, order) = (HashMap::new(), VecDeque::new());
        Self(Mutex::new(RevocationLogState { receiver, latest, order, next: 0, floor: 0 }))
    }

    /// Drains the channel. Called periodically, so that it does not overflow while nothing is looked up.
    pub(super) fn drain(&self) {
        self.0.lock().drain();
    }

    /// Missed revocations may concern any account: every value so far is read again when it is next needed.
    pub(super) fn invalidate_all(&self) {
        let mut heard = self.0.lock();
        heard.drain();
        heard.skip_missed(0);
    }

    /// The version after all revocations received so far.
    fn version(&self) -> u64 {
        let mut heard = self.0.lock();
        heard.drain();
        heard.next
    }

    /// Whether a revocation since `version` is about one of the subjects; true if that is not remembered any more.
    fn has_revocation_since(&self, version: u64, subjects: &[Option<RevocationSubject>]) -> bool {
        let mut heard = self.0.lock();
        heard.drain();
        let is_later = |subject| heard.latest.get(subject).is_some_and(|number| *number >= version);
        version < heard.floor || subjects.iter().flatten().any(is_later)
    }
}

impl RevocationLogState {
    fn drain(&mut self) {
        loop {
            match self.receiver.try_recv() {
                Ok(word) => word.subjects().into_iter().for_each(|subject| self.record(subject)),
                Err(TryRecvError::Lagged(missed)) => self.skip_missed(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    fn record(&mut self, subject: RevocationSubject) {
        self.latest.insert(subject, self.next);
        self.order.push_back((self.next, subject));
        self.next += 1;
        while self.order.len() > MAX_REVOCATIONS {
            let Some((number, subject)) = self.order.pop_front() else { return };
            if self.latest.get(&subject) == Some(&number) {
                self.latest.remove(&subject);
            }
            self.floor = number + 1;
        }
    }

    fn skip_missed(&mut self, missed: u64) {
        // One more than were missed: a read in progress has the version `next`.
        self.next += missed + 1;
        self.floor = self.next;
        self.latest.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{TenantId, UserId};

    fn revocation_of(user: i64) -> Revocation {
        Revocation::User { tenant: TenantId(1), user: UserId(user) }
    }

    fn concerns(news: &RevocationLog, mark: u64, user: i64) -> bool {
        news.has_revocation_since(mark, &[None, Some(revocation_of(user).subjects()[0])])
    }

    #[test]
    fn a_revocation_invalidates_only_earlier_reads_of_its_subject() {
        let (told, words) = broadcast::channel(16);
        let news = RevocationLog::new(words);
        let before = news.version();

        told.send(revocation_of(1)).unwrap();

        assert!(concerns(&news, before, 1));
        assert!(!concerns(&news, before, 2));
        assert!(!concerns(&news, news.version(), 1), "what is read after it knows of it");
    }

    #[test]
    fn revocations_of_others_invalidate_nothing_until_the_log_overflows() {
        let (told, words) = broadcast::channel(16);
        let news = RevocationLog::new(words);
        let before = news.version();
        let tell = |count: usize| {
            for _ in 0..count {
                told.send(revocation_of(1)).unwrap();
                news.drain();
            }
        };

        tell(MAX_REVOCATIONS);
        assert!(!concerns(&news, before, 2));
        tell(1);

        assert!(concerns(&news, before, 2));
        assert!(
            news.0.lock().order.len() <= MAX_REVOCATIONS && news.0.lock().latest.len() <= MAX_REVOCATIONS
        );
    }

    #[test]
    fn missed_revocations_invalidate_everything() {
        let (told, words) = broadcast::channel(2);
        let news = RevocationLog::new(words);
        let before = news.version();

        (0..5).for_each(|_| _ = told.send(revocation_of(1)).unwrap());

        assert!(concerns(&news, before, 2));
        let after = news.version();
        assert!(!concerns(&news, after, 2));
        news.invalidate_all();
        assert!(concerns(&news, after, 2));
    }
}
