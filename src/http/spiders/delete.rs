//! `DELETE /spiders/{name}`.

use poem_openapi::ApiResponse;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::http::etag::require_match;
use crate::protocol::problem::Problem;

/// Removed.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The spider is removed.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn delete(op: &Op, name: &str, if_match: Option<&str>) -> Result<Deleted, Problem> {
    let unchanged = |spider: &_| require_match(spider, if_match);
    spiders::delete(op, name, &unchanged).await?;
    Ok(Deleted::Done)
}
