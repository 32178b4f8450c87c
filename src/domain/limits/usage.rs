//! What a tenant uses of each quota, for its admins and for operators.

use super::TenantRate;
use super::quota::Quota;
use crate::auth::permission::Permission;
use crate::auth::tenant_scope::SystemReason;
use crate::base::gcra::Rate;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants;
use crate::domain::op::Op;
use crate::storage::{events, job_queue, kept_pages, upload_totals};

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Quota(Quota),
    /// Compressed bytes of the crawler's pages, which only the operator's configuration limits.
    KeptPageBytes,
}

impl Resource {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quota(quota) => quota.name(),
            Self::KeptPageBytes => "kept_page_bytes",
        }
    }

    /// The window in which use is counted; `None` for what is held rather than spent.
    pub const fn window_seconds(self) -> Option<u32> {
        match self {
            Self::Quota(quota) => quota.window_seconds(),
            Self::KeptPageBytes => None,
        }
    }
}

/// The current use of one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    pub resource: Resource,
    /// `None`: no limit.
    pub limit: Option<u64>,
    /// `None`: not counted, because there is no limit, or nothing uses it yet.
    pub used: Option<u64>,
    /// How often it has refused or delayed something since the node started.
    pub refused: u64,
}

/// The caller's tenant, which has `connections` open ones.
pub async fn own(op: &Op, connections: usize) -> Result<Vec<QuotaUsage>> {
    op.require(Permission::ReadStats)?;
    read(op, connections).await
}

/// Any tenant, for operators.
pub async fn of_tenant(op: &PlatformOp, tenant_id: TenantId, connections: usize) -> Result<Vec<QuotaUsage>> {
    // Refuses callers that are not operators, and tenants that do not exist.
    tenants::get(op, tenant_id).await?;
    let op = Op::of_system(&op.services, SystemReason::Operator, tenant_id);
    read(&op, connections).await
}

async fn read(op: &Op, connections: usize) -> Result<Vec<QuotaUsage>> {
    let tx = op.read().await?;
    let log = events::log(&tx).await?;
    let pending_jobs = job_queue::pending(&tx).await?;
    let upload_bytes = upload_totals::read(&tx).await?;
    let kept_bytes = kept_pages::bytes(&tx).await?;
    drop(tx);
    let (limits, tenant_id, now) = (&op.services.limits, op.scope.tenant_id(), op.now());
    let meter = limits.meter(tenant_id, now);
    let mut usage = Vec::with_capacity(Quota::ALL.len() + 1);
    for quota in Quota::ALL {
        let limit = limits.limit(tenant_id, quota);
        let used = match quota {
            Quota::Connections => Some(connections as u64),
            Quota::HistoryEvents => u64::try_from(log.head - log.trimmed).ok(),
            Quota::PendingJobs => Some(pending_jobs),
            Quota::UploadBytes => u64::try_from(upload_bytes).ok(),
            Quota::ConnectsPerSecond => limits.used(tenant_id, TenantRate::Connects, now).await,
            // Sockets count their messages by the steady clock.
            Quota::MessagesPerSecond => {
                limits.used(tenant_id, TenantRate::Messages, op.services.clock.steady()).await
            }
            Quota::RequestsPerSecond => limits.used(tenant_id, TenantRate::Requests, now).await,
            Quota::BytesOutPerSecond => {
                limit.map(|most| meter.bytes_out().peek(Rate::per_second(most), now).used())
            }
        };
        let resource = Resource::Quota(quota);
        usage.push(QuotaUsage { resource, limit, used, refused: meter.refused(quota) });
    }
    usage.push(QuotaUsage {
        resource: Resource::KeptPageBytes,
        limit: u64::try_from(op.services.kept_pages.budget_bytes()).ok(),
        used: u64::try_from(kept_bytes).ok(),
        refused: 0,
    });
    Ok(usage)
}
