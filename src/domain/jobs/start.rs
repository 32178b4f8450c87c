//! A worker starts a job.

use super::end::execution_id;
use super::events;
use super::lease::{self, Lease};
use super::state::JobInput;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::protocol::worker::ReportResponse;
use crate::storage::jobs::JobRow;
use crate::storage::{Error, executions, jobs, micros};

/// Starts the execution; a repeated start only extends the lease.
pub async fn start(op: &Op, lease: &Lease<'_>) -> Result<ReportResponse> {
    let mut change = op.begin().await?;
    let (mut job, step) = lease::require(op, &change, lease, JobInput::Start).await?;
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    let position = op.commit(change).await?;
    lease::report_answer(&job, position)
}

/// Sets the job and its execution to running, and emits that. The caller saves the job.
pub(super) async fn begin_execution(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    let now = micros(op.now());
    let found = executions::find(&change.tx, execution_id(job)?).await?;
    let mut execution = found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?;
    execution.status = ExecutionStatus::Running.name().to_owned();
    execution.started_at = Some(now);
    executions::save(&change.tx, &execution).await?;
    job.status = JobStatus::Running.name().to_owned();
    job.started_at = Some(now);
    events::emit_started(op, change, job)
}
