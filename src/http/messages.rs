//! Messages in rooms and between users.

use poem::Request;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::body::{Body, body_rules};
use super::caller::{Caller, Chat, ReadRooms};
use super::etag::{Changed, changed, require_match};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::{MessageId, UserId};
use crate::domain::messages::{self, NewMessage, Recipient};
use crate::domain::op::Op;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::room::{ConversationView, Message, MessageSent, NewChatMessage, NewDirectMessage};
use crate::protocol::upload::id_texts;

pub struct MessagesApi;

/// Also at the root, where existing clients expect it.
pub struct ChatApi;

#[OpenApi(tag = "Tag::Messages")]
impl ChatApi {
    /// Send a message to a room
    ///
    /// To all members of the room; without a room, to the lobby.
    #[oai(path = "/chat/send", method = "post", operation_id = "send_chat")]
    async fn send(
        &self,
        caller: Caller<Chat>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewChatMessage>,
    ) -> Result<Replayable<Json<MessageSent>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let NewChatMessage { room_id, text, client_message_id, upload_ids } = body.0;
        let (to, upload_ids) = (Recipient::Room(room_id), id_texts(upload_ids));
        let new = NewMessage { to, text, client_message_id, upload_ids, connection: None };
        Ok(Replayable::new(op.idempotency(), send(&op, new).await?))
    }
}

#[OpenApi(tag = "Tag::Messages")]
impl MessagesApi {
    /// List a room's messages
    ///
    /// Newest first, for members of the room.
    #[oai(path = "/rooms/:room_id/messages", method = "get", operation_id = "list_room_messages")]
    async fn of_room(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Message>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, messages::of_room(&caller.op, &room_id.0, page).await?))
    }

    /// Mark a room as read
    #[oai(path = "/rooms/:room_id/read", method = "post", operation_id = "mark_room_read")]
    async fn read_room(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        body: Body<ReadMarkerBody>,
    ) -> Result<MarkReadResponse, Problem> {
        messages::mark_room_read(&caller.op, &room_id.0, MessageId(body.0.message_id)).await?;
        Ok(MarkReadResponse::Done)
    }

    /// List conversations
    ///
    /// The users that have exchanged messages with the caller, the most recently started conversation first.
    #[oai(path = "/direct-messages", method = "get", operation_id = "list_conversations")]
    async fn conversations(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<ConversationView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, messages::conversations(&caller.op, page).await?))
    }

    /// List the messages between the caller and another user
    ///
    /// Newest first.
    #[oai(path = "/direct-messages/:user_id", method = "get", operation_id = "list_direct_messages")]
    async fn of_person(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        user_id: Path<i64>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Message>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, messages::with_user(&caller.op, UserId(user_id.0), page).await?))
    }

    /// Send a message to one user
    #[oai(path = "/direct-messages/:user_id", method = "post", operation_id = "send_direct_message")]
    async fn direct(
        &self,
        caller: Caller<Chat>,
        user_id: Path<i64>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewDirectMessage>,
    ) -> Result<Replayable<Json<MessageSent>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let NewDirectMessage { text, client_message_id, upload_ids } = body.0;
        let (to, upload_ids) = (Recipient::User(UserId(user_id.0)), id_texts(upload_ids));
        let new = NewMessage { to, text, client_message_id, upload_ids, connection: None };
        Ok(Replayable::new(op.idempotency(), send(&op, new).await?))
    }

    /// Mark a conversation as read
    #[oai(path = "/direct-messages/:user_id/read", method = "post", operation_id = "mark_conversation_read")]
    async fn read_person(
        &self,
        caller: Caller<ReadRooms>,
        user_id: Path<i64>,
        body: Body<ReadMarkerBody>,
    ) -> Result<MarkReadResponse, Problem> {
        messages::mark_direct_read(&caller.op, UserId(user_id.0), MessageId(body.0.message_id)).await?;
        Ok(MarkReadResponse::Done)
    }

    /// Edit a message
    ///
    /// For its author only. An admin may delete any message of a room, and edits only their own.
    #[oai(path = "/messages/:message_id", method = "patch", operation_id = "edit_message")]
    async fn edit(
        &self,
        caller: Caller<Chat>,
        message_id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<MessagePatchBody>,
    ) -> Result<Changed<Message>, Problem> {
        let (message_id, text) = (MessageId(message_id.0), body.0.text);
        let unchanged = |message: &_| require_match(message, if_match.0.as_deref());
        Ok(changed(messages::edit(&caller.op, message_id, text.as_deref(), &unchanged).await?))
    }

    /// Delete a message
    ///
    /// Its text is removed from the history and from the log. For its author, and for admins in rooms.
    #[oai(path = "/messages/:message_id", method = "delete", operation_id = "delete_message")]
    async fn delete(
        &self,
        caller: Caller<Chat>,
        message_id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Deleted, Problem> {
        let unchanged = |message: &_| require_match(message, if_match.0.as_deref());
        messages::delete(&caller.op, MessageId(message_id.0), &unchanged).await?;
        Ok(Deleted::Done)
    }
}

async fn send(op: &Op, new: NewMessage) -> Result<Json<MessageSent>, Problem> {
    let sent = messages::send(op, new).await?;
    Ok(Json(MessageSent {
        status: "sent".to_owned(),
        message_id: sent.payload.message_id,
        position: sent.position.to_string(),
    }))
}

/// The newest message that was read.
#[derive(Debug, Object)]
#[oai(rename = "ReadMarker", deny_unknown_fields, example)]
pub struct ReadMarkerBody {
    message_id: Uuid,
}

/// The answer to a read marker.
#[derive(Debug, ApiResponse)]
pub enum MarkReadResponse {
    /// Everything up to the message is read. A marker never moves back.
    #[oai(status = 204)]
    Done,
}

/// The new text; without one nothing changes.
#[derive(Debug, Object)]
#[oai(rename = "MessagePatch", deny_unknown_fields, example)]
pub struct MessagePatchBody {
    /// Absent: unchanged.
    #[oai(validator(min_length = 1, max_length = 1000))]
    text: Option<String>,
}

/// Deleted.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The text is removed, from the history and from the log.
    #[oai(status = 204)]
    Done,
}

body_rules! {
    ReadMarkerBody: |_body, _now| Vec::new();
    MessagePatchBody, emptied by null: []: |body, _now| {
        body.text.map(|text| messages::validate(&text, None, &[])).unwrap_or_default()
    };
}

impl Example for ReadMarkerBody {
    fn example() -> Self {
        Self { message_id: examples::uuid() }
    }
}

impl Example for MessagePatchBody {
    fn example() -> Self {
        Self { text: Some(examples::rooms::TEXT.to_owned()) }
    }
}
