//! Lists on the command line: as columns, or as one JSON array with the fields of the REST API.

use poem_openapi::types::ToJSON;
use serde_json::{Value, json};

use super::command_identity::command_identity;
use super::error_line::{ErrorLine, problem_line};
use crate::auth::key_scope::KeyScope;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::rfc3339;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::base::text::escape_controls;
use crate::config::Settings;
use crate::domain::error::Result as DomainResult;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::{api_keys, bootstrap, tenants as all_tenants, users};
use crate::domain::op::Op;
use crate::protocol::api_key::KeyView;
use crate::protocol::user::UserView;
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
    let identity = command_identity(settings).await?;
    let op = PlatformOp::of_system(&identity.services, SystemReason::CommandLine);
    let rows = collect_pages(async |after| {
        all_tenants::list(&op, page_request(after)).await.map(|page| (page.rows, page.next))
    });
    let rows = rows.await?;
    if format == OutputFormat::Json {
        return Ok(json_array(&rows, rest_json));
    }
    let rows = rows.iter().map(|tenant| {
        [
            tenant.id.to_string(),
            tenant.slug.clone(),
            tenant.name.clone(),
            tenant_state(tenant.is_being_removed, tenant.is_active).to_owned(),
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
    let identity = command_identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(problem_line)?;
    let rows = all_users(&op).await?;
    if format == OutputFormat::Json {
        return Ok(json_array(&rows, rest_json));
    }
    let rows = rows.iter().map(|user| {
        [user.id.to_string(), user.username.clone(), user.role.name().to_owned(), state(user.is_active)]
    });
    Ok(format_table(["id", "username", "role", "state"], rows))
}

/// `lotline user list --operator`.
pub(super) async fn operators(settings: &Settings, format: OutputFormat) -> Result<String, ErrorLine> {
    let identity = command_identity(settings).await?;
    let rows = bootstrap::list_operators(&identity).await.map_err(problem_line)?;
    if format == OutputFormat::Json {
        return Ok(json_array(&rows, operator_json));
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
    let identity = command_identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(problem_line)?;
    let rows = all_keys(&op).await?;
    if format == OutputFormat::Json {
        return Ok(json_array(&rows, rest_json));
    }
    let at = |at: Option<&str>| at.unwrap_or("never").to_owned();
    let rows = rows.iter().map(|key| {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| KeyScope::from(*scope).name()).collect();
        [
            key.id.to_string(),
            key.name.clone(),
            scopes.join(","),
            key.made_by.to_string(),
            at(key.last_used_at.as_deref()),
            at(key.expires_at.as_deref()),
        ]
    });
    Ok(format_table(["id", "name", "scopes", "user", "last used", "ends"], rows))
}

/// The state of the tenant, for display.
pub(super) fn tenant_state(is_being_removed: bool, is_active: bool) -> &'static str {
    match (is_being_removed, is_active) {
        (true, _) => "being removed",
        (false, true) => "active",
        (false, false) => "suspended",
    }
}

fn state(is_active: bool) -> String {
    let word = if is_active { "active" } else { "deactivated" };
    word.to_owned()
}

/// The rows below their headings, each column as wide as its widest cell; without the last line end.
fn format_table<const N: usize>(headings: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let all: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let lines = all.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
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

/// With the fields of the REST API.
fn rest_json<T: ToJSON>(row: &T) -> Value {
    row.to_json().unwrap_or_default()
}

/// The rows as one array, on one line. Control characters are escaped as JSON allows.
fn json_array<T>(rows: &[T], json: impl Fn(&T) -> Value) -> String {
    let values = rows.iter().map(json).collect();
    escape_controls(&Value::Array(values).to_string()).into_owned()
}

/// All users of a tenant.
pub(super) async fn all_users(op: &Op) -> Result<Vec<UserView>, ErrorLine> {
    collect_pages(async |after| users::list(op, page_request(after)).await.map(|page| (page.rows, page.next)))
        .await
}

/// All API keys of a tenant that were not revoked.
pub(super) async fn all_keys(op: &Op) -> Result<Vec<KeyView>, ErrorLine> {
    collect_pages(async |after| {
        api_keys::list(op, page_request(after)).await.map(|page| (page.rows, page.next))
    })
    .await
}

fn page_request<K>(after: Option<K>) -> PageRequest<K> {
    PageRequest { limit: MAX_LIMIT, after }
}

/// A whole list, fetched page by page.
async fn collect_pages<T, K>(
    read: impl AsyncFn(Option<K>) -> DomainResult<(Vec<T>, Option<K>)>,
) -> Result<Vec<T>, ErrorLine> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = read(after).await.map_err(problem_line)?;
        rows.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["1", "ann"], ["1000", "\u{dc}nal"]].map(|row| row.map(str::to_owned));

        assert_eq!(
            format_table(["id", "username"], rows.into_iter()),
            "id    username\n1     ann\n1000  \u{dc}nal"
        );
    }
}
