//! `PATCH /tenants/{tenant_id}`.

use poem_openapi::Object;
use poem_openapi::types::Example;

use super::quotas::{QuotasPatchBody, quota_changes};
use super::view::{TenantView, view};
use crate::base::ids::TenantId;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants::{self, TenantPatch};
use crate::http::body::body_rules;
use crate::http::etag::{Changed, changed, require_match};
use crate::protocol::problem::Problem;

/// The fields to change; absent ones stay unchanged.
#[derive(Debug, Object)]
#[oai(rename = "TenantPatch", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct TenantPatchBody {
    name: Option<String>,
    /// `false` suspends, `true` resumes.
    is_active: Option<bool>,
    /// The tenant's quotas.
    quotas: Option<QuotasPatchBody>,
}

pub(super) async fn patch(
    op: &PlatformOp,
    tenant_id: i64,
    if_match: Option<&str>,
    body: TenantPatchBody,
) -> Result<Changed<TenantView>, Problem> {
    let patch = body.into();
    let unchanged = |row: &_| require_match(&view(Clone::clone(row))?, if_match);
    let tenant = tenants::change(op, TenantId(tenant_id), &patch, &unchanged).await?;
    Ok(changed(view(tenant)?))
}

impl From<TenantPatchBody> for TenantPatch {
    fn from(body: TenantPatchBody) -> Self {
        let quotas = body.quotas.map(quota_changes).unwrap_or_default();
        Self { name: body.name, is_active: body.is_active, quotas }
    }
}

body_rules! {
    TenantPatchBody, emptied by null: []: |body, _now| tenants::validate_patch(&body.into());
}

impl Example for TenantPatchBody {
    fn example() -> Self {
        Self {
            name: Some("Acme Homes".to_owned()),
            is_active: None,
            quotas: Some(QuotasPatchBody::example()),
        }
    }
}
