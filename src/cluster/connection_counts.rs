//! Open sockets and streams by tenant, address and owner, over all nodes. Of a node's own are two other counts: its TCP
//! connections (`http/serve/registry.rs`) and each tenant's share of its places (`session/node_capacity.rs`), which
//! protect this machine.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::answer::{Answer, answer};
use crate::auth::principal::Principal;
use crate::auth::revocation::RevocationSubject;
use crate::base::ids::{ConnectionId, KeyId, TenantId, UserId};
use crate::base::ip_prefix::IpPrefix;

/// The user or key that opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOwner {
    User(TenantId, UserId),
    Key(TenantId, KeyId),
}

impl ConnectionOwner {
    /// The owner of a principal's connections; an operator has none.
    pub fn of(principal: &Principal) -> Option<Self> {
        match principal {
            Principal::User(user) => Some(Self::User(user.tenant_id(), user.user_id())),
            Principal::Key(key) => Some(Self::Key(key.tenant_id(), key.key_id())),
            Principal::Operator(_) => None,
        }
    }

    pub fn tenant_id(self) -> TenantId {
        match self {
            Self::User(tenant, _) | Self::Key(tenant, _) => tenant,
        }
    }

    /// The subject by which the owner's connections are indexed.
    pub fn subject(self) -> RevocationSubject {
        match self {
            Self::User(tenant, user) => RevocationSubject::User(tenant, user),
            Self::Key(_, key) => RevocationSubject::Key(key),
        }
    }
}

/// The connections of an owner that have a limit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionGroup {
    Sockets,
    Uploads,
    Streams,
    /// Sockets at the echo, which count as sockets too.
    Echoes,
}

/// What connections are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountKey {
    Tenant(TenantId),
    Address(IpPrefix),
    Owner(ConnectionOwner, ConnectionGroup),
}

/// A count and the most that it may be; `None`: no limit.
#[derive(Clone, Copy, Debug)]
pub struct CountLimit {
    pub key: CountKey,
    pub most: Option<u64>,
}

/// The count that is at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached(pub CountKey);

/// The counts of all open connections.
///
/// A connection's id is its lease: an implementation that nodes share stores the ids under each key, with an expiry that
/// it renews in the background for the connections of its own node. So the counts of a node that died end by themselves.
/// No call fails: while the shared store does not answer, a node counts its own connections.
pub trait ConnectionCounts: Send + Sync {
    /// Counts the connection under all keys, or under none: the error names the first of them that is at its limit. Of
    /// several concurrent calls, on any node, no more succeed than the limits allow.
    fn acquire(
        &self,
        connection: ConnectionId,
        limits: &[CountLimit],
    ) -> Answer<'_, Result<(), LimitReached>>;

    /// Gives back what [`ConnectionCounts::acquire`] has counted, once for each connection and key. Never waits.
    fn release(&self, connection: ConnectionId, keys: &[CountKey]);

    /// The count as this node knows it, for display. Never waits.
    fn count(&self, key: CountKey) -> usize;
}

/// The counts of a node that shares them with no other. Bounded by the connections themselves: a count of 0 is removed.
#[derive(Default)]
pub struct MemoryConnectionCounts(Mutex<HashMap<CountKey, usize>>);

impl ConnectionCounts for MemoryConnectionCounts {
    fn acquire(&self, _: ConnectionId, limits: &[CountLimit]) -> Answer<'_, Result<(), LimitReached>> {
        let mut counts = self.0.lock();
        let is_full = |limit: &&CountLimit| {
            let count = counts.get(&limit.key).copied().unwrap_or(0);
            limit.most.is_some_and(|most| count as u64 >= most)
        };
        if let Some(full) = limits.iter().find(is_full) {
            return answer(Err(LimitReached(full.key)));
        }
        for limit in limits {
            *counts.entry(limit.key).or_default() += 1;
        }
        answer(Ok(()))
    }

    fn release(&self, _: ConnectionId, keys: &[CountKey]) {
        let mut counts = self.0.lock();
        for key in keys {
            if let Some(count) = counts.get_mut(key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
    }

    fn count(&self, key: CountKey) -> usize {
        self.0.lock().get(&key).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::contract;

    #[tokio::test]
    async fn the_memory_counts_keep_the_contract() {
        contract::connection_counts(|| Arc::new(MemoryConnectionCounts::default())).await;
    }

    #[test]
    fn a_count_of_0_is_not_kept() {
        let counts = MemoryConnectionCounts::default();
        let (id, key) = (contract::connection(), CountKey::Tenant(TenantId(1)));

        drop(counts.acquire(id, &[CountLimit { key, most: None }]));
        assert_eq!(counts.count(key), 1);
        counts.release(id, &[key]);

        assert!(counts.0.lock().is_empty());
    }
}
