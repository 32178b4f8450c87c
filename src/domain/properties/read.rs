//! Reads of properties besides the search: one property, its price history, counts, and the pages to revisit.

use std::collections::BTreeMap;

use super::view::{history_row, property};
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::property::{PriceHistoryEntry, Property};
use crate::storage::properties::PropertyPage;
use crate::storage::{price_history, properties};

/// A property, including removed ones.
pub async fn get(op: &Op, id: PropertyId) -> Result<Property> {
    op.require(Permission::ReadProperties)?;
    let tx = op.read().await?;
    let row = properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    Ok(property(&row))
}

/// The prices and statuses that a property had, newest first: the first row is the current state, the last
/// the one that the property was first seen with.
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

/// The number of properties that are not removed: `total_properties` of `status_update`.
pub async fn count(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    let tx = op.read().await?;
    Ok(properties::count(&tx).await?)
}

/// Properties that are not removed, by `standard_status`; a status without any is absent.
pub async fn count_by_status(op: &Op) -> Result<BTreeMap<String, u64>> {
    op.require(Permission::ReadStats)?;
    let counts = properties::by_status(&op.read().await?).await?;
    Ok(counts.into_iter().map(|(status, count)| (status, count.unsigned_abs())).collect())
}

/// A page with the key that a report of its removal has to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownUrl {
    pub property_id: PropertyId,
    pub source: String,
    pub listing_key: String,
    pub url: String,
}

/// The known pages that a spider visits again, so that removed listings are noticed: of properties that are
/// not removed, in the order of their ids, after `after`. A host is written with its port unless that is the
/// scheme's own.
pub async fn known_urls(
    op: &Op,
    hosts: &[String],
    after: Option<PropertyId>,
    limit: u64,
) -> Result<Vec<KnownUrl>> {
    op.require(Permission::WriteProperties)?;
    let tx = op.read().await?;
    let rows = properties::with_pages(&tx, hosts, after.map(|id| id.0), limit).await?;
    Ok(rows.into_iter().filter_map(known_url).collect())
}

/// The known pages among `urls`, for targets that are pages of known listings. At most `limit`.
pub async fn known_urls_at(op: &Op, hosts: &[String], urls: &[String], limit: u64) -> Result<Vec<KnownUrl>> {
    op.require(Permission::WriteProperties)?;
    let tx = op.read().await?;
    let rows = properties::with_these_pages(&tx, hosts, urls, limit).await?;
    Ok(rows.into_iter().filter_map(known_url).collect())
}

fn known_url(page: PropertyPage) -> Option<KnownUrl> {
    Some(KnownUrl {
        property_id: PropertyId(page.id),
        source: page.source,
        listing_key: page.listing_key,
        url: page.source_url?,
    })
}
