//! Which tickets were used: what makes a signed ticket good for one use only.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::auth::authenticate::TicketOwner;
use crate::auth::ticket::{TicketId, TicketRealm};
use crate::base::ids::TenantId;

/// One use of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketUse {
    pub tenant_id: TenantId,
    pub owner: TicketOwner,
    pub ticket: TicketId,
    /// When the ticket expires by itself: until then its use is remembered. By the steady clock.
    pub expires_at: DateTime<Utc>,
}

/// The use could not be noted or asked for.
#[derive(Debug, thiserror::Error)]
pub enum UsedTicketsError {
    #[error("the owner of the ticket, or its tenant, has used as many as are remembered at once")]
    LimitReached,
    #[error("the store of used tickets does not answer: {0}")]
    Unavailable(String),
}

/// The memory of used tickets, shared by all nodes at which the same tickets are good. Each owner and each tenant has a
/// share of its own: what one of them fills is refused to no other.
pub trait UsedTickets: Send + Sync {
    /// Where the tickets are good whose use is remembered here.
    fn realm(&self) -> TicketRealm;

    /// Notes a use; `true` for the first one. Of several that try at once, on whatever nodes, one is the first.
    fn record_use(&self, used: TicketUse) -> BoxFuture<'_, Result<bool, UsedTicketsError>>;

    /// Whether the ticket was used.
    fn is_used(&self, ticket: TicketId) -> BoxFuture<'_, Result<bool, UsedTicketsError>>;
}
