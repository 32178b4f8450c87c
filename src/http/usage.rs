//! A tenant's use of its quotas: for its admins, and for operators.

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::caller::{Caller, ManageTenants, OperatorCaller, ReadStats};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::TenantId;
use crate::base::page::{Page, PageRequest};
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::limits::quota::Quota;
use crate::domain::limits::usage::{self, QuotaUsage, Resource};
use crate::protocol::problem::Problem;
use crate::session::ConnectionRegistry;

pub struct UsageApi;

#[OpenApi(tag = "Tag::Operations")]
impl UsageApi {
    /// Read the tenant's use of its quotas
    ///
    /// As seen by the node that answers.
    #[oai(path = "/usage", method = "get", operation_id = "get_usage")]
    async fn own(
        &self,
        request: &Request,
        registry: Data<&Arc<ConnectionRegistry>>,
        caller: Caller<ReadStats>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<QuotaUsageView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let connections = registry.count_of_tenant(caller.op.scope.tenant_id());
        Ok(list(request, usage::own(&caller.op, connections).await?, &page))
    }

    /// Read a tenant's use of its quotas
    ///
    /// As seen by the node that answers.
    #[oai(path = "/tenants/:tenant_id/usage", method = "get", operation_id = "get_tenant_usage")]
    async fn of_tenant(
        &self,
        request: &Request,
        registry: Data<&Arc<ConnectionRegistry>>,
        caller: OperatorCaller<ManageTenants>,
        tenant_id: Path<i64>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<QuotaUsageView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let op = PlatformOp::of_operator(&registry.services, caller.authenticated.principal, caller.origin)?;
        let tenant_id = TenantId(tenant_id.0);
        let connections = registry.count_of_tenant(tenant_id);
        Ok(list(request, usage::of_tenant(&op, tenant_id, connections).await?, &page))
    }
}

/// One quota.
#[derive(Debug, Object)]
#[oai(rename = "QuotaUsage", skip_serializing_if_is_none, example)]
pub struct QuotaUsageView {
    /// The quota's name, as in a tenant's `quotas`; or `kept_page_bytes`, the compressed bytes of the crawler's pages that
    /// are kept to be read again: at its limit the oldest go.
    quota: String,
    /// Absent: no limit.
    limit: Option<u64>,
    /// Current use, or use within the window; absent: not counted.
    used: Option<u64>,
    /// Seconds over which use is counted; absent for quotas on stored or open things.
    window_seconds: Option<u32>,
    /// How often it has refused or delayed a request since the node started.
    refused: u64,
}

/// A page of the quotas, in their order; the cursor is the number of quotas on earlier pages.
fn list(request: &Request, used: Vec<QuotaUsage>, page: &PageRequest<usize>) -> Listed<QuotaUsageView> {
    let after = page.after.unwrap_or_default();
    let rest: Vec<(usize, QuotaUsage)> = (1..).zip(used).skip(after).collect();
    listed(request, Page::from_rows(rest, page.limit, |(number, _)| *number).map(|(_, used)| view(used)))
}

fn view(used: QuotaUsage) -> QuotaUsageView {
    QuotaUsageView {
        quota: used.resource.name().to_owned(),
        limit: used.limit,
        used: used.used,
        window_seconds: used.resource.window_seconds(),
        refused: used.refused,
    }
}

impl Example for QuotaUsageView {
    fn example() -> Self {
        let resource = Resource::Quota(Quota::Connections);
        view(QuotaUsage { resource, limit: Some(500), used: Some(2), refused: 0 })
    }
}
