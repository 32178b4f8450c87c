//! Cleanup by a node: pages beyond what a tenant may keep, and bodies without a row.

use chrono::TimeDelta;
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::store::evict_excess;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::blobs::PageKey;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::storage::kept_pages;

/// Bodies looked up in one query.
const BATCH: usize = 200;
/// A body gets its row within seconds. Younger ones are left alone, in case the store is shared by mistake.
const ORPHAN_AGE: TimeDelta = TimeDelta::hours(24);

/// Removes pages of tenants that have more than they may, because the limit was lowered or was changed on another node.
/// A failure for one tenant does not keep the others.
pub async fn sweep(services: &Services) -> Result<()> {
    let tx = services.db.system(SystemReason::Retention).read().await?;
    let tenants = kept_pages::tenants_above(&tx, services.kept_pages.budget_bytes()).await?;
    drop(tx);
    let mut failed = Ok(());
    for tenant in tenants {
        let op = Op::of_system(services, SystemReason::Retention, tenant);
        loop {
            match evict_excess(&op).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(problem) => {
                    failed = Err(problem);
                    break;
                }
            }
        }
    }
    failed
}

/// Removes bodies without a row; returns how many. They are left over from a node that was killed, from a removal that
/// failed, or from a restored store.
pub async fn sweep_orphans(services: &Services) -> Result<u64> {
    let before = services.clock.now() - ORPHAN_AGE;
    let mut keys = services.uploads.blobs.list_pages(None).await?;
    let (mut gone, mut batch) = (0, Vec::new());
    loop {
        let key = keys.try_next().await?;
        let is_next_tenant = |key: &PageKey| {
            batch.first().is_some_and(|first: &PageKey| first.tenant_id != key.tenant_id)
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

/// Removes those of one tenant's bodies that have no row.
async fn remove_orphans_of_tenant(services: &Services, keys: Vec<PageKey>) -> Result<u64> {
    let Some(first) = keys.first() else { return Ok(0) };
    let op = Op::of_system(services, SystemReason::Retention, first.tenant_id);
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let known = kept_pages::existing(&op.read().await?, &ids).await?;
    let orphans: Vec<PageKey> = keys.into_iter().filter(|key| !known.contains(&key.id)).collect();
    services.uploads.blobs.remove_pages(&orphans).await?;
    Ok(orphans.len() as u64)
}

/// Removes at most `most` bodies of a tenant that is removed, with or without a row; returns how many.
pub async fn remove_bodies(services: &Services, tenant: TenantId, most: usize) -> Result<usize> {
    let mut listed = services.uploads.blobs.list_pages(Some(tenant)).await?;
    let mut keys = Vec::new();
    while keys.len() < most {
        let Some(key) = listed.try_next().await? else { break };
        keys.push(key);
    }
    services.uploads.blobs.remove_pages(&keys).await?;
    Ok(keys.len())
}
