//! Changing a user: name, role and activity take effect at once, for open connections too.

use super::last_admin::{is_last_admin, last_admin};
use super::unique::{EMAIL, USERNAME, UniqueField, UniqueValues, refuse_taken, taken};
use crate::auth::key_scope::Role;
use crate::auth::permission::Permission;
use crate::auth::revocation::Revocation;
use crate::base::ids::UserId;
use crate::base::normalize;
use crate::domain::error::Result;
use crate::domain::identity::placeholder_email::renamed_placeholder_email;
use crate::domain::identity::validation::FieldErrors;
use crate::domain::identity::{key_scopes, login_name, view};
use crate::domain::jobs::validation::ensure_valid;
use crate::domain::op::{AuditEntry, Op};
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::user::UserView;
use crate::storage::users::{self, UserChange, UserRow};
use crate::storage::{Error, TenantTx, micros, sessions};

/// What is to change; `None` leaves a field alone, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub username: Option<String>,
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    pub email: Option<String>,
    pub display_name: Option<Option<String>>,
    pub avatar_url: Option<Option<String>>,
}

/// Checks the user as it is, with the row locked: for a precondition.
pub type Precondition<'a> = &'a (dyn Fn(&UserView) -> Result<()> + Sync);

/// Changes a user, and returns it as it is then.
pub async fn change(
    op: &Op,
    id: UserId,
    patch: &UserPatch,
    precondition: Precondition<'_>,
) -> Result<UserView> {
    op.require(Permission::ManageUsers)?;
    ensure_valid(validate(patch))?;
    let change = op.begin().await?;
    let before = lock(&change.tx, id, patch).await?;
    precondition(&view::user(before.clone())?)?;
    let patch = &patch.for_user(&before);
    if patch.changes_nothing(&before) {
        return view::user(before);
    }
    refuse_clash(&change.tx, &before, patch).await?;
    write(op, &change.tx, &before, patch).await?;
    let after = users::find(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    if is_deactivated(&before, &after) {
        sessions::revoke_of_user(&change.tx, id, None, micros(op.now())).await?;
    }
    op.audit(&change.tx, audit_entry(&before, patch)).await?;
    if let Some(role) = patch.role.filter(|_| before.role != after.role) {
        key_scopes::narrow(op, &change.tx, id, role).await?;
    }
    op.commit(change).await?;
    publish_revocation(op, &before, &after);
    view::user(after)
}

fn is_deactivated(before: &UserRow, after: &UserRow) -> bool {
    before.is_active && !after.is_active
}

/// Announces the change to what the user holds, such as open connections.
fn publish_revocation(op: &Op, before: &UserRow, after: &UserRow) {
    let (tenant, user) = (op.scope.tenant_id(), UserId(after.id));
    let known = |user: &UserRow| (user.role.clone(), user.is_active, user.username.clone());
    if is_deactivated(before, after) {
        op.services.publish_revocation(Revocation::User { tenant, user });
    } else if known(before) != known(after) {
        op.services.publish_revocation(Revocation::UserChanged { tenant, user });
    }
}

impl UserPatch {
    /// With texts in stored form, and without the name if the user already has it.
    fn for_user(&self, user: &UserRow) -> Self {
        let username =
            self.username.as_deref().map(login_name::normalize).filter(|name| *name != user.username);
        Self { username, email: self.email.as_deref().map(normalize::exact), ..self.clone() }
    }

    /// Whether the patch changes nothing; then nothing is written, and the user's ETag stays.
    fn changes_nothing(&self, user: &UserRow) -> bool {
        self.username.is_none()
            && self.role.is_none_or(|role| role.name() == user.role)
            && self.is_active.is_none_or(|is_active| is_active == user.is_active)
            && self.email.as_ref().is_none_or(|email| *email == user.email)
            && self.display_name.as_ref().is_none_or(|name| *name == user.display_name)
            && self.avatar_url.as_ref().is_none_or(|url| *url == user.avatar_url)
    }
}

/// Every bad field of a change.
pub fn validate(patch: &UserPatch) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    if let Some(name) = &patch.username {
        faults.username(&["username"], name);
    }
    if let Some(email) = &patch.email {
        faults.email(&["email"], email);
    }
    if let Some(Some(name)) = &patch.display_name {
        faults.display_name(&["display_name"], name);
    }
    if let Some(Some(url)) = &patch.avatar_url {
        faults.avatar_url(&["avatar_url"], url);
    }
    faults.into_errors()
}

/// Locks the user. If an admin may be lost, the admins are locked first, in the order of their ids: locked
/// after the user, two such changes could deadlock.
async fn lock(tx: &TenantTx, id: UserId, patch: &UserPatch) -> Result<UserRow> {
    let losing = [
        ("is_active", patch.is_active == Some(false)),
        ("role", patch.role.is_some_and(|role| role != Role::Admin)),
    ];
    let losing: Vec<&str> = losing.into_iter().filter_map(|(field, loses)| loses.then_some(field)).collect();
    let admins = if losing.is_empty() { Vec::new() } else { users::lock_admins(tx).await? };
    let user = users::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
    if !losing.is_empty() && is_last_admin(&admins, id) {
        return Err(last_admin(&losing));
    }
    Ok(user)
}

async fn refuse_clash(tx: &TenantTx, before: &UserRow, patch: &UserPatch) -> Result<()> {
    if let Some(username) = &patch.username {
        login_name::refuse_mixed_scripts(&["username"], username)?;
    }
    let wanted = UniqueValues { username: patch.username.as_deref(), email: patch.email.as_deref() };
    refuse_taken(tx, Some(before), wanted).await
}

async fn write(op: &Op, tx: &TenantTx, before: &UserRow, patch: &UserPatch) -> Result<()> {
    let placeholder_email = placeholder_email(tx, before, patch).await?;
    let wanted = UniqueValues {
        username: patch.username.as_deref(),
        email: patch.email.as_deref().or(placeholder_email.as_deref()),
    };
    let clash = clash_left(before, wanted);
    let change = UserChange {
        username: wanted.username,
        email: wanted.email,
        display_name: patch.display_name.as_ref().map(Option::as_deref),
        avatar_url: patch.avatar_url.as_ref().map(Option::as_deref),
        role: patch.role.map(Role::name),
        is_active: patch.is_active,
        password_hash: None,
        key_clash: (clash != before.key_clash).then_some(clash.as_deref()),
    };
    users::update(tx, UserId(before.id), &change, micros(op.now())).await.map_err(|error| match error {
        // Two concurrent changes: the second finds the value free and then taken.
        Error::Duplicate(_) => taken(&unique_fields(patch)),
        other => other.into(),
    })
}

/// The placeholder of an address changes with the name, so that the old name is free for another user.
async fn placeholder_email(tx: &TenantTx, before: &UserRow, patch: &UserPatch) -> Result<Option<String>> {
    let (Some(username), None) = (&patch.username, &patch.email) else { return Ok(None) };
    let Some(email) = renamed_placeholder_email(&before.email, &before.username, username) else {
        return Ok(None);
    };
    let holder = users::find_by_email(tx, &email).await?;
    Ok(Some(email).filter(|_| holder.is_none_or(|holder| holder.id == before.id)))
}

/// The fields in which the user still clashes with an older one, once those written have a key of their own.
fn clash_left(before: &UserRow, written: UniqueValues<'_>) -> Option<String> {
    let is_left = |field: &&str| match *field {
        "username" => written.username.is_none(),
        _ => written.email.is_none(),
    };
    let left: Vec<&str> = before.key_clash.as_deref()?.split(',').filter(is_left).collect();
    if left.is_empty() { None } else { Some(left.join(",")) }
}

fn unique_fields(patch: &UserPatch) -> Vec<UniqueField> {
    let wanted = [(USERNAME, patch.username.is_some()), (EMAIL, patch.email.is_some())];
    wanted.into_iter().filter_map(|(field, is_wanted)| is_wanted.then_some(field)).collect()
}

fn audit_entry(before: &UserRow, patch: &UserPatch) -> AuditEntry {
    let mut detail = serde_json::Map::new();
    if let Some(username) = &patch.username {
        detail.insert("username".to_owned(), username.as_str().into());
        detail.insert("former_username".to_owned(), before.username.as_str().into());
    }
    if let Some(role) = patch.role {
        detail.insert("role".to_owned(), role.name().into());
    }
    if let Some(is_active) = patch.is_active {
        detail.insert("is_active".to_owned(), is_active.into());
    }
    // Personal fields are only listed as changed.
    for (field, changed) in [
        ("email", patch.email.is_some()),
        ("display_name", patch.display_name.is_some()),
        ("avatar_url", patch.avatar_url.is_some()),
    ] {
        if changed {
            detail.insert(field.to_owned(), true.into());
        }
    }
    AuditEntry {
        action: "user.changed",
        target_kind: "user",
        target_id: before.id.to_string(),
        detail: Some(detail.into()),
    }
}
