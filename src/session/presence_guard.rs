//! A socket's presence, viewing and typing state, from its beginning to its end.

use std::sync::Arc;

use super::connection::Connection;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{ConnectionId, RoomId};
use crate::cluster::presence_store::TenantUser;
use crate::domain::op::Services;
use crate::domain::presence::tracker::DisconnectKind;
use crate::domain::viewing::tracker::ViewTarget;
use crate::hub::{ControlMessage, Mailbox};
use crate::protocol::problem::CloseCode;

/// Dropping it ends all three.
pub(super) struct PresenceGuard {
    services: Arc<Services>,
    scope: TenantScope,
    user: TenantUser,
    connection: ConnectionId,
    mailbox: Arc<Mailbox>,
    /// The property in view: a socket has one at a time.
    viewing: Option<ViewTarget>,
}

impl PresenceGuard {
    /// Registers presence and sends the snapshot. Connections of API keys have no presence.
    pub(super) fn enter(
        services: &Arc<Services>,
        connection: &Connection,
        mailbox: &Arc<Mailbox>,
    ) -> Option<Self> {
        let (services, scope, mailbox) = (Arc::clone(services), connection.scope, Arc::clone(mailbox));
        let person = TenantUser { tenant: scope.tenant_id(), user: connection.user_id()? };
        let mut rooms: Vec<RoomId> = Vec::new();
        // Before the snapshot: later changes come from the hub, earlier ones are in the snapshot.
        services.hub.update_interest(&scope, &mailbox, |interest, _| {
            interest.receives_presence = true;
            rooms.extend(interest.rooms.iter());
            None
        });
        let presence = &services.ephemeral.presence;
        presence.enter(person, connection.id);
        // Without a room there are no users to be shown.
        if !rooms.is_empty() {
            presence.send_snapshot(person, &rooms, |message| mailbox.offer(ControlMessage::control(message)));
        }
        Some(Self { services, scope, user: person, connection: connection.id, mailbox, viewing: None })
    }

    /// Changes the property in view, or ends viewing.
    pub(super) fn set_viewing(&mut self, look: Option<ViewTarget>) {
        let viewing = &self.services.ephemeral.viewing;
        if let Some(before) = self.viewing.take_if(|before| Some(*before) != look) {
            viewing.leave(before, self.connection);
        }
        // Before the entry: the messages that it causes must reach this connection.
        self.services.hub.update_interest(&self.scope, &self.mailbox, |interest, _| {
            interest.viewing = look.map(|look| look.property);
            None
        });
        if let Some(look) = look {
            viewing.enter(look, self.connection);
        }
        self.viewing = look;
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        let ephemeral = &self.services.ephemeral;
        if let Some(look) = self.viewing {
            ephemeral.viewing.leave(look, self.connection);
        }
        ephemeral.typing.leave(&self.services.publisher, self.user, self.connection);
        let silent = self.mailbox.closing().is_some_and(|closing| closing.code == CloseCode::Idle);
        let departure = if silent { DisconnectKind::TimedOut } else { DisconnectKind::Normal };
        ephemeral.presence.leave(self.user, self.connection, departure, self.services.clock.steady());
    }
}
