//! A change and the events that tell of it, committed together.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::protocol::envelope::Envelope;
use crate::protocol::event::Event;
use crate::protocol::position::Position;
use crate::protocol::routing::Routing;
use crate::storage::events::NewEvent;
use crate::storage::{Result, TenantTx, events, micros};

/// A transaction that gathers events. They are appended as its last statements, because from then on the tenant's
/// counter row is held: everything slow must be done before.
pub struct Change {
    pub tx: TenantTx,
    now: DateTime<Utc>,
    gathered: Vec<Gathered>,
}

struct Gathered {
    kind: &'static str,
    routing: Routing,
    subject: Option<String>,
    body: String,
}

/// What a commit leaves to be delivered.
#[derive(Debug, Default)]
pub struct Committed {
    pub envelopes: Vec<Arc<Envelope>>,
}

impl Committed {
    /// The position after the change; `None` when it told nothing.
    pub fn position(&self) -> Option<Position> {
        self.envelopes.last().map(|envelope| envelope.position)
    }
}

impl Change {
    pub fn new(tx: TenantTx, now: DateTime<Utc>) -> Self {
        Self { tx, now, gathered: Vec::new() }
    }

    /// Adds an event to what the commit will tell.
    pub fn tell(&mut self, event: Event) {
        let (routing, subject) = (event.routing(), event.subject());
        let message = event.into_message();
        self.gathered.push(Gathered { kind: message.kind(), routing, subject, body: message.to_json() });
    }

    /// Appends the events and commits. When this returns, change and events are on disk.
    pub async fn commit(self) -> Result<Committed> {
        let Self { tx, now, gathered } = self;
        if gathered.is_empty() {
            tx.commit().await?;
            return Ok(Committed::default());
        }
        let rows = gathered.iter().map(|event| NewEvent {
            kind: event.kind,
            // Routing is made of plain enums and strings, which always serialise.
            routing: serde_json::to_string(&event.routing).unwrap_or_default(),
            subject: event.subject.clone(),
            body: event.body.clone(),
            occurred_at: micros(now),
        });
        let (first, epoch) = events::append(&tx, rows.collect()).await?;
        tx.commit().await?;
        let envelopes = (first..).zip(gathered).map(|(seq, event)| {
            let position = Position { epoch, seq };
            Arc::new(Envelope::new(position, event.kind, event.routing, &event.body, now))
        });
        Ok(Committed { envelopes: envelopes.collect() })
    }
}
