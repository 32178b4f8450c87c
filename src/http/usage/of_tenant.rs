//! `GET /tenants/{tenant_id}/usage`.

use poem::Request;

use super::view::{QuotaUsageView, list};
use crate::base::ids::TenantId;
use crate::base::page::PageRequest;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::limits::usage;
use crate::http::caller::{ManageTenants, OperatorCaller};
use crate::http::list::Listed;
use crate::protocol::problem::Problem;
use crate::session::ConnectionRegistry;

pub(super) async fn of_tenant(
    request: &Request,
    registry: &ConnectionRegistry,
    caller: OperatorCaller<ManageTenants>,
    tenant_id: i64,
    page: &PageRequest<usize>,
) -> Result<Listed<QuotaUsageView>, Problem> {
    let op = PlatformOp::of_operator(&registry.services, caller.admitted.principal, caller.origin)?;
    let tenant_id = TenantId(tenant_id);
    let connections = registry.count_of_tenant(tenant_id);
    Ok(list(request, usage::of_tenant(&op, tenant_id, connections).await?, page))
}
