//! The connections of one class, indexed by address and by idle time.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::base::ip_prefix::IpPrefix;

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

/// The group that a connection is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Group {
    /// Trusted proxies and loopback, which connect for many clients: they have no share.
    Exempt,
    Address(IpPrefix),
}

impl Group {
    pub(super) fn of(peer: IpAddr, is_trusted: impl FnOnce(IpAddr) -> bool) -> Self {
        let peer = peer.to_canonical();
        if peer.is_loopback() || is_trusted(peer) { Self::Exempt } else { Self::Address(IpPrefix::of(peer)) }
    }
}

/// Connections by group. Sequence numbers represent time: a smaller one has been idle for longer.
pub(super) struct Pool {
    capacity: usize,
    held: usize,
    sequence: u64,
    /// The sequence number of each connection that is indexed by time.
    numbers: HashMap<u64, u64>,
    groups: HashMap<Group, GroupUsage>,
    /// Groups with a share, by the number of their connections.
    by_held: BTreeSet<(usize, Group)>,
    /// Those of them that have an idle connection.
    with_idle: BTreeSet<(usize, Group)>,
}

#[derive(Default)]
struct GroupUsage {
    held: usize,
    requests: usize,
    idle: BTreeSet<(u64, u64)>,
    heads: BTreeSet<(u64, u64)>,
}

impl Pool {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            held: 0,
            sequence: 0,
            numbers: HashMap::new(),
            groups: HashMap::new(),
            by_held: BTreeSet::new(),
            with_idle: BTreeSet::new(),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn is_full(&self) -> bool {
        self.held >= self.capacity
    }

    pub(super) fn insert(&mut self, group: Group, id: u64, activity: Activity) {
        self.sequence += 1;
        let number = self.sequence;
        self.held += 1;
        self.change(group, |holder| {
            holder.held += 1;
            match activity {
                Activity::Idle => _ = holder.idle.insert((number, id)),
                Activity::Head => _ = holder.heads.insert((number, id)),
                Activity::Request => holder.requests += 1,
            }
        });
        if activity != Activity::Request {
            self.numbers.insert(id, number);
        }
    }

    pub(super) fn remove(&mut self, group: Group, id: u64, activity: Activity) {
        let number = self.numbers.remove(&id).unwrap_or_default();
        self.held = self.held.saturating_sub(1);
        self.change(group, |holder| {
            holder.held = holder.held.saturating_sub(1);
            match activity {
                Activity::Idle => _ = holder.idle.remove(&(number, id)),
                Activity::Head => _ = holder.heads.remove(&(number, id)),
                Activity::Request => holder.requests = holder.requests.saturating_sub(1),
            }
        });
    }

    /// Changes a group and updates its index entries.
    fn change(&mut self, group: Group, change: impl FnOnce(&mut GroupUsage)) {
        let holder = self.groups.entry(group).or_default();
        let before = (holder.held, group);
        change(holder);
        let (after, has_idle) = ((holder.held, group), !holder.idle.is_empty());
        if holder.held == 0 {
            self.groups.remove(&group);
        }
        if group == Group::Exempt {
            return;
        }
        self.by_held.remove(&before);
        self.with_idle.remove(&before);
        if after.0 > 0 {
            self.by_held.insert(after);
        }
        if has_idle {
            self.with_idle.insert(after);
        }
    }

    /// What one address may hold while others need connections.
    fn share(&self) -> usize {
        self.capacity.div_ceil(2)
    }

    /// Whether an address uses its whole share for requests in progress.
    pub(super) fn is_at_request_limit(&self, group: Group) -> bool {
        group != Group::Exempt
            && self.groups.get(&group).is_some_and(|holder| holder.requests >= self.share())
    }

    /// The connection to evict for a new connection of `group`.
    pub(super) fn victim_for(&self, group: Group) -> Option<u64> {
        let held = self.groups.get(&group).map_or(0, |holder| holder.held);
        if group != Group::Exempt && held >= self.share() {
            return self.idlest(group).map(|(_, id)| id);
        }
        let top = self.with_idle.last().copied();
        let of_top = top.and_then(|(_, group)| self.idlest(group));
        let of_exempt = self.idlest(Group::Exempt);
        let idlest = match (of_top, of_exempt) {
            (Some(of_top), Some(_)) if top.is_some_and(|(held, _)| held > self.share()) => Some(of_top),
            (Some(of_top), Some(of_exempt)) => Some(of_top.min(of_exempt)),
            (one, other) => one.or(other),
        };
        idlest.map(|(_, id)| id).or_else(|| self.head_over_share())
    }

    /// An incomplete head of the address that holds more than its share. It is not a request yet.
    fn head_over_share(&self) -> Option<u64> {
        let (held, group) = self.by_held.last()?;
        if *held <= self.share() {
            return None;
        }
        self.groups.get(group)?.heads.first().map(|(_, id)| *id)
    }

    /// A reserve connection must send its request at once: one that has not is evicted, of the largest address first.
    pub(super) fn victim_in_reserve(&self) -> Option<u64> {
        let counted = self.by_held.iter().rev().map(|(_, group)| *group);
        counted.chain([Group::Exempt]).find_map(|group| self.oldest(group)).map(|(_, id)| id)
    }

    fn idlest(&self, group: Group) -> Option<(u64, u64)> {
        self.groups.get(&group)?.idle.first().copied()
    }

    fn oldest(&self, group: Group) -> Option<(u64, u64)> {
        let holder = self.groups.get(&group)?;
        let (idle, head) = (holder.idle.first(), holder.heads.first());
        idle.into_iter().chain(head).min().copied()
    }
}
