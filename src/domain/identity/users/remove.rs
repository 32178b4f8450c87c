//! Removes a user. What they created for the tenant, such as jobs, stays and refers to a row without a name;
//! if nothing refers to them, the row is deleted too. Their sign-ins, API keys and memberships end with them.

use super::change::Precondition;
use super::last_admin::{is_last_admin, last_admin};
use crate::auth::permission::Permission;
use crate::auth::revocation::Revocation;
use crate::base::ids::UserId;
use crate::domain::error::Result;
use crate::domain::identity::view;
use crate::domain::op::{AuditEntry, Op};
use crate::domain::rooms::members::remove_from_all_rooms;
use crate::protocol::problem::Problem;
use crate::storage::{api_keys, micros, sessions, sign_in_addresses, users};

pub async fn remove(op: &Op, id: UserId, precondition: Precondition<'_>) -> Result<()> {
    op.require(Permission::ManageUsers)?;
    let mut change = op.begin().await?;
    let admins = users::lock_admins(&change.tx).await?;
    let user = users::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    precondition(&view::user(user.clone())?)?;
    if is_last_admin(&admins, id) {
        return Err(last_admin(&[]));
    }
    let now = micros(op.now());
    sessions::revoke_of_user(&change.tx, id, None, now).await?;
    api_keys::revoke_of_user(&change.tx, id, now).await?;
    sign_in_addresses::remove_of_user(&change.tx, id).await?;
    remove_from_all_rooms(&mut change, id).await?;
    users::remove(&change.tx, id, now).await?;
    let entry = AuditEntry {
        action: "user.removed",
        target_kind: "user",
        target_id: id.to_string(),
        detail: Some(serde_json::json!({ "username": user.username })),
    };
    op.audit(&change.tx, entry).await?;
    op.commit(change).await?;
    op.services.publish_revocation(Revocation::User { tenant: op.scope.tenant_id(), user: id });
    Ok(())
}
