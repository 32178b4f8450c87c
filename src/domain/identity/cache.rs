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
use crate::domain::revocation::{Revocation, Subject};
use crate::protocol::problem::Problem;

/// How long an answer of the store is believed where no word would come of a change.
const FRESH: Duration = Duration::from_secs(5);
/// How long it is believed where every change for the worse is told at once, so that a storm of returning sockets asks the
/// store once for each user, however long it blows. It is sound because a node stands alone (`cluster.url` is refused):
/// what joins nodes must bring the others' words here, and while it cannot, [`FRESH`] is the bound.
pub(super) const FRESH_WHILE_TOLD: Duration = Duration::from_secs(60);
/// Bounded: answers that are remembered; beyond it the least used are read again.
const REMEMBERED: u64 = 50_000;
/// Revocations that are remembered, to hold against answers that were read before them; some 100 bytes each. Answers from
/// before the oldest are read again, each when it is next asked for.
const NEWS: usize = 65_536;
/// Something that a revocation can be about.
pub(super) trait Concerned {
    /// A revocation of any of these makes it untrue.
    fn subjects(&self) -> [Option<Subject>; 3];

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
        fresh && !news.concern_since(known.mark, &known.value.subjects())
    }
}

/// The revocations of late, this node's own and those that others told it. They are read when they are needed, so that
/// the request after a revocation already knows of it.
pub(super) struct News(Mutex<Heard>);

struct Heard {
    words: broadcast::Receiver<Revocation>,
    /// The number of the last revocation of each subject.
    latest: HashMap<Subject, u64>,
    /// The same by number, for the oldest to be forgotten.
    order: VecDeque<(u64, Subject)>,
    /// The number of the next revocation.
    next: u64,
    /// Revocations below this number are not known any more: answers that were read before it may be untrue.
    floor: u64,
}

impl News {
    pub(super) fn new(words: broadcast::Receiver<Revocation>) -> Self {
        let (latest, order) = (HashMap::new(), VecDeque::new());
        Self(Mutex::new(Heard { words, latest, order, next: 0, floor: 0 }))
    }

    /// Takes in what was told. Called now and then while nothing is looked up, so that the channel does not run full.
    pub(super) fn listen(&self) {
        self.0.lock().listen();
    }

    /// Revocations were missed that may concern any account: every answer so far is read again when it is next asked for.
    pub(super) fn forget(&self) {
        let mut heard = self.0.lock();
        heard.listen();
        heard.miss(0);
    }

    /// A mark behind everything that has been told so far.
    fn mark(&self) -> u64 {
        let mut heard = self.0.lock();
        heard.listen();
        heard.next
    }

    /// Whether anything told after `mark` is about one of the subjects. When that is not remembered any more, it may be.
    fn concern_since(&self, mark: u64, subjects: &[Option<Subject>]) -> bool {
        let mut heard = self.0.lock();
        heard.listen();
        let is_later = |subject| heard.latest.get(subject).is_some_and(|number| *number >= mark);
        mark < heard.floor || subjects.iter().flatten().any(is_later)
    }
}

impl Heard {
    fn listen(&mut self) {
        loop {
            match self.words.try_recv() {
                Ok(word) => word.subjects().into_iter().for_each(|subject| self.note(subject)),
                Err(TryRecvError::Lagged(missed)) => self.miss(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    fn note(&mut self, subject: Subject) {
        self.latest.insert(subject, self.next);
        self.order.push_back((self.next, subject));
        self.next += 1;
        while self.order.len() > NEWS {
            let Some((number, subject)) = self.order.pop_front() else { return };
            if self.latest.get(&subject) == Some(&number) {
                self.latest.remove(&subject);
            }
            self.floor = number + 1;
        }
    }

    fn miss(&mut self, missed: u64) {
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

    fn word(user: i64) -> Revocation {
        Revocation::User { tenant: TenantId(1), user: UserId(user) }
    }

    fn concerns(news: &News, mark: u64, user: i64) -> bool {
        news.concern_since(mark, &[None, Some(word(user).subjects()[0])])
    }

    #[test]
    fn a_revocation_concerns_what_was_read_before_it_of_its_subject_only() {
        let (told, words) = broadcast::channel(16);
        let news = News::new(words);
        let before = news.mark();

        told.send(word(1)).unwrap();

        assert!(concerns(&news, before, 1));
        assert!(!concerns(&news, before, 2));
        assert!(!concerns(&news, news.mark(), 1), "what is read after it knows of it");
    }

    #[test]
    fn a_flood_about_others_is_no_concern_while_it_is_remembered_and_one_beyond_that() {
        let (told, words) = broadcast::channel(16);
        let news = News::new(words);
        let before = news.mark();
        let tell = |count: usize| {
            for _ in 0..count {
                told.send(word(1)).unwrap();
                news.listen();
            }
        };

        tell(NEWS);
        assert!(!concerns(&news, before, 2));
        tell(1);

        assert!(concerns(&news, before, 2));
        assert!(news.0.lock().order.len() <= NEWS && news.0.lock().latest.len() <= NEWS);
    }

    #[test]
    fn what_was_missed_may_concern_anybody() {
        let (told, words) = broadcast::channel(2);
        let news = News::new(words);
        let before = news.mark();

        (0..5).for_each(|_| _ = told.send(word(1)).unwrap());

        assert!(concerns(&news, before, 2));
        let after = news.mark();
        assert!(!concerns(&news, after, 2));
        news.forget();
        assert!(concerns(&news, after, 2));
    }
}
