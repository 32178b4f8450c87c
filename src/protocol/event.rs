//! The durable events, which are written to the log. A new one does not compile until its routing is stated.

use super::message::{
    AdminNotification, ChatMessage, DirectMessage, JobEvent, JobUpdate, MessageDeleted, MessageEdited,
    PropertyNotification, PropertyUpdate, ServerMessage, SystemAlert, SystemMessage, SystemNotification,
    UploadCompleted,
};
use super::routing::{Audience, PropertyFacts, Routing};
use crate::base::ids::{ConnectionId, JobId, PropertyId, RoomId, UserId};

/// A fact, with the data that routing needs beyond the message.
#[derive(Clone, Debug)]
pub enum Event {
    Job {
        /// `None`: a scheduled job without an owner.
        owner: Option<UserId>,
        message: JobUpdate,
    },
    Property {
        old: Option<PropertyFacts>,
        new: PropertyFacts,
        message: PropertyUpdate,
    },
    NewProperties {
        message: PropertyNotification,
    },
    Broadcast {
        audience: Audience,
        message: SystemNotification,
    },
    AdminNotice {
        message: AdminNotification,
    },
    Alert {
        concerns: Option<UserId>,
        message: SystemAlert,
    },
    Chat {
        conversation: Conversation,
        connection: Option<ConnectionId>,
        message: ChatMessage,
    },
    Direct {
        between: [UserId; 2],
        connection: Option<ConnectionId>,
        message: DirectMessage,
    },
    /// In a room or between two users.
    Edited {
        conversation: Conversation,
        message: MessageEdited,
    },
    Deleted {
        conversation: Conversation,
        message: MessageDeleted,
    },
    Joined {
        room: RoomId,
        user: UserId,
        message: SystemMessage,
    },
    Left {
        room: RoomId,
        user: UserId,
        message: SystemMessage,
    },
    /// The room itself has changed.
    Room {
        conversation: Conversation,
        message: SystemMessage,
    },
    /// For the inbox of the user that sent the file.
    UploadCompleted {
        owner: UserId,
        message: UploadCompleted,
    },
}

/// The conversation of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// A room, for its members.
    Room(RoomId),
    /// The room that all users of the tenant are in.
    Lobby(RoomId),
    Direct([UserId; 2]),
}

impl Conversation {
    fn routing(self, connection: Option<ConnectionId>) -> Routing {
        match self {
            Self::Room(room) => Routing::Room { room, everyone: false, connection },
            Self::Lobby(room) => Routing::Room { room, everyone: true, connection },
            Self::Direct(between) => Routing::Direct { between, connection },
        }
    }
}

impl Event {
    /// Which readers may see it.
    pub fn routing(&self) -> Routing {
        match self {
            Self::Job { owner, message } => Routing::Job {
                owner: *owner,
                job_id: JobId(message.job_id),
                spider: message.spider_name.clone(),
                progress: message.event == JobEvent::JobProgress,
            },
            Self::Property { old, new, message } => Routing::Property {
                property_id: PropertyId(message.property_id),
                old: old.clone(),
                new: new.clone(),
            },
            Self::NewProperties { .. } => Routing::Summary,
            Self::Broadcast { audience, .. } => Routing::Notice { audience: *audience },
            Self::AdminNotice { .. } => Routing::Notice { audience: Audience::Admins },
            Self::Alert { concerns, .. } => Routing::Alert { concerns: *concerns },
            Self::Chat { conversation, connection, .. } => conversation.routing(*connection),
            Self::Direct { between, connection, .. } => Conversation::Direct(*between).routing(*connection),
            Self::Edited { conversation, .. }
            | Self::Deleted { conversation, .. }
            | Self::Room { conversation, .. } => conversation.routing(None),
            Self::UploadCompleted { owner, .. } => Routing::Notice { audience: Audience::User(*owner) },
            Self::Joined { room, user, .. } => Routing::Membership { room: *room, user: *user, joined: true },
            Self::Left { room, user, .. } => Routing::Membership { room: *room, user: *user, joined: false },
        }
    }

    /// What the event is about; a deletion finds the event by it.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Chat { message, .. } => Some(message.payload.message_id.clone()),
            Self::Direct { message, .. } => Some(message.payload.message_id.clone()),
            Self::Edited { message, .. } => Some(message.payload.message_id.clone()),
            Self::Job { .. }
            | Self::Property { .. }
            | Self::NewProperties { .. }
            | Self::Broadcast { .. }
            | Self::AdminNotice { .. }
            | Self::Alert { .. }
            | Self::Deleted { .. }
            | Self::Joined { .. }
            | Self::Left { .. }
            | Self::Room { .. }
            | Self::UploadCompleted { .. } => None,
        }
    }

    /// The message that is sent to readers.
    pub fn into_message(self) -> ServerMessage {
        match self {
            Self::Job { message, .. } => ServerMessage::JobUpdate(message),
            Self::Property { message, .. } => ServerMessage::PropertyUpdate(message),
            Self::NewProperties { message } => ServerMessage::PropertyNotification(message),
            Self::Broadcast { message, .. } => ServerMessage::SystemNotification(message),
            Self::AdminNotice { message } => ServerMessage::AdminNotification(message),
            Self::Alert { message, .. } => ServerMessage::SystemAlert(message),
            Self::Chat { message, .. } => ServerMessage::Chat(message),
            Self::Direct { message, .. } => ServerMessage::DirectMessage(message),
            Self::Edited { message, .. } => ServerMessage::MessageEdited(message),
            Self::Deleted { message, .. } => ServerMessage::MessageDeleted(message),
            Self::UploadCompleted { message, .. } => ServerMessage::UploadCompleted(message),
            Self::Joined { message, .. } | Self::Left { message, .. } | Self::Room { message, .. } => {
                ServerMessage::System(message)
            }
        }
    }
}
