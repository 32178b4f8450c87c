//! `GET /rooms/{room_id}/members`, and adding and removing a member.

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::base::ids::UserId;
use crate::domain::op::Op;
use crate::domain::rooms::members;
use crate::http::body::body_rules;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;
use crate::protocol::room::Member;

/// The settings of a member.
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields, example)]
pub struct MemberInput {
    /// Owners change the room and its members.
    #[oai(default)]
    pub is_owner: bool,
}

body_rules! {
    MemberInput: |_body, _now| Vec::new();
}

impl Example for MemberInput {
    fn example() -> Self {
        Self { is_owner: true }
    }
}

/// The answer to the removal of a member.
#[derive(Debug, ApiResponse)]
pub enum Removed {
    /// The user is not a member any more.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn list(
    request: &Request,
    op: &Op,
    room_id: &str,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Member>, Problem> {
    let page = members::list(op, room_id, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}

pub(super) async fn put(
    op: &Op,
    room_id: &str,
    user_id: i64,
    body: MemberInput,
) -> Result<Json<Member>, Problem> {
    Ok(Json(members::put(op, room_id, UserId(user_id), body.is_owner).await?))
}

pub(super) async fn remove(op: &Op, room_id: &str, user_id: i64) -> Result<Removed, Problem> {
    members::remove(op, room_id, UserId(user_id)).await?;
    Ok(Removed::Done)
}
