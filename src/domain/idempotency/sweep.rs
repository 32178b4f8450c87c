//! Deletes expired answers.

use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::storage::{idempotency_keys, micros};

/// Answers deleted in one transaction, which bounds how long writers wait.
const BATCH_ROWS: u64 = 500;

/// Deletes every expired answer, in small transactions; returns their number.
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
