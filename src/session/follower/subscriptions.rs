//! Subscriptions that are added and removed while a reader is followed. One with `since` gets its past between
//! `subscription_confirmed` and `subscription_live`; every other frame waits meanwhile.

use super::Follower;
use super::replay::{PendingSubscription, Replay};
use crate::eventlog::{self, Head, Since};
use crate::hub::{ControlMessage, Item};
use crate::protocol::command::Subscribe;
use crate::protocol::feed::Feed;
use crate::protocol::message::{
    GapReason, ServerMessage, SubscriptionConfirmed, SubscriptionError, SubscriptionLive, SubscriptionRemoved,
};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::subscription::Subscription;
use crate::session::connect_request::upsert_subscription;

/// Subscriptions of one connection that may wait for their past, besides the one that is being replayed. Each is a
/// pass over the log.
const MAX_PENDING: usize = 4;

impl Follower {
    /// Adds a subscription, or replaces the one of the same feed and key, live or waiting. With `since` its past is
    /// replayed between `subscription_confirmed` and `subscription_live` while every other frame waits. Refuses one
    /// above `most`, waiting ones counted, or above the number that may wait.
    pub fn subscribe(
        &mut self,
        wanted: Subscribe,
        reply_to: Option<serde_json::Value>,
        most: usize,
    ) -> Result<(), Problem> {
        let (feed, key) = (wanted.filter.feed(), wanted.key.as_deref());
        let (count, is_known) = self.subscriptions(feed, key);
        if !is_known && count >= most {
            let words = format!("at most {most} subscriptions are allowed on one connection");
            return Err(Problem::new(Code::RateLimited, words));
        }
        let replaced = self.pending_subscriptions.iter().position(|one| one.matches(feed, key));
        if wanted.since.is_some() && replaced.is_none() && self.pending_subscriptions.len() >= MAX_PENDING {
            let words = format!(
                "at most {MAX_PENDING} subscriptions with since may wait for their past on one connection; \
                 subscribe again when one of them is live"
            );
            return Err(Problem::new(Code::RateLimited, words));
        }
        self.remove_pending(replaced);
        match wanted.since.clone() {
            Some(since) => {
                self.pending_subscriptions.push_back(PendingSubscription { wanted, since, reply_to });
            }
            None => self.subscribe_live(wanted, reply_to),
        }
        self.record_pending_bytes();
        Ok(())
    }

    /// Removes a waiting subscription. If its command had an `id`, that is answered with an error: no other message
    /// will carry it.
    fn remove_pending(&mut self, index: Option<usize>) {
        let Some(PendingSubscription { wanted, reply_to, .. }) =
            index.and_then(|index| self.pending_subscriptions.remove(index))
        else {
            return;
        };
        if reply_to.is_some() {
            let message = "a later message on the same subscription and key took its place".to_owned();
            self.mailbox.offer(ControlMessage::control(&ServerMessage::SubscriptionError(
                SubscriptionError {
                    subscription: Some(wanted.filter.feed().name().to_owned()),
                    key: wanted.key,
                    message,
                    code: Code::Conflict.row().name.to_owned(),
                    reply_to,
                },
            )));
        }
    }

    fn record_pending_bytes(&self) {
        self.mailbox
            .set_extra_bytes(self.pending_subscriptions.iter().map(PendingSubscription::held_bytes).sum());
    }

    fn subscribe_live(&self, wanted: Subscribe, reply_to: Option<serde_json::Value>) {
        self.services.hub.update_interest(&self.scope, &self.mailbox, |interest, position| {
            let feed = wanted.filter.feed();
            let confirmed = confirmed(feed, wanted.key.clone(), position, None, None, reply_to);
            upsert_subscription(
                interest,
                Subscription { filter: wanted.filter, key: wanted.key, after: position.seq },
            );
            Some(confirmed)
        });
    }

    /// Begins the replay of the subscription that has waited longest.
    pub(super) fn start_next_replay(&mut self, head: Head) {
        let Some(PendingSubscription { wanted, since, reply_to }) = self.pending_subscriptions.pop_front()
        else {
            return;
        };
        self.record_pending_bytes();
        let Some(hold) = self.services.hub.shut_gate(&self.scope, &self.mailbox) else { return };
        self.prelude.extend(hold.queued);
        let upto = hold.position;
        let (after, gap) = match eventlog::resolve_filtered_since(&since, head, &wanted.filter) {
            Since::After(seq) => (seq, None),
            Since::Gap(reason) => (upto.seq, Some(reason)),
        };
        let feed = wanted.filter.feed();
        let confirmed = confirmed(feed, wanted.key.clone(), upto, Some(&since), gap, reply_to);
        self.prelude.push(Item::control(&confirmed, Some(upto)));
        let of = Subscription { filter: wanted.filter, key: wanted.key, after };
        self.services.hub.update_interest(&self.scope, &self.mailbox, |interest, _| {
            upsert_subscription(interest, of.clone());
            None
        });
        self.services.metrics.replays.inc();
        if let Some(reason) = gap {
            self.services.metrics.gaps.of(reason).inc();
        }
        self.replay = Some(Box::new(Replay::Past { after, upto, of, recovered: gap.is_none() }));
    }

    /// Ends a subscription, also one that waits for its past.
    pub fn unsubscribe(&mut self, feed: Feed, key: Option<String>, reply_to: Option<serde_json::Value>) {
        self.remove_pending(
            self.pending_subscriptions.iter().position(|one| one.matches(feed, key.as_deref())),
        );
        self.record_pending_bytes();
        self.services.hub.update_interest(&self.scope, &self.mailbox, |interest, position| {
            interest.subscriptions.retain(|one| one.filter.feed() != feed || one.key != key);
            Some(ServerMessage::SubscriptionRemoved(SubscriptionRemoved {
                subscription: feed.name().to_owned(),
                key,
                position: position.to_string(),
                reply_to,
            }))
        });
    }

    /// The number of subscriptions, waiting ones included, and whether one of this feed and key is among them.
    fn subscriptions(&self, feed: Feed, key: Option<&str>) -> (usize, bool) {
        self.mailbox.with_interest(|interest| {
            let is_live = |one: &PendingSubscription| {
                let same = |live: &Subscription| one.matches(live.filter.feed(), live.key.as_deref());
                interest.subscriptions.iter().any(same)
            };
            // One that waits to replace a live one is counted once.
            let waiting = self.pending_subscriptions.iter().filter(|one| !is_live(one)).count();
            let same = |one: &Subscription| one.filter.feed() == feed && one.key.as_deref() == key;
            let is_known = interest.subscriptions.iter().any(same)
                || self.pending_subscriptions.iter().any(|one| one.matches(feed, key));
            (interest.subscriptions.len() + waiting, is_known)
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
        since: since.map(|since| crate::base::text::truncate(since, 200).to_owned()),
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
