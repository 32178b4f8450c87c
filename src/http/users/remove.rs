//! `DELETE /users/{user_id}`.

use poem_openapi::ApiResponse;

use super::view::view;
use crate::base::ids::UserId;
use crate::domain::identity::users;
use crate::domain::op::Op;
use crate::http::etag::require_match;
use crate::protocol::problem::Problem;

#[derive(Debug, ApiResponse)]
pub enum Removed {
    /// The user is removed.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn remove(op: &Op, user_id: i64, if_match: Option<&str>) -> Result<Removed, Problem> {
    let unchanged = |row: &_| require_match(&view(Clone::clone(row))?, if_match);
    users::remove(op, UserId(user_id), &unchanged).await?;
    Ok(Removed::Done)
}
