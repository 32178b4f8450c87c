//! Follows a tenant's log for one reader: replay first, then live, nothing between lost or doubled. Every carrier
//! writes what this yields and adds nothing of its own.
//!
//! Joining: shut the gate, register with the hub, look where the hub stands, replay up to there, drop what the gate
//! holds at or below it, open the gate. A gate that overflows is emptied and the replay simply goes on from the log.
//! What is read is shared: of a tenant whose readers all come back at once, the store is asked once.

use std::collections::VecDeque;
use std::sync::Arc;

use super::admission::Place;
use super::replay::{Replay, Wanted};
use super::start::rooms_of_joined;
use super::subscribing::{Waiting, live};
use super::wish::Wish;
use crate::auth::scope::TenantScope;
use crate::domain::op::Kernel;
use crate::domain::rooms::reads::RoomsRead;
use crate::eventlog::{self, Head, Since, Stretch};
use crate::hub::{Closing, Item, Mailbox};
use crate::protocol::message::{Gap, GapReason, ServerMessage};
use crate::protocol::position::Position;
use crate::protocol::problem::CloseCode;
use crate::protocol::routing::Routing;
use crate::protocol::subscription::{INBOX_RESYNC_URL, Reader, Subscription, own_jobs_url};
use crate::storage;

pub struct Follower {
    pub(super) kernel: Kernel,
    pub(super) scope: TenantScope,
    pub(super) mailbox: Arc<Mailbox>,
    /// The log that is followed; events of another are not its continuation.
    epoch: i64,
    /// Ready to go out before anything else.
    pub(super) prelude: Vec<Item>,
    pub(super) replay: Option<Replay>,
    /// The place among those who begin, until the first part of the log is read.
    place: Option<Place>,
    /// Subscriptions that ask for their past and wait for a replay to end.
    pub(super) waiting: VecDeque<Waiting>,
}

impl Follower {
    /// Joins the tenant's hub with what the client wishes for. `hello` makes the first message, from the position
    /// that the client is known to have.
    pub async fn join(
        kernel: &Kernel,
        scope: TenantScope,
        reader: Reader,
        wish: &Wish,
        queue_bytes: usize,
        hello: impl FnOnce(Position) -> ServerMessage,
    ) -> storage::Result<Self> {
        // Until the start is judged everything new is held; a held frame that turns out too old is dropped below.
        let mailbox = Arc::new(Mailbox::new(wish.interest(reader, 0), queue_bytes));
        kernel.hub.join(&scope, &mailbox);
        let mut follower = Self {
            kernel: kernel.clone(),
            scope,
            mailbox,
            epoch: 0,
            prelude: Vec::new(),
            replay: None,
            place: None,
            waiting: VecDeque::new(),
        };
        // From here on dropping the follower leaves the hub again.
        let head = follower.start_hub_and_read_head(wish).await?;
        // After the head: what is newer is told again by the events after it, what was missed would never be.
        let rooms = rooms_of_joined(kernel, &follower.scope, reader, head.position()).await?;
        follower.begin(wish, head, &rooms, hello);
        Ok(follower)
    }

    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Keeps this place until the first part of the log is read.
    pub(super) fn hold(&mut self, place: Option<Place>) {
        self.place = place;
    }

    async fn start_hub_and_read_head(&self, wish: &Wish) -> storage::Result<Head> {
        let Kernel { db, hub, logs, clock, .. } = &self.kernel;
        if hub.cursor(&self.scope).is_none() {
            let head = logs.head_now(db, &self.scope, clock.now()).await?;
            hub.start_at(&self.scope, head.position());
        }
        // Looked up after joining: what the hub will not deliver to this mailbox is at or below its cursor.
        let head = match hub.cursor(&self.scope) {
            Some(cursor) => logs.head_at(db, &self.scope, cursor, clock.now()).await?,
            None => logs.head_now(db, &self.scope, clock.now()).await?,
        };
        let judged = wish.since.as_deref().map(|since| eventlog::judge(since, head));
        match judged {
            // It may come from a node that heard of the event before this one did.
            Some(Since::Gap(GapReason::Future)) => logs.head_now(db, &self.scope, clock.now()).await,
            _ => Ok(head),
        }
    }

    fn begin(
        &mut self,
        wish: &Wish,
        head: Head,
        rooms: &RoomsRead,
        hello: impl FnOnce(Position) -> ServerMessage,
    ) {
        self.epoch = head.epoch;
        let judged = wish.since.as_deref().map(|since| eventlog::judge(since, head));
        let after = match judged {
            Some(Since::After(seq)) => seq,
            Some(Since::Gap(_)) | None => head.seq,
        };
        let place = Position { epoch: head.epoch, seq: after };
        self.prelude.push(Item::control(&hello(place), Some(place)));
        if let (Some(Since::Gap(reason)), Some(from)) = (judged, wish.since.as_deref()) {
            self.tell_gaps(from, head.position(), reason, None);
        }
        let mut upto = head.seq;
        self.kernel.hub.change(&self.scope, &self.mailbox, |interest, position| {
            interest.inbox_after = interest.inbox_after.map(|_| after);
            interest.subscriptions.iter_mut().for_each(|one| one.after = after);
            interest.rooms.read(&rooms.rooms, rooms.as_of);
            // Until now the hub did not know of the rooms: what it has delivered without them comes from the log.
            upto = upto.max(position.seq);
            None
        });
        if judged.is_some() {
            self.kernel.metrics.replays.one();
        }
        self.mailbox.has_replayed(after);
        self.replay = Some(Replay::Everything { after, upto });
    }

    /// One `gap` for the inbox and one for each subscription, or for the one whose past is missing.
    fn tell_gaps(&mut self, from: &str, to: Position, reason: GapReason, of: Option<&Subscription>) {
        let gap =
            |subscription: &str, key: Option<String>, resync_url: &str, own_jobs_url: Option<String>| {
                ServerMessage::Gap(Gap {
                    subscription: subscription.to_owned(),
                    key,
                    from: crate::base::text::cut(from, 200).to_owned(),
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
        self.kernel.metrics.gaps.of(reason).add(gaps.len() as u64);
        self.prelude.extend(gaps.iter().map(|gap| Item::control(gap, Some(to))));
    }

    /// The next messages, in order. Cancel-safe: dropped half-way it has taken nothing.
    pub async fn next(&mut self) -> Result<Vec<Item>, Closing> {
        self.wait_for_quota().await;
        let items = self.next_items().await?;
        let bytes = items.iter().map(frame_bytes).sum();
        self.kernel.limits.sent(self.scope.tenant_id(), bytes, self.kernel.clock.now());
        Ok(items)
    }

    /// While the tenant has had more bytes than its quota gives, its deliveries wait; an end does not.
    async fn wait_for_quota(&self) {
        let (limits, clock) = (&self.kernel.limits, &self.kernel.clock);
        while self.mailbox.closing().is_none()
            && let Some(at) = limits.may_send_at(self.scope.tenant_id(), clock.now())
        {
            tokio::select! {
                () = clock.sleep_until(at) => {}
                _ = self.mailbox.closed() => return,
            }
        }
    }

    async fn next_items(&mut self) -> Result<Vec<Item>, Closing> {
        loop {
            // A page is judged when it is read, and once more here: the reader's role may have changed between.
            let reader = self.mailbox.with_interest(|interest| interest.reader);
            self.prelude.retain(|item| item.is_for(reader));
            if !self.prelude.is_empty() {
                return Ok(std::mem::take(&mut self.prelude));
            }
            let Some(replay) = &self.replay else {
                if self.waiting.is_empty() {
                    return self.mailbox.take().await;
                }
                let head = eventlog::head(&self.kernel.db, &self.scope)
                    .await
                    .map_err(|error| self.unreadable(&error))?;
                self.check_epoch(head)?;
                self.catch_up(head);
                continue;
            };
            self.mailbox.has_replayed(replay.after());
            let read = if replay.is_over() {
                None
            } else {
                let (after, upto) = (replay.after(), replay.upto());
                Some(self.kernel.logs.stretch(&self.kernel.db, &self.scope, after, upto).await)
            };
            // After the read: an event that was committed after the end was told must not be on the page.
            if let Some(closing) = self.mailbox.closing() {
                // The gate will not open any more; `going_away` is to be heard all the same.
                let last = self.mailbox.last_words();
                return if last.is_empty() { Err(closing) } else { Ok(last) };
            }
            if let Some(read) = read {
                let stretch = read.map_err(|error| self.unreadable(&error))?;
                self.check_epoch(stretch.head)?;
                self.kernel.metrics.replay_pages.one();
                self.replayed(&stretch);
            }
            self.place = None;
            self.end_replay();
        }
    }

    /// Ends the connection when the log was replaced under it: the client resumes, and is told of the gap.
    fn check_epoch(&self, head: Head) -> Result<(), Closing> {
        if head.epoch == self.epoch { Ok(()) } else { Err(Closing::to_resume()) }
    }

    fn unreadable(&self, error: &storage::Error) -> Closing {
        tracing::warn!(%error, tenant.id = %self.scope.tenant_id(), "a replay could not be read");
        let reason = "the log cannot be read; resume from your position".to_owned();
        Closing { code: CloseCode::Overloaded, reason }
    }

    /// Puts a stretch's events out.
    fn replayed(&mut self, stretch: &Stretch) {
        let Some(mut replay) = self.replay.take() else { return };
        let Head { epoch, trimmed, .. } = stretch.head;
        if trimmed > replay.after() {
            let (from, to) = (Position { epoch, seq: replay.after() }, Position { epoch, seq: trimmed });
            let of = replay.lose();
            self.tell_gaps(&from.to_string(), to, GapReason::Trimmed, of.as_ref());
            replay.move_to(trimmed);
        }
        let mut wanted = self.wanted(&replay);
        for envelope in &stretch.envelopes {
            if envelope.seq() > replay.after() {
                replay.move_to(envelope.seq());
                if matches!(envelope.routing, Routing::Membership { .. }) {
                    self.kernel.hub.follow(&self.scope, &self.mailbox, envelope);
                    wanted = self.wanted(&replay);
                }
                if wanted.admits(envelope) {
                    self.prelude.push(Item::Event(Arc::clone(envelope)));
                }
            }
        }
        replay.move_to(stretch.upto);
        self.replay = Some(replay);
    }

    /// Opens the gate when the replay has come to its end. When the gate had to drop something, the log goes on instead.
    fn end_replay(&mut self) {
        let Some(replay) = self.replay.take_if(|replay| replay.is_over()) else { return };
        let after = match replay {
            Replay::Everything { after, .. } => after,
            Replay::Past { upto, of, recovered, .. } => {
                self.prelude.push(live(&of, upto, recovered));
                upto.seq
            }
        };
        if self.mailbox.open(after).is_err() {
            // What was dropped the hub has delivered: it is in the log, at or below where the hub stands now.
            let upto = self.kernel.hub.cursor(&self.scope).map_or(after, |cursor| cursor.seq);
            self.replay = Some(Replay::Everything { after, upto });
        }
    }

    /// What the replay is to bring, as the reader's interest stands now.
    fn wanted(&self, replay: &Replay) -> Wanted {
        let mut interest = self.mailbox.with_interest(|interest| interest.clone());
        match replay {
            Replay::Everything { .. } => Wanted::Everything(interest),
            Replay::Past { upto, of, .. } => {
                interest.subscriptions.retain(|other| other != of);
                Wanted::Past { upto: upto.seq, of: of.clone(), others: interest }
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.kernel.hub.leave(&self.scope, &self.mailbox);
    }
}

/// Bytes of an item on its way out.
fn frame_bytes(item: &Item) -> usize {
    match item {
        Item::Event(envelope) => envelope.frame.frame().len(),
        Item::Message { frame, .. } => frame.frame().len(),
        Item::Beat(_) => 0,
    }
}
