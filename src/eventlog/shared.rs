//! Reading the log once for many: after a cut a tenant's readers come back at about the same position, and all of them
//! ask for the same events. A stretch of the log never changes but by redaction, so who asks later gets what was read
//! for the first; whether an event is for them is judged for each reader.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use moka::ops::compute::Op;
use parking_lot::Mutex;

use super::replay::{Head, head, read_after};
use crate::auth::scope::TenantScope;
use crate::base::ids::TenantId;
use crate::base::turns::{LineFull, Queued, Turn, Turns};
use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::storage::{Database, Error, Result};

/// Events of a stretch. An event has at most 64 KiB, so this bounds a replay's memory too.
const STRETCH: i64 = 128;
/// Bounded: bytes of stretches that are kept; beyond it the least used are read again when they are wanted.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// What an event costs besides its frame: routing, position, pointers.
const EVENT_BYTES: usize = 256;
/// How long a stretch is kept at most: a storm's length, not a store.
const KEPT: Duration = Duration::from_secs(30);
/// How long the reach of a log towards the past is believed. Retention that was faster is noticed with the rows.
const FRESH: TimeDelta = TimeDelta::seconds(5);
/// Readers of one tenant that may wait for a permit to replay; beyond it a connection is told to come back later.
const MOST_WAITING: usize = 16_384;
/// Bounded: tenants whose head is remembered.
const MOST_HEADS: u64 = 10_000;

/// Events in order, starting on a round number: a reader passes over those that it has.
pub struct Stretch {
    pub envelopes: Vec<Arc<Envelope>>,
    /// The log when this was read; nothing up to `head.trimmed` is here.
    pub head: Head,
    /// It holds every event up to here.
    pub upto: i64,
}

struct KnownHead {
    head: Head,
    read_at: DateTime<Utc>,
    /// The turn in which its reading began.
    begun: u64,
}

/// A node's shared reads of all logs.
pub struct SharedReads {
    /// By tenant, generation, the database's history and the first event.
    stretches: Cache<(TenantId, u64, i64, i64), Arc<Stretch>>,
    heads: Cache<TenantId, Arc<KnownHead>>,
    /// Counted up by [`SharedReads::forget`]; a tenant without an entry is in its first.
    generations: Mutex<HashMap<TenantId, u64>>,
    turns: AtomicU64,
    reads: AtomicU64,
    /// Replays that read and judge a stretch at this moment.
    replays: Turns<TenantId>,
}

impl Default for SharedReads {
    fn default() -> Self {
        let stretches = Cache::builder()
            .max_capacity(MOST_BYTES)
            .weigher(|_, stretch: &Arc<Stretch>| stretch.bytes())
            .time_to_live(KEPT)
            .build();
        Self {
            stretches,
            heads: Cache::builder().max_capacity(MOST_HEADS).time_to_live(KEPT).build(),
            generations: Mutex::default(),
            turns: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            replays: replays(),
        }
    }
}

/// As many at once as there are cores, and half of them for one tenant: however many of its readers replay, the other
/// half is for everybody else.
fn replays() -> Turns<TenantId> {
    let at_once = available_parallelism().map_or(1, usize::from).max(2);
    Turns::shared(at_once, at_once / 2, MOST_WAITING)
}

impl SharedReads {
    /// A place in the tenant's line for the permit to replay one stretch, be it read from the store or known: judging
    /// its events costs as much. Tenants take turns, and a permit is given back between two stretches.
    pub fn queue_for_permit(&self, scope: &TenantScope) -> Result<Queued<TenantId>> {
        self.replays.queue(scope.tenant_id()).map_err(|LineFull| Error::Busy)
    }

    /// The permit itself.
    pub async fn permit(&self, scope: &TenantScope) -> Result<Turn<TenantId>> {
        self.replays.wait(scope.tenant_id()).await.map_err(|LineFull| Error::Busy)
    }

    /// How many wait for a permit, for the metrics.
    pub fn waiting(&self) -> usize {
        self.replays.waiting()
    }

    /// The stretch in which the event after `after` is, up to its end or at least to `upto`, which must be committed.
    /// Of many that ask at once one reads.
    pub async fn stretch(
        &self,
        db: &Database,
        scope: &TenantScope,
        after: i64,
        upto: i64,
    ) -> Result<Arc<Stretch>> {
        let start = after - after.rem_euclid(STRETCH);
        let needed = upto.min(start + STRETCH);
        let reaches = |known: &Arc<Stretch>| known.upto >= needed;
        let key = (scope.tenant_id(), self.generation(scope.tenant_id()), db.history(), start);
        if let Some(known) = self.stretches.get(&key).await.filter(reaches) {
            return Ok(known);
        }
        let outcome = self.stretches.entry(key).and_try_compute_with(async |entry| {
            if entry.is_some_and(|entry| reaches(entry.value())) {
                return Ok(Op::Nop);
            }
            self.reads.fetch_add(1, Ordering::Relaxed);
            load(db, scope, start).await.map(|stretch| Op::Put(Arc::new(stretch)))
        });
        let stretch = outcome.await?.into_entry().map(moka::Entry::into_value).filter(reaches);
        stretch.ok_or_else(|| Error::Corrupt(format!("the log ends before its event {needed}")))
    }

    /// The head as it stands after this call began. Those who ask while it is being read share the next reading.
    pub async fn head_now(&self, db: &Database, scope: &TenantScope, now: DateTime<Utc>) -> Result<Head> {
        let asked = self.turns.fetch_add(1, Ordering::Relaxed);
        self.known_head(db, scope, now, |known| known.begun > asked).await
    }

    /// The head for a reader who hears of everything after `cursor` in another way: its reach towards the past may be
    /// a few seconds old, its end is `cursor` or later.
    pub async fn head_at(
        &self,
        db: &Database,
        scope: &TenantScope,
        cursor: Position,
        now: DateTime<Utc>,
    ) -> Result<Head> {
        let fresh = |known: &KnownHead| {
            let age = now - known.read_at;
            known.head.epoch == cursor.epoch && TimeDelta::zero() <= age && age < FRESH
        };
        let head = self.known_head(db, scope, now, fresh).await?;
        // A log that was put in the place of the cursor's has a number of its own: the cursor says nothing of it.
        let seq = if head.epoch == cursor.epoch { head.seq.max(cursor.seq) } else { head.seq };
        Ok(Head { seq, ..head })
    }

    async fn known_head(
        &self,
        db: &Database,
        scope: &TenantScope,
        now: DateTime<Utc>,
        will_do: impl Fn(&KnownHead) -> bool,
    ) -> Result<Head> {
        let tenant_id = scope.tenant_id();
        if let Some(known) = self.heads.get(&tenant_id).await.filter(|known| will_do(known)) {
            return Ok(known.head);
        }
        let outcome = self.heads.entry(tenant_id).and_try_compute_with(async |entry| {
            if entry.is_some_and(|entry| will_do(entry.value())) {
                return Ok(Op::Nop);
            }
            let begun = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
            self.reads.fetch_add(1, Ordering::Relaxed);
            let head = head(db, scope).await?;
            Ok::<_, Error>(Op::Put(Arc::new(KnownHead { head, read_at: now, begun })))
        });
        let known = outcome.await?.into_entry();
        known
            .map(|known| known.value().head)
            .ok_or_else(|| Error::Corrupt("a head that was not kept".to_owned()))
    }

    /// From now on this tenant's log is read anew: an event of it was redacted. To be called after the commit.
    pub fn forget(&self, tenant_id: TenantId) {
        *self.generations.lock().entry(tenant_id).or_default() += 1;
    }

    /// How often the store was read since the start, for the metrics.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn generation(&self, tenant_id: TenantId) -> u64 {
        self.generations.lock().get(&tenant_id).copied().unwrap_or_default()
    }
}

impl Stretch {
    fn bytes(&self) -> u32 {
        let events = self.envelopes.iter();
        let bytes: usize = events.map(|event| event.frame.frame().len() + EVENT_BYTES).sum();
        u32::try_from(bytes + EVENT_BYTES).unwrap_or(u32::MAX)
    }
}

async fn load(db: &Database, scope: &TenantScope, start: i64) -> Result<Stretch> {
    let page = read_after(db, scope, start, STRETCH.unsigned_abs()).await?;
    let (mut head, end) = (page.head, start + STRETCH);
    let mut envelopes = page.envelopes;
    // Where retention took the beginning away, the rows reach past the end.
    envelopes.retain(|envelope| envelope.seq() <= end);
    let last = envelopes.last().map(|envelope| envelope.seq());
    let upto = last.unwrap_or(start).max(head.seq).min(end);
    // Retention may have been between the two reads; what is missing must not be passed over in silence.
    let first = envelopes.first().map_or(upto + 1, |envelope| envelope.seq());
    if first > start.max(head.trimmed) + 1 {
        head.trimmed = first - 1;
    }
    Ok(Stretch { envelopes, head, upto })
}
