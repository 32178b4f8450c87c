//! The server's messages on a socket or a stream: one type per message, tagged by `type`.

mod chat;
mod control;
mod job;
mod logged;
mod notice;
mod property;
mod upload;

use poem_openapi::Union;
use serde::Serialize;

pub use chat::*;
pub use control::*;
pub use job::*;
pub use logged::Logged;
pub use notice::*;
pub use property::*;
pub use upload::*;

/// Every message from server to client.
#[derive(Clone, Debug, Union, Serialize)]
#[oai(discriminator_name = "type", one_of)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    #[oai(mapping = "connection_established")]
    ConnectionEstablished(ConnectionEstablished),
    #[oai(mapping = "pong")]
    Pong(Pong),
    #[oai(mapping = "subscription_confirmed")]
    SubscriptionConfirmed(SubscriptionConfirmed),
    #[oai(mapping = "subscription_live")]
    SubscriptionLive(SubscriptionLive),
    #[oai(mapping = "subscription_removed")]
    SubscriptionRemoved(SubscriptionRemoved),
    #[oai(mapping = "subscription_error")]
    SubscriptionError(SubscriptionError),
    #[oai(mapping = "error")]
    Error(ErrorMessage),
    #[oai(mapping = "ack")]
    Ack(Ack),
    #[oai(mapping = "status_update")]
    StatusUpdate(StatusUpdate),
    #[oai(mapping = "job_update")]
    JobUpdate(JobUpdate),
    #[oai(mapping = "job_log")]
    JobLog(JobLog),
    #[oai(mapping = "property_notification")]
    PropertyNotification(PropertyNotification),
    #[oai(mapping = "property_update")]
    PropertyUpdate(PropertyUpdate),
    #[oai(mapping = "system_notification")]
    SystemNotification(SystemNotification),
    #[oai(mapping = "admin_notification")]
    AdminNotification(AdminNotification),
    #[oai(mapping = "system_alert")]
    SystemAlert(SystemAlert),
    #[oai(mapping = "chat")]
    Chat(ChatMessage),
    #[oai(mapping = "direct_message")]
    DirectMessage(DirectMessage),
    #[oai(mapping = "message_edited")]
    MessageEdited(MessageEdited),
    #[oai(mapping = "message_deleted")]
    MessageDeleted(MessageDeleted),
    #[oai(mapping = "system")]
    System(SystemMessage),
    #[oai(mapping = "upload_completed")]
    UploadCompleted(UploadCompleted),
    #[oai(mapping = "typing")]
    Typing(Typing),
    #[oai(mapping = "presence")]
    Presence(Presence),
    #[oai(mapping = "viewers")]
    Viewers(Viewers),
    #[oai(mapping = "gap")]
    Gap(Gap),
    #[oai(mapping = "token_expiring")]
    TokenExpiring(TokenExpiring),
    #[oai(mapping = "token_refreshed")]
    TokenRefreshed(TokenRefreshed),
    #[oai(mapping = "going_away")]
    GoingAway(GoingAway),
}

impl ServerMessage {
    /// The message's `type`: also the event name on a stream with `names=type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConnectionEstablished(_) => "connection_established",
            Self::Pong(_) => "pong",
            Self::SubscriptionConfirmed(_) => "subscription_confirmed",
            Self::SubscriptionLive(_) => "subscription_live",
            Self::SubscriptionRemoved(_) => "subscription_removed",
            Self::SubscriptionError(_) => "subscription_error",
            Self::Error(_) => "error",
            Self::Ack(_) => "ack",
            Self::StatusUpdate(_) => "status_update",
            Self::JobUpdate(_) => "job_update",
            Self::JobLog(_) => "job_log",
            Self::PropertyNotification(_) => "property_notification",
            Self::PropertyUpdate(_) => "property_update",
            Self::SystemNotification(_) => "system_notification",
            Self::AdminNotification(_) => "admin_notification",
            Self::SystemAlert(_) => "system_alert",
            Self::Chat(_) => "chat",
            Self::DirectMessage(_) => "direct_message",
            Self::MessageEdited(_) => "message_edited",
            Self::MessageDeleted(_) => "message_deleted",
            Self::System(_) => "system",
            Self::UploadCompleted(_) => "upload_completed",
            Self::Typing(_) => "typing",
            Self::Presence(_) => "presence",
            Self::Viewers(_) => "viewers",
            Self::Gap(_) => "gap",
            Self::TokenExpiring(_) => "token_expiring",
            Self::TokenRefreshed(_) => "token_refreshed",
            Self::GoingAway(_) => "going_away",
        }
    }

    /// The message as one JSON object.
    pub fn to_json(&self) -> String {
        // Messages are made of strings, numbers and lists of them, which always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
