//! Subscriptions that come and go while their reader is followed. One that asks for its past gets it between
//! `subscription_confirmed` and `subscription_live`; every other frame waits meanwhile.

use super::follower::Follower;
use super::replay::Replay;
use super::wish::put;
use crate::eventlog::{self, Head, Since};
use crate::hub::{Item, Offer};
use crate::protocol::command::Subscribe;
use crate::protocol::message::{
    GapReason, ServerMessage, SubscriptionConfirmed, SubscriptionError, SubscriptionLive, SubscriptionRemoved,
};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::subscription::{Feed, Subscription};

/// Subscriptions of one connection that may wait for their past at once, besides the one whose past is on its way. Each
/// is a pass over the log.
const MOST_WAITING: usize = 4;

/// A subscription that asks for its past and waits for a replay to end.
pub(super) struct Waiting {
    wanted: Subscribe,
    since: String,
    reply_to: Option<serde_json::Value>,
}

impl Waiting {
    fn held_bytes(&self) -> usize {
        let texts = [self.wanted.key.as_deref(), self.wanted.since.as_deref(), Some(&self.since)];
        let reply_to = self.reply_to.as_ref().and_then(serde_json::Value::as_str);
        let texts: usize = texts.into_iter().chain([reply_to]).flatten().map(str::len).sum();
        size_of::<Self>() + texts + self.wanted.filter.held_bytes()
    }

    fn is(&self, feed: Feed, key: Option<&str>) -> bool {
        self.wanted.filter.feed() == feed && self.wanted.key.as_deref() == key
    }
}

impl Follower {
    /// Adds a subscription, or replaces the one of the same feed and key, be it live or waiting. With `since` its past is
    /// replayed between `subscription_confirmed` and `subscription_live` while every other frame waits. Refuses one that is
    /// more than `most` of them, waiting ones counted, or more than may wait.
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
        let replaced = self.waiting.iter().position(|one| one.is(feed, key));
        if wanted.since.is_some() && replaced.is_none() && self.waiting.len() >= MOST_WAITING {
            let words = format!(
                "at most {MOST_WAITING} subscriptions with since may wait for their past on one connection; \
                 subscribe again when one of them is live"
            );
            return Err(Problem::new(Code::RateLimited, words));
        }
        self.take_waiting(replaced);
        match wanted.since.clone() {
            Some(since) => self.waiting.push_back(Waiting { wanted, since, reply_to }),
            None => self.follow_from_here(wanted, reply_to),
        }
        self.note_waiting();
        Ok(())
    }

    /// Takes a subscription out of those that wait. One that asked for an answer by an `id` of its own gets one: no other
    /// message will carry that.
    fn take_waiting(&mut self, index: Option<usize>) {
        let Some(Waiting { wanted, reply_to, .. }) = index.and_then(|index| self.waiting.remove(index))
        else {
            return;
        };
        if reply_to.is_some() {
            let message = "a later message on the same subscription and key took its place".to_owned();
            self.mailbox.offer(Offer::control(&ServerMessage::SubscriptionError(SubscriptionError {
                subscription: Some(wanted.filter.feed().name().to_owned()),
                key: wanted.key,
                message,
                code: Code::Conflict.row().name.to_owned(),
                reply_to,
            })));
        }
    }

    fn note_waiting(&self) {
        self.mailbox.keeps_aside(self.waiting.iter().map(Waiting::held_bytes).sum());
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
        self.note_waiting();
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

    /// Ends a subscription, also one that waits for its past.
    pub fn unsubscribe(&mut self, feed: Feed, key: Option<String>, reply_to: Option<serde_json::Value>) {
        self.take_waiting(self.waiting.iter().position(|one| one.is(feed, key.as_deref())));
        self.note_waiting();
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

    /// How many subscriptions there are, those that wait included, and whether one of this feed and key is among them.
    fn subscriptions(&self, feed: Feed, key: Option<&str>) -> (usize, bool) {
        self.mailbox.with_interest(|interest| {
            let is_live = |one: &Waiting| {
                let same = |live: &Subscription| one.is(live.filter.feed(), live.key.as_deref());
                interest.subscriptions.iter().any(same)
            };
            // One that waits to replace a live one is counted once.
            let waiting = self.waiting.iter().filter(|one| !is_live(one)).count();
            let same = |one: &Subscription| one.filter.feed() == feed && one.key.as_deref() == key;
            let is_known =
                interest.subscriptions.iter().any(same) || self.waiting.iter().any(|one| one.is(feed, key));
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
