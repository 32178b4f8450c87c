//! `GET /jobs`.

use poem::Request;
use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

use super::PageParameters;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageRequest};
use crate::domain::jobs::list::{JobOrder, JobQuery, list as list_jobs};
use crate::domain::op::Op;
use crate::http::list::{Listed, bad_cursor, listed, page_request};
use crate::protocol::job::{Job, JobStatus};
use crate::protocol::problem::Problem;

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize, Deserialize)]
pub enum JobSort {
    /// Newest first.
    #[default]
    #[oai(rename = "-created_at")]
    NewestFirst,
    /// Oldest first.
    #[oai(rename = "created_at")]
    OldestFirst,
}

/// The end of a page. It contains its order: it is invalid in another one.
#[derive(Serialize, Deserialize)]
struct JobCursor {
    sort: JobSort,
    job_id: i64,
}

/// The filters as they were sent.
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
    let sort = sort.unwrap_or_default();
    let order = match sort {
        JobSort::NewestFirst => JobOrder::NewestFirst,
        JobSort::OldestFirst => JobOrder::OldestFirst,
    };
    let PageRequest { limit, after } = page_request::<JobCursor>(limit, cursor)?;
    if after.as_ref().is_some_and(|place| place.sort != sort) {
        return Err(bad_cursor());
    }
    let after = after.map(|place| place.job_id);
    let Page { rows, next } = list_jobs(op, &query, order, PageRequest { limit, after }).await?;
    let next = next.map(|job_id| JobCursor { sort, job_id });
    Ok(listed(request, Page { rows, next }))
}
