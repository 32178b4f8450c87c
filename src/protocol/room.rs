//! Rooms and messages as the REST routes show them.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::{Attachment, Sender};

/// The visibility of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Visible to all users of the tenant; members may join.
    Public,
    /// Visible to its members and admins. The server generates its id, so that the id reveals nothing.
    Private,
}

impl Visibility {
    /// The visibility on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|one| one.name() == name)
    }
}

/// A room.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Room {
    pub room_id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub visibility: Visibility,
    /// Whether the caller is a member; all users are members of the lobby.
    pub is_member: bool,
    /// Whether the caller is an owner.
    pub is_owner: bool,
    /// Unread messages of other users; only for members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<i64>,
    pub created_at: String,
    pub updated_at: String,
    /// Present once the room accepts no more messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

/// A room to be created. Its creator is its first owner.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewRoom {
    /// A public room's id: 1 to 64 of `a-z 0-9 -`, unique in the tenant; derived from the name when absent. Not for
    /// private rooms.
    #[oai(validator(pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    #[oai(validator(max_length = 500))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub visibility: Visibility,
    /// Ids of the initial members.
    #[oai(validator(max_items = 200, minimum(value = "1"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<i64>>,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Member {
    pub user_id: i64,
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub is_owner: bool,
    /// Absent in the lobby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<String>,
}

/// A message in its current state.
#[derive(Clone, Debug, Object)]
#[oai(rename = "StoredMessage", skip_serializing_if_is_none, example)]
pub struct Message {
    pub message_id: String,
    /// In a room.
    pub room_id: Option<String>,
    /// To one user.
    pub target_user: Option<i64>,
    pub sender_id: i64,
    pub sender: Sender,
    /// Empty once the message was deleted.
    pub text: String,
    pub client_message_id: Option<String>,
    pub attachments: Vec<Attachment>,
    pub created_at: String,
    pub edited_at: Option<String>,
    pub deleted_at: Option<String>,
}

/// Another user that has exchanged messages with the caller.
#[derive(Debug, Object)]
#[oai(rename = "Conversation", skip_serializing_if_is_none, example)]
pub struct ConversationView {
    pub user_id: i64,
    pub username: String,
    pub display_name: Option<String>,
    /// Messages of that user that the caller has not read.
    pub unread_count: u64,
    pub started_at: String,
}

/// A message to be sent to a room.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewChatMessage {
    /// The lobby when absent; all users of the tenant are in it.
    #[oai(validator(pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub text: String,
    /// The client's own id for the message: sent again with the same id, the message is stored once.
    #[oai(validator(min_length = 1, max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Finished uploads of the sender to attach. All users that may read the message may read them.
    #[oai(validator(max_items = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_ids: Option<Vec<Uuid>>,
}

/// A message to be sent to one user.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewDirectMessage {
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub text: String,
    #[oai(validator(min_length = 1, max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Finished uploads of the sender to attach. All users that may read the message may read them.
    #[oai(validator(max_items = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_ids: Option<Vec<Uuid>>,
}

/// A message was stored.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct MessageSent {
    /// `sent`.
    pub status: String,
    pub message_id: String,
    pub position: String,
}
