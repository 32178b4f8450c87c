//! The registry of this node's live connections: by id, by owner, by what their credentials depend on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::budget::ByteBudget;
use super::connection::Connection;
use super::connection_index::ConnectionIndex;
use super::connection_limits::ConnectionLimiter;
use super::node_health::NodeHealth;
use super::settings::SessionSettings;
use super::tenant_counts::TenantCounts;
use crate::auth::principal::Principal;
use crate::auth::revocation::{Revocation, RevocationSubject};
use crate::base::clock::Clock;
use crate::base::ids::{ConnectionId, TenantId};
use crate::cluster::connection_counts::ConnectionOwner;
use crate::domain::identity::Identity;
use crate::domain::op::Services;

/// Maximum concurrent slow closes; further ones get the usual time. Each holds a part of a frame, and a socket.
const MAX_SLOW_CLOSES: usize = 256;

/// Every live connection of this node, and the services that they use.
pub struct ConnectionRegistry {
    pub services: Arc<Services>,
    pub identity: Arc<Identity>,
    pub settings: SessionSettings,
    pub(super) tenant_counts: TenantCounts,
    pub health: NodeHealth,
    /// Connections run on this tracker; it is awaited at the end.
    pub tasks: TaskTracker,
    /// Limits on open connections.
    pub(super) limiter: Arc<ConnectionLimiter>,
    pub(super) index: ConnectionIndex,
    /// Connections of users with a changed role.
    pub(super) role_changes: RoleChangeQueue,
    /// Notified to check all connections against the store.
    pub(super) revalidation_requested: Notify,
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
    pub(super) database_identity: AtomicI64,
}

impl ConnectionRegistry {
    pub fn new(services: Services, identity: Arc<Identity>, settings: SessionSettings) -> Arc<Self> {
        let history = AtomicI64::new(services.db.identity_hash());
        let limiter = ConnectionLimiter::new(
            Arc::clone(&services.connection_counts),
            settings.max_connections,
            settings.connection_limits,
            settings.max_per_address,
        );
        let registry = Arc::new(Self {
            database_identity: history,
            admission: Admission::new(settings.admission, &services),
            health: NodeHealth::new(services.clock.now()),
            services: Arc::new(services),
            identity,
            tenant_counts: TenantCounts::default(),
            settings,
            tasks: TaskTracker::new(),
            limiter: Arc::new(limiter),
            unfinished_budget: ByteBudget::new(settings.echo_message_bytes.max(settings.message_bytes)),
            index: ConnectionIndex::default(),
            slow_closes: Semaphore::new(MAX_SLOW_CLOSES),
            role_changes: RoleChangeQueue::default(),
            revalidation_requested: Notify::new(),
            emptied: Notify::new(),
            leaving: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        });
        let live = Arc::downgrade(&registry);
        registry.services.publisher.set_enforcer(move |revocation| {
            if let Some(registry) = live.upgrade() {
                registry.revoke(revocation);
            }
        });
        registry
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
        self.limiter.count_of_tenant(tenant_id)
    }

    /// Number of connections of a principal, and of the tenant.
    pub fn counts(&self, tenant_id: TenantId, principal: &Principal) -> (usize, usize) {
        let owner = ConnectionOwner::of(principal);
        let of_caller = owner.map_or(0, |owner| self.limiter.count_of_owner(owner));
        (of_caller, self.limiter.count_of_tenant(tenant_id))
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

    pub(super) fn steady_micros(&self) -> i64 {
        self.services.clock.steady().timestamp_micros()
    }
}

/// Connections of users with a changed role or name. A set and no queue: bounded by the open connections, and no
/// change is missed, however many there are.
#[derive(Default)]
pub(super) struct RoleChangeQueue {
    pending: Mutex<BTreeSet<ConnectionId>>,
    changed: Notify,
}

impl RoleChangeQueue {
    fn enqueue(&self, connections: &[Arc<Connection>]) {
        if !connections.is_empty() {
            self.pending.lock().extend(connections.iter().map(|one| one.id));
            self.changed.notify_one();
        }
    }

    pub(super) async fn next(&self) -> BTreeSet<ConnectionId> {
        self.changed.notified().await;
        std::mem::take(&mut *self.pending.lock())
    }
}
