//! Kept answers whose time is over are taken away.

use crate::auth::scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Kernel;
use crate::storage::{idempotency_keys, micros};

/// Answers taken away in one transaction: writers wait that long and no longer.
const AT_ONCE: u64 = 500;

/// Takes away every answer whose time is over, in small transactions; returns how many went.
pub async fn sweep(kernel: &Kernel) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = kernel.db.system(SystemReason::Retention).begin().await?;
        let swept = idempotency_keys::sweep(&tx, micros(kernel.clock.now()), AT_ONCE).await?;
        tx.commit().await?;
        gone += swept;
        if swept < AT_ONCE {
            return Ok(gone);
        }
    }
}
