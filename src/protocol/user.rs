//! Users as the REST routes show them.

use poem_openapi::Object;

use super::role::Role;

/// A user of the tenant.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(rename = "User", skip_serializing_if_is_none, example)]
pub struct UserView {
    pub id: i64,
    pub tenant_id: i64,
    pub username: String,
    /// Absent where none is known.
    pub email: Option<String>,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub is_active: bool,
    /// Without one the user can sign in only after using a one-time link.
    pub has_password: bool,
    pub created_at: String,
    pub updated_at: String,
}

/// A user as other users of the tenant see them.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct DirectoryEntry {
    pub id: i64,
    pub username: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

/// A one-time link. It is shown only once.
#[derive(Debug, Object)]
#[oai(rename = "PasswordLink", example)]
pub struct PasswordLinkView {
    pub url: String,
    pub expires_at: String,
}
