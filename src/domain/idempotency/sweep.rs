//! Kept answers whose time is over are taken away.

use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::storage::{idempotency_keys, micros};

/// Answers taken away in one transaction: writers wait that long and no longer.
const BATCH_ROWS: u64 = 500;

/// Takes away every answer whose time is over, in small transactions; returns how many went.
pub async fn sweep(services: &Services) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = services.db.system(SystemReason::Retention).begin().await?;
        let swept = idempotency_keys::sweep(&tx, micros(services.clock.now()), BATCH_ROWS).await?;
        tx.commit().await?;
        gone += swept;
        if swept < BATCH_ROWS {
            return Ok(gone);
        }
    }
}
