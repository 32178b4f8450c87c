//! A broadcast, as it reaches its readers and as it is stored for them.

use poem_openapi::types::Example;

use super::{USER, UUID, after, now, position};
use crate::base::clock::epoch_seconds;
use crate::protocol::message::{Logged, ServerMessage, SystemNotification};
use crate::protocol::notification::NotificationView;

impl Example for SystemNotification {
    fn example() -> Self {
        Self {
            category: "maintenance".to_owned(),
            message: "Maintenance tonight at ten".to_owned(),
            start_time: after(0),
            timestamp: epoch_seconds(now()),
            broadcast_id: UUID.to_owned(),
            sender_id: Some(USER),
            logged: Logged::example(),
        }
    }
}

impl Example for NotificationView {
    fn example() -> Self {
        let logged = Logged { position: None, ..Logged::example() };
        let notice = SystemNotification { logged, ..SystemNotification::example() };
        let message = ServerMessage::SystemNotification(notice);
        Self {
            notification_id: UUID.to_owned(),
            kind: message.kind().to_owned(),
            // Messages always serialise.
            message: serde_json::to_value(message).unwrap_or_default(),
            read: false,
            created_at: after(0),
        }
    }
}

impl Example for Logged {
    fn example() -> Self {
        Self { position: Some(position()), occurred_at: Some(after(0)) }
    }
}
