//! `GET /jobs`.

use poem::Request;
use poem_openapi::Enum;

use super::PageParameters;
use crate::base::ids::UserId;
use crate::domain::jobs::list::{JobOrder, JobQuery, list as list_jobs};
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::job::{Job, JobStatus};
use crate::protocol::problem::Problem;

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum JobSort {
    /// Newest first.
    #[default]
    #[oai(rename = "-created_at")]
    NewestFirst,
    /// Oldest first.
    #[oai(rename = "created_at")]
    OldestFirst,
}

/// The filters as they came.
pub(super) struct JobFilters {
    pub(super) status: Option<JobStatus>,
    pub(super) spider_name: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) created_by: Option<i64>,
}

pub(super) async fn list(
    request: &Request,
    op: &Op,
    filters: JobFilters,
    sort: Option<JobSort>,
    (limit, cursor): PageParameters<'_>,
) -> Result<Listed<Job>, Problem> {
    let query = JobQuery {
        status: filters.status,
        spider_name: filters.spider_name,
        tag: filters.tag,
        created_by: filters.created_by.map(UserId),
    };
    let order = match sort.unwrap_or_default() {
        JobSort::NewestFirst => JobOrder::NewestFirst,
        JobSort::OldestFirst => JobOrder::OldestFirst,
    };
    let page = list_jobs(op, &query, order, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
