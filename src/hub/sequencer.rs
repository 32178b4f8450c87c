//! Puts a tenant's events back in order: handing over after commit is a race, the sequence numbers are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;

/// Events kept while an earlier one is missing. Beyond this the rest is dropped: the log has it all.
const MOST_PENDING: usize = 4096;

/// The last event delivered, and those that wait for one before them.
#[derive(Default)]
pub(super) struct Sequencer {
    cursor: Option<Position>,
    pending: BTreeMap<i64, Arc<Envelope>>,
}

impl Sequencer {
    pub(super) fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Begins at `position` unless it has begun; what is at or below it was never this node's to deliver, and what is of
    /// another log never will be.
    pub(super) fn start_at(&mut self, position: Position) {
        if self.cursor.is_none() {
            self.cursor = Some(position);
            self.pending = self.pending.split_off(&(position.seq + 1));
            self.pending.retain(|_, envelope| envelope.position.epoch == position.epoch);
        }
    }

    /// Goes on after `seq`: what is missing up to there is not to be had any more.
    pub(super) fn pass_over(&mut self, seq: i64) {
        let Some(cursor) = self.cursor.filter(|cursor| cursor.seq < seq) else { return };
        self.cursor = Some(Position { seq, ..cursor });
        self.pending = self.pending.split_off(&(seq + 1));
    }

    /// Forgets where delivery stands: the log is another one now, and the next joiner says where it begins.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn accept(&mut self, envelope: &Arc<Envelope>) {
        // A log that was put in the place of this one counts on from another number: its events follow nothing here.
        let follows = self
            .cursor
            .is_none_or(|cursor| envelope.position.epoch == cursor.epoch && envelope.seq() > cursor.seq);
        if follows && self.pending.len() < MOST_PENDING {
            self.pending.insert(envelope.seq(), Arc::clone(envelope));
        }
    }

    /// The next event in sequence, when it is there.
    pub(super) fn next(&mut self) -> Option<Arc<Envelope>> {
        let cursor = self.cursor?;
        let envelope = self.pending.remove(&(cursor.seq + 1))?;
        self.cursor = Some(Position { epoch: cursor.epoch, seq: envelope.seq() });
        Some(envelope)
    }

    /// Whether something waits for an event that has not come.
    pub(super) fn has_gap(&self) -> bool {
        self.cursor.is_some() && !self.pending.is_empty()
    }
}
