//! The known pages that a spider visits again, so that removed listings are noticed.

use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::storage::properties;

/// A page with the key that a report of its removal has to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownUrl {
    pub property_id: PropertyId,
    pub source: String,
    pub listing_key: String,
    pub url: String,
}

/// Pages of properties that are not removed, in the order of their ids, after `after`. A host is written with its port
/// unless that is the scheme's own.
pub async fn known_urls(
    op: &Op,
    hosts: &[String],
    after: Option<PropertyId>,
    limit: u64,
) -> Result<Vec<KnownUrl>> {
    op.require(Permission::WriteProperties)?;
    let tx = op.read().await?;
    let rows = properties::with_pages(&tx, hosts, after.map(|id| id.0), limit).await?;
    let known = rows.into_iter().filter_map(|row| {
        Some(KnownUrl {
            property_id: PropertyId(row.id),
            source: row.source,
            listing_key: row.listing_key,
            url: row.source_url?,
        })
    });
    Ok(known.collect())
}
