//! Connecting, in the order in which it happens: a credential is [`Verified`], the caller is [`Admitted`] by all limits,
//! the connection has [`Joined`] the open ones. Every carrier passes here. Each stage consumes the one before, so a wrong
//! order does not compile, and a stage that is dropped gives back everything that was taken.
//!
//! The principal is looked at twice. It is loaded with the credential, before anything is taken: a stranger learns
//! nothing of limits and costs nothing. It is looked at once more when the connection is registered: a revocation finds
//! registered connections only, so one that came between the two looks would find nothing to close. From then on every
//! change reaches the connection (`ConnectionRegistry::revoke`), and no carrier looks again when it begins.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use super::admission::{ConcurrencyLimit, Permit};
use super::connection::Connection;
use super::connection_guard::ConnectionGuard;
use super::connection_limits::{CapacityError, Carrier, ConnectionPermit, OwnerLimitReached, PermitRequest};
use super::registry::ConnectionRegistry;
use super::{role_change, unresponsive};
use crate::auth::principal::Principal;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{ConnectionId, TenantId};
use crate::base::ip_prefix::IpPrefix;
use crate::cluster::connection_counts::ConnectionOwner;
use crate::domain::identity::authenticate::{AuthenticateError, Authenticated, Credential, KeyFetchPolicy};
use crate::domain::limits::quota::Quota;
use crate::domain::limits::{TenantRate, quota_exceeded};
use crate::domain::op::Origin;
use crate::protocol::problem::{Code, Problem};

/// When a client that was refused for lack of capacity may try again.
const CAPACITY_RETRY_SECS: u32 = 5;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    MessageSocket,
    EchoSocket,
    UploadSocket,
    /// A stream of events or of a job's log.
    LogStream,
    /// A stream of figures, which follows no log.
    FiguresStream,
}

impl Purpose {
    fn carrier(self) -> Carrier {
        match self {
            Self::MessageSocket | Self::EchoSocket => Carrier::Socket,
            Self::UploadSocket => Carrier::Upload,
            Self::LogStream | Self::FiguresStream => Carrier::Stream,
        }
    }

    /// Whether it joins the tenant's log, which costs reads.
    fn follows_log(self) -> bool {
        matches!(self, Self::MessageSocket | Self::LogStream)
    }
}

/// A caller whose credential is valid: signature, issuer and expiry, session or key, account and tenant. Nothing is
/// taken yet, and a ticket is not used yet.
pub struct Verified {
    registry: Arc<ConnectionRegistry>,
    caller: Authenticated,
    ticket: Option<String>,
    origin: Origin,
}

impl Verified {
    /// Checks a credential and loads its principal.
    pub async fn check(
        registry: &Arc<ConnectionRegistry>,
        credential: Credential<'_>,
        origin: Origin,
    ) -> Result<Self, Problem> {
        registry.refuse_when_stopping()?;
        // Up to here the request cost no computation or query; from here on, concurrent requests are limited.
        let caller = registry.authenticate(&registry.admission.connects, credential).await?;
        let ticket = match credential {
            Credential::Ticket(ticket, _) => Some(ticket.to_owned()),
            Credential::Header(_) | Credential::Query(_) => None,
        };
        Ok(Self { registry: Arc::clone(registry), caller, ticket, origin })
    }

    /// For the checks of the endpoint: what the caller may do, and whose path it asks for.
    pub fn principal(&self) -> &Principal {
        &self.caller.principal
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Takes what the connection needs of all limits, or refuses it. At the owner's limit unresponsive connections are
    /// probed first.
    pub async fn admit(self, purpose: Purpose) -> Result<Admitted, Problem> {
        let Self { registry, caller, ticket, origin } = self;
        let join_permit = match purpose.follows_log() {
            true => Some(registry.admission.joins.acquire().await?),
            false => None,
        };
        registry.refuse_when_stopping()?;
        let owner = ConnectionOwner::of(&caller.principal);
        let (Some(scope), Some(owner)) = (caller.principal.scope(), owner) else {
            let words = "Operators have no tenant; sign in as one of its users.";
            return Err(Problem::new(Code::Forbidden, words));
        };
        check_connect_rate(&registry, owner.tenant_id()).await?;
        let permit = reserve_capacity(&registry, owner, purpose, &origin).await?;
        if permit.take_slot().await.is_err() {
            unresponsive::close_unresponsive(&registry, owner, purpose.carrier()).await;
            permit.take_slot().await.map_err(too_many_connections)?;
        }
        Ok(Admitted { registry, caller, scope, ticket, origin, permit, join_permit })
    }
}

/// A caller that may have one more connection.
pub struct Admitted {
    registry: Arc<ConnectionRegistry>,
    caller: Authenticated,
    scope: TenantScope,
    ticket: Option<String>,
    origin: Origin,
    permit: ConnectionPermit,
    join_permit: Option<Permit>,
}

impl Admitted {
    /// Registers the connection and looks at its principal once more; then spends the ticket.
    pub async fn join(self) -> Result<Joined, Problem> {
        let Self { registry, caller, scope, ticket, origin, permit, join_permit } = self;
        let connection = Connection::new(&registry.services, caller, scope, origin, permit);
        let guard = ConnectionGuard::register(&registry, connection);
        // The credential may have ended after it was checked, a second ago if a connection was probed, and the role may
        // have changed. From now on a revocation finds this connection.
        role_change::reload_principal(&registry, &guard.connection).await?;
        // Only now: a ticket is spent only by a session that starts.
        if let Some(ticket) = ticket {
            spend_ticket(&registry, &guard.connection, &ticket).await?;
        }
        Ok(Joined { guard, join_permit })
    }
}

/// A registered connection, for its carrier to begin. Without a carrier it is unregistered again.
pub struct Joined {
    pub(super) guard: ConnectionGuard,
    /// Held until the first part of the log is read.
    pub(super) join_permit: Option<Permit>,
}

impl Joined {
    pub fn connection(&self) -> &Arc<Connection> {
        &self.guard.connection
    }
}

impl ConnectionRegistry {
    /// Authenticates a credential under a concurrency limit. A caller that waits for the keys of a foreign issuer
    /// holds no permit meanwhile: an issuer that does not answer delays no other caller. Requests pass here too.
    pub async fn authenticate(
        &self,
        limit: &ConcurrencyLimit,
        credential: Credential<'_>,
    ) -> Result<Authenticated, Problem> {
        let permit = limit.acquire().await?;
        let judged = self.identity.try_authenticate(credential, KeyFetchPolicy::MayFetch).await;
        drop(permit);
        let fetch = match judged {
            Ok(caller) => return Ok(caller),
            Err(AuthenticateError::Refused(problem)) => return Err(problem),
            Err(AuthenticateError::KeysPending(fetch)) => fetch,
        };
        self.identity.await_keys(fetch).await?;
        let _permit = limit.acquire().await?;
        self.identity.authenticate_with_known_keys(credential).await
    }

    /// Refuses new clients while the node stops, with a retry that is spread like that of the clients it closes.
    fn refuse_when_stopping(&self) -> Result<(), Problem> {
        if !self.stopping.is_cancelled() {
            return Ok(());
        }
        let spread = self.settings.reconnect_spread.as_secs().max(1);
        let seconds = u32::try_from(1 + self.services.entropy.below(spread)).unwrap_or(1);
        let words = "The server is restarting; connect again.";
        Err(Problem::new(Code::Unavailable, words).retry_after(seconds))
    }
}

/// Limits the tenant's new connections a second.
async fn check_connect_rate(registry: &ConnectionRegistry, tenant_id: TenantId) -> Result<(), Problem> {
    let (rate, services) = (TenantRate::Connects, &registry.services);
    let level = services.limits.take(tenant_id, rate, services.clock.now()).await;
    match level.and_then(|level| Some((level.per_second, level.retry_after_secs?))) {
        Some((most, seconds)) => Err(quota_exceeded(rate.quota(), most, seconds)),
        None => Ok(()),
    }
}

/// Counts the connection, if the address, the tenant and the node may have one more.
async fn reserve_capacity(
    registry: &Arc<ConnectionRegistry>,
    owner: ConnectionOwner,
    purpose: Purpose,
    origin: &Origin,
) -> Result<ConnectionPermit, Problem> {
    let (limits, clock) = (&registry.services.limits, &registry.services.clock);
    let address: Option<IpAddr> = origin.address.as_deref().and_then(|text| text.parse().ok());
    let (tenant_id, quota) = (owner.tenant_id(), Quota::Connections);
    let request = PermitRequest {
        id: ConnectionId::new(clock),
        owner,
        carrier: purpose.carrier(),
        is_echo: purpose == Purpose::EchoSocket,
        address: address.map(IpPrefix::of),
        max_of_tenant: limits.limit(tenant_id, quota),
    };
    let reserved = registry.limiter.reserve(request).await;
    let held = registry.limiter.count_of_tenant(tenant_id) as u64;
    match reserved {
        Ok(permit) => {
            limits.record_usage(tenant_id, quota, held, true, clock.now());
            Ok(permit)
        }
        Err(CapacityError::Address) => {
            let words = "Your address has all the connections that it may have.";
            Err(Problem::new(Code::RateLimited, words).retry_after(CAPACITY_RETRY_SECS))
        }
        Err(CapacityError::Tenant) => {
            limits.record_usage(tenant_id, quota, held, false, clock.now());
            let most = limits.limit(tenant_id, quota).unwrap_or_default();
            Err(quota_exceeded(quota, most, u64::from(CAPACITY_RETRY_SECS)))
        }
        Err(CapacityError::Node) => {
            // The tenant was allowed one more.
            limits.record_usage(tenant_id, quota, held + 1, true, clock.now());
            let words = "The server has hardly any place left, and your tenant has most of those that are taken; try again later.";
            Err(Problem::new(Code::Unavailable, words).retry_after(CAPACITY_RETRY_SECS))
        }
    }
}

fn too_many_connections(limit: OwnerLimitReached) -> Problem {
    let words = match limit {
        OwnerLimitReached::Carrier => "Too many connections",
        OwnerLimitReached::Echo => "Too many connections: one at a time on /ws/echo",
    };
    Problem::new(Code::TooManyConnections, words).retry_after(5)
}

/// Spends the ticket that the connection was opened with. A stream keeps it for as long as it has its slot: a browser
/// reconnects with the same one.
async fn spend_ticket(
    registry: &ConnectionRegistry,
    connection: &Connection,
    ticket: &str,
) -> Result<(), Problem> {
    let tickets = &registry.identity.tickets;
    match connection.carrier {
        Carrier::Socket | Carrier::Upload => tickets.redeem_for_socket(ticket).await,
        Carrier::Stream => {
            connection.store_ticket(tickets.redeem_for_stream(ticket).await?);
            Ok(())
        }
    }
}
