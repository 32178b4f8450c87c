//! Entries of the audit log as the REST route shows them.

use poem_openapi::Object;
use serde_json::Value;

/// One audited action.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct AuditEntry {
    pub id: i64,
    pub at: String,
    /// `user`, `key`, `operator`, `system` or `anonymous`.
    pub actor_kind: String,
    pub actor_id: Option<String>,
    /// For `anonymous`, the user name as it was entered.
    pub actor_name: Option<String>,
    /// Dotted: `user.created`, `login.failed`.
    pub action: String,
    pub target_kind: Option<String>,
    pub target_id: Option<String>,
    /// Details of the action.
    pub detail: Option<Value>,
    pub address: Option<String>,
    pub request_id: Option<String>,
}
