//! Reads jobs, their executions and their accepted listings, and counts jobs.

use std::collections::BTreeMap;

use super::validation::is_tag;
use super::view;
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId, UserId};
use crate::base::normalize;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::spiders::is_valid_name;
use crate::protocol::job::{Execution, Job, JobItem, JobStatus};
use crate::protocol::problem::Problem;
use crate::storage::jobs::{self, JobFilter, JobRow};
use crate::storage::{BoundedRows, TenantTx, executions, job_items};

pub use crate::storage::jobs::JobOrder;

pub async fn get(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    view::job(&find(&tx, id).await?)
}

/// The row, or the same error as for another tenant's job.
pub(super) async fn find(tx: &TenantTx, id: JobId) -> Result<JobRow> {
    jobs::find(tx, id).await?.ok_or_else(Problem::not_found)
}

/// Filters of the list; `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    pub status: Option<JobStatus>,
    pub spider_name: Option<String>,
    pub tag: Option<String>,
    pub created_by: Option<UserId>,
}

impl JobQuery {
    /// Whether any job can match: the storage filter relies on tags without commas, and not every database
    /// accepts every text.
    fn is_possible(&self) -> bool {
        self.spider_name.as_deref().is_none_or(|name| is_valid_name(name.trim()))
            && self.tag.as_deref().is_none_or(is_tag)
    }
}

/// Jobs in the given order; the sort key is the job's id, which grows with the time of creation.
pub async fn list(
    op: &Op,
    query: &JobQuery,
    order: JobOrder,
    page: PageRequest<i64>,
) -> Result<Page<Job, i64>> {
    op.require(Permission::ReadJobs)?;
    if !query.is_possible() {
        return Ok(Page { rows: Vec::new(), next: None });
    }
    let tx = op.read().await?;
    let spider_name = query.spider_name.as_deref().map(normalize::exact);
    let tag = query.tag.as_deref().map(normalize::exact);
    let filter = JobFilter {
        status: query.status.map(JobStatus::name),
        spider_name: spider_name.as_deref(),
        tag: tag.as_deref(),
        created_by: query.created_by,
    };
    let BoundedRows { rows, is_cut } = jobs::list(&tx, &filter, order, page.after, page.limit + 1).await?;
    let page = Page::from_bounded(rows, is_cut, page.limit, |row| row.id);
    let rows = page.rows.iter().map(view::job).collect::<Result<_>>()?;
    Ok(Page { rows, next: page.next })
}

/// A job's executions, latest first; the sort key is the attempt.
pub async fn executions(op: &Op, id: JobId, page: PageRequest<i64>) -> Result<Page<Execution, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    let job = find(&tx, id).await?;
    let rows = executions::list(&tx, id, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.attempt);
    let rows = page.rows.iter().map(|row| view::execution(row, &job)).collect::<Result<_>>()?;
    Ok(Page { rows, next: page.next })
}

/// The listings that were accepted for a job, in the order of arrival, of all its executions or of one. A
/// listing appears once an execution.
pub async fn items(
    op: &Op,
    id: JobId,
    execution: Option<ExecutionId>,
    page: PageRequest<i64>,
) -> Result<Page<JobItem, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    find(&tx, id).await?;
    let rows = job_items::list(&tx, id, execution, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id).map(view::item))
}

/// The number of jobs that are pending or running, for `status_update`.
pub async fn count_active(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    Ok(jobs::active(&op.read().await?).await?)
}

/// The number of jobs by status, for the tenant's statistics; a status without jobs is absent.
pub async fn count_by_status(op: &Op) -> Result<BTreeMap<String, u64>> {
    op.require(Permission::ReadStats)?;
    let counts = jobs::by_status(&op.read().await?).await?;
    Ok(counts.into_iter().map(|(status, count)| (status, count.unsigned_abs())).collect())
}
