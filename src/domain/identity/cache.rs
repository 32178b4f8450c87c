//! A short memory of what the store said of an account: one query however many ask at once, and nothing in it outlives
//! the word of a revocation.

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

use crate::base::clock::Clock;
use crate::domain::error::Result;
use crate::domain::revocation::{Revocation, RevocationSubject};
use crate::protocol::problem::Problem;

/// How long an answer of the store is believed where no word would come of a change.
const TTL: Duration = Duration::from_secs(5);
/// How long it is believed where every change for the worse is told at once, so that a storm of returning sockets asks the
/// store once for each user, however long it blows. It is sound because a node stands alone (`cluster.url` is refused):
/// what joins nodes must bring the others' words here, and while it cannot, [`FRESH`] is the bound.
pub(super) const TTL_WITH_REVOCATIONS: Duration = Duration::from_secs(60);
/// Bounded: answers that are remembered; beyond it the least used are read again.
const MAX_ENTRIES: u64 = 50_000;
/// Revocations that are remembered, to hold against answers that were read before them; some 100 bytes each. Answers from
/// before the oldest are read again, each when it is next asked for.
const MAX_REVOCATIONS: usize = 65_536;
/// Something that a revocation can be about.
pub(super) trait Invalidate {
    /// A revocation of any of these makes it untrue.
    fn subjects(&self) -> [Option<RevocationSubject>; 3];

    /// Whether whatever makes it untrue is told as a revocation. What may only get better is not.
    fn has_revocations(&self) -> bool;
}

/// What an answer was asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupKind {
    /// An id, which is somebody's for good.
    Id,
    /// A name, which others may take.
    Name,
}

/// The store's answer and when it was read.
struct CachedValue<V> {
    value: V,
    lookup: LookupKind,
    read_at: DateTime<Utc>,
    /// The revocations that were known before it was read; later ones are held against it.
    version: u64,
}

/// Answers by what was asked for.
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
        // The time to live only frees memory: whether an answer is fresh is for our own clock to say.
        let cache = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(TTL_WITH_REVOCATIONS).build();
        Self { cache: cache, clock, reads: AtomicU64::new(0), hits: AtomicU64::new(0) }
    }

    /// What is known, or what `load` reads; of many that ask for one key at once, one reads.
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
            // Before the read: a revocation that is committed meanwhile must be held against what was read.
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

/// The revocations of late, this node's own and those that others told it. They are read when they are needed, so that
/// the request after a revocation already knows of it.
pub(super) struct RevocationLog(Mutex<RevocationLogState>);

struct RevocationLogState {
    receiver: broadcast::Receiver<Revocation>,
    /// The number of the last revocation of each subject.
    latest: HashMap<RevocationSubject, u64>,
    /// The same by number, for the oldest to be forgotten.
    order: VecDeque<(u64, RevocationSubject)>,
    /// The number of the next revocation.
    next: u64,
    /// Revocations below this number are not known any more: answers that were read before it may be untrue.
    floor: u64,
}

impl RevocationLog {
    pub(super) fn new(receiver: broadcast::Receiver<Revocation>) -> Self {
        let (latest, order) = (HashMap::new(), VecDeque::new());
        Self(Mutex::new(RevocationLogState { receiver, latest, order, next: 0, floor: 0 }))
    }

    /// Takes in what was told. Called now and then while nothing is looked up, so that the channel does not run full.
    pub(super) fn drain(&self) {
        self.0.lock().drain();
    }

    /// Revocations were missed that may concern any account: every answer so far is read again when it is next asked for.
    pub(super) fn invalidate_all(&self) {
        let mut heard = self.0.lock();
        heard.drain();
        heard.skip_missed(0);
    }

    /// A mark behind everything that has been told so far.
    fn version(&self) -> u64 {
        let mut heard = self.0.lock();
        heard.drain();
        heard.next
    }

    /// Whether anything told after `mark` is about one of the subjects. When that is not remembered any more, it may be.
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
        // One more than were missed: an answer that is being read at this moment has the mark `next`.
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
