//! Tickets: short-lived, single-use credentials for pages that cannot send headers. They are signed statements:
//! minting one stores nothing, so that no number of them prevents others. Only used ones are remembered.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;

use super::stream_tickets::{StreamTicketGuard, StreamTickets};
use crate::auth::authenticate::TicketGrant;
use crate::auth::principal::Principal;
use crate::auth::secret::SecretText;
use crate::auth::ticket::Ticket;
use crate::auth::token::key_ring::KeyRing;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::cluster::used_tickets::{TicketUse, UsedTickets, UsedTicketsError};
use crate::domain::error::Result;
use crate::domain::op::not_a_user;
use crate::protocol::problem::{Code, Problem};

/// Lifetime of an unused ticket.
pub const TICKET_TTL: Duration = Duration::from_secs(30);

/// The channel that a ticket opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A socket consumes the ticket.
    Socket,
    /// A stream may present it again: a browser reconnects to the very same URL.
    Stream,
}

/// The store of used tickets, and the limit of streams per user or key.
pub struct TicketParts {
    pub used: Arc<dyn UsedTickets>,
    pub streams_per_owner: usize,
}

/// Signs and verifies tickets.
pub struct Tickets {
    used: Arc<dyn UsedTickets>,
    streams: StreamTickets,
    ring: Arc<RwLock<Arc<KeyRing>>>,
    clock: Clock,
    entropy: Entropy,
}

impl Tickets {
    pub(super) fn new(
        parts: TicketParts,
        ring: Arc<RwLock<Arc<KeyRing>>>,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let streams = StreamTickets::new(clock.clone(), parts.streams_per_owner);
        Self { used: parts.used, streams, ring, clock, entropy }
    }

    /// A ticket for `principal`, with a credential that ends at `ends_at`. Operators open no sockets.
    pub fn mint(&self, principal: &Principal, ends_at: DateTime<Utc>) -> Result<SecretText> {
        let grant = TicketGrant::of(principal, ends_at).ok_or_else(not_a_user)?;
        let life = TimeDelta::from_std(TICKET_TTL).unwrap_or_default();
        let ticket = Ticket::new(grant, self.clock.steady() + life, self.entropy);
        Ok(ticket.sign(&self.ring(), self.clock.now(), self.used.realm()))
    }

    /// Reads the grant without using the ticket: a connection that is rejected for another reason has not used it.
    pub async fn peek(&self, text: &str, channel: Channel) -> Result<TicketGrant> {
        let ticket = self.read(text)?;
        if channel == Channel::Stream
            && let Some(ends_at) = self.streams.ends_at(ticket.id)
        {
            return Ok(ticket.grant.with_end(ends_at));
        }
        if !self.is_fresh(&ticket) || self.used.is_used(ticket.id).await.map_err(failed)? {
            return Err(Problem::invalid_token());
        }
        Ok(ticket.grant)
    }

    /// Uses the ticket for a socket, when the session starts. Of two concurrent uses one is rejected.
    pub async fn redeem_for_socket(&self, text: &str) -> Result<()> {
        let ticket = self.read(text)?;
        if self.take(&ticket).await? { Ok(()) } else { Err(Problem::invalid_token()) }
    }

    /// Uses the ticket for a stream, when the session starts, or once more for a reconnect. The returned
    /// guard must be held as long as the stream has its connection slot.
    pub async fn redeem_for_stream(&self, text: &str) -> Result<StreamTicketGuard> {
        let ticket = self.read(text)?;
        if let Some(held) = self.streams.reopen(ticket.id) {
            return Ok(held);
        }
        if self.take(&ticket).await? {
            return Ok(self.streams.open(&ticket));
        }
        // Another stream of the same ticket may have been first.
        self.streams.reopen(ticket.id).ok_or_else(Problem::invalid_token)
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read())
    }

    fn read(&self, text: &str) -> Result<Ticket> {
        Ticket::verify(text, &self.ring(), self.clock.now(), self.used.realm())
            .ok_or_else(Problem::invalid_token)
    }

    fn is_fresh(&self, ticket: &Ticket) -> bool {
        self.clock.steady() < ticket.expires_at
    }

    async fn take(&self, ticket: &Ticket) -> Result<bool> {
        if !self.is_fresh(ticket) {
            return Ok(false);
        }
        let used = TicketUse {
            tenant_id: ticket.grant.tenant_id(),
            owner: ticket.grant.owner(),
            ticket: ticket.id,
            expires_at: ticket.expires_at,
        };
        self.used.record_use(used).await.map_err(failed)
    }

    #[cfg(test)]
    pub(super) fn stream_ticket_count(&self) -> usize {
        self.streams.count()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: UsedTicketsError) -> Problem {
    match error {
        UsedTicketsError::LimitReached => {
            let words = "Too many tickets were used within 30 seconds; wait, or use the token.";
            Problem::new(Code::RateLimited, words).retry_after(5)
        }
        UsedTicketsError::Unavailable(_) => {
            tracing::warn!(%error, "the use of a ticket could not be noted");
            let words = "Tickets are not available now; try again, or use the token.";
            Problem::new(Code::Unavailable, words).retry_after(1)
        }
    }
}
