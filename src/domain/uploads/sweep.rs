//! Cleanup by a node: expired unfinished files, bytes that could not be removed, and bytes without a row.

use futures_util::TryStreamExt;

use super::remove;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{TenantId, UploadId};
use crate::blobs::BlobKey;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::storage::micros;
use crate::storage::uploads::{self, UploadRow};

/// Files read in one query.
const PAGE: u64 = 100;
/// Blobs looked up in one query.
const BATCH: usize = 200;

/// Removes expired files; returns how many. A failure for one does not keep the others.
pub async fn sweep(services: &Services) -> Result<u64> {
    let (mut gone, mut failed) = (0, Ok(()));
    let tx = services.db.system(SystemReason::UploadSweep).read().await?;
    let due = uploads::to_sweep(&tx, micros(services.clock.now()), PAGE).await?;
    drop(tx);
    for row in due {
        match remove_due(services, &row).await {
            Ok(removed) => gone += u64::from(removed),
            Err(problem) => failed = Err(problem),
        }
    }
    failed.map(|()| gone)
}

async fn remove_due(services: &Services, found: &UploadRow) -> Result<bool> {
    let upload_id = UploadId(found.upload_id);
    // A sender that is slower than its checkpoints expire is still active.
    if services.uploads.locks.is_locked(upload_id) {
        return Ok(false);
    }
    let op = Op::of_system(services, SystemReason::UploadSweep, TenantId(found.tenant_id));
    let change = op.begin().await?;
    let row = uploads::lock(&change.tx, upload_id).await?;
    // Its sender may have resumed it since it was found.
    let due = |row: &UploadRow| row.expires_at.is_some_and(|at| at <= micros(op.now()));
    let Some(row) = row.filter(due) else { return Ok(false) };
    if row.state == uploads::RECEIVING {
        remove::begin_removal(&op, &change.tx, &row).await?;
    }
    op.commit(change).await?;
    remove::finish_removal(&op, &row).await?;
    Ok(true)
}

/// Removes bytes without a row: a row exists before its bytes and after them, so these are left over from a restored
/// store. Young ones are left alone, in case the store is shared by mistake.
pub async fn sweep_orphans(services: &Services) -> Result<u64> {
    let before = services.clock.now() - services.uploads.settings.abandoned_after;
    let mut keys = services.uploads.blobs.list().await?;
    let (mut gone, mut batch) = (0, Vec::new());
    loop {
        let key = keys.try_next().await?;
        let is_next_tenant = |key: &BlobKey| {
            batch.first().is_some_and(|first: &BlobKey| first.tenant_id != key.tenant_id)
                || batch.len() >= BATCH
        };
        if key.as_ref().is_none_or(is_next_tenant) {
            gone += remove_orphans_of_tenant(services, std::mem::take(&mut batch)).await?;
        }
        match key {
            Some(key) if key.created_at().is_some_and(|at| at < before) => batch.push(key),
            Some(_) => {}
            None => return Ok(gone),
        }
    }
}

/// Removes those of one tenant's blobs that have no row.
async fn remove_orphans_of_tenant(services: &Services, keys: Vec<BlobKey>) -> Result<u64> {
    let Some(first) = keys.first() else { return Ok(0) };
    let op = Op::of_system(services, SystemReason::UploadSweep, first.tenant_id);
    let ids: Vec<UploadId> = keys.iter().map(|key| key.upload_id).collect();
    let known = uploads::existing(&op.read().await?, &ids).await?;
    let mut gone = 0;
    for key in keys.iter().filter(|key| !known.contains(&key.upload_id)) {
        services.uploads.blobs.remove(key, None).await?;
        gone += 1;
    }
    Ok(gone)
}
