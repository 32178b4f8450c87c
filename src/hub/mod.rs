//! Floor 4: this node's fan-out, from a tenant's topics to mailboxes. It knows no log: what is missing it names, and
//! `session` reads it.

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
    /// Puts a mailbox on the tenant's lists. Its gate is shut: what is delivered from now on waits in it.
    pub fn join(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>) {
        let mut tenants = self.tenants.lock();
        tenants.entry(scope.tenant_id()).or_default().join(mailbox);
    }

    /// Takes a mailbox off all lists; the tenant goes with its last one.
    pub fn leave(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>) {
        let mut tenants = self.tenants.lock();
        if let Some(tenant) = tenants.get(&scope.tenant_id())
            && tenant.leave(mailbox)
        {
            tenants.remove(&scope.tenant_id());
        }
    }

    /// Where delivery begins for a tenant that has just become active; later calls change nothing. To be called
    /// after `join` and before a joiner reads the head: then everything above that head comes through the hub.
    pub fn start_at(&self, scope: &TenantScope, position: Position) {
        if let Some(tenant) = self.tenant(scope.tenant_id())
            && tenant.start_at(position)
        {
            self.gap.notify_one();
        }
    }

    /// The last position that was delivered; `None` when the tenant's delivery has not begun. Who has joined before
    /// this call hears of everything after it.
    pub fn cursor(&self, scope: &TenantScope) -> Option<Position> {
        self.tenant(scope.tenant_id())?.cursor()
    }

    /// Whether every change of membership since `read_at` would have come through here, and none has.
    pub fn memberships_unchanged_since(&self, scope: &TenantScope, read_at: Position) -> bool {
        self.tenant(scope.tenant_id()).is_some_and(|tenant| tenant.memberships_unchanged_since(read_at))
    }

    /// Begins anew for every tenant, when the logs were replaced under this node. Who is connected has to resume.
    pub fn reset_cursors(&self) {
        self.active().iter().for_each(|(_, tenant)| tenant.reset());
    }

    /// Delivers committed events, in any order and as often as they come: each goes out once, in sequence.
    pub fn publish_committed(&self, tenant_id: TenantId, envelopes: &[Arc<Envelope>]) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.publish_committed(envelopes)
        {
            self.gap.notify_one();
        }
    }

    /// Goes on after `upto` although this node never had what is missing up to there, because the log has it no more.
    /// Whoever hears the tenant's events is ended with `closing`, to resume and be told of the gap.
    pub fn skip_to(&self, tenant_id: TenantId, upto: i64, closing: &Closing) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.skip_to(upto, closing)
        {
            self.gap.notify_one();
        }
    }

    /// Hands a passing message to whoever wants it now.
    pub fn publish_ephemeral(&self, tenant_id: TenantId, ephemeral: &Ephemeral, message: &ServerMessage) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.publish_ephemeral(ephemeral, message.kind(), &TextFrame::new(&message.to_json()));
        }
    }

    /// Hands each follower of a topic the passing message that `render` makes of its interest, if any.
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

    /// Hands each follower of any of the topics, once, the passing messages that `render` makes of its interest.
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

    /// The people of each active tenant whose memberships have changed since this was asked last.
    pub fn take_membership_changes(&self) -> Vec<(TenantId, Vec<UserId>)> {
        let moved = self
            .active()
            .into_iter()
            .map(|(tenant_id, tenant)| (tenant_id, tenant.take_membership_changes()));
        moved.filter(|(_, users)| !users.is_empty()).collect()
    }

    /// Takes note of a replayed event that changes what a reader may see: the replay may be ahead of the hub.
    pub fn apply_membership(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>, envelope: &Envelope) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.apply_membership(mailbox, envelope);
        }
    }

    /// Puts a message that speaks of the present position into a mailbox, behind every event it stands behind.
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

    /// Changes what a mailbox wants, between two deliveries; the answer, if there is one, stands between them too.
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

    /// A sign of life behind every event so far: a ping on a socket, a quiet `id:` on a stream.
    pub fn send_heartbeat(&self, scope: &TenantScope, mailbox: &Mailbox) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.send_heartbeat(mailbox);
        }
    }

    /// Shuts a mailbox's gate between two deliveries: what was queued before comes back, what comes later waits.
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
