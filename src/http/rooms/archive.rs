//! `DELETE /rooms/{room_id}`.

use poem_openapi::ApiResponse;

use crate::domain::op::Op;
use crate::domain::rooms;
use crate::http::etag::require_match;
use crate::protocol::problem::Problem;

/// Archived.
#[derive(Debug, ApiResponse)]
pub enum Archived {
    /// The room accepts no more messages.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn archive(op: &Op, room_id: &str, if_match: Option<&str>) -> Result<Archived, Problem> {
    let unchanged = |room: &_| require_match(room, if_match);
    rooms::archive(op, room_id, &unchanged).await?;
    Ok(Archived::Done)
}
