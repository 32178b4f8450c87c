//! Lists on the command line: as columns, or as one JSON array with the fields of the REST API.

use serde_json::{Value, json};

use super::admin_commands::{self, ErrorLine};
use super::flag_errors::problem_line;
use super::table::format_table;
use super::tenant_commands;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::rfc3339;
use crate::base::text::escape_controls;
use crate::config::Settings;
use crate::domain::error::Result as DomainResult;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::{bootstrap, tenants as all_tenants};
use crate::http::json_rows;
use crate::storage::operators::OperatorRow;
use crate::storage::time;

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Columns,
    Json,
}

impl OutputFormat {
    /// The format selected by `--json`.
    pub(super) fn from_flag(json: bool) -> Self {
        if json { Self::Json } else { Self::Columns }
    }
}

/// `lotline tenant list`.
pub(super) async fn tenants(settings: &Settings, format: OutputFormat) -> Result<String, ErrorLine> {
    let identity = admin_commands::command_identity(settings).await?;
    let op = PlatformOp::of_system(&identity.services, SystemReason::CommandLine);
    let rows = admin_commands::collect_pages(async |after| {
        all_tenants::list(&op, admin_commands::page_request(after)).await.map(|page| (page.rows, page.next))
    });
    let rows = rows.await?;
    if format == OutputFormat::Json {
        return json_array(rows, json_rows::tenant);
    }
    let rows = rows.iter().map(|tenant| {
        [
            tenant.id.to_string(),
            tenant.slug.clone(),
            tenant.name.clone(),
            tenant_commands::tenant_state(tenant).to_owned(),
        ]
    });
    Ok(format_table(["id", "slug", "name", "state"], rows))
}

/// `lotline user list --tenant`.
pub(super) async fn users(
    settings: &Settings,
    tenant: &str,
    format: OutputFormat,
) -> Result<String, ErrorLine> {
    let identity = admin_commands::command_identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(problem_line)?;
    let rows = admin_commands::all_users(&op).await?;
    if format == OutputFormat::Json {
        return json_array(rows, json_rows::user);
    }
    let rows = rows
        .iter()
        .map(|user| [user.id.to_string(), user.username.clone(), user.role.clone(), state(user.is_active)]);
    Ok(format_table(["id", "username", "role", "state"], rows))
}

/// `lotline user list --operator`.
pub(super) async fn operators(settings: &Settings, format: OutputFormat) -> Result<String, ErrorLine> {
    let identity = admin_commands::command_identity(settings).await?;
    let rows = bootstrap::list_operators(&identity).await.map_err(problem_line)?;
    if format == OutputFormat::Json {
        return json_array(rows, |operator| Ok(operator_json(&operator)));
    }
    let rows = rows
        .iter()
        .map(|operator| [operator.id.to_string(), operator.username.clone(), state(operator.is_active)]);
    Ok(format_table(["id", "username", "state"], rows))
}

/// `lotline key list`.
pub(super) async fn keys(
    settings: &Settings,
    tenant: &str,
    format: OutputFormat,
) -> Result<String, ErrorLine> {
    let identity = admin_commands::command_identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(problem_line)?;
    let rows = admin_commands::all_keys(&op).await?;
    if format == OutputFormat::Json {
        return json_array(rows, json_rows::api_key);
    }
    let at = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), |at| rfc3339(time(at)));
    let rows = rows.iter().map(|key| {
        let scopes = key.scopes.replace(' ', ",");
        [
            key.id.to_string(),
            key.name.clone(),
            scopes,
            key.made_by.to_string(),
            at(key.last_used_at),
            at(key.expires_at),
        ]
    });
    Ok(format_table(["id", "name", "scopes", "user", "last used", "ends"], rows))
}

fn state(is_active: bool) -> String {
    let word = if is_active { "active" } else { "deactivated" };
    word.to_owned()
}

/// An operator has no view in REST; the field names are those of a user.
fn operator_json(operator: &OperatorRow) -> Value {
    json!({
        "id": operator.id,
        "username": operator.username,
        "is_active": operator.is_active,
        "created_at": rfc3339(time(operator.created_at)),
    })
}

/// The rows as one array, on one line. Control characters are escaped as JSON allows.
fn json_array<T>(rows: Vec<T>, view: impl Fn(T) -> DomainResult<Value>) -> Result<String, ErrorLine> {
    let values = rows.into_iter().map(view).collect::<DomainResult<Vec<Value>>>().map_err(problem_line)?;
    Ok(escape_controls(&Value::Array(values).to_string()).into_owned())
}
