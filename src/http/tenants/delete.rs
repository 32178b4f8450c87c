//! `DELETE /tenants/{tenant_id}`.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::view::view;
use crate::base::clock::rfc3339;
use crate::base::ids::TenantId;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::tenant_removal;
use crate::http::etag::require_match;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::storage::time;

/// A tenant that is being removed.
#[derive(Debug, Object)]
#[oai(example)]
pub struct TenantRemoval {
    tenant_id: i64,
    /// Free again once all data is removed.
    slug: String,
    requested_at: String,
}

impl Example for TenantRemoval {
    fn example() -> Self {
        Self { tenant_id: examples::TENANT, slug: "acme".to_owned(), requested_at: examples::after(0) }
    }
}

#[derive(Debug, ApiResponse)]
pub enum DeleteTenantResponse {
    /// The tenant is closed for ever, and its rows are being removed; after that it is not found.
    #[oai(status = 202)]
    Accepted(Json<TenantRemoval>),
}

pub(super) async fn delete(
    op: &PlatformOp,
    tenant_id: i64,
    confirm: &str,
    if_match: Option<&str>,
) -> Result<DeleteTenantResponse, Problem> {
    let unchanged = |row: &_| require_match(&view(Clone::clone(row))?, if_match);
    let row = tenant_removal::request(op, TenantId(tenant_id), confirm, &unchanged).await?;
    let requested_at = rfc3339(time(row.updated_at));
    Ok(DeleteTenantResponse::Accepted(Json(TenantRemoval {
        tenant_id: row.id,
        slug: row.slug,
        requested_at,
    })))
}
