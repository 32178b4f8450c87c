//! Rows that are kept for so long and no longer, each kind for a time of its own: entries of the audit log,
//! notifications, lines of job logs, jobs that are over. The event log has bounds of its own (`retention.rs`).

use chrono::TimeDelta;

use super::error::Result;
use super::op::Kernel;
use crate::auth::scope::SystemReason;
use crate::storage::{SystemTx, audit_log, job_logs, jobs, micros, notifications};

/// How long each kind is kept; `None`: for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeptFor {
    pub audit_log: Option<TimeDelta>,
    pub notifications: Option<TimeDelta>,
    pub job_logs: Option<TimeDelta>,
    pub finished_jobs: Option<TimeDelta>,
}

/// Rows taken away in one transaction: writers wait that long and no longer.
const BITE: u64 = 500;

#[derive(Clone, Copy, Debug)]
enum Kind {
    AuditLog,
    Notifications,
    JobLogs,
    FinishedJobs,
}

/// Takes away what is older than it is to be, of every tenant; returns how many rows went.
pub async fn sweep(kernel: &Kernel, kept: &KeptFor) -> Result<u64> {
    let kinds = [
        (Kind::AuditLog, kept.audit_log),
        (Kind::Notifications, kept.notifications),
        (Kind::JobLogs, kept.job_logs),
        (Kind::FinishedJobs, kept.finished_jobs),
    ];
    let mut gone = 0;
    for (kind, age) in kinds {
        // A span that reaches back beyond the calendar is for ever, too.
        let Some(before) = age.and_then(|age| kernel.clock.now().checked_sub_signed(age)) else { continue };
        gone += sweep_kind(kernel, kind, micros(before)).await?;
    }
    Ok(gone)
}

async fn sweep_kind(kernel: &Kernel, kind: Kind, before: i64) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = kernel.db.system(SystemReason::Retention).begin().await?;
        let bite = take(&tx, kind, before).await?;
        tx.commit().await?;
        gone += bite;
        // A bite may be small where a tenant ends; that nothing was found says that nothing is left.
        if bite == 0 {
            return Ok(gone);
        }
    }
}

async fn take(tx: &SystemTx, kind: Kind, before: i64) -> Result<u64> {
    Ok(match kind {
        Kind::AuditLog => audit_log::forget(tx, before, BITE).await?,
        Kind::Notifications => notifications::forget(tx, before, BITE).await?,
        Kind::JobLogs => job_logs::forget(tx, before, BITE).await?,
        Kind::FinishedJobs => jobs::forget_ended(tx, before, BITE).await?,
    })
}
