//! A worker's lease on a job: a secret token that the worker sends with every report, of which the store has
//! the hash. When the lease of a silent worker expires, its job is queued again or ends.

use std::time::Duration;

use chrono::TimeDelta;
use subtle::ConstantTimeEq;

use super::execution::{
    CANCELLED, WORKER_LOST, close_execution, end, enqueue_after_loss, notify_waiting_claim,
};
use super::state::{Action, JobInput, Outcome, Transition, TransitionError};
use super::{events, logs, view};
use crate::auth::permission::Permission;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::rfc3339;
use crate::base::hex::sha256_hex;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus, LogLevel, LogLine};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::spider::Runner;
use crate::protocol::worker::ReportResponse;
use crate::storage::crawl_urls::{self, CrawlUrlRow, VisitUpdate};
use crate::storage::executions::{self, ExecutionRow};
use crate::storage::job_logs::NewLogLine;
use crate::storage::job_queue;
use crate::storage::jobs::{self, JobRow};
use crate::storage::{micros, time};

/// Jobs of one pass of the sweep; the next one finds the rest.
const SWEEP_BATCH: u64 = 500;
/// The outcome of a page that was tried alone when the worker was lost again.
const LOST_PAGE_OUTCOME: &str = "the worker was lost twice while it may have read this page";

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
    sha256_hex(token)
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

/// Requeues or ends every job with an expired lease and returns their number: for a timer of about a second,
/// on any node or on all. Each is a transaction of its own; one that fails is logged and does not delay the
/// others.
pub async fn sweep_leases(services: &Services) -> Result<usize> {
    let found = {
        let tx = services.db.system(SystemReason::LeaseSweep).read().await?;
        job_queue::expired(&tx, micros(services.clock.now()), SWEEP_BATCH).await?
    };
    let mut taken = 0;
    for (tenant, id) in found {
        let op = Op::of_system(services, SystemReason::LeaseSweep, tenant);
        match expire_lease(&op, id).await {
            Ok(true) => taken += 1,
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(%problem, tenant.id = %tenant, job.id = %id, "an expired lease was not handled");
            }
        }
    }
    Ok(taken)
}

async fn expire_lease(op: &Op, id: JobId) -> Result<bool> {
    let mut change = op.begin().await?;
    let Some(mut job) = jobs::lock(&change.tx, id).await? else {
        return Ok(false);
    };
    // A report may have extended the lease since, or another node's sweep was first.
    if job.lease_expires_at.is_none_or(|until| until > micros(op.now())) {
        return Ok(false);
    }
    let Ok(step) = view::job_state(&job)?.advance(JobInput::LeaseEnd, op.now()) else {
        return Ok(false);
    };
    let lines = flag_suspects(op, &change, &job, step.action).await?;
    match step.action {
        Action::Enqueue => requeue_after_loss(op, &mut change, &mut job).await?,
        Action::End(Outcome::WorkerLost) => {
            job.error = Some(WORKER_LOST.to_owned());
            end(op, &mut change, &mut job, Outcome::WorkerLost).await?;
        }
        Action::End(ending) => {
            job.finish_reason = Some(CANCELLED.to_owned());
            end(op, &mut change, &mut job, ending).await?;
        }
        Action::Unchanged
        | Action::GrantLease
        | Action::RecordProgress(_)
        | Action::RequestCancel
        | Action::ReturnToQueue => return Ok(false),
    }
    op.commit(change).await?;
    logs::publish_ephemeral(op, &job, &lines);
    if step.action == Action::Enqueue {
        notify_waiting_claim(op, &job);
    }
    op.services.metrics.leases_lost.inc();
    Ok(true)
}

/// Emits what is pending and ends the execution as lost; the next one waits, after a pause.
async fn requeue_after_loss(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    events::emit_pending_progress(op, change, job)?;
    close_execution(op, change, job, ExecutionStatus::Lost).await?;
    enqueue_after_loss(op, change, job).await?;
    events::alert_worker_lost(op, change, job).await
}

/// One of the pages that a crawl was reading when its worker was lost may have been the cause. Fails the
/// suspect that was being tried and, if the job continues, makes suspects of the pages in progress. Returns
/// the lines for the job's log, to be published after the commit.
async fn flag_suspects(op: &Op, change: &EventTx, job: &JobRow, action: Action) -> Result<Vec<LogLine>> {
    if job.runner != Runner::Builtin.name() {
        return Ok(Vec::new());
    }
    let id = JobId(job.id);
    let tried = crawl_urls::alone(&change.tx, id).await?;
    let mut lines: Vec<NewLogLine> =
        tried.iter().map(|page| log_line(op, LogLevel::Error, lost_page(page))).collect();
    for page in tried {
        let attempts = page.attempts.saturating_add(1);
        let outcome = Some(LOST_PAGE_OUTCOME.to_owned());
        let update = VisitUpdate { state: "lost", attempts, items: 0, outcome };
        crawl_urls::save_visits(&change.tx, id, [(update, vec![page.id])].into()).await?;
    }
    if action == Action::Enqueue {
        let suspects = crawl_urls::move_all(&change.tx, id, "taken", "suspect").await?;
        if suspects > 0 {
            lines.push(log_line(op, LogLevel::Warning, suspected_pages(suspects)));
        }
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    logs::store(op, change, id, Some(view::execution_id(job)?), lines).await
}

/// The worker returns the job: none of its pages is suspect.
pub(super) async fn requeue_pages(change: &EventTx, job: &JobRow) -> Result<()> {
    if job.runner == Runner::Builtin.name() {
        crawl_urls::move_all(&change.tx, JobId(job.id), "taken", "queued").await?;
        crawl_urls::move_all(&change.tx, JobId(job.id), "alone", "suspect").await?;
    }
    Ok(())
}

fn lost_page(page: &CrawlUrlRow) -> String {
    format!("{}: {LOST_PAGE_OUTCOME}; this job does not read it again", page.url)
}

fn suspected_pages(pages: u64) -> String {
    format!(
        "The worker was lost with {pages} pages in hand; each is tried once more, alone, after all others"
    )
}

fn log_line(op: &Op, level: LogLevel, message: String) -> NewLogLine {
    NewLogLine { level: level.name(), message, at: micros(op.now()) }
}
