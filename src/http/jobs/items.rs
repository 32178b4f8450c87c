//! `GET /jobs/{job_id}/items`.

use poem::Request;

use super::PageParameters;
use crate::base::ids::{ExecutionId, JobId};
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::job::JobItem;
use crate::protocol::problem::Problem;

pub(super) async fn items(
    request: &Request,
    op: &Op,
    job_id: i64,
    execution_id: Option<i64>,
    (limit, cursor): PageParameters<'_>,
) -> Result<Listed<JobItem>, Problem> {
    let execution = execution_id.map(ExecutionId);
    let page = jobs::items::items(op, JobId(job_id), execution, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
