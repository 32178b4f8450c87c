//! `GET /jobs/{job_id}/executions`.

use poem::Request;

use super::PageParameters;
use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::job::Execution;
use crate::protocol::problem::Problem;

pub(super) async fn executions(
    request: &Request,
    op: &Op,
    job_id: i64,
    (limit, cursor): PageParameters<'_>,
) -> Result<Listed<Execution>, Problem> {
    let page = jobs::executions::executions(op, JobId(job_id), page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
