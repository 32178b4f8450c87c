//! Rows with a limited retention, each kind with a limit of its own: entries of the audit log, notifications, lines
//! of job logs, ended jobs, visits of pages. The event log has bounds of its own (`log_retention.rs`).

use chrono::TimeDelta;

use super::error::Result;
use super::op::Services;
use crate::auth::tenant_scope::SystemReason;
use crate::storage::{SystemTx, audit_log, job_logs, jobs, micros, notifications, page_visits};

/// How long each kind is kept; `None`: for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowRetention {
    pub audit_log: Option<TimeDelta>,
    pub notifications: Option<TimeDelta>,
    pub job_logs: Option<TimeDelta>,
    pub finished_jobs: Option<TimeDelta>,
    pub page_visits: Option<TimeDelta>,
}

/// Rows deleted in one transaction, which bounds how long writers wait.
const BATCH: u64 = 500;

#[derive(Clone, Copy, Debug)]
enum RowKind {
    AuditLog,
    Notifications,
    JobLogs,
    FinishedJobs,
    PageVisits,
}

/// Deletes rows that are older than their retention, of every tenant; returns how many.
pub async fn sweep(services: &Services, retention: &RowRetention) -> Result<u64> {
    let kinds = [
        (RowKind::AuditLog, retention.audit_log),
        (RowKind::Notifications, retention.notifications),
        (RowKind::JobLogs, retention.job_logs),
        (RowKind::FinishedJobs, retention.finished_jobs),
        (RowKind::PageVisits, retention.page_visits),
    ];
    let mut gone = 0;
    for (kind, age) in kinds {
        // A span that reaches back beyond the calendar means for ever, too.
        let Some(before) = age.and_then(|age| services.clock.now().checked_sub_signed(age)) else { continue };
        gone += sweep_kind(services, kind, micros(before)).await?;
    }
    Ok(gone)
}

async fn sweep_kind(services: &Services, kind: RowKind, before: i64) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = services.db.system(SystemReason::Retention).begin().await?;
        let deleted = delete_batch(&tx, kind, before).await?;
        tx.commit().await?;
        gone += deleted;
        // A batch may be small where a tenant's rows end; only an empty one means that nothing is left.
        if deleted == 0 {
            return Ok(gone);
        }
    }
}

async fn delete_batch(tx: &SystemTx, kind: RowKind, before: i64) -> Result<u64> {
    Ok(match kind {
        RowKind::AuditLog => audit_log::purge(tx, before, BATCH).await?,
        RowKind::Notifications => notifications::purge(tx, before, BATCH).await?,
        RowKind::JobLogs => job_logs::purge(tx, before, BATCH).await?,
        RowKind::FinishedJobs => jobs::purge_ended(tx, before, BATCH).await?,
        RowKind::PageVisits => page_visits::purge(tx, before, BATCH).await?,
    })
}
