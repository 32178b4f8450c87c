//! Kept pages as they are read: one of a URL, those of a spider, and a body.

use super::body::unpack;
use super::page::KeptPage;
use super::store::forget_body;
use crate::auth::permission::Permission;
use crate::base::hex::sha256_hex;
use crate::blobs;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::storage::kept_pages::{self, KeptPosition};

/// The kept page of a URL, as the frontier has the URL.
pub async fn find(op: &Op, url: &str) -> Result<Option<KeptPage>> {
    op.require(Permission::WriteProperties)?;
    let rows = kept_pages::find(&op.read().await?, &[sha256_hex(url)]).await?;
    Ok(rows.into_iter().next().map(KeptPage::of))
}

/// The pages of a spider that were fetched at `since` (microseconds since the epoch) or later, in the order of their
/// fetching, behind the position `after`.
pub async fn of_spider(
    op: &Op,
    spider_name: &str,
    since: i64,
    after: Option<KeptPosition>,
    limit: u64,
) -> Result<Vec<KeptPage>> {
    op.require(Permission::WriteProperties)?;
    let rows = kept_pages::of_spider(&op.read().await?, spider_name, since, after, limit).await?;
    Ok(rows.into_iter().map(KeptPage::of).collect())
}

/// The pages of a spider that were fetched last, the latest first.
pub async fn latest(op: &Op, spider_name: &str, limit: u64) -> Result<Vec<KeptPage>> {
    op.require(Permission::ManageSpiders)?;
    let rows = kept_pages::latest(&op.read().await?, spider_name, limit).await?;
    Ok(rows.into_iter().map(KeptPage::of).collect())
}

/// The body of a page, decompressed and not decoded. `None`: it is not there, or it is damaged; such a page is no longer
/// kept.
pub async fn load_body(op: &Op, page: &KeptPage) -> Result<Option<Vec<u8>>> {
    let packed = match op.services.uploads.blobs.read_page(&page.key, page.stored_bytes).await {
        Ok(packed) => packed,
        Err(blobs::Error::Missing | blobs::Error::Lost(_)) => {
            forget_body(op, &page.url, &page.key).await?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let (length, sha256) = (page.body_bytes, page.key.sha256.clone());
    let unpacked = tokio::task::spawn_blocking(move || unpack(&packed, length, &sha256)).await;
    let unpacked = unpacked.map_err(|error| {
        tracing::error!(%error, "the body of a page could not be decompressed");
        Problem::internal()
    })?;
    if unpacked.is_none() {
        forget_body(op, &page.url, &page.key).await?;
    }
    Ok(unpacked)
}
