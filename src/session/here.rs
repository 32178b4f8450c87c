//! A socket's part in what people do together: from its beginning to its end somebody is there, looks at something, writes.

use std::sync::Arc;

use super::connection::Connection;
use crate::auth::scope::TenantScope;
use crate::base::ids::{ConnectionId, RoomId};
use crate::cluster::attendance::Person;
use crate::domain::op::Kernel;
use crate::domain::presence::Departure;
use crate::domain::viewing::Look;
use crate::hub::{Mailbox, Offer};
use crate::protocol::problem::CloseCode;

/// Dropping it ends all of it.
pub(super) struct Here {
    kernel: Arc<Kernel>,
    scope: TenantScope,
    person: Person,
    connection: ConnectionId,
    mailbox: Arc<Mailbox>,
    /// A socket shows one listing at a time.
    look: Option<Look>,
}

impl Here {
    /// Somebody has come by this connection, and is shown who is there. A key is nobody.
    pub(super) fn enter(
        kernel: &Arc<Kernel>,
        connection: &Connection,
        mailbox: &Arc<Mailbox>,
    ) -> Option<Self> {
        let (kernel, scope, mailbox) = (Arc::clone(kernel), connection.scope, Arc::clone(mailbox));
        let person = Person { tenant: scope.tenant_id(), user: connection.user_id()? };
        let mut rooms: Vec<RoomId> = Vec::new();
        // Before the welcome: what is told from here on comes by the hub, what was told before is in it.
        kernel.hub.change(&scope, &mailbox, |interest, _| {
            interest.sees_people = true;
            rooms.extend(interest.rooms.iter());
            None
        });
        let presence = &kernel.together.presence;
        presence.enter(person, connection.id);
        // Who shares no room with anybody has nobody to be shown.
        if !rooms.is_empty() {
            presence.welcome(person, &rooms, |message| mailbox.offer(Offer::control(message)));
        }
        Some(Self { kernel, scope, person, connection: connection.id, mailbox, look: None })
    }

    /// Goes over to another listing, or to none.
    pub(super) fn turn_to(&mut self, look: Option<Look>) {
        let viewing = &self.kernel.together.viewing;
        if let Some(before) = self.look.take_if(|before| Some(*before) != look) {
            viewing.leave(before, self.connection);
        }
        // Before the entry: what is told because of it must find the connection listening.
        self.kernel.hub.change(&self.scope, &self.mailbox, |interest, _| {
            interest.viewing = look.map(|look| look.property);
            None
        });
        if let Some(look) = look {
            viewing.enter(look, self.connection);
        }
        self.look = look;
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let together = &self.kernel.together;
        if let Some(look) = self.look {
            together.viewing.leave(look, self.connection);
        }
        together.typing.leave(&self.kernel.hub, self.person, self.connection);
        let silent = self.mailbox.closing().is_some_and(|closing| closing.code == CloseCode::Idle);
        let departure = if silent { Departure::Silent } else { Departure::Usual };
        together.presence.leave(self.person, self.connection, departure, self.kernel.clock.steady());
    }
}
