//! Knows every live connection of this node: its signs of life, the end of its token. One look a second over all of them
//! stands in for three timers each.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::budget::ByteBudget;
use super::connection::Connection;
use super::node::Node;
use super::registry::ConnectionRegistry;
use super::rescope::Rescopes;
use super::revalidation::{self, Revalidation};
use super::room::Room;
use super::seating::holder;
use super::seats::{Carrier, Seats};
use super::settings::SessionSettings;
use super::stats::StatsCache;
use super::status::StatusCache;
use crate::auth::principal::Principal;
use crate::base::clock::Clock;
use crate::base::ids::{ConnectionId, TenantId};
use crate::domain::identity::Identity;
use crate::domain::op::Kernel;
use crate::domain::revocation::{Revocation, Subject};
use crate::protocol::message::{ServerMessage, TokenExpiring};
use crate::protocol::problem::CloseCode;

/// How often the connections are looked over.
const ROUND: Duration = Duration::from_secs(1);
/// How long before the end of its token a client is told.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::seconds(60);

/// So many of those at once; further ones have as little time as everybody else. Each keeps a part of a frame, and a socket.
const MOST_SLOW_FAREWELLS: usize = 256;

/// Every live connection of this node, and what they run on.
pub struct Sessions {
    pub kernel: Arc<Kernel>,
    pub identity: Arc<Identity>,
    pub settings: SessionSettings,
    pub(super) status: StatusCache,
    pub(super) stats: StatsCache,
    pub node: Node,
    /// Connections run on this; it is awaited at the end.
    pub tasks: TaskTracker,
    pub(super) seats: Seats,
    pub(super) room: Room,
    pub(super) registry: ConnectionRegistry,
    /// Connections whose users' roles have changed.
    pub(super) rescopes: Rescopes,
    pub(super) revalidation: Revalidation,
    /// Bytes of messages that clients have begun and not ended.
    pub(super) unfinished: Arc<ByteBudget>,
    /// Sockets that were too slow and have more time than others to read why they end.
    pub(super) slow_farewells: Semaphore,
    /// How many may begin at once.
    pub admission: Admission,
    /// Told when the last connection goes.
    pub(super) emptied: Notify,
    leaving: AtomicBool,
    pub(super) stopping: CancellationToken,
    /// The database's history that the connections' positions are of.
    history: AtomicI64,
}

impl Sessions {
    pub fn new(kernel: Kernel, identity: Arc<Identity>, settings: SessionSettings) -> Arc<Self> {
        let history = AtomicI64::new(kernel.db.history());
        let sessions = Arc::new(Self {
            history,
            admission: Admission::new(settings.admission, &kernel.clock, kernel.entropy),
            node: Node::new(kernel.clock.now()),
            kernel: Arc::new(kernel),
            identity,
            status: StatusCache::default(),
            stats: StatsCache::default(),
            settings,
            tasks: TaskTracker::new(),
            seats: Seats::new(settings.seats),
            room: Room::new(settings.places),
            unfinished: ByteBudget::new(settings.echo_message_bytes.max(settings.message_bytes)),
            registry: ConnectionRegistry::default(),
            slow_farewells: Semaphore::new(MOST_SLOW_FAREWELLS),
            rescopes: Rescopes::default(),
            revalidation: Revalidation::default(),
            emptied: Notify::new(),
            leaving: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        });
        let live = Arc::downgrade(&sessions);
        sessions.kernel.enforce_with(move |word| {
            if let Some(sessions) = live.upgrade() {
                sessions.revoke(word);
            }
        });
        sessions
    }

    /// Looks over all connections once a second until `stop`, and judges them anew after revocations were missed.
    pub async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.watch(&stop), revalidation::run(Arc::clone(&self), stop.clone()));
    }

    async fn watch(&self, stop: &CancellationToken) {
        let mut revocations = self.kernel.revocations.subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.kernel.clock.sleep(ROUND) => self.round(),
                heard = revocations.recv() => if self.heard(heard).is_break() { return },
            }
        }
    }

    /// This node's own revocations were enforced before they were sent here; those of others are enforced now.
    fn heard(&self, heard: Result<Revocation, RecvError>) -> ControlFlow<()> {
        match heard {
            Ok(revocation) => self.revoke(&revocation),
            Err(RecvError::Lagged(_)) => self.revocations_missed(),
            Err(RecvError::Closed) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Positions of before a restore or a change of server do not hold: everybody resumes, and is told of the gap.
    fn notice_another_history(&self) {
        let found = self.kernel.db.history();
        if self.history.swap(found, Ordering::Relaxed) != found {
            tracing::warn!("the database was restored or replaced; all connections have to resume");
            // Ended first, so that no open mailbox takes an event of the new log; and once more, because whoever joined in
            // between may have begun where the old one stood.
            self.end_all_to_resume();
            self.kernel.hub.forget_places();
            self.end_all_to_resume();
        }
    }

    fn round(&self) {
        self.notice_another_history();
        self.identity.listen();
        let (now, steady) = (self.micros(), self.steady_micros());
        let heartbeat = self.settings.heartbeat.as_micros() as i64;
        // Looked over under the lock, so that a round holds and touches only the few that it is about.
        for one in self.connections(|one| self.is_due(one, now, steady)) {
            let expires_at = one.expires_at.load(Ordering::Relaxed);
            if now >= expires_at {
                one.close(CloseCode::Unauthenticated, "token expired");
            } else if now >= expires_at - EXPIRY_NOTICE.num_microseconds().unwrap_or(0)
                && !one.warned.swap(true, Ordering::Relaxed)
            {
                let expires_in = (expires_at - now) / 1_000_000;
                one.offer(&ServerMessage::TokenExpiring(TokenExpiring { expires_in }));
            }
            let every = self.beat_every(one.carrier);
            if is_unfinished(&one, steady - 2 * heartbeat) {
                one.close(CloseCode::Idle, "a message was not finished within two heartbeats");
            } else if one.carrier != Carrier::Stream
                && steady - one.heard_at.load(Ordering::Relaxed) > 2 * heartbeat
            {
                one.close(CloseCode::Idle, "no sign of life for two heartbeats");
            } else if steady - one.beaten_at.load(Ordering::Relaxed) >= every {
                self.beat(&one);
            }
        }
    }

    /// Whether a round has something to do for the connection.
    fn is_due(&self, one: &Connection, now: i64, steady: i64) -> bool {
        let silent = one.carrier != Carrier::Stream
            && steady - one.heard_at.load(Ordering::Relaxed) > 2 * self.beat_every(Carrier::Socket);
        let notice = one.expires_at.load(Ordering::Relaxed) - EXPIRY_NOTICE.num_microseconds().unwrap_or(0);
        silent
            || is_unfinished(one, steady - 2 * self.beat_every(Carrier::Socket))
            || now >= notice
            || steady - one.beaten_at.load(Ordering::Relaxed) >= self.beat_every(one.carrier)
    }

    /// Microseconds between two signs of life.
    fn beat_every(&self, carrier: Carrier) -> i64 {
        match carrier {
            Carrier::Stream => self.settings.stream_heartbeat.as_micros() as i64,
            Carrier::Socket | Carrier::Upload => self.settings.heartbeat.as_micros() as i64,
        }
    }

    pub(super) fn beat(&self, one: &Connection) {
        one.beaten_at.store(self.steady_micros(), Ordering::Relaxed);
        if let Some(mailbox) = one.line.mailbox() {
            self.kernel.hub.beat(&one.scope, &mailbox);
        }
    }

    /// Ends what a revocation speaks of, and has a changed role carried into its user's connections.
    pub fn revoke(&self, revocation: &Revocation) {
        let subjects = revocation.subjects().into_iter();
        let concerned: Vec<_> = subjects.flat_map(|subject| self.registry.of(subject)).collect();
        for one in &concerned {
            if let Some((code, reason)) = revocation.ends(one.scope.tenant_id(), &one.principal()) {
                one.close(code, reason);
            }
        }
        if matches!(revocation, Revocation::Role { .. }) {
            self.rescopes.want(&concerned);
        }
    }

    /// Ends every connection: the log that they follow is another one now.
    fn end_all_to_resume(&self) {
        for one in self.connections(|_| true) {
            one.close(CloseCode::Restart, "restart;retry_after=1");
        }
    }

    /// From now on the node says that it is not ready; everything else goes on.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Waits until no connection is left.
    pub(super) async fn all_gone(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.registry.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Every connection of the node.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.connections(|_| true)
    }

    /// The connections of a tenant.
    pub fn of_tenant(&self, tenant_id: TenantId) -> Vec<Arc<Connection>> {
        self.registry.of(Subject::Tenant(tenant_id))
    }

    /// How many connections a tenant has.
    pub fn count_of_tenant(&self, tenant_id: TenantId) -> usize {
        self.room.of_tenant(tenant_id)
    }

    /// How many connections a principal holds, and how many the tenant does.
    pub fn counts(&self, tenant_id: TenantId, principal: &Principal) -> (usize, usize) {
        let of_caller = holder(principal).map_or(0, |holder| self.seats.count(holder));
        (of_caller, self.room.of_tenant(tenant_id))
    }

    /// Bytes that are kept of messages that clients have begun and not ended.
    pub fn kept_of_unfinished(&self) -> usize {
        self.unfinished.kept()
    }

    pub fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.registry.find(id)
    }

    /// Cancelled once the node goes down: whatever waits for its own sake ends with it.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether the node will not be there much longer.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.stopping.is_cancelled()
    }

    pub fn clock(&self) -> &Clock {
        &self.kernel.clock
    }

    pub(super) fn connections(&self, which: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        self.registry.matching(which)
    }

    fn micros(&self) -> i64 {
        self.kernel.clock.now().timestamp_micros()
    }

    pub(super) fn steady_micros(&self) -> i64 {
        self.kernel.clock.steady().timestamp_micros()
    }
}

/// Whether a message of the client's was begun before `since`, in microseconds, and has not ended: whatever passes between
/// its parts, it keeps memory for nothing.
fn is_unfinished(one: &Connection, since: i64) -> bool {
    let begun = i64::from(one.unfinished_since.load(Ordering::Relaxed));
    begun != 0 && begun < since / 1_000_000
}
