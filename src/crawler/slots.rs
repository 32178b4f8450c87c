//! Limits the jobs that fetch and read at a time. A node has a number of slots; a job holds one while a request of it
//! is in flight or being read, and none while it only waits for its hosts. Jobs may be open without a slot.
//!
//! Tenants get slots in turn. While others wait a tenant holds at most half of them, rounded up, and no job holds one
//! longer than [`MAX_HOLD`]: then it starts no further request, and releases the slot after the last one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::base::clock::Clock;
use crate::base::ids::TenantId;

/// For how long a job that always has something to ask for holds its slot while others wait.
const MAX_HOLD: TimeDelta = TimeDelta::seconds(10);
/// A tenant's open jobs are bounded by the node's maximum divided by this, rounded up.
const TENANT_OPEN_DIVISOR: usize = 4;

/// The slots and the open jobs of one node. Clones are the same.
#[derive(Clone)]
pub(super) struct Slots(Arc<Inner>);

struct Inner {
    clock: Clock,
    slots: usize,
    max_open_jobs: usize,
    max_open_jobs_per_tenant: usize,
    state: Mutex<State>,
    freed: Notify,
    /// Held while a page that may have crashed a worker is tried: one at a time on a node, so that no other page is
    /// taken for the cause.
    suspect_semaphore: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    next_job: u64,
    next_grant: u64,
    held: usize,
    tenants: HashMap<TenantId, TenantSlots>,
}

/// Bounded by the open jobs: a tenant without any is forgotten.
#[derive(Default)]
struct TenantSlots {
    open: usize,
    held: usize,
    /// Jobs that hold a slot, wait for one, or have just been opened.
    active: usize,
    /// When it got a slot last, as a number that grows.
    last_grant: u64,
    waiting: VecDeque<(u64, Arc<Waiter>)>,
}

#[derive(Default)]
struct Waiter {
    granted: Notify,
    /// When the slot was given; `None`: it was not.
    since: Mutex<Option<DateTime<Utc>>>,
}

/// An open job's way to a slot. Dropping it closes the job.
pub(super) struct JobSlot {
    slots: Slots,
    tenant: TenantId,
    job: u64,
    state: SlotState,
}

enum SlotState {
    /// Opened, and not yet so far that it asks for anything.
    New,
    /// It waits for its hosts.
    Idle,
    Waiting(Arc<Waiter>),
    Holding(DateTime<Utc>),
}

impl Slots {
    /// `open_per_slot`: how many jobs may be open for each slot.
    pub(super) fn new(slots: usize, open_per_slot: usize, clock: Clock) -> Self {
        let slots = slots.max(1);
        let most_open = slots.saturating_mul(open_per_slot.max(1));
        Self(Arc::new(Inner {
            clock,
            slots,
            max_open_jobs: most_open,
            max_open_jobs_per_tenant: most_open.div_ceil(TENANT_OPEN_DIVISOR),
            state: Mutex::default(),
            freed: Notify::new(),
            suspect_semaphore: Arc::new(Semaphore::new(1)),
        }))
    }

    /// Whether any job may be opened.
    pub(super) fn has_room(&self) -> bool {
        let state = self.0.state.lock();
        state.open() < self.0.max_open_jobs && state.active() < self.0.slots * 2
    }

    /// Whether a job of this tenant may be opened: there is a slot that no open job wants, or the tenant has no job
    /// that wants one. Jobs that would only wait here are left to other nodes.
    pub(super) fn may_open(&self, tenant: TenantId) -> bool {
        let state = self.0.state.lock();
        let of_tenant = state.tenants.get(&tenant);
        let (open, active) = of_tenant.map_or((0, 0), |of_tenant| (of_tenant.open, of_tenant.active));
        open < self.0.max_open_jobs_per_tenant
            && state.open() < self.0.max_open_jobs
            && (state.active() < self.0.slots || active == 0)
    }

    /// Counts a job as open.
    pub(super) fn open(&self, tenant: TenantId) -> JobSlot {
        let mut state = self.0.state.lock();
        let job = state.next_job;
        state.next_job += 1;
        let of_tenant = state.tenants.entry(tenant).or_default();
        of_tenant.open += 1;
        of_tenant.active += 1;
        JobSlot { slots: self.clone(), tenant, job, state: SlotState::New }
    }

    /// Waits until a job has released its slot or was closed; also for one that did so before this call.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    /// The permit to try a suspect, once no other is being tried on this node.
    pub(super) async fn acquire_suspect_permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.0.suspect_semaphore).acquire_owned().await.ok()
    }
}

impl State {
    fn open(&self) -> usize {
        self.tenants.values().map(|of_tenant| of_tenant.open).sum()
    }

    fn active(&self) -> usize {
        self.tenants.values().map(|of_tenant| of_tenant.active).sum()
    }

    /// Gives free slots to waiting jobs: first of tenants below their share, then by the oldest last grant.
    fn grant(&mut self, slots: usize, now: DateTime<Utc>) {
        while self.held < slots {
            let waiting = self.tenants.values_mut().filter(|of_tenant| !of_tenant.waiting.is_empty());
            let priority =
                |own: &&mut TenantSlots| (own.held >= share(slots), own.last_grant, own.waiting[0].0);
            let Some(of_tenant) = waiting.min_by_key(priority) else { return };
            let Some((_, waiter)) = of_tenant.waiting.pop_front() else { return };
            self.next_grant += 1;
            self.held += 1;
            of_tenant.held += 1;
            of_tenant.last_grant = self.next_grant;
            *waiter.since.lock() = Some(now);
            waiter.granted.notify_one();
        }
    }

    fn release_slot(&mut self, tenant: TenantId) {
        self.held -= 1;
        if let Some(of_tenant) = self.tenants.get_mut(&tenant) {
            of_tenant.held -= 1;
        }
    }
}

/// What one tenant holds at most while others wait.
fn share(slots: usize) -> usize {
    slots.div_ceil(2)
}

impl JobSlot {
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, SlotState::Holding(_))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, SlotState::Waiting(_))
    }

    /// Queues for a slot, unless it has one or is queued already.
    pub(super) fn request(&mut self) {
        if !matches!(self.state, SlotState::New | SlotState::Idle) {
            return;
        }
        let inner = &self.slots.0;
        let mut state = inner.state.lock();
        let waiter = Arc::new(Waiter::default());
        let of_tenant = state.tenants.entry(self.tenant).or_default();
        if matches!(self.state, SlotState::Idle) {
            of_tenant.active += 1;
        }
        of_tenant.waiting.push_back((self.job, Arc::clone(&waiter)));
        state.grant(inner.slots, inner.clock.now());
        self.state = SlotState::Waiting(waiter);
    }

    /// Waits for the slot that it is queued for. May be dropped and called again.
    pub(super) async fn granted(&mut self) {
        if let SlotState::Waiting(waiter) = &self.state {
            waiter.granted.notified().await;
            let since = *waiter.since.lock();
            if let Some(since) = since {
                self.state = SlotState::Holding(since);
            }
        }
    }

    /// Whether it holds a slot that others should have now: no further request may begin.
    pub(super) fn should_yield(&self) -> bool {
        let SlotState::Holding(since) = self.state else { return false };
        let inner = &self.slots.0;
        let state = inner.state.lock();
        let waits = |(_, of_tenant): &(&TenantId, &TenantSlots)| !of_tenant.waiting.is_empty();
        let mut waiting = state.tenants.iter().filter(waits).map(|(tenant, _)| *tenant).peekable();
        if waiting.peek().is_none() {
            return false;
        }
        let held = state.tenants.get(&self.tenant).map_or(0, |own| own.held);
        let over_share = held > share(inner.slots) && waiting.any(|tenant| tenant != self.tenant);
        over_share || inner.clock.now() - since >= MAX_HOLD
    }

    /// Releases the slot, or the place in the queue for it: the job waits for its hosts.
    pub(super) fn release(&mut self) {
        if !matches!(self.state, SlotState::Idle) {
            self.withdraw(|_| {});
            self.state = SlotState::Idle;
        }
    }

    /// Withdraws the job from its slot or queue, then applies `further` to its tenant.
    fn withdraw(&mut self, further: impl FnOnce(&mut TenantSlots)) {
        let inner = &self.slots.0;
        let mut state = inner.state.lock();
        let granted = match &self.state {
            SlotState::Waiting(waiter) => waiter.since.lock().is_some(),
            SlotState::Holding(_) => true,
            SlotState::New | SlotState::Idle => false,
        };
        if granted {
            state.release_slot(self.tenant);
        }
        let was_active = !matches!(self.state, SlotState::Idle);
        if let Some(of_tenant) = state.tenants.get_mut(&self.tenant) {
            of_tenant.waiting.retain(|(job, _)| *job != self.job);
            of_tenant.active -= usize::from(was_active);
            further(of_tenant);
        }
        state.grant(inner.slots, inner.clock.now());
        drop(state);
        inner.freed.notify_one();
    }
}

impl Drop for JobSlot {
    fn drop(&mut self) {
        self.withdraw(|of_tenant| of_tenant.open -= 1);
        let mut state = self.slots.0.state.lock();
        if state.tenants.get(&self.tenant).is_some_and(|of_tenant| of_tenant.open == 0) {
            state.tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const BETA: TenantId = TenantId(1);
    const ALPHA: TenantId = TenantId(2);

    fn slots(count: usize) -> (Slots, Clock) {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        (Slots::new(count, 4, clock.clone()), clock)
    }

    fn requesting_job(slots: &Slots, tenant: TenantId) -> JobSlot {
        let mut job = slots.open(tenant);
        job.request();
        assert!(job.is_waiting());
        job
    }

    fn has_slot(job: &mut JobSlot) -> bool {
        let _ = job.granted().now_or_never();
        job.is_held()
    }

    #[test]
    fn a_tenant_alone_has_all_slots_and_gives_half_of_them_up_when_another_waits() {
        let (slots, _) = slots(4);
        let mut beta: Vec<_> = (0..5).map(|_| requesting_job(&slots, BETA)).collect();
        assert_eq!(beta.iter_mut().filter_map(|job| has_slot(job).then_some(())).count(), 4);
        assert!(!beta[0].should_yield());

        let mut alpha: Vec<_> = (0..3).map(|_| requesting_job(&slots, ALPHA)).collect();
        assert!(beta[..4].iter().all(JobSlot::should_yield));
        beta[0].release();
        beta[1].release();

        assert_eq!([0, 1, 2].map(|job| has_slot(&mut alpha[job])), [true, true, false]);
        assert!(!beta[2].should_yield() && !beta[3].should_yield());
        assert!(!has_slot(&mut beta[4]), "beta has its half");
    }

    #[test]
    fn no_job_keeps_a_slot_for_long_while_others_wait() {
        let (slots, clock) = slots(1);
        let (mut first, mut second) = (requesting_job(&slots, BETA), requesting_job(&slots, BETA));
        assert!(has_slot(&mut first) && !has_slot(&mut second));
        assert!(!first.should_yield());

        clock.advance(MAX_HOLD.to_std().unwrap());
        assert!(first.should_yield());
        first.release();
        first.request();

        assert!(has_slot(&mut second) && !has_slot(&mut first));
    }

    #[test]
    fn tenants_alternate_whatever_the_length_of_their_queues() {
        let (slots, _) = slots(1);
        let mut held = requesting_job(&slots, BETA);
        assert!(has_slot(&mut held));
        let mut beta: Vec<_> = (0..3).map(|_| requesting_job(&slots, BETA)).collect();
        let mut alpha = requesting_job(&slots, ALPHA);

        drop(held);

        assert!(has_slot(&mut alpha), "beta held the last one");
        drop(alpha);
        assert!(has_slot(&mut beta[0]));
    }

    #[test]
    fn a_slot_granted_to_a_dropped_job_passes_to_the_next() {
        let (slots, _) = slots(1);
        let mut held = requesting_job(&slots, BETA);
        assert!(has_slot(&mut held));
        let given = requesting_job(&slots, ALPHA);
        let mut last = requesting_job(&slots, BETA);

        drop(held);
        drop(given);

        assert!(has_slot(&mut last));
        drop(last);
        assert!(slots.0.state.lock().tenants.is_empty());
    }

    #[test]
    fn jobs_that_wait_for_their_hosts_leave_room_up_to_a_tenants_share() {
        let (slots, _) = slots(2);
        let mut open = vec![slots.open(BETA), slots.open(BETA)];
        assert!(!slots.may_open(BETA), "both slots are wanted");
        assert!(slots.may_open(ALPHA), "it has none");

        open.iter_mut().for_each(JobSlot::release);

        assert!(!slots.may_open(BETA), "two of eight is a quarter");
        assert!(slots.may_open(ALPHA));
        open.pop();
        assert!(slots.may_open(BETA));
    }
}
