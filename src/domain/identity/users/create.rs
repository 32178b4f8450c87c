//! Adds a user to a tenant.

use super::unique::{EMAIL, USERNAME, UniqueValues, refuse_taken, taken};
use crate::auth::key_scope::Role;
use crate::auth::password::{HashingParty, Password};
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::identity::validation::FieldErrors;
use crate::domain::identity::{Identity, login_name, view};
use crate::domain::op::{AuditEntry, Op};
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::user::UserView;
use crate::storage::{micros, users};

pub struct NewUser {
    pub username: String,
    pub email: String,
    /// Without one the user sets it through a one-time link.
    pub password: Option<String>,
    pub role: Role,
    pub display_name: Option<String>,
}

pub async fn create(identity: &Identity, op: &Op, new: NewUser) -> Result<UserView> {
    op.require(Permission::ManageUsers)?;
    let Checked { faults, username, email, password } = checked(&new);
    faults.into_result()?;
    login_name::refuse_mixed_scripts(&["username"], &username)?;
    // Before the transaction: on SQLite it would keep all other writers waiting for the hash.
    let hash = match password {
        Some(password) => {
            let party = HashingParty::Tenant(op.scope.tenant_id());
            Some(identity.hash(party, &password).await?)
        }
        None => None,
    };
    let change = op.begin().await?;
    let wanted = UniqueValues { username: Some(&username), email: Some(&email) };
    refuse_taken(&change.tx, None, wanted).await?;
    let row = users::NewUser {
        username: &username,
        email: &email,
        display_name: new.display_name.as_deref(),
        role: new.role.name(),
        password_hash: hash.as_deref(),
        now: micros(op.now()),
    };
    let user = users::insert(&change.tx, &row).await.map_err(collided)?;
    let entry = AuditEntry {
        action: "user.created",
        target_kind: "user",
        target_id: user.id.to_string(),
        detail: Some(serde_json::json!({ "username": user.username, "role": user.role })),
    };
    op.audit(&change.tx, entry).await?;
    op.commit(change).await?;
    view::user(user)
}

/// Every bad field of a user to add.
pub fn validate(new: &NewUser) -> Vec<FieldError> {
    checked(new).faults.into_errors()
}

/// The bad fields of a user to add, and the fields in their normal form.
struct Checked {
    faults: FieldErrors,
    username: String,
    email: String,
    password: Option<Password>,
}

fn checked(new: &NewUser) -> Checked {
    let mut faults = FieldErrors::default();
    let username = faults.username(&["username"], &new.username);
    let email = faults.email(&["email"], &new.email);
    if let Some(name) = &new.display_name {
        faults.display_name(&["display_name"], name);
    }
    let password = new.password.as_deref().and_then(|text| faults.password(&["password"], text, &username));
    Checked { faults, username, email, password }
}

/// Two users created concurrently: the second finds the name free and then taken.
fn collided(error: crate::storage::Error) -> Problem {
    match error {
        crate::storage::Error::Duplicate(_) => taken(&[USERNAME, EMAIL]),
        other => other.into(),
    }
}
