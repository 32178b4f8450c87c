//! `POST /chat/send` and `POST /direct-messages/{user_id}`.

use poem_openapi::payload::Json;

use crate::base::ids::UserId;
use crate::domain::messages::{self, NewMessage, Recipient};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::room::{MessageSent, NewChatMessage, NewDirectMessage};
use crate::protocol::upload::id_texts;

pub(super) async fn chat(op: &Op, new: NewChatMessage) -> Result<Json<MessageSent>, Problem> {
    let NewChatMessage { room_id, text, client_message_id, upload_ids } = new;
    let (to, upload_ids) = (Recipient::Room(room_id), id_texts(upload_ids));
    send(op, NewMessage { to, text, client_message_id, upload_ids, connection: None }).await
}

pub(super) async fn direct(
    op: &Op,
    user_id: i64,
    new: NewDirectMessage,
) -> Result<Json<MessageSent>, Problem> {
    let NewDirectMessage { text, client_message_id, upload_ids } = new;
    let (to, upload_ids) = (Recipient::User(UserId(user_id)), id_texts(upload_ids));
    send(op, NewMessage { to, text, client_message_id, upload_ids, connection: None }).await
}

async fn send(op: &Op, new: NewMessage) -> Result<Json<MessageSent>, Problem> {
    let sent = messages::send(op, new).await?;
    Ok(Json(MessageSent {
        status: "sent".to_owned(),
        message_id: sent.payload.message_id,
        position: sent.position.to_string(),
    }))
}
