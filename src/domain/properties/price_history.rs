//! The prices and statuses that a property had.

use super::view::history_row;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::property::PriceHistoryEntry;
use crate::storage::{price_history, properties};

/// Newest first: the first row is the current state, the last the one that the property was first seen with.
pub async fn price_history(
    op: &Op,
    id: PropertyId,
    page: PageRequest<i64>,
) -> Result<Page<PriceHistoryEntry, i64>> {
    op.require(Permission::ReadProperties)?;
    let tx = op.read().await?;
    properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    let rows = price_history::list(&tx, id, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id).map(|row| history_row(&row)))
}
