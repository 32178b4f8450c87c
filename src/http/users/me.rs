//! `GET /users/me`.

use super::view::{UserView, view};
use crate::domain::identity::users;
use crate::domain::op::Op;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;

pub(super) async fn me(op: &Op, if_none_match: Option<&str>) -> Result<Tagged<UserView>, Problem> {
    Ok(tagged(view(users::me(op).await?)?, if_none_match))
}
