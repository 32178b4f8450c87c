//! A broadcast, as it reaches its readers.

use poem_openapi::types::Example;

use super::{USER, UUID, after, now, position};
use crate::base::clock::epoch_seconds;
use crate::protocol::message::SystemNotification;

impl Example for SystemNotification {
    fn example() -> Self {
        Self {
            category: "maintenance".to_owned(),
            message: "Maintenance tonight at ten".to_owned(),
            start_time: after(0),
            timestamp: epoch_seconds(now()),
            broadcast_id: UUID.to_owned(),
            sender_id: Some(USER),
            position: Some(position()),
            occurred_at: Some(after(0)),
        }
    }
}
