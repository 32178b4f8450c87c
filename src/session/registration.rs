//! Registers a connection, or refuses it: by the connect rate, by the capacity of tenant and address, or by the
//! caller's own limit. Dropping the guard releases all of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::admission::ConcurrencyLimit;
use super::connection::Connection;
use super::connection_limits::{Carrier, Owner};
use super::control_channel::ControlChannel;
use super::node_capacity::CapacityError;
use super::registry::ConnectionRegistry;
use super::traffic::Traffic;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{ConnectionId, TenantId};
use crate::base::ip_prefix::IpPrefix;
use crate::domain::identity::authenticate::{AuthenticateError, Authenticated, Credential, KeyFetchPolicy};
use crate::domain::limits::quota::Quota;
use crate::domain::limits::quota_exceeded;
use crate::domain::op::Origin;
use crate::protocol::problem::{CloseCode, Code, Problem};

/// How long an unresponsive connection has to answer when its slot is needed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// When a client that was refused for lack of capacity may try again.
const CAPACITY_RETRY_SECS: u32 = 5;

/// A registered connection: dropping it releases its slot and removes the connection.
pub struct ConnectionGuard {
    pub connection: Arc<Connection>,
    counted: CapacityReservation,
}

impl ConnectionGuard {
    /// The registry that the connection is in.
    pub(super) fn registry(&self) -> &Arc<ConnectionRegistry> {
        &self.counted.registry
    }
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Any,
    Echo,
}

/// A connection in the counts of its tenant and address; dropping it removes the connection from them.
struct CapacityReservation {
    registry: Arc<ConnectionRegistry>,
    tenant_id: TenantId,
    address: Option<IpPrefix>,
}

impl ConnectionRegistry {
    /// Registers a connection, or refuses it. At the caller's limit unresponsive connections are probed first.
    pub async fn register(
        self: &Arc<Self>,
        admitted: Authenticated,
        carrier: Carrier,
        origin: Origin,
    ) -> Result<ConnectionGuard, Problem> {
        self.register_for(admitted, carrier, Purpose::Any, origin).await
    }

    /// The same for a socket at the echo; each caller may have one.
    pub async fn register_echo(
        self: &Arc<Self>,
        admitted: Authenticated,
        origin: Origin,
    ) -> Result<ConnectionGuard, Problem> {
        self.register_for(admitted, Carrier::Socket, Purpose::Echo, origin).await
    }

    async fn register_for(
        self: &Arc<Self>,
        admitted: Authenticated,
        carrier: Carrier,
        purpose: Purpose,
        origin: Origin,
    ) -> Result<ConnectionGuard, Problem> {
        self.refuse_when_stopping()?;
        let (Some(scope), Some(owner)) = (admitted.principal.scope(), Owner::of(&admitted.principal)) else {
            return Err(Problem::new(
                Code::Forbidden,
                "Operators have no tenant; sign in as one of its users.",
            ));
        };
        self.check_connect_rate(scope.tenant_id())?;
        let counted = self.reserve_capacity(scope.tenant_id(), &origin)?;
        if self.acquire_slot(owner, carrier, purpose).is_err() {
            self.close_unresponsive(owner, carrier).await;
            self.acquire_slot(owner, carrier, purpose)?;
        }
        let guard = self.open_connection(admitted, scope, owner, carrier, origin, counted);
        guard.connection.holds_echo_slot.store(purpose == Purpose::Echo, Ordering::Relaxed);
        // The credential may have been revoked after it was checked, a second ago if a connection was probed, and
        // before this connection was registered. From now on a revocation finds it.
        self.identity.recheck(&guard.connection.principal()).await?;
        Ok(guard)
    }

    /// Authenticates a credential under a concurrency limit. A caller that waits for the keys of a foreign issuer
    /// holds no permit meanwhile: an issuer that does not answer delays no other caller.
    pub async fn authenticate(
        &self,
        limit: &ConcurrencyLimit,
        credential: Credential<'_>,
    ) -> Result<Authenticated, Problem> {
        let permit = limit.acquire().await?;
        let judged = self.identity.try_authenticate(credential, KeyFetchPolicy::MayFetch).await;
        drop(permit);
        let fetch = match judged {
            Ok(admitted) => return Ok(admitted),
            Err(AuthenticateError::Refused(problem)) => return Err(problem),
            Err(AuthenticateError::KeysPending(fetch)) => fetch,
        };
        self.identity.await_keys(fetch).await?;
        let _place = limit.acquire().await?;
        self.identity.authenticate_with_known_keys(credential).await
    }

    fn acquire_slot(&self, owner: Owner, carrier: Carrier, purpose: Purpose) -> Result<(), Problem> {
        let full = |words: &'static str| Problem::new(Code::TooManyConnections, words).retry_after(5);
        if !self.slots.acquire(owner, carrier) {
            return Err(full("Too many connections"));
        }
        if purpose == Purpose::Echo && !self.slots.acquire_echo(owner) {
            self.slots.release(owner, carrier);
            return Err(full("Too many connections: one at a time on /ws/echo"));
        }
        Ok(())
    }

    /// Refuses new clients while the node stops, with a retry that is spread like that of the clients it closes.
    pub fn refuse_when_stopping(&self) -> Result<(), Problem> {
        if !self.stopping.is_cancelled() {
            return Ok(());
        }
        let spread = self.settings.reconnect_spread.as_secs().max(1);
        let seconds = u32::try_from(1 + self.services.entropy.below(spread)).unwrap_or(1);
        let words = "The server is restarting; connect again.";
        Err(Problem::new(Code::Unavailable, words).retry_after(seconds))
    }

    /// Limits the tenant's new connections a second.
    fn check_connect_rate(&self, tenant_id: TenantId) -> Result<(), Problem> {
        let quota = Quota::ConnectsPerSecond;
        let level = self.services.limits.take(tenant_id, quota, self.services.clock.now());
        match level.and_then(|level| Some((level.per_second, level.retry_after_secs?))) {
            Some((most, seconds)) => Err(quota_exceeded(quota, most, seconds)),
            None => Ok(()),
        }
    }

    /// Counts the connection, if the tenant and the address may have one more.
    fn reserve_capacity(
        self: &Arc<Self>,
        tenant_id: TenantId,
        origin: &Origin,
    ) -> Result<CapacityReservation, Problem> {
        let address: Option<IpAddr> = origin.address.as_deref().and_then(|text| text.parse().ok());
        let address = address.map(IpPrefix::of);
        let (limits, now) = (&self.services.limits, self.services.clock.now());
        let of_tenant = |held: usize| limits.allows_one_more(tenant_id, Quota::Connections, held as u64, now);
        match self.capacity.try_reserve(tenant_id, address, of_tenant, self.settings.max_per_address) {
            Ok(()) => Ok(CapacityReservation { registry: Arc::clone(self), tenant_id, address }),
            Err(CapacityError::Address) => {
                let words = "Your address has all the connections that it may have.";
                Err(Problem::new(Code::RateLimited, words).retry_after(CAPACITY_RETRY_SECS))
            }
            Err(CapacityError::Node) => {
                let words = "The server has hardly any place left, and your tenant has most of those that are taken; try again later.";
                Err(Problem::new(Code::Unavailable, words).retry_after(CAPACITY_RETRY_SECS))
            }
            Err(CapacityError::Tenant) => {
                let most = limits.limit(tenant_id, Quota::Connections).unwrap_or_default();
                Err(quota_exceeded(Quota::Connections, most, u64::from(CAPACITY_RETRY_SECS)))
            }
        }
    }

    fn open_connection(
        self: &Arc<Self>,
        admitted: Authenticated,
        scope: TenantScope,
        owner: Owner,
        carrier: Carrier,
        origin: Origin,
        counted: CapacityReservation,
    ) -> ConnectionGuard {
        let now = self.services.clock.now();
        let metrics = &self.services.metrics;
        metrics.opened.of(carrier.into()).inc();
        let tenant = metrics.tenants.of(scope.tenant_id());
        let connection = Arc::new(Connection {
            id: ConnectionId::new(&self.services.clock),
            scope,
            principal: Mutex::new(admitted.principal),
            carrier,
            origin,
            opened_at: now,
            owner,
            control: ControlChannel::new(),
            last_activity_at: AtomicI64::new(self.steady_micros()),
            last_heartbeat_at: AtomicI64::new(self.steady_micros()),
            expires_at: AtomicI64::new(admitted.expires_at.timestamp_micros()),
            unfinished_since: AtomicU32::new(0),
            expiry_warned: AtomicBool::new(false),
            holds_slot: AtomicBool::new(true),
            holds_echo_slot: AtomicBool::new(false),
            retry_after_ms: AtomicU64::new(0),
            admission_permit: Mutex::default(),
            ticket: OnceLock::new(),
            traffic: Traffic::new(Arc::clone(metrics), tenant, carrier.into()),
        });
        self.index.insert(&connection);
        // All connections may have been closed since this one was admitted.
        if self.stopping.is_cancelled() {
            connection.close(CloseCode::Restart, "restart;retry_after=1");
        }
        ConnectionGuard { connection, counted }
    }

    /// Probes an owner's sockets that have missed a heartbeat, and closes those that do not answer. The client of a
    /// stream sends nothing: its silence means nothing, and a connection that is gone ends with a failed write.
    async fn close_unresponsive(&self, owner: Owner, carrier: Carrier) {
        if carrier == Carrier::Stream {
            return;
        }
        let silent_since = self.steady_micros() - self.settings.heartbeat.as_micros() as i64;
        let mut silent = self.index.by_subject(owner.subject());
        silent.retain(|one| {
            one.owner == owner
                && one.carrier == carrier
                && one.last_activity_at.load(Ordering::Relaxed) < silent_since
        });
        if silent.is_empty() {
            return;
        }
        silent.iter().for_each(|one| self.send_heartbeat(one));
        self.services.clock.sleep(PROBE_TIMEOUT).await;
        for one in silent {
            if one.last_activity_at.load(Ordering::Relaxed) < silent_since {
                one.close(CloseCode::Idle, "no sign of life");
                self.release_slots(&one);
            }
        }
    }

    fn release_slots(&self, connection: &Connection) {
        if connection.holds_slot.swap(false, Ordering::Relaxed) {
            self.slots.release(connection.owner, connection.carrier);
        }
        if connection.holds_echo_slot.swap(false, Ordering::Relaxed) {
            self.slots.release_echo(connection.owner);
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let (registry, connection) = (self.registry(), &self.connection);
        connection.traffic.record_close(connection.control.mailbox().as_deref());
        registry.services.metrics.closed.of(connection.close_code()).inc();
        registry.release_slots(connection);
        connection.release_ticket();
        if registry.index.remove(connection) {
            registry.emptied.notify_waiters();
        }
    }
}

impl Drop for CapacityReservation {
    fn drop(&mut self) {
        self.registry.capacity.release(self.tenant_id, self.address);
    }
}
