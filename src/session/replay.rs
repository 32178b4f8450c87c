//! A part of a tenant's log on its way to one reader: how far it has come, how far it goes, what of it is wanted.

use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::protocol::subscription::{Interest, Subscription};

/// A part of the log on its way out while the gate is shut. Everything up to `after` is out.
pub(super) enum Replay {
    /// All that the reader wants, at least up to `upto`: later events are in the gate. What the gate holds up to where
    /// the replay ends is dropped.
    Everything { after: i64, upto: i64 },
    /// The past of a subscription that was added in mid-stream, up to where the gate was shut: all later events
    /// are in the gate, so no position goes out before an event that it stands behind.
    Past { after: i64, upto: Position, of: Subscription, recovered: bool },
}

impl Replay {
    pub(super) fn after(&self) -> i64 {
        match self {
            Self::Everything { after, .. } | Self::Past { after, .. } => *after,
        }
    }

    /// Retention took a part away before it was read: whose part it is, when it is one subscription's.
    pub(super) fn set_unrecovered(&mut self) -> Option<Subscription> {
        match self {
            Self::Everything { .. } => None,
            Self::Past { of, recovered, .. } => {
                *recovered = false;
                Some(of.clone())
            }
        }
    }

    /// Where it may end.
    pub(super) fn upto(&self) -> i64 {
        match self {
            Self::Everything { upto, .. } => *upto,
            Self::Past { upto, .. } => upto.seq,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.after() >= self.upto()
    }

    /// Moves on, never back.
    pub(super) fn advance_to(&mut self, seq: i64) {
        match self {
            Self::Everything { after, .. } | Self::Past { after, .. } => *after = seq.max(*after),
        }
    }
}

/// What a replay brings.
pub(super) enum ReplayFilter {
    Everything(Interest),
    /// One subscription's past, without what the rest of the connection has brought already.
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
