//! The tenant's jobs.

use super::validation::is_tag;
use super::view;
use crate::auth::permission::Permission;
use crate::base::ids::UserId;
use crate::base::normalize;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::spiders::is_valid_name;
use crate::protocol::job::{Job, JobStatus};
use crate::storage::jobs::{self, JobFilter};

pub use crate::storage::jobs::JobOrder;

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
    let rows = jobs::list(&tx, &filter, order, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let rows = page.rows.iter().map(view::job).collect::<Result<_>>()?;
    Ok(Page { rows, next: page.next })
}
