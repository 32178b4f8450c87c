//! Every connection of a listener, by what it does and whose it is. A full server ends the connection that is idle for
//! longest, of the address that holds most, so that a newcomer gets in; a connection in a request is never chosen.
//!
//! Each operation costs the logarithm of the number of connections: nothing is ever scanned.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::pool::{Group, Pool};

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Plain connections: those that carry requests, and idle ones.
    pub(super) plain: usize,
    /// Sockets and streams.
    pub(super) live: usize,
    /// Connections beyond the plain ones, which may ask for the state of the node only.
    pub(super) reserve: usize,
    /// Plain and live ones together: what there are descriptors for.
    pub(super) total: usize,
}

/// What a connection does, as far as its place depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Activity {
    /// Nothing: before its first request, or between two.
    Idle,
    /// A request's head has begun and is not complete.
    Head,
    /// A request is being answered, or its answer is being written.
    Request,
}

/// What is to become of a request whose head is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Served,
    /// The server is full: only the state of the node may be asked for.
    Reserved,
    /// The connection's address has as many requests in progress as it may have.
    TooMany,
}

/// Where a connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Reserve,
    Live,
    /// Chosen to make room: it finishes a request that has begun, and counts no more.
    Ended,
}

struct Entry {
    group: Group,
    kind: Kind,
    activity: Activity,
    /// Tells the connection that it was chosen.
    chosen: Arc<Notify>,
}

pub(super) struct ConnectionRegistry {
    capacity: Capacity,
    state: Mutex<State>,
    /// Told of every place that is given back.
    freed: Notify,
}

struct State {
    next: u64,
    entries: HashMap<u64, Entry>,
    plain: Pool,
    reserve: Pool,
    live: usize,
    /// Connections that were chosen and still answer a request that had come in time.
    finishing: usize,
}

/// A connection's place; given back when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Place(Arc<Held>);

struct Held {
    registry: Arc<ConnectionRegistry>,
    id: u64,
    /// The activity that the registry knows, so that most calls need no lock. Only the connection's task writes it.
    known: AtomicU8,
    chosen: Arc<Notify>,
}

impl ConnectionRegistry {
    pub(super) fn new(capacity: Capacity) -> Arc<Self> {
        let state = State {
            next: 0,
            entries: HashMap::new(),
            plain: Pool::new(capacity.plain),
            reserve: Pool::new(capacity.reserve),
            live: 0,
            finishing: 0,
        };
        Arc::new(Self { capacity, state: Mutex::new(state), freed: Notify::new() })
    }

    /// Takes a place for a newcomer. It waits only while every place of the reserve answers a request.
    pub(super) async fn admit(self: &Arc<Self>, group: Group) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_admit(group) {
                return place;
            }
            freed.await;
        }
    }

    pub(super) fn try_admit(self: &Arc<Self>, group: Group) -> Option<Place> {
        let mut state = self.state.lock();
        let kind = if state.make_room(self.capacity, group) {
            Kind::Plain
        } else if state.make_room_in_reserve() {
            Kind::Reserve
        } else {
            return None;
        };
        let (id, chosen) = (state.next, Arc::new(Notify::new()));
        state.next += 1;
        let entry = Entry { group, kind, activity: Activity::Idle, chosen: Arc::clone(&chosen) };
        state.pool(kind).into_iter().for_each(|pool| pool.insert(group, id, Activity::Idle));
        state.entries.insert(id, entry);
        let registry = Arc::clone(self);
        Some(Place(Arc::new(Held { registry, id, known: AtomicU8::new(Activity::Idle as u8), chosen })))
    }

    /// How many connections count as plain, as live and as reserve.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        (state.plain.held(), state.live, state.reserve.held())
    }
}

impl State {
    fn pool(&mut self, kind: Kind) -> Option<&mut Pool> {
        match kind {
            Kind::Plain => Some(&mut self.plain),
            Kind::Reserve => Some(&mut self.reserve),
            Kind::Live | Kind::Ended => None,
        }
    }

    fn is_full(&self, capacity: Capacity) -> bool {
        self.plain.held() >= capacity.plain || self.plain.held() + self.live >= capacity.total
    }

    /// Whether there is a plain place for `group`, after one was taken from another connection if need be.
    fn make_room(&mut self, capacity: Capacity, group: Group) -> bool {
        if !self.is_full(capacity) {
            return true;
        }
        let Some(victim) = self.plain.victim_for(group) else { return false };
        self.end(victim);
        true
    }

    fn make_room_in_reserve(&mut self) -> bool {
        if !self.reserve.is_full() {
            return true;
        }
        let Some(victim) = self.reserve.victim_in_reserve() else { return false };
        self.end(victim);
        true
    }

    /// The connection counts no more, and is told so.
    fn end(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (kind, group, activity) = (entry.kind, entry.group, entry.activity);
        entry.kind = Kind::Ended;
        entry.chosen.notify_one();
        if let Some(pool) = self.pool(kind) {
            pool.remove(group, id, activity);
        }
    }

    fn move_to(&mut self, id: u64, activity: Activity) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (kind, group, before) = (entry.kind, entry.group, entry.activity);
        entry.activity = activity;
        let (was, is) = (before == Activity::Request, activity == Activity::Request);
        match kind {
            Kind::Plain | Kind::Reserve => {
                if let Some(pool) = self.pool(kind) {
                    pool.remove(group, id, before);
                    pool.insert(group, id, activity);
                }
            }
            Kind::Ended if is && !was => self.finishing += 1,
            Kind::Ended if was && !is => self.finishing -= 1,
            Kind::Live | Kind::Ended => {}
        }
    }

    /// A connection of the reserve gets a plain place as soon as there is one.
    fn promote(&mut self, id: u64, capacity: Capacity) -> bool {
        let Some((group, activity)) = self.entries.get(&id).map(|entry| (entry.group, entry.activity)) else {
            return false;
        };
        if !self.make_room(capacity, group) {
            return false;
        }
        self.reserve.remove(group, id, activity);
        self.plain.insert(group, id, activity);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.kind = Kind::Plain;
        }
        true
    }

    fn begin(&mut self, id: u64, capacity: Capacity) -> Begun {
        let Some(entry) = self.entries.get(&id) else { return Begun::TooMany };
        let (group, kind) = (entry.group, entry.kind);
        let reserved = kind == Kind::Reserve && !self.promote(id, capacity);
        let too_many = match kind {
            Kind::Plain | Kind::Reserve => !reserved && self.plain.has_share_in_requests(group),
            Kind::Live => false,
            // Its request came in the moment in which it was chosen: so many are answered all the same.
            Kind::Ended => self.finishing >= capacity.reserve.max(1),
        };
        self.move_to(id, Activity::Request);
        match (reserved, too_many) {
            (true, _) => Begun::Reserved,
            (false, true) => Begun::TooMany,
            (false, false) => Begun::Served,
        }
    }

    /// The end of a request. A stream that ends is plain again, if there is a place.
    fn rest(&mut self, id: u64, capacity: Capacity) {
        self.move_to(id, Activity::Idle);
        if self.entries.get(&id).is_none_or(|entry| entry.kind != Kind::Live) {
            return;
        }
        self.live -= 1;
        let is_full = self.is_full(capacity);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if is_full {
            entry.kind = Kind::Ended;
            entry.chosen.notify_one();
        } else {
            entry.kind = Kind::Plain;
            self.plain.insert(entry.group, id, Activity::Idle);
        }
    }

    fn go_live(&mut self, id: u64, capacity: Capacity) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let (kind, group, activity) = (entry.kind, entry.group, entry.activity);
        if kind == Kind::Live {
            return true;
        }
        if kind == Kind::Reserve || self.live >= capacity.live {
            return false;
        }
        entry.kind = Kind::Live;
        self.live += 1;
        match kind {
            Kind::Plain => self.plain.remove(group, id, activity),
            Kind::Ended => self.finishing -= usize::from(activity == Activity::Request),
            Kind::Reserve | Kind::Live => {}
        }
        true
    }

    fn release(&mut self, id: u64) {
        let Some(entry) = self.entries.remove(&id) else { return };
        match entry.kind {
            Kind::Plain => self.plain.remove(entry.group, id, entry.activity),
            Kind::Reserve => self.reserve.remove(entry.group, id, entry.activity),
            Kind::Live => self.live -= 1,
            Kind::Ended => self.finishing -= usize::from(entry.activity == Activity::Request),
        }
    }
}

impl Place {
    /// A request's head is complete.
    pub(super) fn begin(&self) -> Begun {
        let begun = self.0.registry.state.lock().begin(self.0.id, self.0.registry.capacity);
        self.0.known.store(Activity::Request as u8, Ordering::Relaxed);
        begun
    }

    /// What the connection does now; a request begins with [`Place::begin`].
    pub(super) fn note(&self, activity: Activity) {
        if self.0.known.swap(activity as u8, Ordering::Relaxed) == activity as u8 {
            return;
        }
        let mut state = self.0.registry.state.lock();
        match activity {
            Activity::Idle => {
                state.rest(self.0.id, self.0.registry.capacity);
                // It can be chosen now, which a newcomer may wait for.
                self.0.registry.freed.notify_one();
            }
            Activity::Head | Activity::Request => state.move_to(self.0.id, activity),
        }
    }

    /// Counts as a socket or a stream from here on; false when there are as many as there may be.
    pub(super) fn go_live(&self) -> bool {
        let is_live = self.0.registry.state.lock().go_live(self.0.id, self.0.registry.capacity);
        if is_live {
            self.0.registry.freed.notify_one();
        }
        is_live
    }

    /// Waits until the connection is chosen to make room.
    pub(super) async fn chosen(&self) {
        self.0.chosen.notified().await;
    }

    /// For a holder that needs not know what it counts against.
    pub(super) fn into_held(self) -> Arc<dyn Send + Sync> {
        self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.registry.state.lock().release(self.id);
        self.registry.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(last: u8) -> Group {
        Group::of(std::net::Ipv4Addr::new(192, 0, 2, last).into(), |_| false)
    }

    fn registry(plain: usize, reserve: usize) -> Arc<ConnectionRegistry> {
        ConnectionRegistry::new(Capacity { plain, live: 4, reserve, total: usize::MAX })
    }

    fn is_chosen(place: &Place) -> bool {
        use futures_util::FutureExt;
        place.chosen().now_or_never().is_some()
    }

    fn begins(registry: &Arc<ConnectionRegistry>, group: Group) -> (Place, Begun) {
        let place = registry.try_admit(group).unwrap();
        let begun = place.begin();
        (place, begun)
    }

    #[test]
    fn a_full_server_ends_the_longest_idle_of_the_address_that_holds_most() {
        let registry = registry(4, 1);
        let lone = registry.try_admit(of(1)).unwrap();
        let held: Vec<Place> = (0..3).map(|_| registry.try_admit(of(2)).unwrap()).collect();
        held[0].begin();

        let newcomer = registry.try_admit(of(3)).unwrap();

        assert!(!is_chosen(&lone), "it is idle for longer, and holds less");
        assert_eq!(held.iter().map(is_chosen).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(newcomer.begin(), Begun::Served);
        assert_eq!(registry.counts(), (4, 0, 0));
    }

    #[test]
    fn an_address_that_has_its_half_makes_room_for_itself_only() {
        let registry = registry(4, 1);
        let others = [registry.try_admit(of(1)).unwrap(), registry.try_admit(of(1)).unwrap()];
        let mut own = vec![registry.try_admit(of(2)).unwrap(), registry.try_admit(of(2)).unwrap()];

        for _ in 0..10 {
            own.push(registry.try_admit(of(2)).unwrap());
        }

        assert!(!others.iter().any(is_chosen));
        assert_eq!(own.iter().filter(|place| is_chosen(place)).count(), 10);
    }

    #[test]
    fn an_address_has_requests_in_half_of_the_places_at_most() {
        let registry = registry(4, 1);

        let begun: Vec<_> = (0..3).map(|_| begins(&registry, of(1))).collect();

        let verdicts: Vec<_> = begun.iter().map(|(_, begun)| *begun).collect();
        assert_eq!(verdicts, [Begun::Served, Begun::Served, Begun::TooMany]);
        assert_eq!(begins(&registry, of(2)).1, Begun::Served);
    }

    #[test]
    fn heads_without_an_end_of_an_address_over_its_half_make_room_and_those_of_others_do_not() {
        let registry = registry(4, 1);
        let other = registry.try_admit(of(1)).unwrap();
        other.note(Activity::Head);
        let heads: Vec<Place> = (0..3).map(|_| registry.try_admit(of(2)).unwrap()).collect();
        heads.iter().for_each(|place| place.note(Activity::Head));

        let newcomer = registry.try_admit(of(3)).unwrap();

        assert!(!is_chosen(&other));
        assert_eq!(heads.iter().map(is_chosen).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(newcomer.begin(), Begun::Served);
    }

    #[test]
    fn peers_without_a_share_give_way_by_idle_time_alone() {
        let registry = registry(3, 1);
        let proxy = Group::of(std::net::Ipv4Addr::LOCALHOST.into(), |_| false);
        assert_eq!(proxy, Group::Exempt);
        let places: Vec<Place> = (0..3).map(|_| registry.try_admit(proxy).unwrap()).collect();
        places[0].begin();
        places[0].note(Activity::Idle);

        let _first = registry.try_admit(proxy).unwrap();
        let _second = registry.try_admit(of(1)).unwrap();

        assert_eq!(places.iter().map(is_chosen).collect::<Vec<_>>(), [false, true, true]);
    }

    #[test]
    fn the_reserve_is_for_probes_and_gives_way_itself() {
        let registry = registry(1, 2);
        let (busy, begun) = begins(&registry, of(1));
        assert_eq!(begun, Begun::Served);
        let stalled = [registry.try_admit(of(1)).unwrap(), registry.try_admit(of(1)).unwrap()];

        let (probe, begun) = begins(&registry, of(2));

        assert_eq!(begun, Begun::Reserved);
        assert!(is_chosen(&stalled[0]) && !is_chosen(&stalled[1]));
        drop(busy);
        // The plain place is free again, so a connection of the reserve gets it.
        assert_eq!(stalled[1].begin(), Begun::Served);
        drop(probe);
        drop(stalled);
        assert_eq!(registry.counts(), (0, 0, 0));
    }

    #[test]
    fn a_reserve_that_only_answers_requests_takes_no_more() {
        let registry = registry(1, 1);
        let _busy = begins(&registry, of(1));
        let probe = begins(&registry, of(2));

        assert!(registry.try_admit(of(3)).is_none());
        drop(probe);
        assert!(registry.try_admit(of(3)).is_some());
    }

    #[test]
    fn sockets_and_streams_do_not_count_as_plain_and_have_a_bound_of_their_own() {
        let registry = registry(2, 1);

        let live: Vec<Place> = (0..4)
            .map(|_| {
                let (place, begun) = begins(&registry, of(1));
                assert_eq!(begun, Begun::Served);
                assert!(place.go_live());
                place
            })
            .collect();

        assert_eq!(registry.counts(), (0, 4, 0));
        let (fifth, _) = begins(&registry, of(1));
        assert!(!fifth.go_live());
        fifth.note(Activity::Idle);
        // A stream that ends is plain again; beyond the plain places it ends with it.
        live[0].note(Activity::Idle);
        live[1].note(Activity::Idle);
        assert_eq!(registry.counts(), (2, 2, 0));
        assert!(is_chosen(&live[1]) && !is_chosen(&live[0]));
    }

    #[test]
    fn descriptors_bound_plain_and_live_ones_together() {
        let registry = ConnectionRegistry::new(Capacity { plain: 4, live: 4, reserve: 1, total: 3 });
        let live = begins(&registry, of(1)).0;
        assert!(live.go_live());
        let idle = [registry.try_admit(of(2)).unwrap(), registry.try_admit(of(2)).unwrap()];

        let _newcomer = registry.try_admit(of(3)).unwrap();

        assert!(is_chosen(&idle[0]) && !is_chosen(&idle[1]));
    }

    #[test]
    fn a_request_that_came_while_its_connection_was_chosen_is_answered() {
        let registry = registry(1, 1);
        let first = registry.try_admit(of(1)).unwrap();
        let second = registry.try_admit(of(2)).unwrap();

        assert_eq!(first.begin(), Begun::Served);

        drop(first);
        assert_eq!(second.begin(), Begun::Served);
        drop(second);
        assert_eq!(registry.counts(), (0, 0, 0));
    }

    #[test]
    fn the_cost_of_a_newcomer_does_not_grow_with_the_places() {
        let registry = registry(100_000, 16);
        let mut held: Vec<Place> =
            (0..100_000_u32).map(|n| registry.try_admit(of((n % 200) as u8)).unwrap()).collect();
        let watch = crate::base::clock::Stopwatch::start();

        for n in 0..100_000_u32 {
            held[n as usize] = registry.try_admit(of((n % 200) as u8)).unwrap();
        }

        // A scan of all places for each would be ten thousand million steps.
        assert!(watch.elapsed() < std::time::Duration::from_secs(20), "{:?}", watch.elapsed());
    }
}
