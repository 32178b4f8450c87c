//! `GET /jobs/{job_id}/logs`.

use poem::Request;

use super::PageParameters;
use crate::base::ids::{ExecutionId, JobId};
use crate::domain::jobs;
use crate::domain::jobs::logs::LogQuery;
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::job::{LogLevel, LogLine};
use crate::protocol::problem::Problem;

/// The filters as they were sent.
pub(super) struct LogFilters {
    pub(super) level: Option<LogLevel>,
    pub(super) min_level: Option<LogLevel>,
    pub(super) execution_id: Option<i64>,
}

pub(super) async fn logs(
    request: &Request,
    op: &Op,
    job_id: i64,
    filters: LogFilters,
    (limit, cursor): PageParameters<'_>,
) -> Result<Listed<LogLine>, Problem> {
    let query = LogQuery {
        level: filters.level,
        min_level: filters.min_level,
        execution_id: filters.execution_id.map(ExecutionId),
    };
    let page = jobs::logs::list(op, JobId(job_id), query, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
