//! `GET /users/{user_id}`.

use super::view::{UserView, view};
use crate::base::ids::UserId;
use crate::domain::identity::users;
use crate::domain::op::Op;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;

pub(super) async fn get(
    op: &Op,
    user_id: i64,
    if_none_match: Option<&str>,
) -> Result<Tagged<UserView>, Problem> {
    Ok(tagged(view(users::get(op, UserId(user_id)).await?)?, if_none_match))
}
