//! What a tenant uses of its quotas: for its admins, and for operators.

mod of_tenant;
mod own;
mod view;

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;

use self::view::UsageView;
use super::caller::{Caller, ManageTenants, OperatorCaller, ReadStats};
use super::tags::Tag;
use crate::protocol::problem::Problem;
use crate::session::Sessions;

pub struct UsageApi;

#[OpenApi(tag = "Tag::Operations")]
impl UsageApi {
    /// Read what the tenant uses of its quotas
    ///
    /// As the node that answers sees it.
    #[oai(path = "/usage", method = "get", operation_id = "get_usage")]
    async fn own(
        &self,
        sessions: Data<&Arc<Sessions>>,
        caller: Caller<ReadStats>,
    ) -> Result<Json<UsageView>, Problem> {
        own::own(sessions.0, &caller.op).await
    }

    /// Read what a tenant uses of its quotas
    ///
    /// As the node that answers sees it.
    #[oai(path = "/tenants/:tenant_id/usage", method = "get", operation_id = "get_tenant_usage")]
    async fn of_tenant(
        &self,
        sessions: Data<&Arc<Sessions>>,
        caller: OperatorCaller<ManageTenants>,
        tenant_id: Path<i64>,
    ) -> Result<Json<UsageView>, Problem> {
        of_tenant::of_tenant(sessions.0, caller, tenant_id.0).await
    }
}
