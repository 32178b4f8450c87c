//! Tenants as operators see them.

use poem_openapi::Object;

use super::user::{PasswordLinkView, UserView};

/// A tenant.
#[derive(Debug, Object)]
#[oai(rename = "Tenant", example)]
pub struct TenantView {
    pub id: i64,
    pub slug: String,
    pub name: String,
    /// A suspended tenant refuses all callers.
    pub is_active: bool,
    /// A tenant that is being removed is suspended for ever.
    pub is_being_removed: bool,
    pub quotas: QuotasView,
    pub created_at: String,
    pub updated_at: String,
}

/// The tenant's quotas that operators have set. Absent: the configuration's default applies; 0: no limit.
#[derive(Debug, Default, Object)]
#[oai(rename = "Quotas", skip_serializing_if_is_none)]
pub struct QuotasView {
    pub connections: Option<u64>,
    pub connects_per_second: Option<u64>,
    pub messages_per_second: Option<u64>,
    pub bytes_out_per_second: Option<u64>,
    pub requests_per_second: Option<u64>,
    pub history_events: Option<u64>,
    pub upload_bytes: Option<u64>,
    pub pending_jobs: Option<u64>,
}

/// A tenant that was just created.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TenantCreated {
    pub id: i64,
    pub slug: String,
    pub name: String,
    pub is_active: bool,
    pub created_at: String,
    pub updated_at: String,
    pub admin: Option<UserView>,
    /// For the admin; shown only once.
    pub password_link: Option<PasswordLinkView>,
}
