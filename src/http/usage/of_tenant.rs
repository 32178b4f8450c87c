//! `GET /tenants/{tenant_id}/usage`.

use poem::Request;

use super::view::{QuotaView, list};
use crate::base::ids::TenantId;
use crate::base::page::PageRequest;
use crate::domain::identity::platform::PlatformOp;
use crate::domain::limits::usage;
use crate::http::caller::{ManageTenants, OperatorCaller};
use crate::http::list::Listed;
use crate::protocol::problem::Problem;
use crate::session::Sessions;

pub(super) async fn of_tenant(
    request: &Request,
    sessions: &Sessions,
    caller: OperatorCaller<ManageTenants>,
    tenant_id: i64,
    page: &PageRequest<usize>,
) -> Result<Listed<QuotaView>, Problem> {
    let op = PlatformOp::of_operator(&sessions.kernel, caller.admitted.principal, caller.origin)?;
    let tenant_id = TenantId(tenant_id);
    let connections = sessions.count_of_tenant(tenant_id);
    Ok(list(request, usage::of_tenant(&op, tenant_id, connections).await?, page))
}
