//! The listings that were accepted for a job.

use super::{get, view};
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId};
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::job::JobItem;
use crate::storage::job_items;

/// In the order of arrival, of all the job's executions or of one. A listing appears once an execution.
pub async fn items(
    op: &Op,
    id: JobId,
    execution: Option<ExecutionId>,
    page: PageRequest<i64>,
) -> Result<Page<JobItem, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    get::find(&tx, id).await?;
    let rows = job_items::list(&tx, id, execution, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id).map(view::item))
}
