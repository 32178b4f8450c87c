//! `GET /notifications`.

use poem::Request;
use poem_openapi::Object;
use poem_openapi::types::Example;
use serde_json::Value;

use crate::base::clock::rfc3339;
use crate::domain::notifications::{self, Notification};
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::message::{ServerMessage, SystemNotification};
use crate::protocol::problem::Problem;
use crate::storage::time;

/// One notification.
#[derive(Debug, Object)]
#[oai(rename = "Notification", example)]
pub struct NotificationView {
    notification_id: String,
    /// The message's type: `system_notification`, `admin_notification`, `system_alert`, `property_notification`.
    kind: String,
    /// The message as it was sent, without its position.
    message: Value,
    read: bool,
    created_at: String,
}

pub(super) async fn list(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<NotificationView>, Problem> {
    let page = notifications::list(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(view)))
}

fn view(notification: Notification) -> NotificationView {
    let row = notification.row;
    NotificationView {
        notification_id: row.id.to_string(),
        kind: row.kind,
        // The body was written by the server as JSON.
        message: serde_json::from_str(&row.body).unwrap_or_default(),
        read: notification.read,
        created_at: rfc3339(time(row.created_at)),
    }
}

impl Example for NotificationView {
    fn example() -> Self {
        let notice = SystemNotification { position: None, ..SystemNotification::example() };
        let message = ServerMessage::SystemNotification(notice);
        Self {
            notification_id: examples::UUID.to_owned(),
            kind: message.kind().to_owned(),
            // Messages always serialise.
            message: serde_json::to_value(message).unwrap_or_default(),
            read: false,
            created_at: examples::after(0),
        }
    }
}
