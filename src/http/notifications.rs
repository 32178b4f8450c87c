//! Stored notifications of the caller.

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use super::caller::{Caller, ReadNotifications};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::NotificationId;
use crate::domain::notifications;
use crate::protocol::notification::NotificationView;
use crate::protocol::problem::Problem;

pub struct NotificationsApi;

#[OpenApi(tag = "Tag::Messages")]
impl NotificationsApi {
    /// List the caller's notifications
    ///
    /// Broadcasts, admin notices, alerts and property summaries, newest first.
    #[oai(path = "/notifications", method = "get", operation_id = "list_notifications")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadNotifications>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<NotificationView>, Problem> {
        let page = notifications::list(&caller.op, page_request(limit.0, cursor.0.as_deref())?).await?;
        Ok(listed(request, page))
    }

    /// Mark a notification as read
    #[oai(path = "/notifications/:notification_id/read", method = "post", operation_id = "read_notification")]
    async fn read(
        &self,
        caller: Caller<ReadNotifications>,
        notification_id: Path<Uuid>,
    ) -> Result<MarkReadResponse, Problem> {
        notifications::mark_read(&caller.op, NotificationId(notification_id.0)).await?;
        Ok(MarkReadResponse::Done)
    }
}

/// Marked as read, now or before.
#[derive(Debug, ApiResponse)]
pub enum MarkReadResponse {
    /// The notification is read.
    #[oai(status = 204)]
    Done,
}
