//! What people say to each other, and what rooms say of themselves.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who said it, as the others see that person.
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
    /// Added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

/// What was said, where.
#[derive(Clone, Debug, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ChatPayload {
    /// 1 to 1,000 characters; empty once the message was deleted.
    pub text: String,
    /// In a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// To one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_user: Option<i64>,
    pub message_id: String,
    /// The sender's own name for the message, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Files that go with it.
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

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
pub struct Attachment {
    pub upload_id: String,
    pub filename: String,
    pub content_type: String,
    /// Bytes.
    pub size: i64,
}

/// A message to one person. Not echoed to the socket that sent it, which gets `ack`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct DirectMessage {
    pub sender_id: i64,
    pub sender: Sender,
    pub payload: ChatPayload,
    /// Added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

/// A message has another text now.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct MessageEdited {
    pub sender_id: i64,
    pub sender: Sender,
    /// The message as it is now.
    pub payload: ChatPayload,
    /// Added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

/// A message was deleted, and its text is gone from the log as well.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct MessageDeleted {
    /// Who deleted it: its author, or an admin.
    pub sender_id: i64,
    pub payload: MessageDeletedPayload,
    /// Added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
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

/// A room speaks of itself: who came and went, or the answer to `join_room` and `leave_room`.
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

/// An event of a room with the user it speaks of, or a message with the room's members.
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
    /// Became a member.
    UserJoined,
    /// Is a member no longer.
    UserLeft,
    /// A member's last connection is gone. Passes by.
    UserDisconnected,
    /// The room has another name or topic.
    RoomUpdated,
    /// The room takes no more messages.
    RoomArchived,
}

/// Somebody writes, or stopped. Passes by; without news it ends by itself after five seconds.
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

/// Who of the reader's rooms is there. A snapshot at first, then what changed, once a second at most. Passes by.
#[derive(Clone, Debug, Object, Serialize)]
pub struct Presence {
    pub payload: PresencePayload,
}

#[derive(Clone, Debug, Object, Serialize)]
pub struct PresencePayload {
    pub users: Vec<UserPresence>,
    /// True: whoever is not named is offline.
    pub snapshot: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, Serialize)]
pub struct UserPresence {
    pub user_id: i64,
    pub status: PresenceStatus,
}

/// Over all connections of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    Online,
    /// Every connection says so.
    Away,
    Offline,
}

/// Who is looking at a listing, for those who are. Passes by; once a second at most, and above 100 only when the
/// count has changed by a twentieth.
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
