//! The tickets that were used, so that a signed ticket is valid for one use only.

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
    /// When the ticket expires, by the steady clock: until then its use is remembered.
    pub expires_at: DateTime<Utc>,
}

/// A use could not be recorded or looked up.
#[derive(Debug, thiserror::Error)]
pub enum UsedTicketsError {
    #[error("the owner of the ticket, or its tenant, has used as many as are remembered at once")]
    LimitReached,
    #[error("the store of used tickets does not answer: {0}")]
    Unavailable(String),
}

/// The used tickets of all nodes that accept the same tickets. Each owner and each tenant has a limit of its own: one
/// that reaches it does not affect the others.
pub trait UsedTickets: Send + Sync {
    /// The realm of the tickets that are recorded here.
    fn realm(&self) -> TicketRealm;

    /// Records a use; `true` for the first one. Of several concurrent calls, on any node, exactly one is the first.
    fn record_use(&self, used: TicketUse) -> BoxFuture<'_, Result<bool, UsedTicketsError>>;

    /// Whether the ticket was used.
    fn is_used(&self, ticket: TicketId) -> BoxFuture<'_, Result<bool, UsedTicketsError>>;
}
