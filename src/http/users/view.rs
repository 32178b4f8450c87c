//! A user as admins, and the user themselves, see it.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::base::clock::rfc3339;
use crate::domain::identity::bootstrap::known_email;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;
use crate::storage::time;
use crate::storage::users::UserRow;

/// A user of the tenant.
#[derive(Debug, Object)]
#[oai(rename = "User", skip_serializing_if_is_none, example)]
pub struct UserView {
    pub(in crate::http) id: i64,
    tenant_id: i64,
    username: String,
    /// Absent where none is known.
    email: Option<String>,
    display_name: Option<String>,
    avatar_url: Option<String>,
    role: Role,
    is_active: bool,
    /// Without one the user can sign in only after using a one-time link.
    has_password: bool,
    created_at: String,
    updated_at: String,
}

pub(in crate::http) fn view(row: UserRow) -> Result<UserView, Problem> {
    Ok(UserView {
        id: row.id,
        tenant_id: row.tenant_id,
        role: row.role.parse().map_err(|_| unreadable(row.id))?,
        username: row.username,
        email: known_email(row.email),
        display_name: row.display_name,
        avatar_url: row.avatar_url,
        is_active: row.is_active,
        has_password: row.password_hash.is_some(),
        created_at: rfc3339(time(row.created_at)),
        updated_at: rfc3339(time(row.updated_at)),
    })
}

fn unreadable(id: i64) -> Problem {
    tracing::error!(user.id = id, "the role of a user in the store is not readable");
    Problem::internal()
}

impl Example for UserView {
    fn example() -> Self {
        Self {
            id: examples::USER,
            tenant_id: examples::TENANT,
            username: examples::USERNAME.to_owned(),
            email: Some(examples::EMAIL.to_owned()),
            display_name: Some("Ann".to_owned()),
            avatar_url: None,
            role: Role::Admin,
            is_active: true,
            has_password: true,
            created_at: examples::after(0),
            updated_at: examples::after(0),
        }
    }
}
