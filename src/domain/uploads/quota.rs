//! The files' use of their tenant's quota. It is reserved before the bytes arrive, in a transaction of its own or in
//! that of the file's row, so that of two files that compete for the last of it one gets it.

use crate::domain::error::Result;
use crate::domain::limits::quota::Quota;
use crate::domain::op::Op;
use crate::protocol::problem::{Code, Problem};
use crate::storage::{TenantTx, upload_totals};

/// Reserves `bytes` more; `false` if there is no room. Counts no refusal, since the caller may need less.
pub async fn try_reserve(op: &Op, tx: &TenantTx, bytes: u64) -> Result<bool> {
    let most = op.services.limits.limit(op.scope.tenant_id(), Quota::UploadBytes);
    Ok(upload_totals::reserve(tx, signed(bytes), most.map(signed)).await?)
}

/// Reserves `bytes` more, or counts the refusal.
pub async fn reserve(op: &Op, tx: &TenantTx, bytes: u64) -> Result<()> {
    if try_reserve(op, tx, bytes).await? {
        return record_usage(op, tx).await;
    }
    let (tenant_id, limits) = (op.scope.tenant_id(), &op.services.limits);
    let most = limits.limit(tenant_id, Quota::UploadBytes).unwrap_or_default();
    limits.record_usage(tenant_id, Quota::UploadBytes, most, false, op.now());
    let words = format!(
        "Your tenant's quota of {most} bytes of uploads has no room for the file; delete some first."
    );
    Err(Problem::new(Code::InsufficientStorage, words))
}

/// Records the tenant's use, which alerts its admins when little is left.
pub async fn record_usage(op: &Op, tx: &TenantTx) -> Result<()> {
    let tenant_id = op.scope.tenant_id();
    if op.services.limits.limit(tenant_id, Quota::UploadBytes).is_some() {
        let used = u64::try_from(upload_totals::read(tx).await?).unwrap_or_default();
        op.services.limits.record_usage(tenant_id, Quota::UploadBytes, used, true, op.now());
    }
    Ok(())
}

/// As a signed integer of the store; what does not fit is more than any disk has.
pub fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
