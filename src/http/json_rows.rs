//! Rows as plain JSON with the fields of the REST API: for the lists of the command line, which have the same form.

use poem_openapi::types::ToJSON;
use serde_json::Value;

use super::api_keys::key_view;
use super::tenants::tenant_view;
use super::users::user_view;
use crate::protocol::problem::Problem;
use crate::storage::api_keys::ApiKeyRow;
use crate::storage::tenants::TenantRow;
use crate::storage::users::UserRow;

/// A user, as `GET /users` lists it.
pub fn user(row: UserRow) -> Result<Value, Problem> {
    Ok(json(&user_view(row)?))
}

/// A tenant, as `GET /tenants` lists it.
pub fn tenant(row: TenantRow) -> Result<Value, Problem> {
    Ok(json(&tenant_view(row)?))
}

/// An API key, as the tenant's list of keys has it.
pub fn api_key(row: ApiKeyRow) -> Result<Value, Problem> {
    Ok(json(&key_view(row)?))
}

fn json(view: &impl ToJSON) -> Value {
    view.to_json().unwrap_or_default()
}
