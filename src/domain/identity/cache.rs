//! A short memory of what the store said of an account: one query however many ask at once, and nothing in it outlives
//! the word of a revocation.

use std::collections::VecDeque;
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
use crate::domain::revocation::Revocation;
use crate::protocol::problem::Problem;

/// How long an answer of the store is believed where no word would come of a change.
const FRESH: Duration = Duration::from_secs(5);
/// How long it is believed where every change for the worse is told at once, so that a storm of returning sockets asks the
/// store once for each user, however long it blows. It is sound because a node stands alone (`cluster.url` is refused):
/// what joins nodes must bring the others' words here, and while it cannot, [`FRESH`] is the bound.
pub(super) const FRESH_WHILE_TOLD: Duration = Duration::from_secs(60);
/// Bounded: answers that are remembered; beyond it the least used are read again.
const REMEMBERED: u64 = 50_000;
/// Revocations that are remembered, to hold against answers that were read before them.
const NEWS: usize = 1024;

/// Something that a revocation can be about.
pub(super) trait Concerned {
    fn concerned(&self, by: &Revocation) -> bool;

    /// Whether whatever makes it untrue is told as a revocation. What may only get better is not.
    fn is_told(&self) -> bool;
}

/// What an answer was asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// An id, which is somebody's for good.
    Id,
    /// A name, which others may take.
    Name,
}

/// The store's answer and when it was read.
struct Known<V> {
    value: V,
    by: By,
    read_at: DateTime<Utc>,
    /// The revocations that were known before it was read; later ones are held against it.
    mark: u64,
}

/// Answers by what was asked for.
pub(super) struct ShortCache<K, V> {
    known: Cache<K, Arc<Known<V>>>,
    clock: Clock,
    reads: AtomicU64,
    hits: AtomicU64,
}

impl<K, V> ShortCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Concerned + Clone + Send + Sync + 'static,
{
    pub(super) fn new(clock: Clock) -> Self {
        // The time to live only frees memory: whether an answer is fresh is for our own clock to say.
        let known = Cache::builder().max_capacity(REMEMBERED).time_to_live(FRESH_WHILE_TOLD).build();
        Self { known, clock, reads: AtomicU64::new(0), hits: AtomicU64::new(0) }
    }

    /// What is known, or what `load` reads; of many that ask for one key at once, one reads.
    pub(super) async fn get_or_load(
        &self,
        key: K,
        by: By,
        news: &News,
        load: impl AsyncFnOnce() -> Result<V> + Send,
    ) -> Result<V>
    where
        K: std::fmt::Debug,
    {
        if let Some(known) = self.known.get(&key).await.filter(|known| self.is_fresh(known, news)) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(known.value.clone());
        }
        let outcome = self.known.entry(key).and_try_compute_with(async |entry| {
            let known = entry.map(moka::Entry::into_value);
            if known.is_some_and(|known| self.is_fresh(&known, news)) {
                return Ok(Op::Nop);
            }
            // Before the read: a revocation that is committed meanwhile must be held against what was read.
            let (mark, read_at) = (news.mark(), self.clock.steady());
            self.reads.fetch_add(1, Ordering::Relaxed);
            let value = load().await?;
            Ok::<_, Problem>(Op::Put(Arc::new(Known { value, by, read_at, mark })))
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

    fn is_fresh(&self, known: &Known<V>, news: &News) -> bool {
        let age = self.clock.steady() - known.read_at;
        let is_told = known.by == By::Id && known.value.is_told();
        let most = if is_told { FRESH_WHILE_TOLD } else { FRESH };
        let fresh = TimeDelta::zero() <= age && age.to_std().is_ok_and(|age| age < most);
        fresh && !news.concern_since(known.mark, |word| known.value.concerned(word))
    }
}

/// The revocations of late, this node's own and those that others told it. They are read when they are needed, so that
/// the request after a revocation already knows of it.
pub(super) struct News(Mutex<Heard>);

struct Heard {
    words: broadcast::Receiver<Revocation>,
    recent: VecDeque<Revocation>,
    /// The number of the first one in `recent`.
    first: u64,
}

impl News {
    pub(super) fn new(words: broadcast::Receiver<Revocation>) -> Self {
        Self(Mutex::new(Heard { words, recent: VecDeque::new(), first: 0 }))
    }

    /// A mark behind everything that has been told so far.
    fn mark(&self) -> u64 {
        let mut heard = self.0.lock();
        heard.listen();
        heard.end()
    }

    /// Whether anything told after `mark` is a concern. When that is not remembered any more, it may be.
    fn concern_since(&self, mark: u64, concerns: impl Fn(&Revocation) -> bool) -> bool {
        let mut heard = self.0.lock();
        heard.listen();
        let Some(skip) = mark.checked_sub(heard.first) else { return true };
        heard.recent.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).any(concerns)
    }
}

impl Heard {
    fn listen(&mut self) {
        loop {
            match self.words.try_recv() {
                Ok(word) => self.recent.push_back(word),
                Err(TryRecvError::Lagged(missed)) => {
                    // What was missed may concern anybody: every mark so far is now too old.
                    self.first = self.end() + missed;
                    self.recent.clear();
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        while self.recent.len() > NEWS {
            self.recent.pop_front();
            self.first += 1;
        }
    }

    fn end(&self) -> u64 {
        self.first + self.recent.len() as u64
    }
}
