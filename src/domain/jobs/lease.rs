//! A worker's hold on a job: a secret that the worker shows with every report, of which the store has the hash.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::Duration;
use subtle::ConstantTimeEq;

use super::job::{Refusal, Report, Step};
use super::view;
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::Change;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::worker::ReportAnswer;
use crate::storage::executions::{self, ExecutionRow};
use crate::storage::jobs::{self, JobRow};
use crate::storage::{micros, time};

/// What a worker shows with a report.
#[derive(Clone, Copy)]
pub struct Lease<'a> {
    pub job_id: JobId,
    pub token: &'a str,
    /// How long it lasts from each report on.
    pub length: Duration,
}

/// What a shown lease is worth.
pub(super) enum Hold {
    /// The job is the worker's, and this is the step of its report.
    Held(JobRow, Step),
    /// The execution that the lease was for has ended; the job may have gone on since.
    Over(JobRow, Box<ExecutionRow>),
}

/// Locks the job and judges lease and report together.
pub(super) async fn judge(op: &Op, change: &Change, lease: &Lease<'_>, report: Report) -> Result<Hold> {
    op.require(Permission::RunJobs)?;
    let job = jobs::lock(&change.tx, lease.job_id).await?.ok_or_else(Problem::not_found)?;
    let hash = hash(lease.token);
    if holds(op, &job, &hash) {
        return match view::standing(&job)?.advance(report, op.now()) {
            Ok(step) => Ok(Hold::Held(job, step)),
            Err(refusal) => Err(refused(refusal)),
        };
    }
    match executions::find_by_lease(&change.tx, lease.job_id, &hash).await? {
        Some(execution) => Ok(Hold::Over(job, Box::new(execution))),
        None => Err(lost()),
    }
}

/// The job of a report that only the lease's holder may make.
pub(in crate::domain) async fn held(
    op: &Op,
    change: &Change,
    lease: &Lease<'_>,
    report: Report,
) -> Result<(JobRow, Step)> {
    match judge(op, change, lease, report).await? {
        Hold::Held(job, step) => Ok((job, step)),
        Hold::Over(..) => Err(lost()),
    }
}

/// The answer to an end that is reported again, by a worker that did not hear the first answer. Nothing is changed.
pub(super) fn repeated(
    job: &JobRow,
    execution: &ExecutionRow,
    ends: &[ExecutionStatus],
) -> Result<ReportAnswer> {
    let same = ends.iter().find(|status| status.name() == execution.status).ok_or_else(lost)?;
    let status = match same {
        ExecutionStatus::Completed => JobStatus::Completed,
        ExecutionStatus::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Failed,
    };
    let current = job.execution_id == Some(execution.id);
    Ok(ReportAnswer {
        job_id: job.id,
        status,
        cancel_requested: current && job.cancel_requested,
        lease_expires_at: None,
        position: None,
    })
}

pub(super) fn answer(job: &JobRow, position: Option<Position>) -> Result<ReportAnswer> {
    Ok(ReportAnswer {
        job_id: job.id,
        status: view::status(job)?,
        cancel_requested: job.cancel_requested,
        lease_expires_at: job.lease_expires_at.map(|at| rfc3339(time(at))),
        position: position.map(|position| position.to_string()),
    })
}

/// Every report makes the lease last anew.
pub(in crate::domain) fn extend(op: &Op, job: &mut JobRow, length: Duration) {
    let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
    let until = op.now().checked_add_signed(length).unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    job.lease_expires_at = Some(micros(until));
    job.updated_at = micros(op.now());
}

/// What the store keeps of a lease's token.
pub(super) fn hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The sweep may not have come by yet: a lease is over when its time is, not when that is noticed.
pub(super) fn holds(op: &Op, job: &JobRow, hash: &str) -> bool {
    let same = job.lease_hash.as_deref().is_some_and(|kept| kept.as_bytes().ct_eq(hash.as_bytes()).into());
    same && job.lease_expires_at.is_some_and(|until| until > micros(op.now()))
}

pub(super) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::LeaseLost => lost(),
        Refusal::NotWaiting => Problem::new(Code::Conflict, "The job is not waiting for a worker."),
        Refusal::Finished => Problem::new(Code::Conflict, "The job is over; only a retry begins it again."),
        Refusal::Unfinished => Problem::new(Code::Conflict, "The job is not over; cancel it first."),
    }
}

pub(super) fn lost() -> Problem {
    Problem::new(Code::LeaseLost, "The lease has ended; drop the work and claim again.")
}
