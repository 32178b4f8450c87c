//! Tenants, for operators.

mod create;
mod delete;
mod get;
mod list;
mod patch;
mod quotas;
mod view;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use self::create::{Created, NewTenantBody};
use self::delete::DeleteTenantResponse;
use self::patch::TenantPatchBody;
use self::view::TenantView;
use super::body::Body;
use super::caller::{ManageTenants, OperatorCaller};
use super::etag::{Changed, Tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::Listed;
use super::tags::Tag;
use crate::domain::identity::Identity;
use crate::domain::identity::platform_op::PlatformOp;
use crate::protocol::problem::Problem;

pub(super) use self::view::view as tenant_view;

pub struct TenantsApi;

#[OpenApi(tag = "Tag::People")]
impl TenantsApi {
    /// List all tenants
    #[oai(path = "/tenants", method = "get", operation_id = "list_tenants")]
    async fn list(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        caller: OperatorCaller<ManageTenants>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<TenantView>, Problem> {
        list::list(request, &op(identity.0, caller)?, limit.0, cursor.0.as_deref()).await
    }

    /// Create a tenant
    ///
    /// Empty, or with a first admin; the answer then has a one-time link to set the admin's password.
    #[oai(path = "/tenants", method = "post", operation_id = "create_tenant")]
    async fn create(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: OperatorCaller<ManageTenants>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewTenantBody>,
    ) -> Result<Replayable<Created>, Problem> {
        let op = op(identity.0, caller)?.with_idempotency_key(once.0);
        Ok(Replayable::new(op.idempotency(), create::create(identity.0, &op, body.0).await?))
    }

    /// Read a tenant
    #[oai(path = "/tenants/:tenant_id", method = "get", operation_id = "get_tenant")]
    async fn get(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: OperatorCaller<ManageTenants>,
        tenant_id: Path<i64>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<TenantView>, Problem> {
        get::get(&op(identity.0, caller)?, tenant_id.0, if_none_match.0.as_deref()).await
    }

    /// Rename, suspend or resume a tenant, or set its quotas
    ///
    /// A suspended tenant refuses all callers; its connections end at once. Other nodes apply quotas within seconds.
    #[oai(path = "/tenants/:tenant_id", method = "patch", operation_id = "update_tenant")]
    async fn patch(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: OperatorCaller<ManageTenants>,
        tenant_id: Path<i64>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<TenantPatchBody>,
    ) -> Result<Changed<TenantView>, Problem> {
        patch::patch(&op(identity.0, caller)?, tenant_id.0, if_match.0.as_deref(), body.0).await
    }

    /// Remove a tenant with all its data
    ///
    /// Its users, API keys and connections end at once; its rows are removed in the background, then its slug is free
    /// again. This cannot be undone: export the tenant first. Repeating the request meanwhile changes nothing.
    #[oai(path = "/tenants/:tenant_id", method = "delete", operation_id = "delete_tenant")]
    async fn delete(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: OperatorCaller<ManageTenants>,
        tenant_id: Path<i64>,
        /// The tenant's slug, to prevent an accidental removal.
        #[oai(validator(max_length = 63))]
        confirm: Query<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<DeleteTenantResponse, Problem> {
        delete::delete(&op(identity.0, caller)?, tenant_id.0, &confirm.0, if_match.0.as_deref()).await
    }
}

fn op(identity: &Identity, caller: OperatorCaller<ManageTenants>) -> Result<PlatformOp, Problem> {
    PlatformOp::of_operator(&identity.services, caller.admitted.principal, caller.origin)
}
