//! Tickets: what a page that cannot send headers shows instead of its token, once and soon.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::auth::admit::TicketGrant;
use crate::auth::principal::Principal;
use crate::auth::secret::{SecretHash, SecretKind, SecretText};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::cluster::once::{Once, OnceError, OnceKey, Space};
use crate::domain::error::Result;
use crate::domain::op::forbidden;
use crate::protocol::problem::{Code, Problem};

/// How long a ticket waits to be used.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// What a ticket opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A socket takes the ticket away.
    Socket,
    /// A stream keeps it: a browser reconnects to the very URL that it began with, and cannot ask for a new ticket.
    Stream,
}

/// The tickets that were handed out.
pub struct Tickets {
    once: Arc<dyn Once>,
    clock: Clock,
    entropy: Entropy,
}

impl Tickets {
    pub(super) fn new(once: Arc<dyn Once>, clock: Clock, entropy: Entropy) -> Self {
        Self { once, clock, entropy }
    }

    /// A ticket for `principal`, whose credential ends at `ends_at`. Operators open no sockets.
    pub async fn mint(&self, principal: &Principal, ends_at: DateTime<Utc>) -> Result<SecretText> {
        let grant = TicketGrant::of(principal, ends_at).ok_or_else(forbidden)?;
        let minted = SecretKind::Ticket.mint(self.entropy);
        let key = OnceKey::new(Space::Ticket, &minted.hash);
        self.once.put(key, written(&grant), TICKET_LIFE).await.map_err(failed)?;
        Ok(minted.text)
    }

    /// Whose ticket it is. It stays as it was: a connection that is refused for another reason has not used it.
    pub async fn look_at(&self, text: &str, door: Door) -> Result<TicketGrant> {
        let hash = parse(text)?;
        let mut found = self.once.peek(OnceKey::new(Space::Ticket, &hash)).await.map_err(failed)?;
        if found.is_none() && door == Door::Stream {
            found = self.once.peek(OnceKey::new(Space::StreamTicket, &hash)).await.map_err(failed)?;
        }
        found.as_deref().and_then(read).ok_or_else(Problem::invalid_token)
    }

    /// Uses the ticket, when the session starts. Of two that try at once one is refused; a stream's own reconnects may
    /// show it again until the grant ends.
    pub async fn redeem(&self, text: &str, door: Door) -> Result<TicketGrant> {
        let hash = parse(text)?;
        let kept = OnceKey::new(Space::StreamTicket, &hash);
        let taken = self.once.take(OnceKey::new(Space::Ticket, &hash)).await.map_err(failed)?;
        let fresh = taken.as_deref().and_then(read);
        match (fresh, door) {
            (Some(grant), Door::Socket) => Ok(grant),
            (Some(grant), Door::Stream) => {
                let left = (grant.ends_at() - self.clock.now()).to_std().unwrap_or_default();
                self.once.put(kept, written(&grant), left).await.map_err(failed)?;
                Ok(grant)
            }
            (None, Door::Stream) => {
                let kept = self.once.peek(kept).await.map_err(failed)?;
                kept.as_deref().and_then(read).ok_or_else(Problem::invalid_token)
            }
            (None, Door::Socket) => Err(Problem::invalid_token()),
        }
    }
}

fn parse(text: &str) -> Result<SecretHash> {
    SecretKind::Ticket.parse(text).ok_or_else(Problem::invalid_token)
}

fn written(grant: &TicketGrant) -> String {
    // A grant is made of ids and a date, which always serialise.
    serde_json::to_string(grant).unwrap_or_default()
}

fn read(kept: &str) -> Option<TicketGrant> {
    serde_json::from_str(kept).ok()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: OnceError) -> Problem {
    tracing::warn!(%error, "a ticket could not be kept or looked up");
    Problem::new(Code::Unavailable, "Tickets are not available now; try again, or use the token.")
        .retry_after(1)
}
