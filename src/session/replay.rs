//! A part of a tenant's log that is replayed to one reader: its progress, its end and its filter.

use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::protocol::subscription::{Interest, Subscription};

/// A replay of the log while the gate is shut. Everything up to `after` was sent.
pub(super) enum Replay {
    /// All events for the reader, at least up to `upto`: later ones are in the gate. What the gate holds up to the
    /// end of the replay is dropped.
    Everything { after: i64, upto: i64 },
    /// The past of a subscription that was added later, up to where the gate was shut: all later events are in the
    /// gate, so no position is sent before an event at or below it.
    Past { after: i64, upto: Position, of: Subscription, recovered: bool },
}

impl Replay {
    pub(super) fn after(&self) -> i64 {
        match self {
            Self::Everything { after, .. } | Self::Past { after, .. } => *after,
        }
    }

    /// Records that retention trimmed events before they were read; returns the subscription, if only one misses
    /// them.
    pub(super) fn set_unrecovered(&mut self) -> Option<Subscription> {
        match self {
            Self::Everything { .. } => None,
            Self::Past { of, recovered, .. } => {
                *recovered = false;
                Some(of.clone())
            }
        }
    }

    /// The sequence number at which it may end.
    pub(super) fn upto(&self) -> i64 {
        match self {
            Self::Everything { upto, .. } => *upto,
            Self::Past { upto, .. } => upto.seq,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.after() >= self.upto()
    }

    /// Advances, never back.
    pub(super) fn advance_to(&mut self, seq: i64) {
        match self {
            Self::Everything { after, .. } | Self::Past { after, .. } => *after = seq.max(*after),
        }
    }
}

/// The events that a replay delivers.
pub(super) enum ReplayFilter {
    Everything(Interest),
    /// One subscription's past, without what other subscriptions of the connection have delivered already.
    Past {
        upto: i64,
        of: Subscription,
        others: Interest,
    },
}

impl ReplayFilter {
    pub(super) fn admits(&self, envelope: &Envelope) -> bool {
        match self {
            Self::Everything(interest) => interest.matches(&envelope.routing, envelope.seq()),
            Self::Past { upto, of, others } => {
                envelope.seq() <= *upto
                    && of.filter.matches(&envelope.routing, others.reader)
                    && !others.matches(&envelope.routing, envelope.seq())
            }
        }
    }
}
