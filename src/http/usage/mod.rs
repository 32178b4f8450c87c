//! A tenant's use of its quotas: for its admins, and for operators.

mod of_tenant;
mod own;
mod view;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use self::view::QuotaUsageView;
use super::caller::{Caller, ManageTenants, OperatorCaller, ReadStats};
use super::list::{Listed, page_request};
use super::tags::Tag;
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
        own::own(request, registry.0, &caller.op, &page).await
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
        of_tenant::of_tenant(request, registry.0, caller, tenant_id.0, &page).await
    }
}
