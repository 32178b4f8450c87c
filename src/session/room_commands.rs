//! Commands about other users: rooms and messages, and presence, viewing and typing, through the same use cases as
//! REST.

use serde_json::Value;

use super::commands::Commands;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::messages::{self, NewMessage, Recipient};
use crate::domain::{presence, rooms, typing, viewing};
use crate::protocol::command::Command;
use crate::protocol::message::{Ack, ServerMessage, SystemMessage, SystemPayload};
use crate::protocol::problem::Problem;

impl Commands {
    /// Serves a command of this kind; ignores others.
    pub(super) async fn perform_room_command(
        &mut self,
        command: Command,
        reply_to: Option<Value>,
    ) -> Result<(), Problem> {
        match command {
            Command::JoinRoom { room_id } => self.join_room(&room_id, reply_to).await,
            Command::LeaveRoom { room_id } => self.leave_room(&room_id, reply_to).await,
            Command::Chat { room_id, text, client_message_id, upload_ids } => {
                self.send_message(Recipient::Room(room_id), text, client_message_id, upload_ids, reply_to)
                    .await
            }
            Command::DirectMessage { target_user, text, client_message_id, upload_ids } => {
                self.send_message(Recipient::User(target_user), text, client_message_id, upload_ids, reply_to)
                    .await
            }
            Command::Typing { room_id, is_typing } => {
                typing::show(&self.op().await?, self.connection_id(), &room_id, is_typing).await
            }
            Command::Presence(request) => presence::show(&self.op().await?, self.connection_id(), request),
            Command::Viewing { property_id } => self.set_viewing(property_id).await,
            _ => Ok(()),
        }
    }

    /// Sets the property in view. Answered with `viewers` within a second.
    async fn set_viewing(&mut self, property_id: Option<PropertyId>) -> Result<(), Problem> {
        let op = self.op().await?;
        let look = match property_id {
            Some(property_id) => Some(viewing::authorize(&op, property_id).await?),
            None => op.require(Permission::ShowViewing).map(|()| None)?,
        };
        if let Some(here) = &mut self.presence {
            here.set_viewing(look);
        }
        Ok(())
    }

    async fn join_room(&self, room_id: &str, reply_to: Option<Value>) -> Result<(), Problem> {
        let joined = rooms::join(&self.op().await?, room_id).await?;
        let message = format!("Joined room {}", joined.room_id);
        self.answer_room(joined.room_id, message, Some(joined.members), reply_to);
        Ok(())
    }

    async fn leave_room(&self, room_id: &str, reply_to: Option<Value>) -> Result<(), Problem> {
        rooms::leave(&self.op().await?, room_id).await?;
        self.answer_room(room_id.to_owned(), format!("Left room {room_id}"), None, reply_to);
        Ok(())
    }

    fn answer_room(
        &self,
        room_id: String,
        message: String,
        members: Option<Vec<i64>>,
        reply_to: Option<Value>,
    ) {
        self.answer(|position| {
            let payload =
                SystemPayload { room_id, message: Some(message), members, ..SystemPayload::default() };
            let position = Some(position.to_string());
            ServerMessage::System(SystemMessage { payload, reply_to, position, occurred_at: None })
        });
    }

    async fn send_message(
        &self,
        to: Recipient,
        text: String,
        client_message_id: Option<String>,
        upload_ids: Vec<String>,
        reply_to: Option<Value>,
    ) -> Result<(), Problem> {
        let connection = Some(self.connection_id());
        let new = NewMessage { to, text, client_message_id, upload_ids, connection };
        let sent = messages::send(&self.op().await?, new).await?;
        let message_id = sent.payload.message_id.clone();
        // A payload is made of strings, numbers and lists of them, which always serialise.
        let payload = serde_json::to_value(&sent.payload).unwrap_or_default();
        self.answer(|position| {
            ServerMessage::Ack(Ack { reply_to, message_id, position: position.to_string(), payload })
        });
        Ok(())
    }
}
