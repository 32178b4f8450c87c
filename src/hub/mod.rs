//! Layer 4: this node's fan-out, from a tenant's topics to mailboxes. It does not know the log: it reports which
//! events are missing, and `session` reads them.

mod mailbox;
mod sequencer;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use mailbox::{Closing, ControlMessage, Item, Mailbox, Overflowed};
pub use tenant::DrainedQueue;
use tenant::TenantHub;

use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{TenantId, UserId};
use crate::protocol::envelope::Envelope;
use crate::protocol::message::ServerMessage;
use crate::protocol::position::Position;
use crate::protocol::routing::{Ephemeral, Topic};
use crate::protocol::subscription::Interest;
use crate::protocol::websocket::encode::TextFrame;

/// This node's tenants with at least one open connection.
#[derive(Default)]
pub struct Hub {
    tenants: Mutex<HashMap<TenantId, Arc<TenantHub>>>,
    gap: Notify,
}

impl Hub {
    /// Adds a mailbox to the tenant's lists. Its gate is shut: what is delivered from now on waits in it.
    pub fn join(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>) {
        let mut tenants = self.tenants.lock();
        tenants.entry(scope.tenant_id()).or_default().join(mailbox);
    }

    /// Removes a mailbox from all lists; the tenant is removed with its last one.
    pub fn leave(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>) {
        let mut tenants = self.tenants.lock();
        if let Some(tenant) = tenants.get(&scope.tenant_id())
            && tenant.leave(mailbox)
        {
            tenants.remove(&scope.tenant_id());
        }
    }

    /// Where delivery begins for a tenant that has just become active; later calls change nothing. Must be called
    /// after `join` and before a joiner reads the head: then everything above that head comes through the hub.
    pub fn start_at(&self, scope: &TenantScope, position: Position) {
        if let Some(tenant) = self.tenant(scope.tenant_id())
            && tenant.start_at(position)
        {
            self.gap.notify_one();
        }
    }

    /// The last position delivered; `None` when the tenant's delivery has not begun. A mailbox that joined before
    /// this call gets everything after it.
    pub fn cursor(&self, scope: &TenantScope) -> Option<Position> {
        self.tenant(scope.tenant_id())?.cursor()
    }

    /// Whether every change of membership since `read_at` would have come through here, and none has.
    pub fn memberships_unchanged_since(&self, scope: &TenantScope, read_at: Position) -> bool {
        self.tenant(scope.tenant_id()).is_some_and(|tenant| tenant.memberships_unchanged_since(read_at))
    }

    /// Resets every tenant, when the logs were replaced under this node. Connected readers have to resume.
    pub fn reset_cursors(&self) {
        self.active().iter().for_each(|(_, tenant)| tenant.reset());
    }

    /// Delivers committed events, given in any order and any number of times: each goes out once, in sequence.
    pub fn publish_committed(&self, tenant_id: TenantId, envelopes: &[Arc<Envelope>]) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.publish_committed(envelopes)
        {
            self.gap.notify_one();
        }
    }

    /// Number of the tenant's readers on this node.
    pub fn readers(&self, tenant_id: TenantId) -> usize {
        self.tenant(tenant_id).map_or(0, |tenant| tenant.readers())
    }

    /// Continues after `upto` although this node never had the events that are missing up to there, because the log
    /// no longer has them. Every reader of the tenant's events is closed with `closing`, to resume and get the gap.
    pub fn skip_to(&self, tenant_id: TenantId, upto: i64, closing: &Closing) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.skip_to(upto, closing)
        {
            self.gap.notify_one();
        }
    }

    /// Sends an ephemeral message to the mailboxes that want it now.
    pub fn publish_ephemeral(&self, tenant_id: TenantId, ephemeral: &Ephemeral, message: &ServerMessage) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.publish_ephemeral(ephemeral, message.kind(), &TextFrame::new(&message.to_json()));
        }
    }

    /// Sends each mailbox on a topic's list the ephemeral message that `render` makes of its interest, if any.
    pub fn publish_ephemeral_to_topic(
        &self,
        tenant_id: TenantId,
        topic: Topic,
        render: impl FnMut(&Interest) -> Option<(&'static str, TextFrame)>,
    ) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.publish_ephemeral_to_topic(topic, render);
        }
    }

    /// Sends each mailbox on any topic's list, once, the ephemeral messages that `render` makes of its interest.
    pub fn publish_ephemeral_to_topics(
        &self,
        tenant_id: TenantId,
        topics: impl IntoIterator<Item = Topic>,
        render: impl FnMut(&Interest) -> Vec<(&'static str, TextFrame)>,
    ) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.publish_ephemeral_to_topics(topics, render);
        }
    }

    /// The users of each active tenant with changed memberships since the last call.
    pub fn take_membership_changes(&self) -> Vec<(TenantId, Vec<UserId>)> {
        let moved = self
            .active()
            .into_iter()
            .map(|(tenant_id, tenant)| (tenant_id, tenant.take_membership_changes()));
        moved.filter(|(_, users)| !users.is_empty()).collect()
    }

    /// Applies a replayed event that changes what a reader may see: the replay may be ahead of the hub.
    pub fn apply_membership(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>, envelope: &Envelope) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.apply_membership(mailbox, envelope);
        }
    }

    /// Queues a message with the current position in a mailbox, after every event up to that position.
    pub fn answer(
        &self,
        scope: &TenantScope,
        mailbox: &Mailbox,
        message: impl FnOnce(Position) -> ServerMessage,
    ) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.answer(mailbox, message);
        }
    }

    /// Changes a mailbox's interest between two deliveries; the answer, if there is one, is queued between them too.
    pub fn update_interest(
        &self,
        scope: &TenantScope,
        mailbox: &Arc<Mailbox>,
        change: impl FnOnce(&mut Interest, Position) -> Option<ServerMessage>,
    ) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.update_interest(mailbox, change);
        }
    }

    /// A heartbeat after every event so far: a ping on a socket, a quiet `id:` on a stream.
    pub fn send_heartbeat(&self, scope: &TenantScope, mailbox: &Mailbox) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.send_heartbeat(mailbox);
        }
    }

    /// Shuts a mailbox's gate between two deliveries: what was queued is returned, what comes later waits.
    pub fn shut_gate(&self, scope: &TenantScope, mailbox: &Mailbox) -> Option<DrainedQueue> {
        self.tenant(scope.tenant_id())?.shut_gate(mailbox)
    }

    /// Tenants for which events are missing, with the last position delivered.
    pub fn gaps(&self) -> Vec<(TenantId, Position)> {
        self.active().into_iter().filter(|(_, tenant)| tenant.has_gap()).filter_map(with_cursor).collect()
    }

    /// All active tenants, with the last position delivered.
    pub fn cursors(&self) -> Vec<(TenantId, Position)> {
        self.active().into_iter().filter_map(with_cursor).collect()
    }

    /// The last sequence number delivered in a tenant; `None` while it is not active here.
    pub fn head(&self, tenant_id: TenantId) -> Option<i64> {
        Some(self.tenant(tenant_id)?.cursor()?.seq)
    }

    /// Waits until a gap is noticed.
    pub async fn gap_noticed(&self) {
        self.gap.notified().await;
    }

    fn active(&self) -> Vec<(TenantId, Arc<TenantHub>)> {
        self.tenants.lock().iter().map(|(id, tenant)| (*id, Arc::clone(tenant))).collect()
    }

    fn tenant(&self, tenant_id: TenantId) -> Option<Arc<TenantHub>> {
        self.tenants.lock().get(&tenant_id).cloned()
    }
}

fn with_cursor((tenant_id, tenant): (TenantId, Arc<TenantHub>)) -> Option<(TenantId, Position)> {
    tenant.cursor().map(|position| (tenant_id, position))
}
