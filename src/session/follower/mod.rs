//! Follows a tenant's log for one reader: replay first, then live, nothing between lost or doubled. Every carrier
//! writes what this yields and adds nothing of its own.
//!
//! Joining: shut the gate, register with the hub, read the hub's cursor, replay up to there, drop what the gate holds
//! at or below it, open the gate. A gate that overflows is emptied, and the replay simply continues from the log.
//! Reads are shared: when all readers of a tenant return together, the store is asked once.

mod catch_up;
mod replay;
mod subscriptions;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::replay::{PendingSubscription, Replay, ReplayPermit};
use super::admission::Permit;
use super::connect_request::ConnectRequest;
use crate::auth::tenant_scope::TenantScope;
use crate::domain::op::Services;
use crate::domain::rooms::membership_cache::UserMemberships;
use crate::eventlog::{self, Head, Since};
use crate::hub::{Closing, Item, Mailbox};
use crate::protocol::message::{GapReason, ServerMessage};
use crate::protocol::position::Position;
use crate::protocol::reader::Reader;
use crate::storage;

pub struct Follower {
    services: Arc<Services>,
    scope: TenantScope,
    mailbox: Arc<Mailbox>,
    /// The log that is followed; events of another are not its continuation.
    epoch: i64,
    /// Sent before anything else.
    prelude: Vec<Item>,
    /// Boxed: most followers have none, most of the time.
    replay: Option<Box<Replay>>,
    /// The admission permit, until the first part of the log is read.
    admission_permit: Option<Permit>,
    /// The permit to read the log, while there is something to read.
    replay_permit: Option<Box<ReplayPermit>>,
    /// Subscriptions with `since` that wait for a replay to end.
    pending_subscriptions: VecDeque<PendingSubscription>,
}

impl Follower {
    /// Joins the tenant's hub as the client requested. `hello` makes the first message, from the position that the
    /// client is known to have.
    pub async fn join(
        services: &Arc<Services>,
        scope: TenantScope,
        reader: Reader,
        request: &ConnectRequest,
        queue_bytes: usize,
        hello: impl FnOnce(Position) -> ServerMessage,
    ) -> storage::Result<Self> {
        // Until the start is resolved everything new is held; a held frame that turns out too old is dropped below.
        let mailbox = Arc::new(Mailbox::new(request.build_interest(reader, 0), queue_bytes));
        services.hub.join(&scope, &mailbox);
        let mut follower = Self {
            services: Arc::clone(services),
            scope,
            mailbox,
            epoch: 0,
            prelude: Vec::new(),
            replay: None,
            admission_permit: None,
            replay_permit: None,
            pending_subscriptions: VecDeque::new(),
        };
        // From here on dropping the follower leaves the hub again.
        let head = follower.start_hub_and_read_head(request).await?;
        // After the head: later changes are repeated by the events after it, missed ones would never be.
        let rooms = cached_rooms(services, &follower.scope, reader, head.position()).await?;
        follower.begin(request, head, &rooms, hello);
        Ok(follower)
    }

    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Keeps this permit until the first part of the log is read.
    pub(super) fn store_admission_permit(&mut self, place: Option<Permit>) {
        self.admission_permit = place;
    }

    async fn start_hub_and_read_head(&self, request: &ConnectRequest) -> storage::Result<Head> {
        let Services { db, hub, log_cache: logs, clock, .. } = &*self.services;
        if hub.cursor(&self.scope).is_none() {
            let head = logs.head_now(db, &self.scope, clock.now()).await?;
            hub.start_at(&self.scope, head.position());
        }
        // Looked up after joining: what the hub will not deliver to this mailbox is at or below its cursor.
        let head = match hub.cursor(&self.scope) {
            Some(cursor) => logs.head_at(db, &self.scope, cursor, clock.now()).await?,
            None => logs.head_now(db, &self.scope, clock.now()).await?,
        };
        let judged = request.since.as_deref().map(|since| eventlog::resolve_since(since, head));
        match judged {
            // It may come from a node that received the event before this one did.
            Some(Since::Gap(GapReason::Future)) => logs.head_now(db, &self.scope, clock.now()).await,
            _ => Ok(head),
        }
    }

    fn begin(
        &mut self,
        request: &ConnectRequest,
        head: Head,
        rooms: &UserMemberships,
        hello: impl FnOnce(Position) -> ServerMessage,
    ) {
        self.epoch = head.epoch;
        let judged = request.since.as_deref().map(|since| eventlog::resolve_since(since, head));
        let after = match judged {
            Some(Since::After(seq)) => seq,
            Some(Since::Gap(_)) | None => head.seq,
        };
        let start = Position { epoch: head.epoch, seq: after };
        self.prelude.push(Item::control(&hello(start), Some(start)));
        if let (Some(Since::Gap(reason)), Some(from)) = (judged, request.since.as_deref()) {
            self.queue_gaps(from, head.position(), reason, None);
        }
        let mut upto = head.seq;
        let (lacks_facts, begin) = (request.lacks_facts(after, head), head.filter_facts_after);
        self.services.hub.update_interest(&self.scope, &self.mailbox, |interest, position| {
            interest.inbox_after = interest.inbox_after.map(|_| after);
            for one in &mut interest.subscriptions {
                one.after = if head.lacks_facts(after, &one.filter) { begin } else { after };
            }
            interest.rooms.load(&rooms.rooms, rooms.as_of);
            // Until now the hub did not know the rooms: what it has delivered without them comes from the log.
            upto = upto.max(position.seq);
            None
        });
        if judged.is_some() {
            self.services.metrics.replays.inc();
        }
        self.mailbox.set_replayed(after);
        let since = request.since.clone().filter(|_| lacks_facts);
        self.replay = Some(Box::new(Replay::Everything { after, upto, since }));
    }

    /// The next messages, in order. Cancel-safe: a dropped call has taken nothing.
    pub async fn next(&mut self) -> Result<Vec<Item>, Closing> {
        while let Some(at) = self.quota_wait_until() {
            self.release_replay_permit();
            // Boxed, as everything rare: each idle connection pays for the largest state of its future.
            Box::pin(self.wait_until(at)).await;
        }
        let items = loop {
            if self.mailbox.is_delivery_paused() {
                self.release_replay_permit();
                Box::pin(self.mailbox.delivery_resumed()).await?;
            }
            if self.is_live() {
                break self.mailbox.take().await?;
            }
            if let Some(items) = Box::pin(self.catch_up()).await? {
                break items;
            }
        };
        let bytes = items.iter().map(frame_bytes).sum();
        self.services.limits.record_sent(self.scope.tenant_id(), bytes, self.services.clock.now());
        Ok(items)
    }

    /// While the tenant has received more bytes than its quota allows, its deliveries wait; a close does not.
    fn quota_wait_until(&self) -> Option<DateTime<Utc>> {
        let Services { limits, clock, .. } = &*self.services;
        limits
            .send_blocked_until(self.scope.tenant_id(), clock.now())
            .filter(|_| self.mailbox.closing().is_none())
    }

    async fn wait_until(&self, at: DateTime<Utc>) {
        tokio::select! {
            () = self.services.clock.sleep_until(at) => {}
            _ = self.mailbox.closed() => {}
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.services.hub.leave(&self.scope, &self.mailbox);
    }
}

/// Bytes of an item on the wire.
fn frame_bytes(item: &Item) -> usize {
    match item {
        Item::Event(envelope) => envelope.frame.frame().len(),
        Item::Message { frame, .. } => frame.frame().len(),
        Item::Heartbeat(_) => 0,
    }
}

/// The rooms of a reader that has joined the hub: if many connect together, the store is asked once.
async fn cached_rooms(
    services: &Services,
    scope: &TenantScope,
    reader: Reader,
    head: Position,
) -> storage::Result<UserMemberships> {
    match reader.user {
        Some(user) => services.membership_cache.get(&services.db, &services.hub, scope, user, head).await,
        None => Ok(UserMemberships { rooms: Arc::default(), as_of: head.seq }),
    }
}
