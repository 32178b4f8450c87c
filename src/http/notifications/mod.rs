//! Stored notifications of the caller.

mod list;
mod read;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use self::list::NotificationView;
use self::read::MarkReadResponse;
use super::caller::{Caller, ReadNotifications};
use super::list::Listed;
use super::tags::Tag;
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
        list::list(request, &caller.op, limit.0, cursor.0.as_deref()).await
    }

    /// Mark a notification as read
    #[oai(path = "/notifications/:notification_id/read", method = "post", operation_id = "read_notification")]
    async fn read(
        &self,
        caller: Caller<ReadNotifications>,
        notification_id: Path<Uuid>,
    ) -> Result<MarkReadResponse, Problem> {
        read::read(&caller.op, notification_id.0).await
    }
}
