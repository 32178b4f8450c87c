//! `GET /audit-log`.

use poem::Request;
use poem_openapi::Object;
use poem_openapi::types::Example;
use serde_json::Value;

use crate::base::clock::rfc3339;
use crate::domain::identity::{Identity, audit, failed_sign_ins};
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;
use crate::storage::audit_log::AuditRow;
use crate::storage::time;

/// One audited action.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct AuditEntry {
    id: i64,
    at: String,
    /// `user`, `key`, `operator`, `system` or `anonymous`.
    actor_kind: String,
    actor_id: Option<String>,
    /// For `anonymous`, the user name as it was entered.
    actor_name: Option<String>,
    /// Dotted: `user.created`, `login.failed`.
    action: String,
    target_kind: Option<String>,
    target_id: Option<String>,
    /// Details of the action.
    detail: Option<Value>,
    address: Option<String>,
    request_id: Option<String>,
}

pub(super) async fn list(
    request: &Request,
    identity: &Identity,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<AuditEntry>, Problem> {
    // Pending entries are shown too; if they cannot be written now, the stored ones are still listed.
    if let Err(problem) = failed_sign_ins::write_pending(identity).await {
        tracing::warn!(%problem, "failed sign-ins could not be written to the audit log; will retry");
    }
    let page = audit::list(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(view)))
}

fn view(row: AuditRow) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: rfc3339(time(row.at)),
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        action: row.action,
        target_kind: row.target_kind,
        target_id: row.target_id,
        // The detail was written by us as JSON.
        detail: row.detail.and_then(|text| serde_json::from_str(&text).ok()),
        address: row.address,
        request_id: row.request_id,
    }
}

impl Example for AuditEntry {
    fn example() -> Self {
        Self {
            id: 12,
            at: examples::after(0),
            actor_kind: "user".to_owned(),
            actor_id: Some(examples::USER.to_string()),
            actor_name: Some(examples::USERNAME.to_owned()),
            action: "user.created".to_owned(),
            target_kind: Some("user".to_owned()),
            target_id: Some("8".to_owned()),
            detail: Some(serde_json::json!({ "role": Role::Member.name() })),
            address: Some("192.0.2.7".to_owned()),
            request_id: Some("0198c0de000070008000000000000000".to_owned()),
        }
    }
}
