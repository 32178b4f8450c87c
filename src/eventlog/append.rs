//! A transaction and its events, committed together.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::base::failpoint::{Failpoint, reach};
use crate::protocol::envelope::Envelope;
use crate::protocol::event::Event;
use crate::protocol::position::Position;
use crate::protocol::routing::Routing;
use crate::storage::events::NewEvent;
use crate::storage::{Result, TenantTx, events, micros};
use crate::telemetry::metrics::EventKind;

/// A transaction that collects events. They are appended as its last statements, because from then on the tenant's
/// counter row is locked: everything slow must be done before.
pub struct EventTx {
    pub tx: TenantTx,
    now: DateTime<Utc>,
    pending: Vec<PendingEvent>,
}

struct PendingEvent {
    label: EventKind,
    kind: &'static str,
    routing: Routing,
    subject: Option<String>,
    body: String,
}

/// A transaction with its events appended, not committed yet.
pub struct Appended {
    pub tx: TenantTx,
    events: Committed,
}

/// The events of a commit, to be delivered.
#[derive(Debug, Default)]
pub struct Committed {
    pub envelopes: Vec<Arc<Envelope>>,
    /// The label of each envelope in the metrics.
    pub labels: Vec<EventKind>,
}

impl Committed {
    /// The position after the commit; `None` when it emitted nothing.
    pub fn position(&self) -> Option<Position> {
        self.envelopes.last().map(|envelope| envelope.position)
    }
}

impl EventTx {
    pub fn new(tx: TenantTx, now: DateTime<Utc>) -> Self {
        Self { tx, now, pending: Vec::new() }
    }

    /// Adds an event to the commit.
    pub fn emit(&mut self, event: Event) {
        let (label, routing, subject) = (EventKind::of(&event), event.routing(), event.subject());
        let message = event.into_message();
        let (kind, body) = (message.kind(), message.to_json());
        self.pending.push(PendingEvent { label, kind, routing, subject, body });
    }

    /// Appends the events and commits. When this returns, change and events are on disk.
    pub async fn commit(self) -> Result<Committed> {
        self.append().await?.commit().await
    }

    /// Appends the events, for a caller that has to store their positions. The commit must follow at once: from here
    /// on the tenant's counter row is locked.
    pub async fn append(self) -> Result<Appended> {
        let Self { tx, now, pending } = self;
        if pending.is_empty() {
            return Ok(Appended { tx, events: Committed::default() });
        }
        let rows = pending.iter().map(|event| NewEvent {
            kind: event.kind,
            // Routing is made of plain enums and strings, which always serialise.
            routing: serde_json::to_string(&event.routing).unwrap_or_default(),
            subject: event.subject.clone(),
            body: event.body.clone(),
            occurred_at: micros(now),
        });
        let (first, epoch) = events::append(&tx, rows.collect()).await?;
        let labels = pending.iter().map(|event| event.label).collect();
        let envelopes = (first..).zip(pending).map(|(seq, event)| {
            let position = Position { epoch, seq };
            Arc::new(Envelope::new(position, event.kind, event.routing, &event.body, now))
        });
        Ok(Appended { tx, events: Committed { envelopes: envelopes.collect(), labels } })
    }
}

impl Appended {
    /// The log's position after the commit; `None` when it emits nothing.
    pub fn position(&self) -> Option<Position> {
        self.events.position()
    }

    /// Commits. When this returns, change and events are on disk.
    pub async fn commit(self) -> Result<Committed> {
        if !self.events.envelopes.is_empty() {
            reach(Failpoint::CommitBefore);
        }
        self.tx.commit().await?;
        Ok(self.events)
    }
}
