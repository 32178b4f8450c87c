//! A worker's lease on a job: a secret token that the worker sends with every report. The store has its hash.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::Duration;
use subtle::ConstantTimeEq;

use super::state::{JobInput, Transition, TransitionError};
use super::view;
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::worker::ReportResponse;
use crate::storage::executions::{self, ExecutionRow};
use crate::storage::jobs::{self, JobRow};
use crate::storage::{micros, time};

/// What a worker sends with a report.
#[derive(Clone, Copy)]
pub struct Lease<'a> {
    pub job_id: JobId,
    pub token: &'a str,
    /// How long each report extends it.
    pub length: Duration,
}

/// The result of checking a lease.
pub(super) enum LeaseCheck {
    /// The worker holds the job, and this is the transition of its report.
    Valid(JobRow, Transition),
    /// The execution of the lease has ended; the job may have continued since.
    Ended(JobRow, Box<ExecutionRow>),
}

/// Locks the job and checks lease and report together.
pub(super) async fn check(
    op: &Op,
    change: &EventTx,
    lease: &Lease<'_>,
    input: JobInput,
) -> Result<LeaseCheck> {
    op.require(Permission::RunJobs)?;
    let job = jobs::lock(&change.tx, lease.job_id).await?.ok_or_else(Problem::not_found)?;
    let hash = hash(lease.token);
    if is_held(op, &job, &hash) {
        return match view::job_state(&job)?.advance(input, op.now()) {
            Ok(step) => Ok(LeaseCheck::Valid(job, step)),
            Err(refusal) => Err(transition_problem(refusal)),
        };
    }
    match executions::find_by_lease(&change.tx, lease.job_id, &hash).await? {
        Some(execution) => Ok(LeaseCheck::Ended(job, Box::new(execution))),
        None => Err(lease_lost()),
    }
}

/// The job of a report that only the lease's holder may make.
pub(in crate::domain) async fn require(
    op: &Op,
    change: &EventTx,
    lease: &Lease<'_>,
    report: JobInput,
) -> Result<(JobRow, Transition)> {
    match check(op, change, lease, report).await? {
        LeaseCheck::Valid(job, step) => Ok((job, step)),
        LeaseCheck::Ended(..) => Err(lease_lost()),
    }
}

/// The answer to a repeated final report, of a worker that did not receive the first answer. Changes nothing.
pub(super) fn answer_repeated(
    job: &JobRow,
    execution: &ExecutionRow,
    ends: &[ExecutionStatus],
) -> Result<ReportResponse> {
    let same = ends.iter().find(|status| status.name() == execution.status).ok_or_else(lease_lost)?;
    let status = match same {
        ExecutionStatus::Completed => JobStatus::Completed,
        ExecutionStatus::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Failed,
    };
    let current = job.execution_id == Some(execution.id);
    Ok(ReportResponse {
        job_id: job.id,
        status,
        cancel_requested: current && job.cancel_requested,
        lease_expires_at: None,
        position: None,
    })
}

pub(super) fn report_answer(job: &JobRow, position: Option<Position>) -> Result<ReportResponse> {
    Ok(ReportResponse {
        job_id: job.id,
        status: view::status(job)?,
        cancel_requested: job.cancel_requested,
        lease_expires_at: job.lease_expires_at.map(|at| rfc3339(time(at))),
        position: position.map(|position| position.to_string()),
    })
}

/// Every report extends the lease.
pub(in crate::domain) fn extend(op: &Op, job: &mut JobRow, length: Duration) {
    let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
    let until = op.now().checked_add_signed(length).unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    job.lease_expires_at = Some(micros(until));
    job.updated_at = micros(op.now());
}

/// The stored form of a lease's token.
pub(super) fn hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A lease ends when its time is over, even if the sweep has not noticed it yet.
pub(super) fn is_held(op: &Op, job: &JobRow, hash: &str) -> bool {
    let same = job.lease_hash.as_deref().is_some_and(|kept| kept.as_bytes().ct_eq(hash.as_bytes()).into());
    same && job.lease_expires_at.is_some_and(|until| until > micros(op.now()))
}

pub(super) fn transition_problem(refusal: TransitionError) -> Problem {
    match refusal {
        TransitionError::LeaseLost => lease_lost(),
        TransitionError::NotWaiting => Problem::new(Code::Conflict, "The job is not waiting for a worker."),
        TransitionError::Finished => {
            Problem::new(Code::Conflict, "The job is over; only a retry begins it again.")
        }
        TransitionError::Unfinished => Problem::new(Code::Conflict, "The job is not over; cancel it first."),
    }
}

pub(super) fn lease_lost() -> Problem {
    Problem::new(Code::LeaseLost, "The lease has ended; drop the work and claim again.")
}
