//! Restores the order of a tenant's events by sequence number: after the commit they arrive in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;

/// Events kept while an earlier one is missing. Beyond this the highest are dropped: the log has them all.
const MAX_PENDING: usize = 4096;
/// The same in bytes: an event has up to 64 KiB.
const MAX_PENDING_BYTES: usize = 16 * 1024 * 1024;

/// The last event delivered, and those that wait for an earlier one.
#[derive(Default)]
pub(super) struct Sequencer {
    cursor: Option<Position>,
    pending: BTreeMap<i64, Arc<Envelope>>,
    /// Bytes of those.
    bytes: usize,
}

impl Sequencer {
    pub(super) fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Begins at `position` unless it has begun. Drops pending events at or below it, which were never this node's to
    /// deliver, and those of another log.
    pub(super) fn start_at(&mut self, position: Position) {
        if self.cursor.is_none() {
            self.cursor = Some(position);
            self.pending = self.pending.split_off(&(position.seq + 1));
            self.pending.retain(|_, envelope| envelope.position.epoch == position.epoch);
            self.recount();
        }
    }

    /// Continues after `seq`: what is missing up to there is no longer available.
    pub(super) fn skip_to(&mut self, seq: i64) {
        let Some(cursor) = self.cursor.filter(|cursor| cursor.seq < seq) else { return };
        self.cursor = Some(Position { seq, ..cursor });
        self.pending = self.pending.split_off(&(seq + 1));
        self.recount();
    }

    /// Forgets the cursor: the log was replaced, and the next joiner sets where delivery begins.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn accept(&mut self, envelope: &Arc<Envelope>) {
        // A log that replaced this one has numbers of its own: its events follow nothing here.
        let follows = self
            .cursor
            .is_none_or(|cursor| envelope.position.epoch == cursor.epoch && envelope.seq() > cursor.seq);
        if !follows {
            return;
        }
        if let Some(known) = self.pending.insert(envelope.seq(), Arc::clone(envelope)) {
            self.bytes -= size(&known);
        }
        self.bytes += size(envelope);
        // The highest is dropped first, so that there is always room for the event that all others wait for.
        while self.pending.len() > MAX_PENDING || self.bytes > MAX_PENDING_BYTES {
            let Some((_, furthest)) = self.pending.pop_last() else { return };
            self.bytes -= size(&furthest);
        }
    }

    /// The next event in sequence, when it is there.
    pub(super) fn next(&mut self) -> Option<Arc<Envelope>> {
        let cursor = self.cursor?;
        let envelope = self.pending.remove(&(cursor.seq + 1))?;
        self.bytes -= size(&envelope);
        self.cursor = Some(Position { epoch: cursor.epoch, seq: envelope.seq() });
        Some(envelope)
    }

    /// Whether something waits for an event that has not come.
    pub(super) fn has_gap(&self) -> bool {
        self.cursor.is_some() && !self.pending.is_empty()
    }

    fn recount(&mut self) {
        self.bytes = self.pending.values().map(size).sum();
    }
}

fn size(envelope: &Arc<Envelope>) -> usize {
    envelope.frame.frame().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::routing::Routing;

    fn event(seq: i64, bytes: usize) -> Arc<Envelope> {
        let body = format!(r#"{{"type":"property_notification","pad":"{}"}}"#, "x".repeat(bytes));
        let at = chrono::DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let position = Position { epoch: 1, seq };
        Arc::new(Envelope::new(position, "property_notification", Routing::Summary, &body, at))
    }

    #[test]
    fn events_behind_a_gap_are_bounded_in_bytes_and_delivered_when_it_closes() {
        let mut sequencer = Sequencer::default();
        sequencer.start_at(Position { epoch: 1, seq: 0 });

        (2..600).for_each(|seq| sequencer.accept(&event(seq, 60_000)));
        let kept = sequencer.pending.len();
        assert!(sequencer.bytes <= MAX_PENDING_BYTES && (200..300).contains(&kept), "{kept}");
        sequencer.accept(&event(1, 60_000));
        assert!(sequencer.has_gap() && sequencer.bytes <= MAX_PENDING_BYTES);

        assert_eq!(sequencer.next().map(|event| event.seq()), Some(1));
        while sequencer.next().is_some() {}
        assert_eq!((sequencer.bytes, sequencer.has_gap()), (0, false));
    }

    #[test]
    fn the_missing_event_is_accepted_when_the_queue_is_full() {
        let mut sequencer = Sequencer::default();
        sequencer.start_at(Position { epoch: 1, seq: 0 });
        let waiting = 2..=MAX_PENDING as i64 + 1;

        waiting.for_each(|seq| sequencer.accept(&event(seq, 1)));
        sequencer.accept(&event(1, 1));

        let delivered = std::iter::from_fn(|| sequencer.next()).count();
        assert_eq!(delivered, MAX_PENDING, "the furthest was dropped, and is read from the log");
    }
}
