//! Failed sign-ins in the audit log: the first of an account is written at once, those of the next hour are
//! summarised in one more entry. So failures cannot fill the log, and an attack shows in the number of attempts and
//! addresses. Entries are written outside the request: its duration must not reveal whether a name has an account.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Identity;
use super::failure_windows::{CloseWindows, PendingEntry};
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::storage::{SystemTx, audit_log, tenants};

/// Interval between checks for expired windows.
const FLUSH_INTERVAL: Duration = Duration::from_secs(60);
/// Entries in one transaction.
const BATCH_ENTRIES: usize = 100;

/// Closes expired windows, and writes pending entries.
pub async fn flush(identity: &Identity) -> Result<()> {
    identity
        .failed_sign_ins
        .close_windows(CloseWindows::Expired(identity.services.clock.steady()), identity.now());
    write_pending(identity).await
}

/// Writes pending entries, so that the next reader of the log finds them.
pub async fn write_pending(identity: &Identity) -> Result<()> {
    let due = identity.failed_sign_ins.take_pending();
    let written = write(identity, &due).await;
    if written.is_err() {
        identity.failed_sign_ins.requeue(due);
    }
    written
}

/// Writes entries as they come, and summaries once a minute, until `stop`; then what is left.
pub async fn run(identity: Arc<Identity>, stop: CancellationToken) {
    loop {
        let written = tokio::select! {
            () = stop.cancelled() => break,
            () = identity.failed_sign_ins.pending.notified() => write_pending(&identity).await,
            () = identity.services.clock.sleep(FLUSH_INTERVAL) => flush(&identity).await,
        };
        if let Err(problem) = written {
            tracing::warn!(%problem, "failed sign-ins could not be written to the audit log; it is tried again");
        }
    }
    identity.failed_sign_ins.close_windows(CloseWindows::All, identity.now());
    if let Err(problem) = write_pending(&identity).await {
        tracing::warn!(%problem, "the last failed sign-ins could not be written to the audit log");
    }
}

/// Writes entries in several transactions, so that other writers never wait long. If a later one fails, those
/// before it are written again with it: a duplicate entry is better than a missing one.
async fn write(identity: &Identity, due: &[PendingEntry]) -> Result<()> {
    for batch in due.chunks(BATCH_ENTRIES) {
        let tx = identity.services.db.system(SystemReason::Login).begin().await?;
        for (tenant, entry) in batch {
            if tenant_exists(&tx, *tenant).await? {
                audit_log::insert_by_system(&tx, *tenant, entry.clone()).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Whether the log still exists: the tenant may have been removed since.
async fn tenant_exists(tx: &SystemTx, tenant: Option<TenantId>) -> Result<bool> {
    let Some(tenant) = tenant else { return Ok(true) };
    Ok(tenants::find(tx, tenant).await?.is_some_and(|row| row.removal.is_none()))
}
