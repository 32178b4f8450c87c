//! API keys: credentials of workers and programs. A key depends on its maker: it is inactive while they are
//! deactivated, and revoked when they are removed.

use chrono::{DateTime, Utc};

use super::validation::FieldErrors;
use super::{Identity, accounts, secret_hash, view};
use crate::auth::key_scope::{KeyScope, KeyScopes, Role};
use crate::auth::permission::Permission;
use crate::auth::revocation::Revocation;
use crate::auth::secret::{SecretText, mint_api_key};
use crate::base::ids::{KeyId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::jobs::validation::ensure_valid;
use crate::domain::op::{AuditEntry, Op, denied, not_a_user};
use crate::protocol::api_key::{ApiKeyCreated, KeyView, NullSemantics};
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::storage::api_keys::{self, ApiKeyRow};
use crate::storage::{micros, users};

pub struct NewKey {
    pub name: String,
    pub scopes: Vec<KeyScope>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A created key; its text is returned only once.
pub struct CreatedKey {
    pub row: ApiKeyRow,
    pub text: SecretText,
}

impl CreatedKey {
    /// The answer to its creation, the only one with the text.
    pub fn into_view(self) -> Result<ApiKeyCreated> {
        let KeyView { id, name, scopes, made_by, created_at, expires_at, null_semantics, .. } =
            view::api_key(self.row)?;
        let key = self.text.expose().to_owned();
        Ok(ApiKeyCreated { id, key, name, scopes, made_by, created_at, expires_at, null_semantics })
    }
}

/// Creates a key that belongs to the caller.
pub async fn create(identity: &Identity, op: &Op, new: &NewKey) -> Result<CreatedKey> {
    let maker = op.principal().and_then(|principal| principal.user_id()).ok_or_else(not_a_user)?;
    create_for(identity, op, new, maker).await
}

/// Creates a key that belongs to `maker`, a user of the tenant.
pub(super) async fn create_for(
    identity: &Identity,
    op: &Op,
    new: &NewKey,
    maker: UserId,
) -> Result<CreatedKey> {
    op.require(Permission::ManageKeys)?;
    let scopes: KeyScopes = new.scopes.iter().copied().collect();
    ensure_valid(validate(new, op.now()))?;
    let id = KeyId::new(&op.services.clock);
    let minted = mint_api_key(id, identity.services.entropy);
    let change = op.begin().await?;
    let holder = users::lock(&change.tx, maker).await?.ok_or_else(Problem::not_found)?;
    // With the row locked: a key that is created while its maker is demoted would keep scopes that the new
    // role may not grant.
    let role = accounts::role(&holder.role)?;
    if scopes.grantable_by(role) != scopes {
        return Err(match op.principal() {
            Some(_) => denied("a role that may do itself what each of the scopes lets a key do"),
            None => not_grantable(&scopes, role, &holder.username),
        });
    }
    let row = api_keys::NewApiKey {
        id,
        name: &new.name,
        secret_hash: &secret_hash::to_store(&minted.hash),
        scopes: &scopes.to_string(),
        made_by: maker,
        now: micros(op.now()),
        expires_at: new.expires_at.map(micros),
        null_semantics: NullSemantics::Empty.name(),
    };
    let row = api_keys::insert(&change.tx, row).await?;
    let detail = serde_json::json!({ "name": new.name, "scopes": scopes.to_string() });
    op.audit(&change.tx, audit_entry("api_key.created", id, Some(detail))).await?;
    op.commit(change).await?;
    Ok(CreatedKey { row, text: minted.text })
}

/// The refusal for the command line, where the key's maker is not the caller.
fn not_grantable(scopes: &KeyScopes, role: Role, maker: &str) -> Problem {
    let denied: Vec<&str> =
        scopes.iter().filter(|scope| scope.min_granting_role() > role).map(KeyScope::name).collect();
    let words = format!(
        "has {}, which the role {role} of {maker} may not give to a key; make it for an admin",
        denied.join(", ")
    );
    let mut problem = Problem::new(Code::Forbidden, "The maker's role may not grant each of the scopes.");
    problem.errors = vec![FieldError::in_body(&[PathSegment::Name("scopes".to_owned())], "forbidden", words)];
    problem
}

/// Every bad field of a key to create.
pub fn validate(new: &NewKey, now: DateTime<Utc>) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.name(&["name"], &new.name);
    if new.scopes.is_empty() {
        faults.add(&["scopes"], "min_items", "must name at least one scope");
    }
    if let Some(end) = new.expires_at {
        faults.future(&["expires_at"], end, now);
    }
    faults.into_errors()
}

/// The keys that were not revoked, newest first.
pub async fn list(op: &Op, page: PageRequest<KeyId>) -> Result<Page<KeyView, KeyId>> {
    op.require(Permission::ManageKeys)?;
    let tx = op.read().await?;
    let rows = api_keys::list(&tx, page.after, page.limit + 1).await?;
    Page::from_rows(rows, page.limit, |row| KeyId(row.id)).try_map(view::api_key)
}

/// What is to change; `None` leaves a field alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyPatch {
    pub null_semantics: Option<NullSemantics>,
}

/// Checks the key as it is, with the row locked: for a precondition.
pub type KeyPrecondition<'a> = &'a (dyn Fn(&KeyView) -> Result<()> + Sync);

/// Changes a key that was not revoked, and returns it as it is then. Its next requests already follow the change.
pub async fn change(
    op: &Op,
    id: KeyId,
    patch: KeyPatch,
    precondition: KeyPrecondition<'_>,
) -> Result<KeyView> {
    op.require(Permission::ManageKeys)?;
    let change = op.begin().await?;
    let before = api_keys::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    precondition(&view::api_key(before.clone())?)?;
    let wanted = patch.null_semantics.map(NullSemantics::name);
    let Some(semantics) = wanted.filter(|wanted| *wanted != before.null_semantics) else {
        return view::api_key(before);
    };
    api_keys::set_null_semantics(&change.tx, id, semantics).await?;
    let detail = serde_json::json!({ "null_semantics": semantics });
    op.audit(&change.tx, audit_entry("api_key.changed", id, Some(detail))).await?;
    op.commit(change).await?;
    view::api_key(ApiKeyRow { null_semantics: semantics.to_owned(), ..before })
}

/// Revokes a key and closes its connections.
pub async fn revoke(op: &Op, id: KeyId) -> Result<()> {
    op.require(Permission::ManageKeys)?;
    let change = op.begin().await?;
    if !api_keys::revoke(&change.tx, id, micros(op.now())).await? {
        return Err(Problem::not_found());
    }
    op.audit(&change.tx, audit_entry("api_key.revoked", id, None)).await?;
    op.commit(change).await?;
    op.services.publish_revocation(Revocation::Key(id));
    Ok(())
}

fn audit_entry(action: &'static str, id: KeyId, detail: Option<serde_json::Value>) -> AuditEntry {
    AuditEntry { action, target_kind: "api_key", target_id: id.to_string(), detail }
}
