//! What a worker reports about the job that it holds: start, heartbeat, progress, and the end. Progress
//! updates the job's row at once; its event is emitted at most twice a second, and what is merged meanwhile
//! is emitted by the timer ([`flush_progress`]) or by the final report.

use std::collections::BTreeMap;

use super::events;
use super::execution::{CANCELLED, begin_execution, current_execution, end, notify_waiting_claim};
use super::lease::{self, Lease, LeaseCheck};
use super::state::{Action, Emit, JobInput, MIN_PROGRESS_INTERVAL, Outcome};
use super::validation::{FieldErrors, ensure_valid, stats_json};
use crate::auth::permission::Permission;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{JobId, TenantId};
use crate::base::text;
use crate::domain::coverage::{self, SourceCoverage};
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::{Op, Services};
use crate::eventlog::EventTx;
use crate::protocol::job::{CrawlStats, ExecutionStatus, JobStatus};
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::worker::{CompleteReport, FailReport, ProgressReport, ReportResponse};
use crate::storage::job_queue;
use crate::storage::jobs::{self, JobRow};
use crate::storage::{executions, micros};

/// The finish reason of a worker that gives none.
const FINISHED: &str = "finished";
/// Maximum bytes of an error.
const MAX_ERROR_BYTES: usize = 4 * 1024;
/// Jobs of one pass of the timer; the next pass is a quarter of a second away.
const FLUSH_BATCH: u64 = 1_000;
/// Scrapy's name for the number of pages received.
const PAGES: &str = "response_received_count";
/// Scrapy's name for the number of items scraped.
const ITEMS: &str = "item_scraped_count";

#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub items_scraped: i64,
    pub pages_crawled: Option<i64>,
    pub stats: Option<CrawlStats>,
    pub sequence: i64,
}

/// A worker's final report. Absent fields are taken from its stats under Scrapy's names.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub items_scraped: Option<i64>,
    pub pages_crawled: Option<i64>,
    pub stats: Option<CrawlStats>,
    pub finish_reason: Option<String>,
    /// What the built-in crawler read, by source; empty for external workers.
    pub coverage: Vec<SourceCoverage>,
}

#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub error: String,
    pub stats: Option<CrawlStats>,
}

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

/// Extends the lease and emits no event.
pub async fn heartbeat(op: &Op, lease: &Lease<'_>) -> Result<ReportResponse> {
    let change = op.begin().await?;
    let (mut job, _) = lease::require(op, &change, lease, JobInput::Heartbeat).await?;
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    lease::report_answer(&job, None)
}

/// Whether the job shall stop, for a worker with nothing to report and a valid lease. Changes nothing, and
/// unlike a report costs no write.
pub async fn is_cancel_requested(op: &Op, lease: &Lease<'_>) -> Result<bool> {
    op.require(Permission::RunJobs)?;
    let tx = op.read().await?;
    let job = jobs::find(&tx, lease.job_id).await?.ok_or_else(Problem::not_found)?;
    if lease::is_held(op, &job, &lease::hash(lease.token)) {
        Ok(job.cancel_requested)
    } else {
        Err(lease::lease_lost())
    }
}

/// Stores the figures, unless a report of the same or a later sequence came before. The answer has a position
/// if an event was emitted.
pub async fn progress(op: &Op, lease: &Lease<'_>, progress: Progress) -> Result<ReportResponse> {
    ensure_valid(validate_progress(&progress))?;
    let mut change = op.begin().await?;
    let report = JobInput::Progress { sequence: progress.sequence };
    let (mut job, step) = lease::require(op, &change, lease, report).await?;
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    let mut emitted = false;
    if let Action::RecordProgress(emit) = step.action {
        apply_progress(&mut job, &progress);
        match emit {
            Emit::Now => {
                events::emit_progress(op, &mut change, &mut job)?;
                emitted = true;
            }
            Emit::Merged => job.progress_pending = true,
        }
    }
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    let position = op.commit(change).await?;
    lease::report_answer(&job, position.filter(|_| emitted))
}

impl From<ProgressReport> for Progress {
    fn from(report: ProgressReport) -> Self {
        let ProgressReport { items_scraped, pages_crawled, stats, sequence, .. } = report;
        Self { items_scraped, pages_crawled, stats, sequence }
    }
}

/// Every bad field of the report.
pub fn validate_progress(progress: &Progress) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.count("items_scraped", 0, Some(progress.items_scraped));
    faults.count("pages_crawled", 0, progress.pages_crawled);
    faults.count("sequence", 0, Some(progress.sequence));
    faults.stats("stats", progress.stats.as_ref());
    faults.into_errors()
}

fn apply_progress(job: &mut JobRow, progress: &Progress) {
    job.progress_sequence = progress.sequence;
    job.items_scraped = progress.items_scraped;
    let counted = stat_count(progress.stats.as_ref(), PAGES);
    job.pages_crawled = progress.pages_crawled.or(counted).unwrap_or(job.pages_crawled);
    if let Some(stats) = &progress.stats {
        job.stats = Some(stats_json(stats));
    }
}

/// Ends the job as completed or, when that is the reason, as cancelled. The same report repeated with the
/// same lease gets the same answer and changes nothing.
pub async fn complete(op: &Op, lease: &Lease<'_>, done: Completion) -> Result<ReportResponse> {
    ensure_valid(validate_completion(&done))?;
    let reason = finish_reason(&done);
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let report = JobInput::Complete { cancelled: reason == CANCELLED };
    let (mut job, step) = match lease::check(op, &change, lease, report).await? {
        LeaseCheck::Valid(job, step) => (job, step),
        LeaseCheck::Ended(job, execution) => {
            let ends = [ExecutionStatus::Completed, ExecutionStatus::Cancelled];
            let answer = lease::answer_repeated(&job, &execution, &ends)?;
            return op.commit_idempotent(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    apply_completion(&mut job, &done);
    job.finish_reason = Some(reason);
    let ending = if let Action::End(ending) = step.action { ending } else { Outcome::Completed };
    end(op, &mut change, &mut job, ending).await?;
    coverage::keep(op, &mut change, &job, &done.coverage).await?;
    op.commit_idempotent(change, |position| lease::report_answer(&job, position)).await
}

impl From<CompleteReport> for Completion {
    fn from(report: CompleteReport) -> Self {
        let CompleteReport { items_scraped, pages_crawled, stats, finish_reason, .. } = report;
        Self { items_scraped, pages_crawled, stats, finish_reason, coverage: Vec::new() }
    }
}

/// Every bad field of the report.
pub fn validate_completion(done: &Completion) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.count("items_scraped", 0, done.items_scraped);
    faults.count("pages_crawled", 0, done.pages_crawled);
    faults.stats("stats", done.stats.as_ref());
    let fits = done.finish_reason.as_deref().is_none_or(is_reason);
    faults.require(fits, "finish_reason", "length", "must have 1 to 100 characters");
    faults.into_errors()
}

fn is_reason(reason: &str) -> bool {
    text::has_length(reason, 1, 100)
}

fn finish_reason(done: &Completion) -> String {
    let counted = || {
        let word = done.stats.as_ref()?.get("finish_reason")?.as_str()?;
        is_reason(word).then(|| word.to_owned())
    };
    done.finish_reason.clone().or_else(counted).unwrap_or_else(|| FINISHED.to_owned())
}

fn apply_completion(job: &mut JobRow, done: &Completion) {
    let stats = done.stats.as_ref();
    job.items_scraped = done.items_scraped.or(stat_count(stats, ITEMS)).unwrap_or(job.items_scraped);
    job.pages_crawled = done.pages_crawled.or(stat_count(stats, PAGES)).unwrap_or(job.pages_crawled);
    if let Some(stats) = stats {
        job.stats = Some(stats_json(stats));
    }
}

/// A count among Scrapy's stats.
fn stat_count(stats: Option<&CrawlStats>, name: &str) -> Option<i64> {
    stats?.get(name)?.as_i64().filter(|count| *count >= 0)
}

/// Ends the job as failed. The same report repeated with the same lease gets the same answer and changes nothing.
pub async fn fail(op: &Op, lease: &Lease<'_>, failure: Failure) -> Result<ReportResponse> {
    ensure_valid(validate_failure(&failure))?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let (mut job, step) = match lease::check(op, &change, lease, JobInput::Fail).await? {
        LeaseCheck::Valid(job, step) => (job, step),
        LeaseCheck::Ended(job, execution) => {
            let answer = lease::answer_repeated(&job, &execution, &[ExecutionStatus::Failed])?;
            return op.commit_idempotent(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    job.error = Some(failure.error);
    if let Some(stats) = &failure.stats {
        job.stats = Some(stats_json(stats));
    }
    end(op, &mut change, &mut job, Outcome::Failed).await?;
    op.commit_idempotent(change, |position| lease::report_answer(&job, position)).await
}

impl From<FailReport> for Failure {
    fn from(report: FailReport) -> Self {
        let FailReport { error, stats, .. } = report;
        Self { error, stats }
    }
}

/// Every bad field of the report.
pub fn validate_failure(failure: &Failure) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let fits = (1..=MAX_ERROR_BYTES).contains(&failure.error.len()) && !failure.error.contains('\0');
    faults.require(fits, "error", "length", "must have 1 byte to 4 KiB of text without NUL");
    faults.stats("stats", failure.stats.as_ref());
    faults.into_errors()
}

/// Returns the job before it is done, so that another worker can take it at once: for the server's own
/// crawler when its node stops. The execution and its figures continue: no worker was lost, and it does not
/// count as an execution. A job with a cancel request is cancelled instead.
pub async fn release(op: &Op, lease: &Lease<'_>) -> Result<()> {
    let mut change = op.begin().await?;
    let (mut job, step) = lease::require(op, &change, lease, JobInput::Release).await?;
    if let Action::End(ending) = step.action {
        job.finish_reason = Some(CANCELLED.to_owned());
        end(op, &mut change, &mut job, ending).await?;
    } else {
        return_to_queue(op, &mut change, &mut job).await?;
    }
    op.commit(change).await?;
    if job.finished_at.is_none() {
        notify_waiting_claim(op, &job);
    }
    Ok(())
}

async fn return_to_queue(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    events::emit_pending_progress(op, change, job)?;
    let mut execution = current_execution(change, job).await?;
    execution.status = ExecutionStatus::Pending.name().to_owned();
    execution.started_at = None;
    execution.worker = None;
    execution.lease_hash = None;
    executions::save(&change.tx, &execution).await?;
    job.status = JobStatus::Pending.name().to_owned();
    job.updated_at = micros(op.now());
    job.started_at = None;
    job.lease_hash = None;
    job.lease_expires_at = None;
    // The next worker numbers its reports anew.
    job.progress_sequence = -1;
    job.not_before = None;
    job.claimed_by = None;
    lease::requeue_pages(change, job).await?;
    jobs::save(&change.tx, job).await?;
    events::emit_queued(op, change, job)
}

/// Emits merged progress that is due, tenant by tenant, and returns the number of jobs: for a timer of about
/// a quarter of a second, on any node or on all. A tenant that fails is logged and does not delay the others.
pub async fn flush_progress(services: &Services) -> Result<usize> {
    let now = services.clock.now();
    let found = {
        let tx = services.db.system(SystemReason::MergedWrite).read().await?;
        job_queue::with_pending_progress(&tx, micros(now - MIN_PROGRESS_INTERVAL), micros(now), FLUSH_BATCH)
            .await?
    };
    let mut of_tenants: BTreeMap<TenantId, Vec<JobId>> = BTreeMap::new();
    for (tenant, job) in found {
        of_tenants.entry(tenant).or_default().push(job);
    }
    let mut emitted = 0;
    for (tenant, ids) in of_tenants {
        let op = Op::of_system(services, SystemReason::MergedWrite, tenant);
        match emit_pending(&op, &ids).await {
            Ok(count) => emitted += count,
            Err(problem) => tracing::warn!(%problem, tenant.id = %tenant, "merged progress was not emitted"),
        }
    }
    Ok(emitted)
}

async fn emit_pending(op: &Op, ids: &[JobId]) -> Result<usize> {
    let mut change = op.begin().await?;
    let mut emitted = 0;
    for mut job in jobs::lock_all(&change.tx, ids).await? {
        // A report or another node's timer may have emitted it since.
        if job.progress_pending {
            events::emit_pending_progress(op, &mut change, &mut job)?;
            jobs::save(&change.tx, &job).await?;
            emitted += 1;
        }
    }
    op.commit(change).await?;
    Ok(emitted)
}
