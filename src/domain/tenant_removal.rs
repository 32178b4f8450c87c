//! Removes a tenant: access ends at once, then its rows are deleted in batches until only an entry in the platform's
//! audit log is left. The progress is stored in the tenant's own row, so that any node can resume a removal.

use serde::{Deserialize, Serialize};

use super::error::Result;
use super::identity::platform_op::PlatformOp;
use super::identity::tenant_view;
use super::identity::tenants::Precondition;
use super::op::{AuditEntry, Services};
use super::{kept_pages, uploads};
use crate::auth::permission::Permission;
use crate::auth::revocation::Revocation;
use crate::auth::tenant_scope::SystemReason;
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::TenantId;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::protocol::tenant::TenantView;
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::tenant_removal::{self, RowCounts};
use crate::storage::tenants::{self, TenantRow};
use crate::storage::{SystemTx, micros};

/// Rows deleted in one transaction, which bounds how long other writers wait.
const BATCH_ROWS: u64 = 500;
/// Files with bytes that are deleted before their rows, in one step.
const BATCH_FILES: u64 = 100;
/// Bodies of kept pages that are deleted in one step.
const BATCH_BODIES: usize = 1_000;

/// The requester, the time of the request and the rows deleted so far; stored in the tenant's row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Removal {
    requested_at: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: Option<String>,
    rows: RowCounts,
}

/// The state of a removal after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalProgress {
    /// Rows are left.
    InProgress,
    /// Nothing is left.
    Done,
}

/// Ends all access to a tenant for good: its users, programs and connections are out when this returns, and
/// its rows are deleted from now on. `confirm` must be its slug. A repeated request changes nothing.
pub async fn request(
    op: &PlatformOp,
    id: TenantId,
    confirm: &str,
    precondition: Precondition<'_>,
) -> Result<TenantView> {
    op.require(Permission::ManageTenants)?;
    let tx = op.begin().await?;
    let tenant = tenants::lock(&tx, id).await?.ok_or_else(Problem::not_found)?;
    precondition(&tenant_view::tenant(tenant.clone())?)?;
    if confirm != tenant.slug {
        let path = [PathSegment::Name("confirm".to_owned())];
        let words = "must be the tenant's slug: everything of the tenant is removed for ever";
        return Err(Problem::validation(vec![FieldError::in_parameter("query", &path, "invalid", words)]));
    }
    if tenant.removal.is_some() {
        return tenant_view::tenant(tenant);
    }
    let entry = AuditEntry {
        action: "tenant.removal_requested",
        target_kind: "tenant",
        target_id: id.to_string(),
        detail: Some(serde_json::json!({ "slug": tenant.slug })),
    };
    let entry = op.entry(entry);
    let removal = Removal {
        requested_at: entry.at,
        actor_kind: entry.actor_kind.to_owned(),
        actor_id: entry.actor_id.clone(),
        actor_name: entry.actor_name.clone(),
        rows: RowCounts::new(),
    };
    tenant_removal::start(&tx, id, &json(&removal), micros(op.now())).await?;
    audit_log::insert_by_system(&tx, None, entry).await?;
    let marked = tenants::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    op.services.publish_revocation(Revocation::Tenant(id));
    tenant_view::tenant(marked)
}

/// Deletes a batch of the next tenant that is marked for removal; `None` when there is no such tenant.
pub async fn resume(services: &Services) -> Result<Option<RemovalProgress>> {
    let tx = services.db.system(SystemReason::TenantRemoval).read().await?;
    let next = tenant_removal::in_progress(&tx).await?.first().map(|tenant| TenantId(tenant.id));
    drop(tx);
    match next {
        Some(id) => Ok(Some(delete_batch(services, id).await?)),
        None => Ok(None),
    }
}

/// Deletes a batch of one tenant; the last batch deletes the tenant itself.
pub async fn delete_batch(services: &Services, id: TenantId) -> Result<RemovalProgress> {
    if remove_page_bodies(services, id).await? {
        return Ok(RemovalProgress::InProgress);
    }
    let files = remove_bytes(services, id).await?;
    let tx = services.db.system(SystemReason::TenantRemoval).begin().await?;
    // Locked: no row that refers to the tenant is added meanwhile, and concurrent removals take turns.
    let Some(tenant) = tenants::lock(&tx, id).await? else { return Ok(RemovalProgress::Done) };
    let Some(mut removal) = parse_removal(&tenant)? else {
        return Err(Problem::new(Code::Conflict, "The tenant is not to be removed."));
    };
    let stopped = tenant_removal::stop_jobs(&tx, id, BATCH_ROWS).await?;
    let taken = if stopped == BATCH_ROWS {
        0
    } else if files.is_empty() {
        tenant_removal::delete_batch(&tx, id, BATCH_ROWS - stopped, &mut removal.rows).await?
    } else {
        tenant_removal::delete_files(&tx, id, &files, &mut removal.rows).await?;
        0
    };
    if stopped + taken == BATCH_ROWS || !files.is_empty() {
        tenant_removal::save_progress(&tx, id, &json(&removal)).await?;
        reach(Failpoint::TenantRemoval);
        tx.commit().await?;
        return Ok(RemovalProgress::InProgress);
    }
    finish(services, &tx, &tenant, removal).await?;
    reach(Failpoint::TenantRemoval);
    tx.commit().await?;
    // Cached data of its users is stale: they are unknown now.
    services.publish_revocation(Revocation::Tenant(id));
    tracing::info!(tenant.id = %id, "a tenant was removed");
    Ok(RemovalProgress::Done)
}

/// Deletes the bytes of some files before their rows: if the process ends in between, a row is left from
/// which the next batch starts. Returns the ids of those rows.
async fn remove_bytes(services: &Services, id: TenantId) -> Result<Vec<i64>> {
    let tx = services.db.system(SystemReason::TenantRemoval).read().await?;
    // Checked in the same read: the files of a tenant that is not marked are not touched.
    let is_marked = tenants::find(&tx, id).await?.is_some_and(|tenant| tenant.removal.is_some());
    let files = if is_marked { tenant_removal::files(&tx, id, BATCH_FILES).await? } else { Vec::new() };
    drop(tx);
    for file in &files {
        uploads::remove_bytes(services, id, file).await?;
    }
    Ok(files.into_iter().map(|file| file.id).collect())
}

/// Deletes bodies of kept pages, with or without a row; true when more may be left. A page without its body counts as
/// not kept, so that nothing has to be recorded.
async fn remove_page_bodies(services: &Services, id: TenantId) -> Result<bool> {
    let tx = services.db.system(SystemReason::TenantRemoval).read().await?;
    let is_marked = tenants::find(&tx, id).await?.is_some_and(|tenant| tenant.removal.is_some());
    drop(tx);
    Ok(is_marked && kept_pages::remove_bodies(services, id, BATCH_BODIES).await? == BATCH_BODIES)
}

/// Deletes the tenant itself and the answers stored for operators about it; one audit entry remains.
async fn finish(services: &Services, tx: &SystemTx, tenant: &TenantRow, mut removal: Removal) -> Result<()> {
    let id = TenantId(tenant.id);
    tenant_removal::finish(tx, id, &mut removal.rows).await?;
    tenant_removal::delete_answers(tx, |answer| is_creation_answer(answer, tenant)).await?;
    let detail = serde_json::json!({ "slug": tenant.slug, "rows": removal.rows });
    let entry = NewAuditEntry {
        at: micros(services.clock.now()),
        actor_kind: if removal.actor_kind == "operator" { "operator" } else { "system" },
        actor_id: removal.actor_id,
        actor_name: removal.actor_name,
        action: "tenant.removed",
        target_kind: Some("tenant"),
        target_id: Some(id.to_string()),
        detail: Some(detail.to_string()),
        ..NewAuditEntry::default()
    };
    Ok(audit_log::insert_by_system(tx, None, entry).await?)
}

/// Whether an answer stored for an operator is that to the tenant's creation, which names the first admin.
fn is_creation_answer(answer: &str, tenant: &TenantRow) -> bool {
    let kept: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    kept["id"] == tenant.id && kept["slug"] == tenant.slug.as_str()
}

fn parse_removal(tenant: &TenantRow) -> Result<Option<Removal>> {
    let read = |text: &String| {
        serde_json::from_str(text).map_err(|error| {
            tracing::error!(%error, tenant.id, "the removal of a tenant is not readable");
            Problem::internal()
        })
    };
    tenant.removal.as_ref().map(read).transpose()
}

fn json(removal: &Removal) -> String {
    // Texts and numbers always serialise.
    serde_json::to_string(removal).unwrap_or_default()
}
