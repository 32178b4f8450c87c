//! The audit log of the caller's tenant.

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use super::caller::{Caller, ReadAudit};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::domain::identity::{Identity, audit, failed_sign_ins};
use crate::protocol::audit_log::AuditEntry;
use crate::protocol::problem::Problem;

pub struct AuditLogApi;

#[OpenApi(tag = "Tag::People")]
impl AuditLogApi {
    /// Read the audit log
    ///
    /// Newest first. Entries are written together with the action that they record, and never changed. They cover
    /// what admins do to other users' resources, and what operators do to the tenant.
    #[oai(path = "/audit-log", method = "get", operation_id = "list_audit_log")]
    async fn list(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        caller: Caller<ReadAudit>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<AuditEntry>, Problem> {
        // Pending entries are shown too; if they cannot be written now, the stored ones are still listed.
        if let Err(problem) = failed_sign_ins::write_pending(identity.0).await {
            tracing::warn!(%problem, "failed sign-ins could not be written to the audit log; will retry");
        }
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, audit::list(&caller.op, page).await?))
    }
}
