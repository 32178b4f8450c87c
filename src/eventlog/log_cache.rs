//! Reads the log once for many readers: after a disconnect a tenant's readers come back at about the same position,
//! and ask for the same events. A segment of the log changes by redaction only, so later readers get what was read
//! for the first; whether a reader may see an event is decided for each reader.

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
use crate::auth::tenant_scope::TenantScope;
use crate::base::fair_semaphore::{FairPermit, FairSemaphore, QueueFull, Queued};
use crate::base::ids::TenantId;
use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::storage::{Database, Error, Result};

/// Events of a segment. An event has at most 64 KiB, so this bounds a replay's memory too.
const SEGMENT_EVENTS: i64 = 128;
/// Bytes of cached segments; beyond it the least used are dropped and read again when they are wanted.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// What an event costs besides its frame: routing, position, pointers.
const EVENT_BYTES: usize = 256;
/// TTL of a cached segment: long enough for a storm of reconnects.
const CACHE_TTL: Duration = Duration::from_secs(30);
/// How long a cached head's `trimmed` is trusted. Retention that was faster is noticed with the rows.
const HEAD_TTL: TimeDelta = TimeDelta::seconds(5);
/// Readers of one tenant that may wait for a permit to replay; one more is refused as busy.
const MAX_WAITING: usize = 16_384;
/// Tenants with a cached head.
const MAX_HEADS: u64 = 10_000;

/// Events in order, starting on a round number: a reader skips those that it has.
pub struct LogSegment {
    pub envelopes: Vec<Arc<Envelope>>,
    /// The log when this was read; nothing up to `head.trimmed` is here.
    pub head: Head,
    /// It holds every event up to here.
    pub upto: i64,
}

struct CachedHead {
    head: Head,
    read_at: DateTime<Utc>,
    /// The tick in which its reading began.
    started_tick: u64,
}

/// A node's cache of all logs.
pub struct LogCache {
    /// By tenant, generation, database identity and first event.
    segments: Cache<(TenantId, u64, i64, i64), Arc<LogSegment>>,
    heads: Cache<TenantId, Arc<CachedHead>>,
    /// Counted up by [`LogCache::invalidate`]; a tenant without an entry is in its first.
    generations: Mutex<HashMap<TenantId, u64>>,
    ticks: AtomicU64,
    reads: AtomicU64,
    /// Replays that read and filter a segment at this moment.
    replay_permits: FairSemaphore<TenantId>,
}

impl Default for LogCache {
    fn default() -> Self {
        let stretches = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, stretch: &Arc<LogSegment>| stretch.bytes())
            .time_to_live(CACHE_TTL)
            .build();
        Self {
            segments: stretches,
            heads: Cache::builder().max_capacity(MAX_HEADS).time_to_live(CACHE_TTL).build(),
            generations: Mutex::default(),
            ticks: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            replay_permits: replay_semaphore(),
        }
    }
}

/// As many at once as there are cores, and half of them for one tenant: however many of its readers replay, the other
/// half is left to other tenants.
fn replay_semaphore() -> FairSemaphore<TenantId> {
    let at_once = available_parallelism().map_or(1, usize::from).max(2);
    FairSemaphore::shared(at_once, at_once / 2, MAX_WAITING)
}

impl LogCache {
    /// A place in the tenant's queue for the permit to replay one segment, be it read from the store or cached:
    /// filtering its events costs as much. Tenants are served in turn, and a permit is released between two segments.
    pub fn queue_for_permit(&self, scope: &TenantScope) -> Result<Queued<TenantId>> {
        self.replay_permits.enqueue(scope.tenant_id()).map_err(|QueueFull| Error::Busy)
    }

    /// The permit itself.
    pub async fn acquire_permit(&self, scope: &TenantScope) -> Result<FairPermit<TenantId>> {
        self.replay_permits.acquire(scope.tenant_id()).await.map_err(|QueueFull| Error::Busy)
    }

    /// How many wait for a permit, for the metrics.
    pub fn waiting(&self) -> usize {
        self.replay_permits.waiting_count()
    }

    /// The segment that holds the event after `after`, up to its end or at least to `upto`, which must be committed.
    /// Of many concurrent callers one reads.
    pub async fn segment(
        &self,
        db: &Database,
        scope: &TenantScope,
        after: i64,
        upto: i64,
    ) -> Result<Arc<LogSegment>> {
        let start = after - after.rem_euclid(SEGMENT_EVENTS);
        let needed = upto.min(start + SEGMENT_EVENTS);
        let reaches = |known: &Arc<LogSegment>| known.upto >= needed;
        let key = (scope.tenant_id(), self.generation(scope.tenant_id()), db.identity_hash(), start);
        if let Some(known) = self.segments.get(&key).await.filter(reaches) {
            return Ok(known);
        }
        let outcome = self.segments.entry(key).and_try_compute_with(async |entry| {
            if entry.is_some_and(|entry| reaches(entry.value())) {
                return Ok(Op::Nop);
            }
            self.reads.fetch_add(1, Ordering::Relaxed);
            load_segment(db, scope, start).await.map(|stretch| Op::Put(Arc::new(stretch)))
        });
        let stretch = outcome.await?.into_entry().map(moka::Entry::into_value).filter(reaches);
        stretch.ok_or_else(|| Error::Corrupt(format!("the log ends before its event {needed}")))
    }

    /// The head as it is after this call began. Callers that come while it is being read share the next read.
    pub async fn head_now(&self, db: &Database, scope: &TenantScope, now: DateTime<Utc>) -> Result<Head> {
        let asked = self.ticks.fetch_add(1, Ordering::Relaxed);
        self.cached_head(db, scope, now, |known| known.started_tick > asked).await
    }

    /// The head for a reader that gets everything after `cursor` in another way: `trimmed` may be a few seconds old,
    /// the end is `cursor` or later.
    pub async fn head_at(
        &self,
        db: &Database,
        scope: &TenantScope,
        cursor: Position,
        now: DateTime<Utc>,
    ) -> Result<Head> {
        let fresh = |known: &CachedHead| {
            let age = now - known.read_at;
            known.head.epoch == cursor.epoch && TimeDelta::zero() <= age && age < HEAD_TTL
        };
        let head = self.cached_head(db, scope, now, fresh).await?;
        // A log that replaced the cursor's has numbers of its own: the cursor does not apply to it.
        let seq = if head.epoch == cursor.epoch { head.seq.max(cursor.seq) } else { head.seq };
        Ok(Head { seq, ..head })
    }

    async fn cached_head(
        &self,
        db: &Database,
        scope: &TenantScope,
        now: DateTime<Utc>,
        is_fresh_enough: impl Fn(&CachedHead) -> bool,
    ) -> Result<Head> {
        let tenant_id = scope.tenant_id();
        if let Some(known) = self.heads.get(&tenant_id).await.filter(|known| is_fresh_enough(known)) {
            return Ok(known.head);
        }
        let outcome = self.heads.entry(tenant_id).and_try_compute_with(async |entry| {
            if entry.is_some_and(|entry| is_fresh_enough(entry.value())) {
                return Ok(Op::Nop);
            }
            let begun = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
            self.reads.fetch_add(1, Ordering::Relaxed);
            let head = head(db, scope).await?;
            Ok::<_, Error>(Op::Put(Arc::new(CachedHead { head, read_at: now, started_tick: begun })))
        });
        let cached = outcome.await?.into_entry();
        cached
            .map(|known| known.value().head)
            .ok_or_else(|| Error::Corrupt("a head that was not kept".to_owned()))
    }

    /// Invalidates this tenant's cached segments: an event was redacted. Must be called after the commit.
    pub fn invalidate(&self, tenant_id: TenantId) {
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

impl LogSegment {
    fn bytes(&self) -> u32 {
        let events = self.envelopes.iter();
        let bytes: usize = events.map(|event| event.frame.frame().len() + EVENT_BYTES).sum();
        u32::try_from(bytes + EVENT_BYTES).unwrap_or(u32::MAX)
    }
}

async fn load_segment(db: &Database, scope: &TenantScope, start: i64) -> Result<LogSegment> {
    let page = read_after(db, scope, start, SEGMENT_EVENTS.unsigned_abs()).await?;
    let (mut head, end) = (page.head, start + SEGMENT_EVENTS);
    let mut envelopes = page.envelopes;
    // Where retention took the beginning away, the rows reach past the end.
    envelopes.retain(|envelope| envelope.seq() <= end);
    let last = envelopes.last().map(|envelope| envelope.seq());
    let upto = last.unwrap_or(start).max(head.seq).min(end);
    // Retention may have run between the two reads; what is missing must not be skipped silently.
    let first = envelopes.first().map_or(upto + 1, |envelope| envelope.seq());
    if first > start.max(head.trimmed) + 1 {
        head.trimmed = first - 1;
    }
    Ok(LogSegment { envelopes, head, upto })
}
