//! Alerts a tenant's admins when nine tenths of a quota are used. At most one alert an hour for each quota.

use super::quota::Quota;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::epoch_seconds;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::notifications::notify;
use crate::domain::op::{Op, Services};
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, Severity, SystemAlert};

/// Raises the alerts that are due. One that cannot be raised is due again with the next use near the limit.
pub async fn raise_due(services: &Services) -> Result<()> {
    let due = std::mem::take(&mut *services.limits.alerts.lock());
    let mut failed = Ok(());
    for (tenant_id, quota) in due {
        if let Err(problem) = raise(services, tenant_id, quota).await {
            services.limits.meter(tenant_id, services.clock.now()).release_alert(quota);
            failed = Err(problem);
        }
    }
    failed
}

async fn raise(services: &Services, tenant_id: TenantId, quota: Quota) -> Result<()> {
    // An operator has removed the limit in the meantime.
    let Some(most) = services.limits.limit(tenant_id, quota) else { return Ok(()) };
    let op = Op::of_system(services, SystemReason::Quota, tenant_id);
    let message = SystemAlert {
        severity: Severity::Warning,
        category: "quota".to_owned(),
        message: format!(
            "Over 90 % of the tenant's quota {} is used: {most} {}.",
            quota.name(),
            quota.words()
        ),
        job_id: None,
        timestamp: epoch_seconds(op.now()),
        logged: Logged::default(),
    };
    let mut change = op.begin().await?;
    notify(&op, &mut change, Event::Alert { concerns: None, message }).await?;
    op.commit(change).await?;
    Ok(())
}
