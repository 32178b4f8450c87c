//! `POST /notifications/{notification_id}/read`.

use poem_openapi::ApiResponse;
use uuid::Uuid;

use crate::base::ids::NotificationId;
use crate::domain::notifications;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;

/// Marked as read, now or before.
#[derive(Debug, ApiResponse)]
pub enum MarkReadResponse {
    /// The notification is read.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn read(op: &Op, id: Uuid) -> Result<MarkReadResponse, Problem> {
    notifications::mark_read(op, NotificationId(id)).await?;
    Ok(MarkReadResponse::Done)
}
