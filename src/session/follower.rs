//! Follows a tenant's log for one reader: replay first, then live, nothing between lost or doubled. Every carrier
//! writes what this yields and adds nothing of its own.
//!
//! Joining: shut the gate, register with the hub, look where the hub stands, replay up to there, drop what the gate
//! holds at or below it, open the gate. A gate that overflows is emptied and the replay simply goes on from the log.
//! What is read is shared: of a tenant whose readers all come back at once, the store is asked once.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::admission::Place;
use super::catching_up::Permit;
use super::replay::Replay;
use super::start::rooms_of_joined;
use super::subscribing::Waiting;
use super::wish::Wish;
use crate::auth::scope::TenantScope;
use crate::domain::op::Kernel;
use crate::domain::rooms::reads::RoomsRead;
use crate::eventlog::{self, Head, Since};
use crate::hub::{Closing, Item, Mailbox};
use crate::protocol::message::{GapReason, ServerMessage};
use crate::protocol::position::Position;
use crate::protocol::subscription::Reader;
use crate::storage;

pub struct Follower {
    pub(super) kernel: Arc<Kernel>,
    pub(super) scope: TenantScope,
    pub(super) mailbox: Arc<Mailbox>,
    /// The log that is followed; events of another are not its continuation.
    pub(super) epoch: i64,
    /// Ready to go out before anything else.
    pub(super) prelude: Vec<Item>,
    /// Boxed: most followers have none, most of the time.
    pub(super) replay: Option<Box<Replay>>,
    /// The place among those who begin, until the first part of the log is read.
    pub(super) place: Option<Place>,
    /// The permit to read on, while there is something to read.
    pub(super) permit: Option<Box<Permit>>,
    /// Subscriptions that ask for their past and wait for a replay to end.
    pub(super) waiting: VecDeque<Waiting>,
}

impl Follower {
    /// Joins the tenant's hub with what the client wishes for. `hello` makes the first message, from the position
    /// that the client is known to have.
    pub async fn join(
        kernel: &Arc<Kernel>,
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
            kernel: Arc::clone(kernel),
            scope,
            mailbox,
            epoch: 0,
            prelude: Vec::new(),
            replay: None,
            place: None,
            permit: None,
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
        let Kernel { db, hub, logs, clock, .. } = &*self.kernel;
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
        self.replay = Some(Box::new(Replay::Everything { after, upto }));
    }

    /// The next messages, in order. Cancel-safe: dropped half-way it has taken nothing.
    pub async fn next(&mut self) -> Result<Vec<Item>, Closing> {
        while let Some(at) = self.waits_for_quota_until() {
            self.pause();
            // Boxed, as all that is rare: what a future may hold some day, every idle connection pays for.
            Box::pin(self.wait_until(at)).await;
        }
        let items = loop {
            if self.mailbox.is_held() {
                self.pause();
                Box::pin(self.mailbox.released()).await?;
            }
            if self.is_live() {
                break self.mailbox.take().await?;
            }
            if let Some(items) = Box::pin(self.catch_up()).await? {
                break items;
            }
        };
        let bytes = items.iter().map(frame_bytes).sum();
        self.kernel.limits.sent(self.scope.tenant_id(), bytes, self.kernel.clock.now());
        Ok(items)
    }

    /// While the tenant has had more bytes than its quota gives, its deliveries wait; an end does not.
    fn waits_for_quota_until(&self) -> Option<DateTime<Utc>> {
        let Kernel { limits, clock, .. } = &*self.kernel;
        limits.may_send_at(self.scope.tenant_id(), clock.now()).filter(|_| self.mailbox.closing().is_none())
    }

    async fn wait_until(&self, at: DateTime<Utc>) {
        tokio::select! {
            () = self.kernel.clock.sleep_until(at) => {}
            _ = self.mailbox.closed() => {}
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
