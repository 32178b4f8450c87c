//! `DELETE /uploads/{upload_id}`.

use poem_openapi::ApiResponse;

use super::get::id;
use crate::domain::op::Op;
use crate::domain::uploads;
use crate::http::etag::require_match;
use crate::protocol::problem::Problem;

/// Deleted.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The file is removed for all users, and its part of the quota is free.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn delete(op: &Op, upload_id: &str, if_match: Option<&str>) -> Result<Deleted, Problem> {
    let unchanged = |upload: &_| require_match(upload, if_match);
    uploads::delete(op, id(upload_id)?, &unchanged).await?;
    Ok(Deleted::Done)
}
