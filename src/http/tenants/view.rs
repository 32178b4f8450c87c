//! A tenant as operators see it.

use poem_openapi::Object;
use poem_openapi::types::Example;

use super::quotas::{self, QuotasView};
use crate::base::clock::rfc3339;
use crate::domain::limits::overrides;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::storage::tenants::TenantRow;
use crate::storage::time;

/// A tenant.
#[derive(Debug, Object)]
#[oai(rename = "Tenant", example)]
pub struct TenantView {
    pub(super) id: i64,
    pub(super) slug: String,
    pub(super) name: String,
    /// A suspended tenant refuses all callers.
    pub(super) is_active: bool,
    /// A tenant that is being removed is suspended for ever.
    pub(super) is_being_removed: bool,
    pub(super) quotas: QuotasView,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

pub(in crate::http) fn view(row: TenantRow) -> Result<TenantView, Problem> {
    let quotas = quotas::view(&overrides::parse(&row)?);
    Ok(TenantView {
        id: row.id,
        slug: row.slug,
        name: row.name,
        is_active: row.is_active,
        is_being_removed: row.removal.is_some(),
        quotas,
        created_at: rfc3339(time(row.created_at)),
        updated_at: rfc3339(time(row.updated_at)),
    })
}

impl Example for TenantView {
    fn example() -> Self {
        Self {
            id: examples::TENANT,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            is_active: true,
            is_being_removed: false,
            quotas: QuotasView::default(),
            created_at: examples::after(0),
            updated_at: examples::after(0),
        }
    }
}
