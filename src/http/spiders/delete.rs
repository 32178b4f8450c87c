//! `DELETE /spiders/{name}`.

use poem_openapi::ApiResponse;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::protocol::problem::Problem;

/// Removed.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The spider is gone.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn delete(op: &Op, name: &str) -> Result<Deleted, Problem> {
    spiders::delete(op, name).await?;
    Ok(Deleted::Done)
}
