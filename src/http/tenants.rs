//! Tenants, for operators.

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::base::BASE;
use super::body::{Body, body_rules};
use super::caller::{ManageTenants, OperatorCaller};
use super::etag::{Changed, Tagged, changed, require_match, tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::TenantId;
use crate::domain::identity::Identity;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants::{self, FirstAdmin, NewTenant, TenantPatch};
use crate::domain::limits::quota::Quota;
use crate::domain::tenant_removal;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::tenant::{TenantCreated, TenantView};

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
        let op = op(identity.0, caller)?;
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, tenants::list(&op, page).await?))
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
        let (new, admin) = split(body.0);
        let made = tenants::create(identity.0, &op, &new, admin.as_ref()).await?.into_view()?;
        let location = format!("{BASE}/tenants/{}", made.id);
        let created = Created::Tenant(Json(made), location, "no-store".to_owned());
        Ok(Replayable::new(op.idempotency(), created))
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
        let op = op(identity.0, caller)?;
        Ok(tagged(tenants::get(&op, TenantId(tenant_id.0)).await?, if_none_match.0.as_deref()))
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
        let op = op(identity.0, caller)?;
        let patch = body.0.into();
        let unchanged = |tenant: &_| require_match(tenant, if_match.0.as_deref());
        Ok(changed(tenants::change(&op, TenantId(tenant_id.0), &patch, &unchanged).await?))
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
        let op = op(identity.0, caller)?;
        let unchanged = |tenant: &_| require_match(tenant, if_match.0.as_deref());
        let tenant = tenant_removal::request(&op, TenantId(tenant_id.0), &confirm.0, &unchanged).await?;
        Ok(DeleteTenantResponse::Accepted(Json(TenantRemoval {
            tenant_id: tenant.id,
            slug: tenant.slug,
            requested_at: tenant.updated_at,
        })))
    }
}

fn op(identity: &Identity, caller: OperatorCaller<ManageTenants>) -> Result<PlatformOp, Problem> {
    PlatformOp::of_operator(&identity.services, caller.authenticated.principal, caller.origin)
}

/// A tenant to create.
#[derive(Debug, Object)]
#[oai(rename = "NewTenant", deny_unknown_fields, example)]
pub struct NewTenantBody {
    /// 1 to 63 of `a-z`, `0-9` and `-`; unique and immutable.
    slug: String,
    name: String,
    /// The tenant's first admin.
    admin: Option<FirstAdminBody>,
}

#[derive(Debug, Object)]
#[oai(rename = "FirstAdmin", deny_unknown_fields)]
pub struct FirstAdminBody {
    username: String,
    email: String,
}

/// The tenant, and its first admin if one is named.
fn split(body: NewTenantBody) -> (NewTenant, Option<FirstAdmin>) {
    let new = NewTenant { slug: body.slug, name: body.name };
    (new, body.admin.map(|admin| FirstAdmin { username: admin.username, email: admin.email }))
}

#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The tenant is created.
    #[oai(status = 201)]
    Tenant(Json<TenantCreated>, #[oai(header = "Location")] String, #[oai(header = "Cache-Control")] String),
}

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

impl From<TenantPatchBody> for TenantPatch {
    fn from(body: TenantPatchBody) -> Self {
        let quotas = body.quotas.map(quota_changes).unwrap_or_default();
        Self { name: body.name, is_active: body.is_active, quotas }
    }
}

/// Quotas to set; absent ones stay unchanged. 0: no limit; `null`: the configuration's default.
#[derive(Debug, Default, Object)]
#[oai(rename = "QuotasPatch", deny_unknown_fields, example)]
pub struct QuotasPatchBody {
    /// Open sockets and streams.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    connections: MaybeUndefined<u64>,
    /// New sockets and streams per second.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    connects_per_second: MaybeUndefined<u64>,
    /// Messages per second of all sockets.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    messages_per_second: MaybeUndefined<u64>,
    /// Bytes per second delivered to all readers; the excess is delayed.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    bytes_out_per_second: MaybeUndefined<u64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    requests_per_second: MaybeUndefined<u64>,
    /// Events that can be read again.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    history_events: MaybeUndefined<u64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    upload_bytes: MaybeUndefined<u64>,
    /// Jobs that wait for a worker.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    pending_jobs: MaybeUndefined<u64>,
}

fn quota_changes(body: QuotasPatchBody) -> Vec<(Quota, Option<u64>)> {
    let fields = [
        (Quota::Connections, body.connections),
        (Quota::ConnectsPerSecond, body.connects_per_second),
        (Quota::MessagesPerSecond, body.messages_per_second),
        (Quota::BytesOutPerSecond, body.bytes_out_per_second),
        (Quota::RequestsPerSecond, body.requests_per_second),
        (Quota::HistoryEvents, body.history_events),
        (Quota::UploadBytes, body.upload_bytes),
        (Quota::PendingJobs, body.pending_jobs),
    ];
    let said = |(quota, field)| match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some((quota, None)),
        MaybeUndefined::Value(number) => Some((quota, Some(number))),
    };
    fields.into_iter().filter_map(said).collect()
}

body_rules! {
    NewTenantBody: |body, _now| {
        let (new, admin) = split(body);
        tenants::validate(&new, admin.as_ref())
    };
    TenantPatchBody, emptied by null: []: |body, _now| tenants::validate_patch(&body.into());
}

/// A tenant that is being removed.
#[derive(Debug, Object)]
#[oai(example)]
pub struct TenantRemoval {
    tenant_id: i64,
    /// Free again once all data is removed.
    slug: String,
    requested_at: String,
}

#[derive(Debug, ApiResponse)]
pub enum DeleteTenantResponse {
    /// The tenant is closed for ever, and its rows are being removed; after that it is not found.
    #[oai(status = 202)]
    Accepted(Json<TenantRemoval>),
}

impl Example for NewTenantBody {
    fn example() -> Self {
        Self {
            slug: "acme-homes".to_owned(),
            name: "Acme Homes".to_owned(),
            admin: Some(FirstAdminBody {
                username: examples::USERNAME.to_owned(),
                email: examples::EMAIL.to_owned(),
            }),
        }
    }
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

impl Example for QuotasPatchBody {
    fn example() -> Self {
        Self {
            connections: MaybeUndefined::Value(500),
            pending_jobs: MaybeUndefined::Null,
            ..Self::default()
        }
    }
}

impl Example for TenantRemoval {
    fn example() -> Self {
        Self { tenant_id: examples::TENANT, slug: "acme".to_owned(), requested_at: examples::after(0) }
    }
}
