//! Rows of a page, read up to a number of bytes: rows whose size the caller chooses would otherwise be held by the
//! hundred before anything could be counted.

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, EntityTrait, Select, StreamTrait};

use super::error::Result;

/// Bytes after which a page ends, although more rows were asked for. Far more than a page of ordinary rows has.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Rows in order. `is_cut`: reading ended at their size, and there are more.
pub struct BoundedRows<R> {
    pub rows: Vec<R>,
    pub is_cut: bool,
}

/// Reads the rows of `query` until they pass [`PAGE_BYTES`]; `size` is a row's bytes.
pub(super) async fn read<E, C>(
    query: Select<E>,
    tx: &C,
    size: impl Fn(&E::Model) -> usize,
) -> Result<BoundedRows<E::Model>>
where
    E: EntityTrait,
    E::Model: Send,
    C: ConnectionTrait + StreamTrait,
{
    let mut stream = query.stream(tx).await?;
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = stream.try_next().await? {
        if bytes > PAGE_BYTES {
            return Ok(BoundedRows { rows, is_cut: true });
        }
        bytes = bytes.saturating_add(size(&row));
        rows.push(row);
    }
    Ok(BoundedRows { rows, is_cut: false })
}
