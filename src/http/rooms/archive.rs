//! `DELETE /rooms/{room_id}`.

use poem_openapi::ApiResponse;

use crate::domain::op::Op;
use crate::domain::rooms;
use crate::protocol::problem::Problem;

/// Archived.
#[derive(Debug, ApiResponse)]
pub enum Archived {
    /// The room takes nothing more.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn archive(op: &Op, room_id: &str) -> Result<Archived, Problem> {
    rooms::archive(op, room_id).await?;
    Ok(Archived::Done)
}
