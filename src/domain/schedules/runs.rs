//! Starts the jobs that schedules are due to start. A run is claimed by changing the schedule's next run in the
//! transaction that makes the job: of several nodes one makes it, and a node that is killed in between has made neither.

use chrono::{DateTime, TimeDelta, Utc};

use super::timing::Timing;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::epoch_seconds;
use crate::base::ids::{JobId, UserId};
use crate::domain::error::Result;
use crate::domain::jobs::queue::{self, JobOwner};
use crate::domain::notifications::notify;
use crate::domain::op::{AuditEntry, Op, Services};
use crate::domain::spiders;
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::job::NewJob;
use crate::protocol::message::{Logged, Severity, SystemAlert};
use crate::protocol::problem::{Code, Problem};
use crate::storage::jobs::{self, JobRow};
use crate::storage::schedules::{self, DueRun, RunResult, ScheduleRow};
use crate::storage::{TenantTx, micros, time, users};

/// Runs of one pass; the next pass finds the rest.
const BATCH: u64 = 500;
/// Seconds after which a run is tried again that the tenant's quota refused, if the refusal names none.
const RETRY_SECS: u32 = 30;

/// Starts the jobs of every run that is due and returns their number: for a timer of about a second, on any node or on
/// all. Each is a transaction of its own; one that fails is logged, stays due and does not delay the others.
pub async fn start_due(services: &Services) -> Result<usize> {
    let found = {
        let tx = services.db.system(SystemReason::Schedule).read().await?;
        schedules::due(&tx, micros(services.clock.now()), BATCH).await?
    };
    let mut started = 0;
    for run in &found {
        match start(services, run).await {
            Ok(true) => started += 1,
            Ok(false) => {}
            Err(problem) => {
                let (tenant, spider) = (run.tenant, &run.spider_name);
                let words = "a scheduled run failed; will retry";
                tracing::warn!(%problem, tenant.id = %tenant, spider.name = %spider, "{words}");
            }
        }
    }
    Ok(started)
}

/// Starts the job of a run, if no other node has. `false`: there is no job.
async fn start(services: &Services, run: &DueRun) -> Result<bool> {
    let op = Op::of_system(services, SystemReason::Schedule, run.tenant);
    let mut change = op.begin().await?;
    let Some(outcome) = claim(&op, &mut change, run).await? else { return Ok(false) };
    op.commit(change).await?;
    Ok(match outcome {
        Outcome::Started(job) => {
            queue::notify_waiting_claim(&op, &job);
            true
        }
        Outcome::Skipped(_) | Outcome::Refused(_) | Outcome::Postponed(_) => false,
    })
}

/// What becomes of a run.
pub(super) enum Outcome {
    Started(Box<JobRow>),
    /// The job of the run before is pending or running.
    Skipped(JobId),
    /// The spider, or the schedule, breaks a rule.
    Refused(Problem),
    /// The tenant's quota of jobs is used up; tried again after this number of seconds.
    Postponed(u32),
}

/// Claims the run and does what is due, in a change that the caller commits. `None`: there is nothing to do, since
/// another node was first or the schedule has changed.
pub(super) async fn claim(op: &Op, change: &mut EventTx, run: &DueRun) -> Result<Option<Outcome>> {
    // The spider before its schedule, as a request that saves both locks them.
    if spiders::resolve(&change.tx, &run.spider_name).await?.is_none() {
        return Ok(None);
    }
    let Some(row) = schedules::lock_due(&change.tx, run).await? else { return Ok(None) };
    let timing = Timing::parse(&row.cron, &row.timezone);
    let outcome = match &timing {
        Some(_) => attempt(op, change, &row).await?,
        None => Outcome::Refused(unreadable(&row)),
    };
    report(op, change, &row, &outcome).await?;
    let next = next_run(op, timing.as_ref(), &row, &outcome).map(micros);
    let result = match &outcome {
        Outcome::Started(job) => RunResult::Started { job: JobId(job.id), at: micros(op.now()) },
        Outcome::Skipped(_) => RunResult::Skipped,
        Outcome::Refused(_) => RunResult::Refused,
        Outcome::Postponed(_) => RunResult::Postponed,
    };
    let is_claimed = schedules::advance(&change.tx, &row, next, result).await?;
    Ok(is_claimed.then_some(outcome))
}

async fn attempt(op: &Op, change: &mut EventTx, row: &ScheduleRow) -> Result<Outcome> {
    if let Some(job) = unended_job(&change.tx, row).await? {
        return Ok(Outcome::Skipped(job));
    }
    let owner = owner(&change.tx, UserId(row.set_by)).await?;
    let new = NewJob { spider_name: row.spider_name.clone(), ..NewJob::default() };
    match queue::insert(op, change, owner, new).await {
        Ok(job) => Ok(Outcome::Started(Box::new(job))),
        // Both refuse before anything is written.
        Err(problem) if problem.code == Code::ValidationFailed => Ok(Outcome::Refused(problem)),
        Err(problem) if problem.code == Code::RateLimited => {
            Ok(Outcome::Postponed(problem.retry_after.unwrap_or(RETRY_SECS).max(1)))
        }
        Err(problem) => Err(problem),
    }
}

/// The job that the schedule started last, if it has not ended.
async fn unended_job(tx: &TenantTx, row: &ScheduleRow) -> Result<Option<JobId>> {
    let Some(id) = row.last_job_id.map(JobId) else { return Ok(None) };
    Ok(jobs::is_open(tx, id).await?.then_some(id))
}

/// The user that set the schedule, while that is an active user of the tenant.
async fn owner(tx: &TenantTx, set_by: UserId) -> Result<JobOwner> {
    let user = users::find(tx, set_by).await?;
    let is_active = user.is_some_and(|user| user.is_active);
    Ok(if is_active { JobOwner::Scheduler(set_by) } else { JobOwner::FormerScheduler(set_by) })
}

/// `None`: the schedule cannot be read, and stops until it is set again.
fn next_run(op: &Op, timing: Option<&Timing>, row: &ScheduleRow, outcome: &Outcome) -> Option<DateTime<Utc>> {
    let timing = timing?;
    if let Outcome::Postponed(seconds) = outcome {
        return op.now().checked_add_signed(TimeDelta::seconds(i64::from(*seconds)));
    }
    let due = row.next_run_at.map_or(op.now(), time);
    let entropy = op.services.entropy;
    timing.run_after(due, op.now(), row.jitter_seconds.unsigned_abs(), &|below| entropy.below(below))
}

/// Writes down a run that made no job: in the audit log, once for each job that is in the way; to the admins, once until
/// the schedule is set again or a run succeeds.
async fn report(op: &Op, change: &mut EventTx, row: &ScheduleRow, outcome: &Outcome) -> Result<()> {
    let (tenant, spider) = (op.scope.tenant_id(), &row.spider_name);
    match outcome {
        Outcome::Started(_) => {}
        Outcome::Skipped(job) => {
            let words = "a scheduled run was skipped: the job of the run before has not ended";
            tracing::info!(tenant.id = %tenant, spider.name = %spider, job.id = %job, "{words}");
            if row.skipped_runs == 0 {
                op.audit(&change.tx, skipped_entry(row, *job)).await?;
            }
        }
        Outcome::Postponed(seconds) => {
            let words = "a scheduled run waits: the tenant's quota of pending jobs is used up";
            tracing::info!(tenant.id = %tenant, spider.name = %spider, seconds, "{words}");
        }
        Outcome::Refused(problem) => {
            tracing::info!(tenant.id = %tenant, spider.name = %spider, "a scheduled run was refused");
            if !row.refused {
                alert_refused(op, change, row, problem).await?;
            }
        }
    }
    Ok(())
}

fn skipped_entry(row: &ScheduleRow, job: JobId) -> AuditEntry {
    AuditEntry {
        action: "spider.run_skipped",
        target_kind: "spider",
        target_id: row.spider_name.clone(),
        detail: Some(serde_json::json!({ "job_id": job.0 })),
    }
}

/// For the admins: they set schedules.
async fn alert_refused(op: &Op, change: &mut EventTx, row: &ScheduleRow, problem: &Problem) -> Result<()> {
    let message = SystemAlert {
        severity: Severity::Warning,
        category: "schedule".to_owned(),
        message: format!(
            "The schedule of the spider {} could not start a job: {}. This alert is not repeated until the spider is \
             saved or a run succeeds.",
            row.spider_name,
            problem.message().trim_end_matches('.')
        ),
        job_id: None,
        timestamp: epoch_seconds(op.now()),
        logged: Logged::default(),
    };
    notify(op, change, Event::Alert { concerns: None, message }).await
}

fn unreadable(row: &ScheduleRow) -> Problem {
    let words = format!(
        "this version of the program does not know the time zone {} or the expression {}",
        row.timezone, row.cron
    );
    Problem::new(Code::ValidationFailed, words)
}
