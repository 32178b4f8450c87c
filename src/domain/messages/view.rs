//! Stored messages and conversations as frames and answers show them.

use crate::base::clock::rfc3339;
use crate::base::ids::UserId;
use crate::domain::uploads::attach;
use crate::protocol::message::{ChatPayload, Sender};
use crate::protocol::room::{ConversationView, Message};
use crate::storage::messages::MessageRow;
use crate::storage::time;
use crate::storage::users::UserRow;

pub fn sender(user: &UserRow) -> Sender {
    Sender { user_id: user.id, username: user.username.clone(), display_name: user.display_name.clone() }
}

/// The payload of a frame. `room_id` in a room, `target` between two people.
pub fn payload(row: &MessageRow, room_id: Option<&str>, target: Option<UserId>) -> ChatPayload {
    ChatPayload {
        text: row.text.clone(),
        room_id: room_id.map(str::to_owned),
        target_user: target.map(|user| user.0),
        message_id: row.message_id.to_string(),
        client_message_id: row.client_message_id.clone(),
        attachments: attach::from_json(row.attachments.as_deref()),
        timestamp: rfc3339(time(row.created_at)),
        edited_at: row.edited_at.map(|at| rfc3339(time(at))),
        deleted_at: row.deleted_at.map(|at| rfc3339(time(at))),
    }
}

pub fn message(row: &MessageRow, sender: Sender, room_id: Option<&str>, target: Option<UserId>) -> Message {
    let ChatPayload { text, room_id, target_user, message_id, client_message_id, attachments, .. } =
        payload(row, room_id, target);
    Message {
        message_id,
        room_id,
        target_user,
        sender_id: row.sender_id,
        sender,
        text,
        client_message_id,
        attachments,
        created_at: rfc3339(time(row.created_at)),
        edited_at: row.edited_at.map(|at| rfc3339(time(at))),
        deleted_at: row.deleted_at.map(|at| rfc3339(time(at))),
    }
}

/// The conversation with `other`, as the caller sees it.
pub fn conversation(other: UserRow, unread_count: u64, created_at: i64) -> ConversationView {
    ConversationView {
        user_id: other.id,
        username: other.username,
        display_name: other.display_name,
        unread_count,
        started_at: rfc3339(time(created_at)),
    }
}
