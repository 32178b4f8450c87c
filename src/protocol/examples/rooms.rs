//! A room and its messages.

use poem_openapi::types::Example;

use super::{PROPERTY, USER, USERNAME, UUID, after, position};
use crate::protocol::message::{Sender, ViewersPayload};
use crate::protocol::property::ViewedProperty;
use crate::protocol::room::{
    ConversationView, Member, Message, MessageSent, NewChatMessage, NewDirectMessage, NewRoom, Room,
    Visibility,
};

const ROOM: &str = "elm-street";
const NAME: &str = "Elm Street";
pub const TEXT: &str = "Is the house on Elm Street gone?";
const OWN_NAME: &str = "tab-3-17";

impl Example for NewRoom {
    fn example() -> Self {
        Self {
            room_id: Some(ROOM.to_owned()),
            name: NAME.to_owned(),
            topic: Some("Everything about the new development".to_owned()),
            visibility: Visibility::Public,
            members: None,
        }
    }
}

impl Example for Room {
    fn example() -> Self {
        Self {
            room_id: ROOM.to_owned(),
            name: NAME.to_owned(),
            topic: None,
            visibility: Visibility::Public,
            is_member: true,
            is_owner: false,
            unread_count: Some(2),
            created_by: Some(USER),
            created_at: after(0),
            updated_at: after(0),
            archived_at: None,
        }
    }
}

impl Example for Member {
    fn example() -> Self {
        Self {
            user_id: USER,
            username: USERNAME.to_owned(),
            display_name: None,
            is_owner: true,
            joined_at: Some(after(0)),
        }
    }
}

impl Example for ConversationView {
    fn example() -> Self {
        Self {
            user_id: USER,
            username: USERNAME.to_owned(),
            display_name: None,
            unread_count: 1,
            started_at: after(0),
        }
    }
}

impl Example for Message {
    fn example() -> Self {
        Self {
            message_id: UUID.to_owned(),
            room_id: Some(ROOM.to_owned()),
            target_user: None,
            sender_id: USER,
            sender: Sender { user_id: USER, username: USERNAME.to_owned(), display_name: None },
            text: TEXT.to_owned(),
            client_message_id: Some(OWN_NAME.to_owned()),
            attachments: Vec::new(),
            created_at: after(0),
            edited_at: None,
            deleted_at: None,
        }
    }
}

impl Example for NewChatMessage {
    /// To the lobby, which always exists.
    fn example() -> Self {
        let client_message_id = Some(OWN_NAME.to_owned());
        Self { room_id: None, text: TEXT.to_owned(), client_message_id, upload_ids: None }
    }
}

impl Example for NewDirectMessage {
    fn example() -> Self {
        Self { text: TEXT.to_owned(), client_message_id: Some("tab-3-18".to_owned()), upload_ids: None }
    }
}

impl Example for MessageSent {
    fn example() -> Self {
        Self { status: "sent".to_owned(), message_id: UUID.to_owned(), position: position() }
    }
}

impl Example for ViewedProperty {
    fn example() -> Self {
        Self { property_id: PROPERTY, count: 2 }
    }
}

impl Example for ViewersPayload {
    fn example() -> Self {
        Self { property_id: PROPERTY, count: 1, users: vec![USER] }
    }
}
