//! Every connection of a listener, by activity and address. A full server evicts the connection that is idle for
//! longest, of the address that holds most, for a new one; a connection in a request is never evicted.
//!
//! Each operation takes time logarithmic in the number of connections: nothing is ever scanned.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::pool::{Activity, Group, Pool};

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
mod tests;
