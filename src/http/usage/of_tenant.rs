//! `GET /tenants/{tenant_id}/usage`.

use poem_openapi::payload::Json;

use super::view::{UsageView, view};
use crate::base::ids::TenantId;
use crate::domain::identity::platform::PlatformOp;
use crate::domain::limits::usage;
use crate::http::caller::{ManageTenants, OperatorCaller};
use crate::protocol::problem::Problem;
use crate::session::Sessions;

pub(super) async fn of_tenant(
    sessions: &Sessions,
    caller: OperatorCaller<ManageTenants>,
    tenant_id: i64,
) -> Result<Json<UsageView>, Problem> {
    let op = PlatformOp::of_operator(&sessions.kernel, caller.admitted.principal, caller.origin)?;
    let tenant_id = TenantId(tenant_id);
    let connections = sessions.count_of_tenant(tenant_id);
    Ok(Json(view(usage::of_tenant(&op, tenant_id, connections).await?)))
}
