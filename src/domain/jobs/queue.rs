//! What users ask of the queue: to create a job, to cancel it, to retry it. Schedules create jobs here, too.

use std::collections::HashSet;

use super::execution::{CANCELLED, end, enqueue};
use super::state::{Action, JobInput};
use super::validation::{FieldErrors, field_step, list_json};
use super::{lease, reread, view};
use crate::auth::permission::Permission;
use crate::base::ids::{JobId, UserId};
use crate::base::normalize;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::limits::quota::Quota;
use crate::domain::limits::quota_exceeded;
use crate::domain::op::{AuditEntry, Op, forbidden, not_a_user};
use crate::domain::spiders;
use crate::domain::uploads::attach;
use crate::eventlog::EventTx;
use crate::protocol::job::{Job, JobSettings, NewJob};
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::spider::Spider;
use crate::protocol::upload::id_texts;
use crate::storage::job_queue;
use crate::storage::jobs::{self, JobRow};
use crate::storage::upload_attachments::AttachmentTarget;
use crate::storage::{TenantTx, micros};

pub(in crate::domain) use super::execution::notify_waiting_claim;

/// Seconds after which a tenant with a full queue may try again.
const PENDING_RETRY_SECS: u64 = 30;
/// Files that go with one job.
const MAX_FILES: usize = 20;

/// Creates a job of the caller's own; an API key creates it for its maker.
pub async fn create(op: &Op, new: NewJob) -> Result<Job> {
    op.require(Permission::StartJobs)?;
    let owner = op.principal().and_then(|principal| principal.owner_id()).ok_or_else(not_a_user)?;
    create_for(op, owner, new).await
}

/// Creates a job for a user of the tenant: if there is no caller, or the caller acts for someone else.
pub async fn create_for(op: &Op, owner: UserId, new: NewJob) -> Result<Job> {
    op.require(Permission::StartJobs)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let job = insert(op, &mut change, JobOwner::User(owner), new).await?;
    let answer = op.commit_idempotent(change, |_| view::job(&job)).await?;
    notify_waiting_claim(op, &job);
    Ok(answer)
}

/// The user that a job belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum JobOwner {
    /// The user that asked for it.
    User(UserId),
    /// The user that set the schedule which makes it.
    Scheduler(UserId),
    /// The same, but that user is removed or inactive: the job belongs to no user.
    FormerScheduler(UserId),
}

impl JobOwner {
    fn user(self) -> UserId {
        match self {
            Self::User(user) | Self::Scheduler(user) | Self::FormerScheduler(user) => user,
        }
    }
}

/// Queues a job, in a change that the caller commits, followed by [`notify_waiting_claim`]. Every refusal comes before
/// anything is written.
pub(in crate::domain) async fn insert(
    op: &Op,
    change: &mut EventTx,
    owner: JobOwner,
    new: NewJob,
) -> Result<JobRow> {
    let upload_ids = id_texts(new.upload_ids.clone());
    let plan = plan(change, new).await?;
    let files = attach::lock_own_files(&change.tx, owner.user(), &upload_ids).await?;
    require_pending_quota(op, change).await?;
    let row = jobs::NewJob {
        spider_name: &plan.spider.name,
        runner: plan.spider.runner.name(),
        target_urls: list_json(&plan.target_urls),
        // Numbers and strings always serialise.
        settings: serde_json::to_string(&plan.settings).unwrap_or_default(),
        tags: list_json(&plan.tags),
        attachments: attach::to_json(&files),
        created_by: owner.user(),
        scheduled: !matches!(owner, JobOwner::User(_)),
        ownerless: matches!(owner, JobOwner::FormerScheduler(_)),
        now: micros(op.now()),
    };
    let mut job = jobs::insert(&change.tx, row).await?;
    attach::bind(&change.tx, &files, AttachmentTarget::Job(JobId(job.id))).await?;
    enqueue(op, change, &mut job).await?;
    Ok(job)
}

/// Fails if the tenant has its maximum of waiting jobs. On PostgreSQL, concurrent creations do not see one
/// another, so the maximum may be exceeded by as many as are in flight.
async fn require_pending_quota(op: &Op, change: &EventTx) -> Result<()> {
    let (limits, tenant_id) = (&op.services.limits, op.scope.tenant_id());
    let Some(most) = limits.limit(tenant_id, Quota::PendingJobs) else { return Ok(()) };
    let pending = job_queue::pending(&change.tx).await?;
    if limits.allows_one_more(tenant_id, Quota::PendingJobs, pending, op.now()) {
        return Ok(());
    }
    Err(quota_exceeded(Quota::PendingJobs, most, PENDING_RETRY_SECS))
}

/// A job as requested, with what the spider adds.
struct Plan {
    spider: Spider,
    target_urls: Vec<String>,
    settings: JobSettings,
    tags: Vec<String>,
}

/// Reports every bad field, including an unknown spider.
async fn plan(change: &EventTx, new: NewJob) -> Result<Plan> {
    let name = new.reread.as_ref().map_or(&new.spider_name, |reread| &reread.spider);
    let spider = spiders::resolve(&change.tx, name).await?;
    let mut faults = FieldErrors::default();
    reread::check(&mut faults, &new);
    match &new.reread {
        Some(_) => reread::check_spider(&mut faults, spider.as_ref()),
        None if spider.is_none() && !new.spider_name.is_empty() => {
            let words = "must be `auto` or a spider of this tenant";
            faults.add(&[field_step("spider_name")], "unknown", words);
        }
        None => {}
    }
    let asked = new.target_urls.unwrap_or_default();
    let start_urls = spider.as_ref().map(|spider| spider.start_urls.clone()).unwrap_or_default();
    let target_urls = if asked.is_empty() && new.reread.is_none() { start_urls } else { asked };
    let tags: Vec<String> = new.tags.unwrap_or_default().iter().map(|tag| normalize::exact(tag)).collect();
    let files = new.upload_ids.as_deref().unwrap_or_default().len();

    if spider.is_some() && target_urls.is_empty() && new.reread.is_none() {
        faults.add(
            &[field_step("target_urls")],
            "required",
            "must have a URL, because the spider has no start URLs",
        );
    }
    faults.urls("target_urls", &target_urls);
    faults.hosts("allowed_hosts", new.allowed_hosts.as_deref().unwrap_or_default());
    faults.tags("tags", &tags);
    faults.count("max_pages", 1, new.max_pages);
    faults.count("max_items", 1, new.max_items);
    faults.require(files <= MAX_FILES, "upload_ids", "max_items", "must have at most 20 files");
    faults.into_result()?;

    // An unknown spider was rejected above.
    let spider = spider.ok_or_else(Problem::not_found)?;
    let own_hosts = if new.reread.is_some() { Vec::new() } else { spider.allowed_hosts.clone() };
    let allowed_hosts = new.allowed_hosts.unwrap_or(own_hosts);
    // A spider's limits are for its requests.
    let limits = spider.limits.filter(|_| new.reread.is_none()).unwrap_or_default();
    let settings = JobSettings {
        max_pages: new.max_pages.or(limits.max_pages),
        max_items: new.max_items.or(limits.max_items),
        allowed_hosts,
        targets_only: new.targets_only.filter(|_| new.reread.is_none()),
        reread: new.reread,
    };
    Ok(Plan { spider, target_urls, settings, tags: dedup_tags(tags) })
}

/// Spellings of one tag are one tag, at the index of the first of them.
fn dedup_tags(tags: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect()
}

/// Every bad field of a job to create, as far as known without its spider.
pub fn validate_new_job(new: &NewJob) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    reread::check(&mut faults, new);
    faults.urls("target_urls", new.target_urls.as_deref().unwrap_or_default());
    faults.hosts("allowed_hosts", new.allowed_hosts.as_deref().unwrap_or_default());
    faults.tags("tags", new.tags.as_deref().unwrap_or_default());
    faults.count("max_pages", 1, new.max_pages);
    faults.count("max_items", 1, new.max_items);
    faults.into_errors()
}

/// A pending job is cancelled at once. The worker of a running one learns of it with its next report; the job
/// is cancelled when the worker completes it as such, or when its lease ends.
pub async fn cancel(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::CancelOwnJobs)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let mut job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    require_own(op, &job)?;
    let step =
        view::job_state(&job)?.advance(JobInput::Cancel, op.now()).map_err(lease::transition_problem)?;
    match step.action {
        Action::End(ending) => {
            job.finish_reason = Some(CANCELLED.to_owned());
            audit_job_action(op, &change.tx, &job, "job.cancelled").await?;
            end(op, &mut change, &mut job, ending).await?;
        }
        Action::RequestCancel => {
            audit_job_action(op, &change.tx, &job, "job.cancel_requested").await?;
            job.cancel_requested = true;
            job.updated_at = micros(op.now());
            jobs::save(&change.tx, &job).await?;
        }
        Action::Unchanged
        | Action::GrantLease
        | Action::RecordProgress(_)
        | Action::Enqueue
        | Action::ReturnToQueue => {}
    }
    op.commit_idempotent(change, |_| view::job(&job)).await
}

/// Queues the same job with a new execution. Lost workers are counted anew from it.
pub async fn retry(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::CancelOwnJobs)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let mut job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    require_own(op, &job)?;
    let step =
        view::job_state(&job)?.advance(JobInput::Retry, op.now()).map_err(lease::transition_problem)?;
    if step.action == Action::Enqueue {
        audit_job_action(op, &change.tx, &job, "job.retried").await?;
        job.first_attempt = job.attempt + 1;
        enqueue(op, &mut change, &mut job).await?;
    }
    let answer = op.commit_idempotent(change, |_| view::job(&job)).await?;
    notify_waiting_claim(op, &job);
    Ok(answer)
}

/// Allows one's own job, or any job with the permission.
fn require_own(op: &Op, job: &JobRow) -> Result<()> {
    let owner = op.principal().and_then(|principal| principal.owner_id());
    let own = owner.is_some() && owner == job.owner();
    if own || op.may(Permission::CancelAnyJob) { Ok(()) } else { Err(forbidden(Permission::CancelAnyJob)) }
}

/// Writes an audit entry if the job belongs to another user.
async fn audit_job_action(op: &Op, tx: &TenantTx, job: &JobRow, action: &'static str) -> Result<()> {
    let owner = job.owner();
    let detail = owner.map(|owner| serde_json::json!({ "created_by": owner.0 }));
    let entry = AuditEntry { action, target_kind: "job", target_id: job.id.to_string(), detail };
    match owner {
        Some(owner) => op.audit_unless_own(tx, owner, entry).await,
        None => op.audit(tx, entry).await,
    }
}
