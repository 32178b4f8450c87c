//! Tenants, as operators manage them: created, renamed, suspended. `domain/tenant_removal.rs` removes them.

use super::created_tenant::{self, CreatedTenant, StoredTenant};
use super::password_links;
use super::platform_op::PlatformOp;
use super::validation::FieldErrors;
use super::{Identity, login_name, tenant_view};
use crate::auth::key_scope::Role;
use crate::auth::permission::Permission;
use crate::auth::revocation::Revocation;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{TenantId, UserId};
use crate::base::json_integer::MAX_SAFE_INTEGER;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::jobs::validation::ensure_valid;
use crate::domain::limits::overrides;
use crate::domain::limits::quota::Quota;
use crate::domain::op::AuditEntry;
use crate::domain::services::Services;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::tenant::TenantView;
use crate::storage::tenants::{self, TenantChange, TenantRow};
use crate::storage::users::{self, UserRow};
use crate::storage::{Error, SystemTx, micros};

/// The largest quota: the largest whole number that every client can represent.
const MAX_QUOTA: u64 = MAX_SAFE_INTEGER.unsigned_abs();

pub struct NewTenant {
    pub slug: String,
    pub name: String,
}

/// Checks the tenant as it is, with the row locked: for a precondition.
pub type Precondition<'a> = &'a (dyn Fn(&TenantView) -> Result<()> + Sync);

/// What is to change; `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct TenantPatch {
    pub name: Option<String>,
    pub is_active: Option<bool>,
    /// Quotas to set, or to reset to the configuration; the others stay.
    pub quotas: Vec<(Quota, Option<u64>)>,
}

/// The first admin of a new tenant. The password is set by a one-time link, so that an operator never knows it.
pub struct FirstAdmin {
    pub username: String,
    pub email: String,
}

/// Creates a tenant, empty or with a first admin.
pub async fn create(
    identity: &Identity,
    op: &PlatformOp,
    new: &NewTenant,
    admin: Option<&FirstAdmin>,
) -> Result<CreatedTenant> {
    op.require(Permission::ManageTenants)?;
    let (faults, named) = checked(new, admin);
    faults.into_result()?;
    if let Some((username, _)) = &named {
        login_name::refuse_mixed_scripts(&["admin", "username"], username)?;
    }
    if admin.is_some() {
        password_links::require_public_url(identity)?;
    }
    let tx = match op.begin_idempotent::<StoredTenant>().await? {
        Begin::Execute(tx) => tx,
        Begin::Replay(kept) => return Ok(kept.restore(identity, op)),
    };
    let fingerprints = created_tenant::fingerprints(identity, op);
    let row = insert(op, &tx, new).await?;
    let tenant = TenantId(row.id);
    let admin = match &named {
        Some((username, email)) => {
            let first = FirstAdminAccount { username, email, hash: None };
            let user = insert_first_admin(op, &tx, tenant, &first).await?;
            let secret = created_tenant::link_secret(identity, fingerprints.as_ref());
            let link = password_links::create_in(identity, &tx, tenant, UserId(user.id), secret).await?;
            Some((user, Some(link)))
        }
        None => None,
    };
    let made = CreatedTenant { row, admin };
    op.commit_idempotent(tx, &StoredTenant::of(&made, fingerprints.as_ref())).await?;
    Ok(made)
}

/// Every bad field of a tenant to create.
pub fn validate(new: &NewTenant, admin: Option<&FirstAdmin>) -> Vec<FieldError> {
    checked(new, admin).0.into_errors()
}

/// The bad fields, and the admin's name and address in their normal forms.
fn checked(new: &NewTenant, admin: Option<&FirstAdmin>) -> (FieldErrors, Option<(String, String)>) {
    let mut faults = FieldErrors::default();
    check(&mut faults, &[], new);
    let named = admin.map(|admin| {
        let email = faults.email(&["admin", "email"], &admin.email);
        (faults.username(&["admin", "username"], &admin.username), email)
    });
    (faults, named)
}

/// Adds the bad fields of a tenant that is at `path` in the request.
pub(super) fn check(faults: &mut FieldErrors, path: &[&str], new: &NewTenant) {
    faults.slug(&[path, &["slug"]].concat(), &new.slug);
    faults.name(&[path, &["name"]].concat(), &new.name);
}

/// Inserts a tenant in the caller's transaction.
pub(super) async fn insert(op: &PlatformOp, tx: &SystemTx, new: &NewTenant) -> Result<TenantRow> {
    if tenants::find_by_slug(tx, &new.slug).await?.is_some() {
        return Err(taken(op));
    }
    let row = tenants::NewTenant {
        slug: &new.slug,
        name: &new.name,
        now: micros(op.now()),
        // Any number distinguishes two logs; it stays below 2^53 for clients that read it.
        log_epoch: i64::try_from(op.services.entropy.below(1 << 53)).unwrap_or_default(),
    };
    let tenant = tenants::insert(tx, row).await.map_err(|error| match error {
        Error::Duplicate(_) => taken(op),
        other => other.into(),
    })?;
    let detail = serde_json::json!({ "slug": tenant.slug });
    let id = TenantId(tenant.id);
    op.audit_on_tenant(tx, id, audit_entry("tenant.created", id, detail)).await?;
    Ok(tenant)
}

/// The first user of a tenant.
pub(super) struct FirstAdminAccount<'a> {
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) hash: Option<&'a str>,
}

/// Inserts a tenant's first admin in the transaction that creates the tenant: both are created, or neither.
pub(super) async fn insert_first_admin(
    op: &PlatformOp,
    tx: &SystemTx,
    tenant: TenantId,
    admin: &FirstAdminAccount<'_>,
) -> Result<UserRow> {
    let row = users::NewUser {
        username: admin.username,
        email: admin.email,
        display_name: None,
        role: Role::Admin.name(),
        password_hash: admin.hash,
        now: micros(op.now()),
    };
    Ok(users::insert_in(tx, tenant, &row).await?)
}

/// In a registration the slug is a field of `tenant`.
fn taken(op: &PlatformOp) -> Problem {
    let path: &[&str] = if op.is_registration() { &["tenant", "slug"] } else { &["slug"] };
    let words = "is taken by another tenant";
    Problem::conflict_of("The slug is taken by another tenant.", vec![FieldError::taken(path, words)])
}

pub async fn get(op: &PlatformOp, id: TenantId) -> Result<TenantView> {
    op.require(Permission::ManageTenants)?;
    tenant_view::tenant(tenants::find(&op.read().await?, id).await?.ok_or_else(Problem::not_found)?)
}

/// All tenants in the order of their creation.
pub async fn list(op: &PlatformOp, page: PageRequest<i64>) -> Result<Page<TenantView, i64>> {
    op.require(Permission::ManageTenants)?;
    let tx = op.read().await?;
    let rows = tenants::list(&tx, page.after, page.limit + 1).await?;
    Page::from_rows(rows, page.limit, |row| row.id).try_map(tenant_view::tenant)
}

/// The slugs of these tenants, for metrics; those that no longer exist are left out.
pub async fn slugs(services: &Services, ids: &[TenantId]) -> Result<Vec<(TenantId, String)>> {
    let tx = services.db.system(SystemReason::Health).read().await?;
    Ok(tenants::slugs(&tx, ids).await?)
}

/// Renames, suspends or resumes a tenant, or sets its quotas. Suspension closes its connections at once.
pub async fn change(
    op: &PlatformOp,
    id: TenantId,
    patch: &TenantPatch,
    precondition: Precondition<'_>,
) -> Result<TenantView> {
    op.require(Permission::ManageTenants)?;
    ensure_valid(validate_patch(patch))?;
    let tx = op.begin().await?;
    let before = tenants::lock(&tx, id).await?.ok_or_else(Problem::not_found)?;
    precondition(&tenant_view::tenant(before.clone())?)?;
    if changes_nothing(patch, &before)? {
        return tenant_view::tenant(before);
    }
    if before.removal.is_some() {
        return Err(Problem::new(
            Code::Conflict,
            "The tenant is being removed; nothing of it can be changed.",
        ));
    }
    let changed = TenantChange {
        name: patch.name.as_deref(),
        is_active: patch.is_active,
        quotas: quotas_after(&before, patch)?,
    };
    tenants::update(&tx, id, changed, micros(op.now())).await?;
    let after = tenants::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    let detail =
        serde_json::json!({ "name": after.name, "is_active": after.is_active, "quotas": after.quotas });
    op.audit_on_tenant(&tx, id, audit_entry("tenant.changed", id, detail)).await?;
    tx.commit().await?;
    if before.quotas != after.quotas
        && let Err(problem) = overrides::refresh(&op.services).await
    {
        // The change is committed; the next periodic read of the store finds it.
        tracing::warn!(%problem, tenant.id = %id, "new quotas could not be read back at once");
    }
    if before.is_active != after.is_active {
        // Also when it is resumed: cached data of its users is stale.
        op.services.publish_revocation(Revocation::Tenant(id));
    }
    tenant_view::tenant(after)
}

/// Every bad field of a change.
pub fn validate_patch(patch: &TenantPatch) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    if let Some(name) = &patch.name {
        faults.name(&["name"], name);
    }
    for (quota, _) in
        patch.quotas.iter().filter(|(_, number)| number.is_some_and(|number| number > MAX_QUOTA))
    {
        faults.add(&["quotas", quota.name()], "maximum", format!("must be at most {MAX_QUOTA}"));
    }
    faults.into_errors()
}

/// Whether the patch changes nothing; then nothing is written, and the tenant's ETag stays.
fn changes_nothing(patch: &TenantPatch, tenant: &TenantRow) -> Result<bool> {
    Ok(patch.name.as_ref().is_none_or(|name| *name == tenant.name)
        && patch.is_active.is_none_or(|is_active| is_active == tenant.is_active)
        && quotas_after(tenant, patch)?.is_none_or(|quotas| quotas == tenant.quotas))
}

/// The operators' quotas after the patch; `None`: the patch has none.
fn quotas_after(before: &TenantRow, patch: &TenantPatch) -> Result<Option<Option<String>>> {
    if patch.quotas.is_empty() {
        return Ok(None);
    }
    let mut quotas = overrides::parse(before)?;
    patch.quotas.iter().for_each(|(quota, number)| quotas.set(*quota, *number));
    Ok(Some(quotas.to_json()))
}

fn audit_entry(action: &'static str, id: TenantId, detail: serde_json::Value) -> AuditEntry {
    AuditEntry { action, target_kind: "tenant", target_id: id.to_string(), detail: Some(detail) }
}
