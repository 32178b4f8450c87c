//! Every connection of a listener, by activity and address. A full server evicts the connection that is idle for
//! longest, of the address that holds most, for a new one; a connection in a request is never evicted.
//!
//! Each operation takes time logarithmic in the number of connections: nothing is ever scanned.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::pool::{Group, Pool};

/// The maximum numbers of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Plain connections: those that carry requests, and idle ones.
    pub(super) plain: usize,
    /// Sockets and streams.
    pub(super) live: usize,
    /// Connections beyond the plain ones, which may only request the state of the node.
    pub(super) reserve: usize,
    /// Plain and live ones together: the number that descriptors allow.
    pub(super) total: usize,
}

/// The activity of a connection, as far as its permit depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Activity {
    /// None: before its first request, or between two.
    Idle,
    /// A request's head has begun and is not complete.
    Head,
    /// A request is being answered, or its answer is being written.
    Request,
}

/// The decision about a request with a complete head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestAdmission {
    Allowed,
    /// The server is full: only the state of the node may be requested.
    ProbesOnly,
    /// The connection's address has the maximum number of requests in progress.
    TooMany,
}

/// The class in which a connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionClass {
    Plain,
    Reserve,
    Live,
    /// Evicted: it finishes a request that has begun, and does not count any more.
    Evicted,
}

struct Entry {
    group: Group,
    kind: ConnectionClass,
    activity: Activity,
    /// Notifies the connection of its eviction.
    chosen: Arc<Notify>,
}

pub(super) struct HttpConnections {
    capacity: Capacity,
    state: Mutex<RegistryState>,
    /// Notified of every permit that is released.
    freed: Notify,
}

struct RegistryState {
    next: u64,
    entries: HashMap<u64, Entry>,
    plain: Pool,
    reserve: Pool,
    live: usize,
    /// Evicted connections that still answer a request that had come in time.
    finishing: usize,
}

/// A connection's permit; released when the last clone is dropped.
#[derive(Clone)]
pub(super) struct ConnectionPermit(Arc<PermitInner>);

struct PermitInner {
    registry: Arc<HttpConnections>,
    id: u64,
    /// The activity as the registry knows it, so that most calls need no lock. Only the connection's task writes it.
    cached_activity: AtomicU8,
    chosen: Arc<Notify>,
}

impl HttpConnections {
    pub(super) fn new(capacity: Capacity) -> Arc<Self> {
        let state = RegistryState {
            next: 0,
            entries: HashMap::new(),
            plain: Pool::new(capacity.plain),
            reserve: Pool::new(capacity.reserve),
            live: 0,
            finishing: 0,
        };
        Arc::new(Self { capacity, state: Mutex::new(state), freed: Notify::new() })
    }

    /// Takes a permit for a new connection. It waits only while every connection of the reserve answers a request.
    pub(super) async fn admit(self: &Arc<Self>, group: Group) -> ConnectionPermit {
        loop {
            let freed = self.freed.notified();
            if let Some(permit) = self.try_admit(group) {
                return permit;
            }
            freed.await;
        }
    }

    pub(super) fn try_admit(self: &Arc<Self>, group: Group) -> Option<ConnectionPermit> {
        let mut state = self.state.lock();
        let kind = if state.ensure_capacity(self.capacity, group) {
            ConnectionClass::Plain
        } else if state.ensure_reserve_capacity() {
            ConnectionClass::Reserve
        } else {
            return None;
        };
        let (id, chosen) = (state.next, Arc::new(Notify::new()));
        state.next += 1;
        let entry = Entry { group, kind, activity: Activity::Idle, chosen: Arc::clone(&chosen) };
        state.pool(kind).into_iter().for_each(|pool| pool.insert(group, id, Activity::Idle));
        state.entries.insert(id, entry);
        let registry = Arc::clone(self);
        Some(ConnectionPermit(Arc::new(PermitInner {
            registry,
            id,
            cached_activity: AtomicU8::new(Activity::Idle as u8),
            chosen,
        })))
    }

    /// How many connections count as plain, as live and as reserve.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        (state.plain.held(), state.live, state.reserve.held())
    }
}

impl RegistryState {
    fn pool(&mut self, kind: ConnectionClass) -> Option<&mut Pool> {
        match kind {
            ConnectionClass::Plain => Some(&mut self.plain),
            ConnectionClass::Reserve => Some(&mut self.reserve),
            ConnectionClass::Live | ConnectionClass::Evicted => None,
        }
    }

    fn is_full(&self, capacity: Capacity) -> bool {
        self.plain.held() >= capacity.plain || self.plain.held() + self.live >= capacity.total
    }

    /// Whether there is plain capacity for `group`, after evicting another connection if necessary.
    fn ensure_capacity(&mut self, capacity: Capacity, group: Group) -> bool {
        if !self.is_full(capacity) {
            return true;
        }
        let Some(victim) = self.plain.victim_for(group) else { return false };
        self.evict(victim);
        true
    }

    fn ensure_reserve_capacity(&mut self) -> bool {
        if !self.reserve.is_full() {
            return true;
        }
        let Some(victim) = self.reserve.victim_in_reserve() else { return false };
        self.evict(victim);
        true
    }

    /// Evicts the connection: it does not count any more, and is notified.
    fn evict(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (kind, group, activity) = (entry.kind, entry.group, entry.activity);
        entry.kind = ConnectionClass::Evicted;
        entry.chosen.notify_one();
        if let Some(pool) = self.pool(kind) {
            pool.remove(group, id, activity);
        }
    }

    fn set_activity(&mut self, id: u64, activity: Activity) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (kind, group, before) = (entry.kind, entry.group, entry.activity);
        entry.activity = activity;
        let (was, is) = (before == Activity::Request, activity == Activity::Request);
        match kind {
            ConnectionClass::Plain | ConnectionClass::Reserve => {
                if let Some(pool) = self.pool(kind) {
                    pool.remove(group, id, before);
                    pool.insert(group, id, activity);
                }
            }
            ConnectionClass::Evicted if is && !was => self.finishing += 1,
            ConnectionClass::Evicted if was && !is => self.finishing -= 1,
            ConnectionClass::Live | ConnectionClass::Evicted => {}
        }
    }

    /// A reserve connection becomes plain as soon as there is capacity.
    fn promote(&mut self, id: u64, capacity: Capacity) -> bool {
        let Some((group, activity)) = self.entries.get(&id).map(|entry| (entry.group, entry.activity)) else {
            return false;
        };
        if !self.ensure_capacity(capacity, group) {
            return false;
        }
        self.reserve.remove(group, id, activity);
        self.plain.insert(group, id, activity);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.kind = ConnectionClass::Plain;
        }
        true
    }

    fn begin_request(&mut self, id: u64, capacity: Capacity) -> RequestAdmission {
        let Some(entry) = self.entries.get(&id) else { return RequestAdmission::TooMany };
        let (group, kind) = (entry.group, entry.kind);
        let reserved = kind == ConnectionClass::Reserve && !self.promote(id, capacity);
        let too_many = match kind {
            ConnectionClass::Plain | ConnectionClass::Reserve => {
                !reserved && self.plain.is_at_request_limit(group)
            }
            ConnectionClass::Live => false,
            // Its request came at the moment of its eviction: up to this many are answered all the same.
            ConnectionClass::Evicted => self.finishing >= capacity.reserve.max(1),
        };
        self.set_activity(id, Activity::Request);
        match (reserved, too_many) {
            (true, _) => RequestAdmission::ProbesOnly,
            (false, true) => RequestAdmission::TooMany,
            (false, false) => RequestAdmission::Allowed,
        }
    }

    /// The end of a request. A stream that ends is plain again, if there is capacity.
    fn end_request(&mut self, id: u64, capacity: Capacity) {
        self.set_activity(id, Activity::Idle);
        if self.entries.get(&id).is_none_or(|entry| entry.kind != ConnectionClass::Live) {
            return;
        }
        self.live -= 1;
        let is_full = self.is_full(capacity);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if is_full {
            entry.kind = ConnectionClass::Evicted;
            entry.chosen.notify_one();
        } else {
            entry.kind = ConnectionClass::Plain;
            self.plain.insert(entry.group, id, Activity::Idle);
        }
    }

    fn become_live(&mut self, id: u64, capacity: Capacity) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let (kind, group, activity) = (entry.kind, entry.group, entry.activity);
        if kind == ConnectionClass::Live {
            return true;
        }
        if kind == ConnectionClass::Reserve || self.live >= capacity.live {
            return false;
        }
        entry.kind = ConnectionClass::Live;
        self.live += 1;
        match kind {
            ConnectionClass::Plain => self.plain.remove(group, id, activity),
            ConnectionClass::Evicted => self.finishing -= usize::from(activity == Activity::Request),
            ConnectionClass::Reserve | ConnectionClass::Live => {}
        }
        true
    }

    fn release(&mut self, id: u64) {
        let Some(entry) = self.entries.remove(&id) else { return };
        match entry.kind {
            ConnectionClass::Plain => self.plain.remove(entry.group, id, entry.activity),
            ConnectionClass::Reserve => self.reserve.remove(entry.group, id, entry.activity),
            ConnectionClass::Live => self.live -= 1,
            ConnectionClass::Evicted => self.finishing -= usize::from(entry.activity == Activity::Request),
        }
    }
}

impl ConnectionPermit {
    /// A request's head is complete.
    pub(super) fn begin_request(&self) -> RequestAdmission {
        let begun = self.0.registry.state.lock().begin_request(self.0.id, self.0.registry.capacity);
        self.0.cached_activity.store(Activity::Request as u8, Ordering::Relaxed);
        begun
    }

    /// Sets the connection's activity; a request begins with [`ConnectionPermit::begin_request`].
    pub(super) fn set_activity(&self, activity: Activity) {
        if self.0.cached_activity.swap(activity as u8, Ordering::Relaxed) == activity as u8 {
            return;
        }
        let mut state = self.0.registry.state.lock();
        match activity {
            Activity::Idle => {
                state.end_request(self.0.id, self.0.registry.capacity);
                // It can be evicted now, which a new connection may wait for.
                self.0.registry.freed.notify_one();
            }
            Activity::Head | Activity::Request => state.set_activity(self.0.id, activity),
        }
    }

    /// Whether the connection could become a socket or a stream now.
    pub(super) fn may_become_live(&self) -> bool {
        let state = self.0.registry.state.lock();
        let kind = state.entries.get(&self.0.id).map(|entry| entry.kind);
        let is_reserve = kind == Some(ConnectionClass::Reserve);
        kind == Some(ConnectionClass::Live) || !is_reserve && state.live < self.0.registry.capacity.live
    }

    /// Counts as a socket or a stream from here on; false when the maximum is reached.
    pub(super) fn become_live(&self) -> bool {
        let is_live = self.0.registry.state.lock().become_live(self.0.id, self.0.registry.capacity);
        if is_live {
            self.0.registry.freed.notify_one();
        }
        is_live
    }

    /// Waits until the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.0.chosen.notified().await;
    }

    /// The permit for an owner that need not know what it counts against.
    pub(super) fn into_guard(self) -> Arc<dyn Send + Sync> {
        self.0
    }
}

impl Drop for PermitInner {
    fn drop(&mut self) {
        self.registry.state.lock().release(self.id);
        self.registry.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group_of(last: u8) -> Group {
        Group::of(std::net::Ipv4Addr::new(192, 0, 2, last).into(), |_| false)
    }

    fn registry(plain: usize, reserve: usize) -> Arc<HttpConnections> {
        HttpConnections::new(Capacity { plain, live: 4, reserve, total: usize::MAX })
    }

    fn is_evicted(permit: &ConnectionPermit) -> bool {
        use futures_util::FutureExt;
        permit.evicted().now_or_never().is_some()
    }

    fn admit_and_begin(
        registry: &Arc<HttpConnections>,
        group: Group,
    ) -> (ConnectionPermit, RequestAdmission) {
        let permit = registry.try_admit(group).unwrap();
        let begun = permit.begin_request();
        (permit, begun)
    }

    #[test]
    fn a_full_server_ends_the_longest_idle_of_the_address_that_holds_most() {
        let registry = registry(4, 1);
        let lone = registry.try_admit(group_of(1)).unwrap();
        let held: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(group_of(2)).unwrap()).collect();
        held[0].begin_request();

        let newcomer = registry.try_admit(group_of(3)).unwrap();

        assert!(!is_evicted(&lone), "it is idle for longer, and holds less");
        assert_eq!(held.iter().map(is_evicted).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(newcomer.begin_request(), RequestAdmission::Allowed);
        assert_eq!(registry.counts(), (4, 0, 0));
    }

    #[test]
    fn an_address_over_its_share_evicts_only_its_own_connections() {
        let registry = registry(4, 1);
        let others = [registry.try_admit(group_of(1)).unwrap(), registry.try_admit(group_of(1)).unwrap()];
        let mut own =
            vec![registry.try_admit(group_of(2)).unwrap(), registry.try_admit(group_of(2)).unwrap()];

        for _ in 0..10 {
            own.push(registry.try_admit(group_of(2)).unwrap());
        }

        assert!(!others.iter().any(is_evicted));
        assert_eq!(own.iter().filter(|permit| is_evicted(permit)).count(), 10);
    }

    #[test]
    fn an_address_has_requests_on_at_most_half_of_the_connections() {
        let registry = registry(4, 1);

        let begun: Vec<_> = (0..3).map(|_| admit_and_begin(&registry, group_of(1))).collect();

        let verdicts: Vec<_> = begun.iter().map(|(_, begun)| *begun).collect();
        assert_eq!(
            verdicts,
            [RequestAdmission::Allowed, RequestAdmission::Allowed, RequestAdmission::TooMany]
        );
        assert_eq!(admit_and_begin(&registry, group_of(2)).1, RequestAdmission::Allowed);
    }

    #[test]
    fn incomplete_heads_are_evicted_only_from_an_address_over_its_share() {
        let registry = registry(4, 1);
        let other = registry.try_admit(group_of(1)).unwrap();
        other.set_activity(Activity::Head);
        let heads: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(group_of(2)).unwrap()).collect();
        heads.iter().for_each(|permit| permit.set_activity(Activity::Head));

        let newcomer = registry.try_admit(group_of(3)).unwrap();

        assert!(!is_evicted(&other));
        assert_eq!(heads.iter().map(is_evicted).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(newcomer.begin_request(), RequestAdmission::Allowed);
    }

    #[test]
    fn exempt_peers_are_evicted_by_idle_time_alone() {
        let registry = registry(3, 1);
        let proxy = Group::of(std::net::Ipv4Addr::LOCALHOST.into(), |_| false);
        assert_eq!(proxy, Group::Exempt);
        let permits: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(proxy).unwrap()).collect();
        permits[0].begin_request();
        permits[0].set_activity(Activity::Idle);

        let _first = registry.try_admit(proxy).unwrap();
        let _second = registry.try_admit(group_of(1)).unwrap();

        assert_eq!(permits.iter().map(is_evicted).collect::<Vec<_>>(), [false, true, true]);
    }

    #[test]
    fn the_reserve_is_for_probes_and_is_evicted_too() {
        let registry = registry(1, 2);
        let (busy, begun) = admit_and_begin(&registry, group_of(1));
        assert_eq!(begun, RequestAdmission::Allowed);
        let stalled = [registry.try_admit(group_of(1)).unwrap(), registry.try_admit(group_of(1)).unwrap()];

        let (probe, begun) = admit_and_begin(&registry, group_of(2));

        assert_eq!(begun, RequestAdmission::ProbesOnly);
        assert!(is_evicted(&stalled[0]) && !is_evicted(&stalled[1]));
        drop(busy);
        // There is plain capacity again, so a reserve connection gets it.
        assert_eq!(stalled[1].begin_request(), RequestAdmission::Allowed);
        drop(probe);
        drop(stalled);
        assert_eq!(registry.counts(), (0, 0, 0));
    }

    #[test]
    fn a_reserve_that_only_answers_requests_takes_no_more() {
        let registry = registry(1, 1);
        let _busy = admit_and_begin(&registry, group_of(1));
        let probe = admit_and_begin(&registry, group_of(2));

        assert!(registry.try_admit(group_of(3)).is_none());
        drop(probe);
        assert!(registry.try_admit(group_of(3)).is_some());
    }

    #[test]
    fn sockets_and_streams_do_not_count_as_plain_and_have_a_bound_of_their_own() {
        let registry = registry(2, 1);

        let live: Vec<ConnectionPermit> = (0..4)
            .map(|_| {
                let (permit, begun) = admit_and_begin(&registry, group_of(1));
                assert_eq!(begun, RequestAdmission::Allowed);
                assert!(permit.may_become_live() && permit.become_live());
                permit
            })
            .collect();

        assert_eq!(registry.counts(), (0, 4, 0));
        let (fifth, _) = admit_and_begin(&registry, group_of(1));
        assert!(!fifth.may_become_live() && !fifth.become_live());
        fifth.set_activity(Activity::Idle);
        // A stream that ends is plain again; beyond the plain capacity the connection ends with it.
        live[0].set_activity(Activity::Idle);
        live[1].set_activity(Activity::Idle);
        assert_eq!(registry.counts(), (2, 2, 0));
        assert!(is_evicted(&live[1]) && !is_evicted(&live[0]));
    }

    #[test]
    fn descriptors_bound_plain_and_live_ones_together() {
        let registry = HttpConnections::new(Capacity { plain: 4, live: 4, reserve: 1, total: 3 });
        let live = admit_and_begin(&registry, group_of(1)).0;
        assert!(live.become_live());
        let idle = [registry.try_admit(group_of(2)).unwrap(), registry.try_admit(group_of(2)).unwrap()];

        let _newcomer = registry.try_admit(group_of(3)).unwrap();

        assert!(is_evicted(&idle[0]) && !is_evicted(&idle[1]));
    }

    #[test]
    fn a_request_that_arrives_during_eviction_is_answered() {
        let registry = registry(1, 1);
        let first = registry.try_admit(group_of(1)).unwrap();
        let second = registry.try_admit(group_of(2)).unwrap();

        assert_eq!(first.begin_request(), RequestAdmission::Allowed);

        drop(first);
        assert_eq!(second.begin_request(), RequestAdmission::Allowed);
        drop(second);
        assert_eq!(registry.counts(), (0, 0, 0));
    }

    #[test]
    fn the_cost_of_admission_does_not_grow_with_the_capacity() {
        let registry = registry(100_000, 16);
        let mut held: Vec<ConnectionPermit> =
            (0..100_000_u32).map(|n| registry.try_admit(group_of((n % 200) as u8)).unwrap()).collect();
        let watch = crate::base::clock::Stopwatch::start();

        for n in 0..100_000_u32 {
            held[n as usize] = registry.try_admit(group_of((n % 200) as u8)).unwrap();
        }

        // A scan of all connections for each would be ten thousand million steps.
        assert!(watch.elapsed() < std::time::Duration::from_secs(20), "{:?}", watch.elapsed());
    }
}
