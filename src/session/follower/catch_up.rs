//! A follower behind the live events: it reads the log, segment by segment, until the gate may open. That is rare,
//! and large compared to waiting for live events, so its state is not kept where every connection would carry it.

use std::sync::Arc;

use super::Follower;
use super::replay::{Replay, ReplayFilter, ReplayPermit};
use super::subscriptions::live;
use crate::base::fair_semaphore::QueueFull;
use crate::eventlog::{self, Head, LogSegment};
use crate::hub::{Closing, Item};
use crate::protocol::feed::{INBOX_RESYNC_URL, own_jobs_url};
use crate::protocol::message::{Gap, GapReason, ServerMessage};
use crate::protocol::position::Position;
use crate::protocol::problem::CloseCode;
use crate::protocol::routing::Routing;
use crate::protocol::subscription::Subscription;
use crate::storage;

impl Follower {
    /// Whether all that follows is live: nothing is to be read from the log, or ready from there.
    pub(super) fn is_live(&self) -> bool {
        self.prelude.is_empty() && self.replay.is_none() && self.pending_subscriptions.is_empty()
    }

    /// Ready items, or `None` after a step towards them.
    pub(super) async fn catch_up(&mut self) -> Result<Option<Vec<Item>>, Closing> {
        // Items are checked when they are read, and once more here: the reader's role may have changed in between.
        let reader = self.mailbox.with_interest(|interest| interest.reader);
        self.prelude.retain(|item| item.is_for(reader));
        if !self.prelude.is_empty() {
            return Ok(Some(std::mem::take(&mut self.prelude)));
        }
        let Some(replay) = &self.replay else {
            if !self.pending_subscriptions.is_empty() {
                let head = eventlog::head(&self.services.db, &self.scope).await;
                let head = head.map_err(|error| self.unreadable(&error))?;
                self.check_epoch(head)?;
                self.start_next_replay(head);
            }
            return Ok(None);
        };
        let (after, upto, is_over) = (replay.after(), replay.upto(), replay.is_over());
        self.mailbox.set_replayed(after);
        let read = if is_over || !self.acquire_replay_permit().await? {
            None
        } else {
            Some(self.services.log_cache.segment(&self.services.db, &self.scope, after, upto).await)
        };
        // After the read: an event that was committed after the close was requested must not be on the page.
        if let Some(closing) = self.mailbox.closing() {
            // The gate will not open any more; `going_away` is to be delivered all the same.
            let last = self.mailbox.drain_control();
            return if last.is_empty() { Err(closing) } else { Ok(Some(last)) };
        }
        if let Some(read) = read {
            let stretch = read.map_err(|error| self.unreadable(&error))?;
            self.check_epoch(stretch.head)?;
            self.services.metrics.replay_pages.inc();
            self.queue_segment(&stretch);
        }
        self.admission_permit = None;
        // Released between two segments, so that tenants take turns.
        self.replay_permit = None;
        self.end_replay();
        // If all of it was cached, nothing above has waited: the thread's other tasks run first now.
        tokio::task::yield_now().await;
        Ok(None)
    }

    /// Waits for the permit to read a segment; for the first one the admission permit serves. False: the connection
    /// has ended meanwhile.
    async fn acquire_replay_permit(&mut self) -> Result<bool, Closing> {
        if self.admission_permit.is_some() {
            return Ok(true);
        }
        loop {
            match self.replay_permit.as_deref_mut() {
                None => {
                    let queued = self.services.log_cache.queue_for_permit(&self.scope);
                    let queued = queued.map_err(|error| self.unreadable(&error))?;
                    self.replay_permit = Some(Box::new(ReplayPermit::Queued(queued)));
                }
                Some(ReplayPermit::Queued(queued)) => {
                    let permit = tokio::select! {
                        permit = queued.permit() => permit,
                        _ = self.mailbox.closed() => return Ok(false),
                    };
                    let permit = permit.map_err(|QueueFull| self.unreadable(&storage::Error::Busy))?;
                    self.replay_permit = Some(Box::new(ReplayPermit::Held { _permit: permit }));
                }
                Some(ReplayPermit::Held { .. }) => return Ok(true),
            }
        }
    }

    /// Releases the permit for others, since the reader does not read at the moment.
    pub(in crate::session) fn release_replay_permit(&mut self) {
        self.replay_permit = None;
    }

    /// Ends the connection when the log was replaced under it: the client resumes, and receives a gap.
    fn check_epoch(&self, head: Head) -> Result<(), Closing> {
        if head.epoch == self.epoch { Ok(()) } else { Err(Closing::to_resume()) }
    }

    fn unreadable(&self, error: &storage::Error) -> Closing {
        tracing::warn!(%error, tenant.id = %self.scope.tenant_id(), "a replay could not be read");
        let reason = "the log cannot be read; resume from your position".to_owned();
        Closing { code: CloseCode::Overloaded, reason }
    }

    /// Queues a segment's events.
    fn queue_segment(&mut self, stretch: &LogSegment) {
        let Some(mut replay) = self.replay.take() else { return };
        let Head { epoch, trimmed, filter_facts_after: begin, .. } = stretch.head;
        if trimmed > replay.after() {
            let (from, to) = (Position { epoch, seq: replay.after() }, Position { epoch, seq: trimmed });
            let of = replay.set_unrecovered();
            self.queue_gaps(&from.to_string(), to, GapReason::Trimmed, of.as_ref());
            replay.advance_to(trimmed);
            // This gap covers what no filter could be compared with, too, if it reaches as far.
            _ = replay.take_since_at(begin);
        }
        let mut wanted = self.replay_filter(&replay);
        for envelope in &stretch.envelopes {
            if envelope.seq() > begin {
                self.queue_gaps_of_filters(&mut replay, stretch.head);
            }
            if envelope.seq() > replay.after() {
                replay.advance_to(envelope.seq());
                if matches!(envelope.routing, Routing::Membership { .. }) {
                    self.services.hub.apply_membership(&self.scope, &self.mailbox, envelope);
                    wanted = self.replay_filter(&replay);
                }
                if wanted.admits(envelope) {
                    self.prelude.push(Item::Event(Arc::clone(envelope)));
                }
            }
        }
        replay.advance_to(stretch.upto);
        self.queue_gaps_of_filters(&mut replay, stretch.head);
        self.replay = Some(replay);
    }

    /// One `gap` for each subscription whose filter compares facts that earlier events lack, after the last of those:
    /// a client that resumes from the gap's `to` has then received everything else up to there.
    fn queue_gaps_of_filters(&mut self, replay: &mut Replay, head: Head) {
        let begin = head.filter_facts_after;
        let Some(since) = replay.take_since_at(begin) else { return };
        let to = Position { epoch: head.epoch, seq: begin };
        let begins_there = |one: &&Subscription| one.after == begin && one.filter.compares_later_facts();
        let concerned: Vec<Subscription> = self
            .mailbox
            .with_interest(|interest| interest.subscriptions.iter().filter(begins_there).cloned().collect());
        for of in &concerned {
            self.queue_gaps(&since, to, GapReason::Trimmed, Some(of));
        }
    }

    /// Opens the gate at the end of the replay. If the gate had to drop something, the replay continues instead.
    fn end_replay(&mut self) {
        let Some(replay) = self.replay.take_if(|replay| replay.is_over()) else { return };
        let after = match *replay {
            Replay::Everything { after, .. } => after,
            Replay::Past { upto, of, recovered, .. } => {
                self.prelude.push(live(&of, upto, recovered));
                upto.seq
            }
        };
        if self.mailbox.open_gate(after).is_err() {
            // The hub has delivered what was dropped: it is in the log, at or below the hub's cursor.
            let upto = self.services.hub.cursor(&self.scope).map_or(after, |cursor| cursor.seq);
            self.replay = Some(Box::new(Replay::Everything { after, upto, since: None }));
        }
    }

    /// The filter of the replay, by the reader's current interest.
    fn replay_filter(&self, replay: &Replay) -> ReplayFilter {
        let mut interest = self.mailbox.with_interest(|interest| interest.clone());
        match replay {
            Replay::Everything { .. } => ReplayFilter::Everything(interest),
            Replay::Past { upto, of, .. } => {
                interest.subscriptions.retain(|other| other != of);
                ReplayFilter::Past { upto: upto.seq, of: of.clone(), others: interest }
            }
        }
    }

    /// One `gap` for the inbox and one for each subscription, or one for the subscription with the missing past.
    pub(super) fn queue_gaps(
        &mut self,
        from: &str,
        to: Position,
        reason: GapReason,
        of: Option<&Subscription>,
    ) {
        let gap =
            |subscription: &str, key: Option<String>, resync_url: &str, own_jobs_url: Option<String>| {
                ServerMessage::Gap(Gap {
                    subscription: subscription.to_owned(),
                    key,
                    from: crate::base::text::truncate(from, 200).to_owned(),
                    to: to.to_string(),
                    reason,
                    resync_url: resync_url.to_owned(),
                    own_jobs_url,
                })
            };
        let gaps = self.mailbox.with_interest(|interest| {
            let inbox = interest
                .inbox_after
                .filter(|_| of.is_none())
                .map(|_| gap("inbox", None, INBOX_RESYNC_URL, interest.reader.user.map(own_jobs_url)));
            let concerned = |one: &&Subscription| of.is_none_or(|of| of == *one);
            let feeds = interest.subscriptions.iter().filter(concerned).map(|one| {
                let feed = one.filter.feed();
                gap(feed.name(), one.key.clone(), feed.resync_url(), None)
            });
            inbox.into_iter().chain(feeds).collect::<Vec<_>>()
        });
        self.services.metrics.gaps.of(reason).add(gaps.len() as u64);
        self.prelude.extend(gaps.iter().map(|gap| Item::control(gap, Some(to))));
    }
}
