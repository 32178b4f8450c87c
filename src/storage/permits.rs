//! Permits for transactions, granted to tenants in turn: a tenant with many transactions delays no other.

use std::time::Duration;

use sea_orm::{AccessMode, ConnAcquireErr, DbErr};

use super::error::{Error, Result};
use crate::base::clock::Clock;
use crate::base::fair_semaphore::{FairPermit, FairSemaphore, QueueFull};
use crate::base::ids::TenantId;

/// Transactions of one tenant that may wait for SQLite's writer; one more is refused as busy.
pub(super) const MAX_WRITES_WAITING: usize = 256;
/// Transactions of one tenant that may wait for one of PostgreSQL's connections; one more is refused as busy.
pub(super) const MAX_WAITING: usize = 4096;
/// How long a transaction waits for a pool's permit; the pool's own timeout begins after it.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Permits are granted to tenants in turn; `None` is the system's own queue.
pub(super) type TxSemaphore = FairSemaphore<Option<TenantId>>;
pub(super) type TxPermit = FairPermit<Option<TenantId>>;

/// A permit for the one writer, or for a reader. A tenant never gets the last reader, so that its searches delay
/// another tenant's read by at most one of them.
pub(super) async fn acquire_sqlite_permit(
    writers: &TxSemaphore,
    readers: &TxSemaphore,
    party: Option<TenantId>,
    mode: AccessMode,
) -> Result<TxPermit> {
    match mode {
        AccessMode::ReadOnly => acquire_pool_permit(readers, party).await,
        AccessMode::ReadWrite => writers.acquire(party).await.map_err(|QueueFull| Error::Busy),
    }
}

/// A permit for a pool. The pool alone would serve in the order of requests: a tenant that asks for a thousand
/// transactions would delay all others.
pub(super) async fn acquire_pool_permit(permits: &TxSemaphore, party: Option<TenantId>) -> Result<TxPermit> {
    let clock = Clock::system();
    tokio::select! {
        biased;
        permit = permits.acquire(party) => permit.map_err(|QueueFull| Error::Busy),
        () = clock.sleep(ACQUIRE_TIMEOUT) => {
            Err(Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
        }
    }
}
