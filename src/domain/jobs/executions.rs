//! The executions of a job.

use super::{get, view};
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::job::Execution;
use crate::storage::executions;

/// Latest first; the sort key is the attempt.
pub async fn executions(op: &Op, id: JobId, page: PageRequest<i64>) -> Result<Page<Execution, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    let job = get::find(&tx, id).await?;
    let rows = executions::list(&tx, id, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.attempt);
    let rows = page.rows.iter().map(|row| view::execution(row, &job)).collect::<Result<_>>()?;
    Ok(Page { rows, next: page.next })
}
