//! Subscriptions that come and go while their reader is followed. One that asks for its past gets it between
//! `subscription_confirmed` and `subscription_live`; every other frame waits meanwhile.

use super::follower::Follower;
use super::replay::Replay;
use super::wish::put;
use crate::eventlog::{self, Head, Since};
use crate::hub::Item;
use crate::protocol::command::Subscribe;
use crate::protocol::message::{
    GapReason, ServerMessage, SubscriptionConfirmed, SubscriptionLive, SubscriptionRemoved,
};
use crate::protocol::position::Position;
use crate::protocol::subscription::{Feed, Subscription};

/// A subscription that asks for its past and waits for a replay to end.
pub(super) struct Waiting {
    wanted: Subscribe,
    since: String,
    reply_to: Option<serde_json::Value>,
}

impl Follower {
    /// Adds a subscription, or replaces the one of the same feed and key. With `since` its past is replayed between
    /// `subscription_confirmed` and `subscription_live` while every other frame waits.
    pub fn subscribe(&mut self, wanted: Subscribe, reply_to: Option<serde_json::Value>) {
        match wanted.since.clone() {
            Some(since) => self.waiting.push_back(Waiting { wanted, since, reply_to }),
            None => self.follow_from_here(wanted, reply_to),
        }
    }

    fn follow_from_here(&self, wanted: Subscribe, reply_to: Option<serde_json::Value>) {
        self.kernel.hub.change(&self.scope, &self.mailbox, |interest, position| {
            let feed = wanted.filter.feed();
            let confirmed = confirmed(feed, wanted.key.clone(), position, None, None, reply_to);
            put(interest, Subscription { filter: wanted.filter, key: wanted.key, after: position.seq });
            Some(confirmed)
        });
    }

    /// Begins the replay of the subscription that has waited longest.
    pub(super) fn begin_waiting(&mut self, head: Head) {
        let Some(Waiting { wanted, since, reply_to }) = self.waiting.pop_front() else { return };
        let Some(hold) = self.kernel.hub.hold(&self.scope, &self.mailbox) else { return };
        self.prelude.extend(hold.queued);
        let upto = hold.position;
        let (after, gap) = match eventlog::judge(&since, head) {
            Since::After(seq) => (seq, None),
            Since::Gap(reason) => (upto.seq, Some(reason)),
        };
        let feed = wanted.filter.feed();
        let confirmed = confirmed(feed, wanted.key.clone(), upto, Some(&since), gap, reply_to);
        self.prelude.push(Item::control(&confirmed, Some(upto)));
        let of = Subscription { filter: wanted.filter, key: wanted.key, after };
        self.kernel.hub.change(&self.scope, &self.mailbox, |interest, _| {
            put(interest, of.clone());
            None
        });
        self.kernel.metrics.replays.one();
        if let Some(reason) = gap {
            self.kernel.metrics.gaps.of(reason).one();
        }
        self.replay = Some(Box::new(Replay::Past { after, upto, of, recovered: gap.is_none() }));
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, feed: Feed, key: Option<String>, reply_to: Option<serde_json::Value>) {
        self.kernel.hub.change(&self.scope, &self.mailbox, |interest, position| {
            interest.subscriptions.retain(|one| one.filter.feed() != feed || one.key != key);
            Some(ServerMessage::SubscriptionRemoved(SubscriptionRemoved {
                subscription: feed.name().to_owned(),
                key,
                position: position.to_string(),
                reply_to,
            }))
        });
    }

    /// How many subscriptions stand, and whether one of this feed and key is among them.
    pub fn subscriptions(&self, feed: Feed, key: Option<&str>) -> (usize, bool) {
        self.mailbox.with_interest(|interest| {
            let same = |one: &Subscription| one.filter.feed() == feed && one.key.as_deref() == key;
            (interest.subscriptions.len(), interest.subscriptions.iter().any(same))
        })
    }
}

fn confirmed(
    feed: Feed,
    key: Option<String>,
    position: Position,
    since: Option<&str>,
    gap: Option<GapReason>,
    reply_to: Option<serde_json::Value>,
) -> ServerMessage {
    ServerMessage::SubscriptionConfirmed(SubscriptionConfirmed {
        subscription: feed.name().to_owned(),
        key,
        position: position.to_string(),
        since: since.map(|since| crate::base::text::cut(since, 200).to_owned()),
        recovered: gap.is_none(),
        resync_url: gap.map(|_| feed.resync_url().to_owned()),
        reply_to,
    })
}

/// The end of a subscription's replay.
pub(super) fn live(of: &Subscription, position: Position, recovered: bool) -> Item {
    let message = ServerMessage::SubscriptionLive(SubscriptionLive {
        subscription: of.filter.feed().name().to_owned(),
        key: of.key.clone(),
        position: position.to_string(),
        recovered,
    });
    Item::control(&message, Some(position))
}
