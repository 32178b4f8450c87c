//! The registry of this node's live connections, which checks their heartbeats and expiry. One tick a second over all
//! of them replaces three timers for each.

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
use super::connection_index::ConnectionIndex;
use super::connection_limits::{Carrier, ConnectionSlots};
use super::connection_status::StatusCache;
use super::node_capacity::NodeCapacity;
use super::node_health::NodeHealth;
use super::registration::owner_of;
use super::revalidation::{self, Revalidation};
use super::role_change::RoleChangeQueue;
use super::settings::SessionSettings;
use super::tenant_stats::StatsCache;
use crate::auth::principal::Principal;
use crate::base::clock::Clock;
use crate::base::ids::{ConnectionId, TenantId};
use crate::domain::identity::Identity;
use crate::domain::op::Services;
use crate::domain::revocation::{Revocation, RevocationSubject};
use crate::protocol::message::{ServerMessage, TokenExpiring};
use crate::protocol::problem::CloseCode;

/// Interval of the checks of all connections.
const TICK: Duration = Duration::from_secs(1);
/// How long before its token expires a client is notified.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::seconds(60);

/// Maximum concurrent slow closes; further ones get the usual time. Each holds a part of a frame, and a socket.
const MAX_SLOW_CLOSES: usize = 256;

/// Every live connection of this node, and the services that they use.
pub struct ConnectionRegistry {
    pub services: Arc<Services>,
    pub identity: Arc<Identity>,
    pub settings: SessionSettings,
    pub(super) status_cache: StatusCache,
    pub(super) stats_cache: StatsCache,
    pub health: NodeHealth,
    /// Connections run on this tracker; it is awaited at the end.
    pub tasks: TaskTracker,
    pub(super) slots: ConnectionSlots,
    pub(super) capacity: NodeCapacity,
    pub(super) index: ConnectionIndex,
    /// Connections of users with a changed role.
    pub(super) role_changes: RoleChangeQueue,
    pub(super) revalidation: Revalidation,
    /// Bytes of messages that clients have begun and not ended.
    pub(super) unfinished_budget: Arc<ByteBudget>,
    /// Permits for sockets that were too slow, which have more time than others to read the close frame.
    pub(super) slow_closes: Semaphore,
    /// Limits on concurrent connects.
    pub admission: Admission,
    /// Notified when the last connection is closed.
    pub(super) emptied: Notify,
    leaving: AtomicBool,
    pub(super) stopping: CancellationToken,
    /// The identity of the database that the connections' positions belong to.
    database_identity: AtomicI64,
}

impl ConnectionRegistry {
    pub fn new(services: Services, identity: Arc<Identity>, settings: SessionSettings) -> Arc<Self> {
        let history = AtomicI64::new(services.db.identity_hash());
        let registry = Arc::new(Self {
            database_identity: history,
            admission: Admission::new(settings.admission, &services),
            health: NodeHealth::new(services.clock.now()),
            services: Arc::new(services),
            identity,
            status_cache: StatusCache::default(),
            stats_cache: StatsCache::default(),
            settings,
            tasks: TaskTracker::new(),
            slots: ConnectionSlots::new(settings.connection_limits),
            capacity: NodeCapacity::new(settings.max_connections),
            unfinished_budget: ByteBudget::new(settings.echo_message_bytes.max(settings.message_bytes)),
            index: ConnectionIndex::default(),
            slow_closes: Semaphore::new(MAX_SLOW_CLOSES),
            role_changes: RoleChangeQueue::default(),
            revalidation: Revalidation::default(),
            emptied: Notify::new(),
            leaving: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        });
        let live = Arc::downgrade(&registry);
        registry.services.set_enforcer(move |word| {
            if let Some(registry) = live.upgrade() {
                registry.revoke(word);
            }
        });
        registry
    }

    /// Checks all connections once a second until `stop`, and revalidates them after revocations were missed.
    pub async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.run_ticks(&stop), revalidation::run(Arc::clone(&self), stop.clone()));
    }

    async fn run_ticks(&self, stop: &CancellationToken) {
        let mut revocations = self.services.revocations.subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.services.clock.sleep(TICK) => self.tick(),
                heard = revocations.recv() => if self.handle_revocation(heard).is_break() { return },
            }
        }
    }

    /// This node's own revocations were enforced before they were sent here; those of others are enforced now.
    fn handle_revocation(&self, heard: Result<Revocation, RecvError>) -> ControlFlow<()> {
        match heard {
            Ok(revocation) => self.revoke(&revocation),
            Err(RecvError::Lagged(_)) => self.revalidate_all(),
            Err(RecvError::Closed) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// After a restore or a change of server earlier positions are invalid: all clients resume, and receive a gap.
    fn check_database_identity(&self) {
        let found = self.services.db.identity_hash();
        if self.database_identity.swap(found, Ordering::Relaxed) != found {
            tracing::warn!("the database was restored or replaced; all connections have to resume");
            // Closed first, so that no open mailbox takes an event of the new log; and once more, because a
            // connection that joined in between may have begun at a cursor of the old one.
            self.close_all_to_resume();
            self.services.hub.reset_cursors();
            self.close_all_to_resume();
        }
    }

    fn tick(&self) {
        self.check_database_identity();
        self.identity.drain_revocations();
        let (now, steady) = (self.micros(), self.steady_micros());
        let heartbeat = self.settings.heartbeat.as_micros() as i64;
        // Filtered under the lock, so that a tick clones and touches only the few connections that are due.
        for one in self.connections(|one| self.is_due(one, now, steady)) {
            let expires_at = one.expires_at.load(Ordering::Relaxed);
            if now >= expires_at {
                one.close(CloseCode::Unauthenticated, "token expired");
            } else if now >= expires_at - EXPIRY_NOTICE.num_microseconds().unwrap_or(0)
                && !one.expiry_warned.swap(true, Ordering::Relaxed)
            {
                let expires_in = (expires_at - now) / 1_000_000;
                one.offer(&ServerMessage::TokenExpiring(TokenExpiring { expires_in }));
            }
            let every = self.heartbeat_micros(one.carrier);
            if is_unfinished(&one, steady - 2 * heartbeat) {
                one.close(CloseCode::Idle, "a message was not finished within two heartbeats");
            } else if one.carrier != Carrier::Stream
                && steady - one.last_activity_at.load(Ordering::Relaxed) > 2 * heartbeat
            {
                one.close(CloseCode::Idle, "no sign of life for two heartbeats");
            } else if steady - one.last_heartbeat_at.load(Ordering::Relaxed) >= every {
                self.send_heartbeat(&one);
            }
        }
    }

    /// Whether a tick has something to do for the connection.
    fn is_due(&self, one: &Connection, now: i64, steady: i64) -> bool {
        let silent = one.carrier != Carrier::Stream
            && steady - one.last_activity_at.load(Ordering::Relaxed)
                > 2 * self.heartbeat_micros(Carrier::Socket);
        let notice = one.expires_at.load(Ordering::Relaxed) - EXPIRY_NOTICE.num_microseconds().unwrap_or(0);
        silent
            || is_unfinished(one, steady - 2 * self.heartbeat_micros(Carrier::Socket))
            || now >= notice
            || steady - one.last_heartbeat_at.load(Ordering::Relaxed) >= self.heartbeat_micros(one.carrier)
    }

    /// Microseconds between two heartbeats.
    fn heartbeat_micros(&self, carrier: Carrier) -> i64 {
        match carrier {
            Carrier::Stream => self.settings.stream_heartbeat.as_micros() as i64,
            Carrier::Socket | Carrier::Upload => self.settings.heartbeat.as_micros() as i64,
        }
    }

    pub(super) fn send_heartbeat(&self, one: &Connection) {
        one.last_heartbeat_at.store(self.steady_micros(), Ordering::Relaxed);
        if let Some(mailbox) = one.control.mailbox() {
            self.services.hub.send_heartbeat(&one.scope, &mailbox);
        }
    }

    /// Closes the connections that a revocation is about, and updates those of a user with a changed role.
    pub fn revoke(&self, revocation: &Revocation) {
        let subjects = revocation.subjects().into_iter();
        let concerned: Vec<_> = subjects.flat_map(|subject| self.index.by_subject(subject)).collect();
        for one in &concerned {
            if let Some((code, reason)) = revocation.close_reason_for(one.scope.tenant_id(), &one.principal())
            {
                one.close(code, reason);
            }
        }
        if matches!(revocation, Revocation::UserChanged { .. }) {
            self.role_changes.enqueue(&concerned);
        }
    }

    /// Closes every connection: the log that it follows was replaced.
    fn close_all_to_resume(&self) {
        for one in self.connections(|_| true) {
            one.close(CloseCode::Restart, "restart;retry_after=1");
        }
    }

    /// From now on the node reports that it is not ready; everything else continues.
    pub fn start_leaving(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Waits until no connection is left.
    pub(super) async fn wait_until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.index.is_empty() {
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
        self.index.by_subject(RevocationSubject::Tenant(tenant_id))
    }

    /// Number of connections of a tenant.
    pub fn count_of_tenant(&self, tenant_id: TenantId) -> usize {
        self.capacity.of_tenant(tenant_id)
    }

    /// Number of connections of a principal, and of the tenant.
    pub fn counts(&self, tenant_id: TenantId, principal: &Principal) -> (usize, usize) {
        let of_caller = owner_of(principal).map_or(0, |owner| self.slots.count(owner));
        (of_caller, self.capacity.of_tenant(tenant_id))
    }

    /// Bytes that are held of messages that clients have begun and not ended.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished_budget.used_bytes()
    }

    pub fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.index.find(id)
    }

    /// Cancelled once the node stops: every long wait ends with it.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether the node is about to stop.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.stopping.is_cancelled()
    }

    pub fn clock(&self) -> &Clock {
        &self.services.clock
    }

    pub(super) fn connections(&self, which: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        self.index.matching(which)
    }

    fn micros(&self) -> i64 {
        self.services.clock.now().timestamp_micros()
    }

    pub(super) fn steady_micros(&self) -> i64 {
        self.services.clock.steady().timestamp_micros()
    }
}

/// Whether the client has begun a message before `since`, in microseconds, and not ended it: whatever passes between
/// its parts, it holds memory without use.
fn is_unfinished(one: &Connection, since: i64) -> bool {
    let begun = i64::from(one.unfinished_since.load(Ordering::Relaxed));
    begun != 0 && begun < since / 1_000_000
}
