//! `PATCH /tenants/{tenant_id}`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::quotas::{QuotasPatchBody, wishes};
use super::view::{TenantView, view};
use crate::base::ids::TenantId;
use crate::domain::identity::platform::PlatformOp;
use crate::domain::identity::tenants::{self, TenantPatch};
use crate::http::etag::require_match;
use crate::protocol::problem::Problem;

/// What is to change; absent fields stay.
#[derive(Debug, Object)]
#[oai(rename = "TenantPatch", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct TenantPatchBody {
    name: Option<String>,
    /// `false` suspends, `true` resumes.
    is_active: Option<bool>,
    /// What the tenant may take.
    quotas: Option<QuotasPatchBody>,
}

#[derive(Debug, ApiResponse)]
pub enum Patched {
    /// The tenant as it is now.
    #[oai(status = 200)]
    Tenant(Json<TenantView>),
}

pub(super) async fn patch(
    op: &PlatformOp,
    tenant_id: i64,
    if_match: Option<&str>,
    body: TenantPatchBody,
) -> Result<Patched, Problem> {
    let patch = TenantPatch {
        name: body.name,
        is_active: body.is_active,
        quotas: body.quotas.map(wishes).unwrap_or_default(),
    };
    let unchanged = |row: &_| require_match(&view(Clone::clone(row))?, if_match);
    let tenant = tenants::change(op, TenantId(tenant_id), &patch, &unchanged).await?;
    Ok(Patched::Tenant(Json(view(tenant)?)))
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
