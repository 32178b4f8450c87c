//! Messages between users, and notices of rooms.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::logged::Logged;

/// The sender, as other users see them.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Sender {
    pub user_id: i64,
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A message in a room. Not echoed to the socket that sent it, which gets `ack`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ChatMessage {
    pub sender_id: i64,
    pub sender: Sender,
    pub payload: ChatPayload,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// The text of a message and its conversation.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ChatPayload {
    /// 1 to 1,000 characters; empty once the message was deleted.
    pub text: String,
    /// In a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// To one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_user: Option<i64>,
    pub message_id: String,
    /// The client's own id for the message, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Files that are attached to it.
    #[oai(default, skip_serializing_if_is_empty)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// RFC 3339.
    pub timestamp: String,
    /// RFC 3339; once it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<String>,
    /// RFC 3339; once it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
}

/// A file that is attached to a message.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
pub struct Attachment {
    pub upload_id: String,
    pub filename: String,
    pub content_type: String,
    /// Bytes.
    pub size: i64,
}

/// A message to one user. Not echoed to the socket that sent it, which gets `ack`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct DirectMessage {
    pub sender_id: i64,
    pub sender: Sender,
    pub payload: ChatPayload,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// A message was edited.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct MessageEdited {
    pub sender_id: i64,
    pub sender: Sender,
    /// The message as it is now.
    pub payload: ChatPayload,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// A message was deleted, and its text is gone from the log as well.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct MessageDeleted {
    /// The user that deleted it: its author, or an admin.
    pub sender_id: i64,
    pub payload: MessageDeletedPayload,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// Which message was deleted.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct MessageDeletedPayload {
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_user: Option<i64>,
    /// RFC 3339.
    pub timestamp: String,
}

/// A notice of a room: a user joined or left, or the answer to `join_room` and `leave_room`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SystemMessage {
    pub payload: SystemPayload,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
    /// Added when the event enters the log; also on the answer to `join_room` and `leave_room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

/// An event of a room with the user that it concerns, or a message with the room's members.
#[derive(Clone, Debug, Default, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SystemPayload {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<RoomEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    pub room_id: String,
    /// `Joined room R` or `Left room R`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// User ids, the first 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<i64>>,
}

/// What happened in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoomEvent {
    /// The user became a member.
    UserJoined,
    /// The user is no longer a member.
    UserLeft,
    /// A member's last connection has ended. Ephemeral.
    UserDisconnected,
    /// The room has a new name or topic.
    RoomUpdated,
    /// The room accepts no more messages.
    RoomArchived,
}

/// A user starts or stops typing. Ephemeral; expires five seconds after the last message.
#[derive(Clone, Debug, Object, Serialize)]
pub struct Typing {
    pub sender_id: i64,
    pub payload: TypingPayload,
}

#[derive(Clone, Debug, Object, Serialize)]
pub struct TypingPayload {
    pub room_id: String,
    pub is_typing: bool,
}

/// The presence of users in the reader's rooms. First a snapshot, then changes, at most once a second. Ephemeral.
#[derive(Clone, Debug, Object, Serialize)]
pub struct Presence {
    pub payload: PresencePayload,
}

#[derive(Clone, Debug, Object, Serialize)]
pub struct PresencePayload {
    pub users: Vec<UserPresence>,
    /// True: users that are not listed are offline.
    pub snapshot: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, Serialize)]
pub struct UserPresence {
    pub user_id: i64,
    pub status: PresenceStatus,
}

/// Combined over all connections of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    Online,
    /// Every connection reports away.
    Away,
    Offline,
}

/// The users that have a listing on the screen; sent to those users. Ephemeral; at most once a second, and above 100
/// only when the count has changed by a twentieth.
#[derive(Clone, Debug, Object, Serialize)]
pub struct Viewers {
    pub payload: ViewersPayload,
}

#[derive(Clone, Debug, Object, Serialize)]
#[oai(example)]
pub struct ViewersPayload {
    pub property_id: i64,
    /// People, however many tabs each has.
    pub count: i64,
    /// The first 20 of them.
    pub users: Vec<i64>,
}
