//! Stored tenants and one-time links in their wire form.

use super::password_links::PasswordLink;
use crate::base::clock::rfc3339;
use crate::domain::error::Result;
use crate::domain::limits::overrides;
use crate::domain::limits::quota::{Quota, Quotas};
use crate::protocol::tenant::{QuotasView, TenantView};
use crate::protocol::user::PasswordLinkView;
use crate::storage::tenants::TenantRow;
use crate::storage::time;

/// A tenant as operators see it.
pub(in crate::domain) fn tenant(row: TenantRow) -> Result<TenantView> {
    let quotas = quotas(&overrides::parse(&row)?);
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

fn quotas(quotas: &Quotas) -> QuotasView {
    QuotasView {
        connections: quotas.get(Quota::Connections),
        connects_per_second: quotas.get(Quota::ConnectsPerSecond),
        messages_per_second: quotas.get(Quota::MessagesPerSecond),
        bytes_out_per_second: quotas.get(Quota::BytesOutPerSecond),
        requests_per_second: quotas.get(Quota::RequestsPerSecond),
        history_events: quotas.get(Quota::HistoryEvents),
        upload_bytes: quotas.get(Quota::UploadBytes),
        pending_jobs: quotas.get(Quota::PendingJobs),
    }
}

impl From<PasswordLink> for PasswordLinkView {
    fn from(link: PasswordLink) -> Self {
        Self { url: link.url, expires_at: rfc3339(link.expires_at) }
    }
}
