//! The limits on open connections: of a user or key by carrier, of a tenant, of an address, and of the node. What a
//! connection has taken of them is one permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::node_capacity::NodeCapacity;
use crate::base::ids::{ConnectionId, TenantId};
use crate::base::ip_prefix::IpPrefix;
use crate::cluster::connection_counts::{
    ConnectionCounts, ConnectionGroup, ConnectionOwner, CountKey, CountLimit, LimitReached,
};
use crate::telemetry::metrics;

/// The carrier of a connection; each has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    Socket,
    Upload,
    Stream,
}

impl Carrier {
    const ALL: [Self; 3] = [Self::Socket, Self::Upload, Self::Stream];

    fn group(self) -> ConnectionGroup {
        match self {
            Self::Socket => ConnectionGroup::Sockets,
            Self::Upload => ConnectionGroup::Uploads,
            Self::Stream => ConnectionGroup::Streams,
        }
    }
}

impl From<Carrier> for metrics::Carrier {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Socket => Self::Socket,
            Carrier::Upload => Self::Upload,
            Carrier::Stream => Self::Stream,
        }
    }
}

/// Maximum connections of one owner.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    pub sockets: usize,
    pub uploads: usize,
    pub streams: usize,
}

impl ConnectionLimits {
    fn of(&self, carrier: Carrier) -> usize {
        match carrier {
            Carrier::Socket => self.sockets,
            Carrier::Upload => self.uploads,
            Carrier::Stream => self.streams,
        }
    }
}

/// All limits on open connections of a node.
pub(super) struct ConnectionLimiter {
    counts: Arc<dyn ConnectionCounts>,
    node: NodeCapacity,
    of_owner: ConnectionLimits,
    max_per_address: Option<u64>,
}

/// A connection that asks for a permit.
pub(super) struct PermitRequest {
    pub(super) id: ConnectionId,
    pub(super) owner: ConnectionOwner,
    pub(super) carrier: Carrier,
    /// A socket at the echo, of which each owner may have one, because its messages are so much larger than others.
    pub(super) is_echo: bool,
    pub(super) address: Option<IpPrefix>,
    /// The most connections of the tenant.
    pub(super) max_of_tenant: Option<u64>,
}

/// The limit that refuses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CapacityError {
    Tenant,
    Address,
    /// The node has few connections left, and none for a tenant with as many as this one.
    Node,
}

/// The limit of the owner that refuses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerLimitReached {
    Carrier,
    Echo,
}

impl ConnectionLimiter {
    pub(super) fn new(
        counts: Arc<dyn ConnectionCounts>,
        max_connections: usize,
        of_owner: ConnectionLimits,
        max_per_address: Option<usize>,
    ) -> Self {
        let max_per_address = max_per_address.map(|most| most as u64);
        Self { counts, node: NodeCapacity::new(max_connections), of_owner, max_per_address }
    }

    /// Counts the connection for its address and tenant and on the node. The permit is complete with
    /// [`ConnectionPermit::take_slot`].
    pub(super) async fn reserve(
        self: &Arc<Self>,
        request: PermitRequest,
    ) -> Result<ConnectionPermit, CapacityError> {
        let PermitRequest { id, owner, carrier, is_echo, address, max_of_tenant } = request;
        let permit = ConnectionPermit {
            limiter: Arc::clone(self),
            id,
            owner,
            carrier,
            is_echo,
            address,
            held: AtomicU8::new(0),
        };
        let tenant = CountLimit { key: CountKey::Tenant(owner.tenant_id()), most: max_of_tenant };
        let address =
            address.map(|prefix| CountLimit { key: CountKey::Address(prefix), most: self.max_per_address });
        let limits: Vec<CountLimit> = address.into_iter().chain([tenant]).collect();
        match self.counts.acquire(id, &limits).await {
            Ok(()) => permit.hold(SHARED),
            Err(LimitReached(CountKey::Address(_))) => return Err(CapacityError::Address),
            Err(LimitReached(_)) => return Err(CapacityError::Tenant),
        }
        // Dropped with what it holds by now, if the node refuses.
        if !self.node.try_reserve(owner.tenant_id()) {
            return Err(CapacityError::Node);
        }
        permit.hold(NODE);
        Ok(permit)
    }

    /// Number of connections of an owner.
    pub(super) fn count_of_owner(&self, owner: ConnectionOwner) -> usize {
        Carrier::ALL.iter().map(|carrier| self.counts.count(CountKey::Owner(owner, carrier.group()))).sum()
    }

    /// Number of connections of a tenant.
    pub(super) fn count_of_tenant(&self, tenant_id: TenantId) -> usize {
        self.counts.count(CountKey::Tenant(tenant_id))
    }

    /// The tenants with open connections on this node.
    pub(super) fn tenants_here(&self) -> Vec<TenantId> {
        self.node.tenants()
    }
}

/// What a permit holds, as bits: its part of the counts of tenant and address, a place of the node, a slot of its owner.
const SHARED: u8 = 1;
const NODE: u8 = 2;
const SLOT: u8 = 4;

/// What a connection has taken of all limits. Every part is given back once, the last of them when this is dropped.
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    id: ConnectionId,
    owner: ConnectionOwner,
    carrier: Carrier,
    is_echo: bool,
    address: Option<IpPrefix>,
    held: AtomicU8,
}

impl ConnectionPermit {
    pub(super) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(super) fn owner(&self) -> ConnectionOwner {
        self.owner
    }

    pub(super) fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Takes a slot of the owner.
    pub(super) async fn take_slot(&self) -> Result<(), OwnerLimitReached> {
        let limiter = &self.limiter;
        let most = limiter.of_owner.of(self.carrier) as u64;
        let [of_carrier, of_echo] = self.slot_keys();
        let limits =
            [CountLimit { key: of_carrier, most: Some(most) }, CountLimit { key: of_echo, most: Some(1) }];
        let limits = &limits[..if self.is_echo { 2 } else { 1 }];
        match limiter.counts.acquire(self.id, limits).await {
            Ok(()) => {
                self.hold(SLOT);
                Ok(())
            }
            Err(LimitReached(key)) if key == of_echo => Err(OwnerLimitReached::Echo),
            Err(LimitReached(_)) => Err(OwnerLimitReached::Carrier),
        }
    }

    /// Gives the owner's slot back: the connection does not answer, and another one needs it.
    pub(super) fn release_slot(&self) {
        self.give_back(SLOT);
    }

    /// Gives everything back: the connection has ended, though others still know it.
    pub(super) fn release(&self) {
        self.give_back(SHARED | NODE | SLOT);
    }

    fn slot_keys(&self) -> [CountKey; 2] {
        [self.carrier.group(), ConnectionGroup::Echoes].map(|group| CountKey::Owner(self.owner, group))
    }

    fn hold(&self, part: u8) {
        self.held.fetch_or(part, Ordering::Relaxed);
    }

    fn give_back(&self, parts: u8) {
        let given = self.held.fetch_and(!parts, Ordering::Relaxed) & parts;
        let counts = &self.limiter.counts;
        if given & SLOT != 0 {
            counts.release(self.id, &self.slot_keys()[..if self.is_echo { 2 } else { 1 }]);
        }
        if given & SHARED != 0 {
            counts.release(self.id, &[CountKey::Tenant(self.owner.tenant_id())]);
            if let Some(address) = self.address {
                counts.release(self.id, &[CountKey::Address(address)]);
            }
        }
        if given & NODE != 0 {
            self.limiter.node.release(self.owner.tenant_id());
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::ids::UserId;
    use crate::cluster::connection_counts::MemoryConnectionCounts;

    const ANN: ConnectionOwner = ConnectionOwner::User(TenantId(1), UserId(7));

    fn limiter(places: usize) -> Arc<ConnectionLimiter> {
        let of_owner = ConnectionLimits { sockets: 2, uploads: 1, streams: 1 };
        let counts = Arc::new(MemoryConnectionCounts::default());
        Arc::new(ConnectionLimiter::new(counts, places, of_owner, Some(3)))
    }

    fn request(is_echo: bool) -> PermitRequest {
        PermitRequest {
            id: ConnectionId::new(&Clock::system()),
            owner: ANN,
            carrier: Carrier::Socket,
            is_echo,
            address: Some(IpPrefix::of([192, 0, 2, 1].into())),
            max_of_tenant: Some(3),
        }
    }

    async fn permit(limiter: &Arc<ConnectionLimiter>, is_echo: bool) -> ConnectionPermit {
        let permit = limiter.reserve(request(is_echo)).await.ok().unwrap();
        permit.take_slot().await.unwrap();
        permit
    }

    fn counts(limiter: &ConnectionLimiter) -> (usize, usize, usize) {
        (limiter.count_of_owner(ANN), limiter.count_of_tenant(TenantId(1)), limiter.tenants_here().len())
    }

    #[tokio::test]
    async fn a_dropped_permit_gives_everything_back_however_much_was_given_back_before() {
        let limiter = limiter(100);
        let (whole, without_slot, ended) = (
            permit(&limiter, false).await,
            limiter.reserve(request(false)).await.ok().unwrap(),
            permit(&limiter, true).await,
        );
        assert_eq!(counts(&limiter), (2, 3, 1));

        whole.release_slot();
        whole.release_slot();
        assert_eq!(counts(&limiter), (1, 3, 1));
        ended.release();
        assert_eq!(counts(&limiter), (0, 2, 1));
        drop((whole, without_slot, ended));

        assert_eq!(counts(&limiter), (0, 0, 0));
        let _first = permit(&limiter, true).await;
    }

    #[tokio::test]
    async fn each_limit_refuses_by_its_name_and_a_refusal_counts_nothing() {
        let limiter = limiter(100);
        let echo = permit(&limiter, true).await;
        let second_echo = limiter.reserve(request(true)).await.ok().unwrap();
        assert_eq!(second_echo.take_slot().await, Err(OwnerLimitReached::Echo));
        drop(second_echo);
        let _socket = permit(&limiter, false).await;

        let third = limiter.reserve(request(false)).await.ok().unwrap();
        assert_eq!(third.take_slot().await, Err(OwnerLimitReached::Carrier));
        assert_eq!(counts(&limiter), (2, 3, 1));
        // The address is looked at before the tenant.
        assert_eq!(limiter.reserve(request(false)).await.err(), Some(CapacityError::Address));
        let elsewhere = PermitRequest { address: None, ..request(false) };
        assert_eq!(limiter.reserve(elsewhere).await.err(), Some(CapacityError::Tenant));

        drop((echo, third));
        assert_eq!(counts(&limiter), (1, 1, 1));
    }

    #[tokio::test]
    async fn a_node_without_places_counts_nothing() {
        let limiter = limiter(2);
        let _only = permit(&limiter, false).await;

        assert_eq!(limiter.reserve(request(false)).await.err(), Some(CapacityError::Node));

        assert_eq!(counts(&limiter), (1, 1, 1));
    }
}
