//! `POST /properties/batch`.

use poem_openapi::Enum;
use poem_openapi::payload::Json;

use crate::base::ids::JobId;
use crate::domain::op::Op;
use crate::domain::properties::{self, Batch, Notify};
use crate::http::body::PropertyBatch;
use crate::protocol::problem::Problem;
use crate::protocol::property_batch::BatchResult;

/// Which events announce new properties.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum BatchNotify {
    /// Each of them, and the summary.
    Each,
    /// The summary only.
    Summary,
}

pub(super) async fn upsert(
    op: &Op,
    notify: Option<BatchNotify>,
    request: PropertyBatch,
) -> Result<Json<BatchResult>, Problem> {
    let batch = Batch {
        job_id: request.job_id.map(|id| JobId(id.0)),
        items: request.into_properties(),
        notify: match notify {
            None | Some(BatchNotify::Each) => Notify::Each,
            Some(BatchNotify::Summary) => Notify::Summary,
        },
    };
    Ok(Json(properties::upsert_batch(op, batch).await?))
}
