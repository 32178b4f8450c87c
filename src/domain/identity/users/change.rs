//! Changing a user: role and activity take effect at once, for open connections too.

use super::{EMAIL, is_last, last_admin, taken};
use crate::auth::permission::Permission;
use crate::auth::role::Role;
use crate::base::compared;
use crate::base::ids::UserId;
use crate::domain::error::Result;
use crate::domain::identity::fields::Faults;
use crate::domain::identity::key_scopes;
use crate::domain::jobs::check::refuse;
use crate::domain::op::{Deed, Op};
use crate::domain::revocation::Revocation;
use crate::protocol::problem::{FieldError, Problem};
use crate::storage::users::{self, UserChange, UserRow};
use crate::storage::{Error, TenantTx, micros, sessions};

/// What is to change; `None` leaves a field alone, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    pub email: Option<String>,
    pub display_name: Option<Option<String>>,
    pub avatar_url: Option<Option<String>>,
}

/// Judges the user as it is, with the row held: the place for a precondition.
pub type Precondition<'a> = &'a (dyn Fn(&UserRow) -> Result<()> + Sync);

/// Changes a user, and says how the user is now.
pub async fn change(
    op: &Op,
    id: UserId,
    patch: &UserPatch,
    precondition: Precondition<'_>,
) -> Result<UserRow> {
    op.require(Permission::ManageUsers)?;
    refuse(judge(patch))?;
    let patch = &UserPatch { email: patch.email.as_deref().map(compared::exact), ..patch.clone() };
    let change = op.begin().await?;
    let before = lock(&change.tx, id, patch).await?;
    precondition(&before)?;
    if patch.changes_nothing(&before) {
        return Ok(before);
    }
    refuse_taken(&change.tx, &before, patch).await?;
    write(op, &change.tx, id, patch).await?;
    let after = users::find(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    let deactivated = before.is_active && !after.is_active;
    if deactivated {
        sessions::revoke_of_user(&change.tx, id, None, micros(op.now())).await?;
    }
    op.audit(&change.tx, deed(id, patch)).await?;
    if let Some(role) = patch.role.filter(|_| before.role != after.role) {
        key_scopes::narrow(op, &change.tx, id, role).await?;
    }
    op.commit(change).await?;
    let (tenant, user) = (op.scope.tenant_id(), id);
    if deactivated {
        op.kernel.revoked(Revocation::User { tenant, user });
    } else if before.role != after.role || before.is_active != after.is_active {
        op.kernel.revoked(Revocation::Role { tenant, user });
    }
    Ok(after)
}

impl UserPatch {
    /// Whether the user is already as the patch wants it; then nothing is written, and the user's tag stays.
    fn changes_nothing(&self, user: &UserRow) -> bool {
        self.role.is_none_or(|role| role.name() == user.role)
            && self.is_active.is_none_or(|is_active| is_active == user.is_active)
            && self.email.as_ref().is_none_or(|email| *email == user.email)
            && self.display_name.as_ref().is_none_or(|name| *name == user.display_name)
            && self.avatar_url.as_ref().is_none_or(|url| *url == user.avatar_url)
    }
}

/// Every bad field of a change.
pub fn judge(patch: &UserPatch) -> Vec<FieldError> {
    let mut faults = Faults::default();
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

/// The user, held. Where an admin may be lost the admins are held first, in the order of their ids: held after the user,
/// two such changes could wait for each other.
async fn lock(tx: &TenantTx, id: UserId, patch: &UserPatch) -> Result<UserRow> {
    let losing = [
        ("is_active", patch.is_active == Some(false)),
        ("role", patch.role.is_some_and(|role| role != Role::Admin)),
    ];
    let losing: Vec<&str> = losing.into_iter().filter_map(|(field, loses)| loses.then_some(field)).collect();
    let admins = if losing.is_empty() { Vec::new() } else { users::lock_admins(tx).await? };
    let user = users::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
    if !losing.is_empty() && is_last(&admins, id) {
        return Err(last_admin(&losing));
    }
    Ok(user)
}

async fn refuse_taken(tx: &TenantTx, before: &UserRow, patch: &UserPatch) -> Result<()> {
    let Some(email) = &patch.email else { return Ok(()) };
    let holder = users::find_by_email(tx, email).await?;
    if holder.is_some_and(|holder| holder.id != before.id) { Err(taken(&[EMAIL])) } else { Ok(()) }
}

async fn write(op: &Op, tx: &TenantTx, id: UserId, patch: &UserPatch) -> Result<()> {
    let change = UserChange {
        email: patch.email.as_deref(),
        display_name: patch.display_name.as_ref().map(Option::as_deref),
        avatar_url: patch.avatar_url.as_ref().map(Option::as_deref),
        role: patch.role.map(Role::name),
        is_active: patch.is_active,
        password_hash: None,
    };
    users::update(tx, id, &change, micros(op.now())).await.map_err(|error| match error {
        Error::Duplicate(_) => taken(&[EMAIL]),
        other => other.into(),
    })
}

fn deed(id: UserId, patch: &UserPatch) -> Deed {
    let mut detail = serde_json::Map::new();
    if let Some(role) = patch.role {
        detail.insert("role".to_owned(), role.name().into());
    }
    if let Some(is_active) = patch.is_active {
        detail.insert("is_active".to_owned(), is_active.into());
    }
    // Of personal fields only that they changed.
    for (field, changed) in [
        ("email", patch.email.is_some()),
        ("display_name", patch.display_name.is_some()),
        ("avatar_url", patch.avatar_url.is_some()),
    ] {
        if changed {
            detail.insert(field.to_owned(), true.into());
        }
    }
    Deed {
        action: "user.changed",
        target_kind: "user",
        target_id: id.to_string(),
        detail: Some(detail.into()),
    }
}
