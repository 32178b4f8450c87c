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

pub use mailbox::{Closing, Item, Mailbox, Offer, Overflowed};
pub use tenant::Hold;
use tenant::TenantHub;

use crate::auth::scope::TenantScope;
use crate::base::ids::{TenantId, UserId};
use crate::protocol::envelope::Envelope;
use crate::protocol::message::ServerMessage;
use crate::protocol::position::Position;
use crate::protocol::routing::{Passing, Topic};
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
    pub fn memberships_stand(&self, scope: &TenantScope, read_at: Position) -> bool {
        self.tenant(scope.tenant_id()).is_some_and(|tenant| tenant.memberships_stand(read_at))
    }

    /// Begins anew for every tenant, when the logs were replaced under this node. Who is connected has to resume.
    pub fn forget_places(&self) {
        self.active().iter().for_each(|(_, tenant)| tenant.forget());
    }

    /// Delivers committed events, in any order and as often as they come: each goes out once, in sequence.
    pub fn committed(&self, tenant_id: TenantId, envelopes: &[Arc<Envelope>]) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.committed(envelopes)
        {
            self.gap.notify_one();
        }
    }

    /// Goes on after `upto` although this node never had what is missing up to there, because the log has it no more.
    /// Whoever hears the tenant's events is ended with `closing`, to resume and be told of the gap.
    pub fn pass_over(&self, tenant_id: TenantId, upto: i64, closing: &Closing) {
        if let Some(tenant) = self.tenant(tenant_id)
            && tenant.pass_over(upto, closing)
        {
            self.gap.notify_one();
        }
    }

    /// Hands a passing message to whoever wants it now.
    pub fn pass(&self, tenant_id: TenantId, passing: &Passing, message: &ServerMessage) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.pass(passing, message.kind(), &TextFrame::new(&message.to_json()));
        }
    }

    /// Hands each follower of a topic the passing message that `render` makes of its interest, if any.
    pub fn pass_each(
        &self,
        tenant_id: TenantId,
        topic: Topic,
        render: impl FnMut(&Interest) -> Option<(&'static str, TextFrame)>,
    ) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.pass_each(topic, render);
        }
    }

    /// Hands each follower of any of the topics, once, the passing messages that `render` makes of its interest.
    pub fn pass_once(
        &self,
        tenant_id: TenantId,
        topics: impl IntoIterator<Item = Topic>,
        render: impl FnMut(&Interest) -> Vec<(&'static str, TextFrame)>,
    ) {
        if let Some(tenant) = self.tenant(tenant_id) {
            tenant.pass_once(topics, render);
        }
    }

    /// The people of each active tenant whose memberships have changed since this was asked last.
    pub fn take_moved(&self) -> Vec<(TenantId, Vec<UserId>)> {
        let moved = self.active().into_iter().map(|(tenant_id, tenant)| (tenant_id, tenant.take_moved()));
        moved.filter(|(_, users)| !users.is_empty()).collect()
    }

    /// Takes note of a replayed event that changes what a reader may see: the replay may be ahead of the hub.
    pub fn follow(&self, scope: &TenantScope, mailbox: &Arc<Mailbox>, envelope: &Envelope) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.follow(mailbox, envelope);
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
    pub fn change(
        &self,
        scope: &TenantScope,
        mailbox: &Arc<Mailbox>,
        change: impl FnOnce(&mut Interest, Position) -> Option<ServerMessage>,
    ) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.change(mailbox, change);
        }
    }

    /// A sign of life behind every event so far: a ping on a socket, a quiet `id:` on a stream.
    pub fn beat(&self, scope: &TenantScope, mailbox: &Mailbox) {
        if let Some(tenant) = self.tenant(scope.tenant_id()) {
            tenant.beat(mailbox);
        }
    }

    /// Shuts a mailbox's gate between two deliveries: what was queued before comes back, what comes later waits.
    pub fn hold(&self, scope: &TenantScope, mailbox: &Mailbox) -> Option<Hold> {
        self.tenant(scope.tenant_id())?.hold(mailbox)
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
