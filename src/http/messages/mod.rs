//! Messages in rooms and between users.

mod change;
mod history;
mod read;
mod send;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;

use self::change::{Deleted, MessagePatchBody};
use self::history::ConversationView;
use self::read::{MarkReadResponse, ReadMarkerBody};
use super::body::Body;
use super::caller::{Caller, Chat, ReadRooms};
use super::etag::Changed;
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::Listed;
use super::tags::Tag;
use crate::protocol::problem::Problem;
use crate::protocol::room::{Message, MessageSent, NewChatMessage, NewDirectMessage};

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
        Ok(Replayable::new(op.idempotency(), send::chat(&op, body.0).await?))
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
        history::of_room(request, &caller.op, &room_id.0, limit.0, cursor.0.as_deref()).await
    }

    /// Mark a room as read
    #[oai(path = "/rooms/:room_id/read", method = "post", operation_id = "mark_room_read")]
    async fn read_room(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        body: Body<ReadMarkerBody>,
    ) -> Result<MarkReadResponse, Problem> {
        read::room(&caller.op, &room_id.0, body.0).await
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
        history::conversations(request, &caller.op, limit.0, cursor.0.as_deref()).await
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
        history::of_person(request, &caller.op, user_id.0, limit.0, cursor.0.as_deref()).await
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
        Ok(Replayable::new(op.idempotency(), send::direct(&op, user_id.0, body.0).await?))
    }

    /// Mark a conversation as read
    #[oai(path = "/direct-messages/:user_id/read", method = "post", operation_id = "mark_conversation_read")]
    async fn read_person(
        &self,
        caller: Caller<ReadRooms>,
        user_id: Path<i64>,
        body: Body<ReadMarkerBody>,
    ) -> Result<MarkReadResponse, Problem> {
        read::person(&caller.op, user_id.0, body.0).await
    }

    /// Edit a message
    ///
    /// For its author only. An admin may delete any message of a room, and edits only their own.
    #[oai(path = "/messages/:message_id", method = "patch", operation_id = "edit_message")]
    async fn edit(
        &self,
        caller: Caller<Chat>,
        message_id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<MessagePatchBody>,
    ) -> Result<Changed<Message>, Problem> {
        change::edit(&caller.op, &message_id.0, if_match.0.as_deref(), body.0).await
    }

    /// Delete a message
    ///
    /// Its text is removed from the history and from the log. For its author, and for admins in rooms.
    #[oai(path = "/messages/:message_id", method = "delete", operation_id = "delete_message")]
    async fn delete(
        &self,
        caller: Caller<Chat>,
        message_id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Deleted, Problem> {
        change::delete(&caller.op, &message_id.0, if_match.0.as_deref()).await
    }
}
