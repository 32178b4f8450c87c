//! A part of a tenant's log that is replayed to one reader: its progress, its end, its filter, its permit, and the
//! subscriptions that wait for theirs.

use crate::base::fair_semaphore::{FairPermit, Queued};
use crate::base::ids::TenantId;
use crate::protocol::command::Subscribe;
use crate::protocol::envelope::Envelope;
use crate::protocol::feed::Feed;
use crate::protocol::position::Position;
use crate::protocol::subscription::{Interest, Subscription};

/// A replay of the log while the gate is shut. Everything up to `after` was sent.
pub(super) enum Replay {
    /// All events for the reader, at least up to `upto`: later ones are in the gate. What the gate holds up to the
    /// end of the replay is dropped. `since`: the requested position, if subscriptions cannot be matched against the
    /// events after it and begin later.
    Everything { after: i64, upto: i64, since: Option<String> },
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

    /// The requested position, once: for the gap of the subscriptions that begin at `begin`, when all events up to
    /// there were sent.
    pub(super) fn take_since_at(&mut self, begin: i64) -> Option<String> {
        match self {
            Self::Everything { after, since, .. } if *after >= begin => since.take(),
            Self::Everything { .. } | Self::Past { .. } => None,
        }
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

/// The permit to read a segment of the log. It outlives the future that waits for it: otherwise a client that sends
/// something while it waits would lose its place in the queue with every message.
pub(super) enum ReplayPermit {
    Queued(Queued<TenantId>),
    Held { _permit: FairPermit<TenantId> },
}

/// A subscription with `since` that waits for a replay to end.
pub(super) struct PendingSubscription {
    pub(super) wanted: Subscribe,
    pub(super) since: String,
    pub(super) reply_to: Option<serde_json::Value>,
}

impl PendingSubscription {
    pub(super) fn held_bytes(&self) -> usize {
        let texts = [self.wanted.key.as_deref(), self.wanted.since.as_deref(), Some(&self.since)];
        let reply_to = self.reply_to.as_ref().and_then(serde_json::Value::as_str);
        let texts: usize = texts.into_iter().chain([reply_to]).flatten().map(str::len).sum();
        size_of::<Self>() + texts + self.wanted.filter.held_bytes()
    }

    pub(super) fn matches(&self, feed: Feed, key: Option<&str>) -> bool {
        self.wanted.filter.feed() == feed && self.wanted.key.as_deref() == key
    }
}
