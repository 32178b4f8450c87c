//! Stored notifications, as the REST routes show them.

use poem_openapi::Object;
use serde_json::Value;

/// One notification.
#[derive(Debug, Object)]
#[oai(rename = "Notification", example)]
pub struct NotificationView {
    pub notification_id: String,
    /// The message's type: `system_notification`, `admin_notification`, `system_alert`, `property_notification`.
    pub kind: String,
    /// The message as it was sent, without its position.
    pub message: Value,
    pub read: bool,
    pub created_at: String,
}
