//! Adding a person to a tenant.

use super::taken;
use crate::auth::password::HashingParty;
use crate::auth::permission::Permission;
use crate::auth::role::Role;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::identity::fields::Faults;
use crate::domain::op::{Deed, Op};
use crate::protocol::problem::Problem;
use crate::storage::users::{self, UserRow};
use crate::storage::{TenantTx, micros};

pub struct NewUser {
    pub username: String,
    pub email: String,
    /// Without one the user sets it through a one-time link.
    pub password: Option<String>,
    pub role: Role,
    pub display_name: Option<String>,
}

/// Adds a user.
pub async fn create(identity: &Identity, op: &Op, new: NewUser) -> Result<UserRow> {
    op.require(Permission::ManageUsers)?;
    let mut faults = Faults::default();
    let username = faults.username(&["username"], &new.username);
    faults.email(&["email"], &new.email);
    if let Some(name) = &new.display_name {
        faults.display_name(&["display_name"], name);
    }
    let password = new.password.as_deref().and_then(|text| faults.password(&["password"], text, &username));
    faults.done()?;
    // Before the transaction: on SQLite it would keep every other writer waiting for the hash.
    let hash = match password {
        Some(password) => {
            let party = HashingParty::Tenant(op.scope.tenant_id());
            Some(identity.hash(party, &password).await?)
        }
        None => None,
    };
    let change = op.begin().await?;
    refuse_taken(&change.tx, &username, &new.email).await?;
    let row = users::NewUser {
        username: &username,
        email: &new.email,
        display_name: new.display_name.as_deref(),
        role: new.role.name(),
        password_hash: hash.as_deref(),
        now: micros(op.now()),
    };
    let user = users::insert(&change.tx, &row).await.map_err(collided)?;
    let deed = Deed {
        action: "user.created",
        target_kind: "user",
        target_id: user.id.to_string(),
        detail: Some(serde_json::json!({ "username": user.username, "role": user.role })),
    };
    op.audit(&change.tx, deed).await?;
    op.commit(change).await?;
    Ok(user)
}

async fn refuse_taken(tx: &TenantTx, username: &str, email: &str) -> Result<()> {
    if users::find_by_username(tx, username).await?.is_some() {
        return Err(taken("user name"));
    }
    if users::find_by_email(tx, email).await?.is_some() {
        return Err(taken("e-mail address"));
    }
    Ok(())
}

/// Two that were created at once: the second finds the name free and then taken.
fn collided(error: crate::storage::Error) -> Problem {
    match error {
        crate::storage::Error::Duplicate(_) => taken("user name or the e-mail address"),
        other => other.into(),
    }
}
