//! Workers claim jobs: an external one with its API key, if need be after a wait; the server's own crawler
//! takes the builtin jobs of all tenants in turn.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::execution::current_execution;
use super::state::{Action, JobInput};
use super::wakeups::{QueuedJob, TooManyWaiting};
use super::{lease, settings, validation, view};
use crate::auth::permission::Permission;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{KeyId, TenantId};
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::domain::spiders::is_valid_name;
use crate::eventlog::EventTx;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::spider::Runner;
use crate::protocol::worker::{Claim, ClaimRequest};
use crate::storage::job_queue::{self, WaitingBuiltin};
use crate::storage::jobs::{self, JobRow};
use crate::storage::{executions, micros, time};

/// The longest wait for a job, in seconds.
pub const MAX_WAIT_SECS: i64 = 30;
/// Names in a claim.
const MAX_SPIDERS: usize = 100;
/// Seconds after which a caller with too many waiting claims may try again.
const TOO_MANY_RETRY_SECS: u32 = 5;
/// The name of the server's own crawler among the workers.
const BUILTIN: &str = "builtin";
/// Interval between two polls, randomised so that nodes do not poll together.
const SHORTEST_POLL_MS: u64 = 750;
const LONGEST_POLL_MS: u64 = 1_250;
/// Spiders, and paused jobs, of one poll; the next poll finds the rest, when these have been taken.
const POLL_BATCH: u64 = 10_000;
/// Tenants that are remembered as served. A tenant that is forgotten counts as never served.
const MAX_TENANTS: usize = 10_000;

/// Claims the oldest waiting job of external spiders, if need be after a wait. `None`: there was none in that time.
/// `stop` ends the wait. If it is dropped at the very moment of success, the job waits until its lease ends.
pub async fn claim(
    op: &Op,
    request: &ClaimRequest,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Option<Claim>> {
    op.require(Permission::RunJobs)?;
    validation::ensure_valid(validate(request))?;
    let spiders = request.spiders.as_deref();
    let wait = u64::try_from(request.wait_seconds.unwrap_or(0)).unwrap_or(0);
    if wait == 0 {
        return claim_now(op, spiders, length).await;
    }
    let end = op.now() + Duration::from_secs(wait);
    let Services { wakeups, clock, job_settings, .. } = &op.services;
    // Registers before it queries, so that a job created in between wakes it.
    let mut waiting = match wakeups.register(op.scope.tenant_id(), &claimer(op), spiders, job_settings) {
        Ok(waiting) => waiting,
        // It may still take a job that is available, but not wait.
        Err(too_many) => {
            return claim_now(op, spiders, length).await?.map(Some).ok_or_else(|| too_many_waiting(too_many));
        }
    };
    loop {
        let claim = claim_now(op, spiders, length).await?;
        waiting.clear_wakeup();
        if claim.is_some() {
            return Ok(claim);
        }
        let left = (end - op.now()).to_std().unwrap_or_default();
        if left.is_zero() || stop.is_cancelled() {
            return Ok(None);
        }
        tokio::select! {
            () = waiting.notified() => {}
            () = stop.cancelled() => {}
            () = clock.sleep(left) => {}
            never = poll_for_all(&op.services) => match never {},
        }
    }
}

fn too_many_waiting(too_many: TooManyWaiting) -> Problem {
    let words = match too_many {
        TooManyWaiting::OfKey(most) => format!("{most} claims of this key wait already."),
        TooManyWaiting::OfTenant(most) => format!("{most} claims of your tenant wait already."),
    };
    Problem::new(Code::RateLimited, words).retry_after(TOO_MANY_RETRY_SECS)
}

/// Claims the oldest waiting job of external spiders, or of these among them.
pub async fn claim_now(op: &Op, spiders: Option<&[String]>, length: Duration) -> Result<Option<Claim>> {
    op.require(Permission::RunJobs)?;
    let claimer = claimer(op);
    let claiming = op.services.job_settings.claiming(&claimer, op.now());
    // Workers ask far more often than jobs are created: query before a writing transaction is begun.
    if !job_queue::any_claimable(&op.read().await?, spiders, &claiming).await? {
        return Ok(None);
    }
    let change = op.begin().await?;
    let Some(job) = job_queue::lock_claimable(&change.tx, spiders, &claiming).await? else {
        return Ok(None);
    };
    grant_lease(op, change, job, length).await
}

/// Grants a new lease for the locked job, if it is still free and due.
async fn grant_lease(op: &Op, change: EventTx, mut job: JobRow, length: Duration) -> Result<Option<Claim>> {
    let claimer = claimer(op);
    let step = view::job_state(&job)?.advance(JobInput::Claim, op.now());
    let is_due = settings::is_due(&job, &op.services.job_settings.claiming(&claimer, op.now()));
    if !is_due || step.map(|step| step.action) != Ok(Action::GrantLease) {
        return Ok(None);
    }
    let lease_token = op.services.entropy.token();
    let hash = lease::hash(&lease_token);
    let mut execution = current_execution(&change, &job).await?;
    execution.lease_hash = Some(hash.clone());
    execution.worker = Some(worker(op));
    executions::save(&change.tx, &execution).await?;
    job.lease_hash = Some(hash);
    job.not_before = None;
    job.claimed_by = Some(claimer);
    lease::extend(op, &mut job, length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    let lease_seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    Ok(Some(Claim { job: view::job(&job)?, lease_token, lease_seconds }))
}

fn worker(op: &Op) -> String {
    key(op).map_or_else(|| BUILTIN.to_owned(), |key| key.to_string())
}

/// The claimer: the API key of an external worker, else this node.
fn claimer(op: &Op) -> String {
    key(op).map_or_else(|| node_claimer(&op.services), |key| format!("key:{key}"))
}

/// This node as a claimer.
fn node_claimer(services: &Services) -> String {
    format!("node:{}", services.node)
}

fn key(op: &Op) -> Option<KeyId> {
    op.principal().and_then(|principal| principal.key_id())
}

/// Every bad field of a claim.
pub fn validate(request: &ClaimRequest) -> Vec<FieldError> {
    let mut faults = validation::FieldErrors::default();
    let wait = request.wait_seconds.unwrap_or(0);
    faults.require((0..=MAX_WAIT_SECS).contains(&wait), "wait_seconds", "range", "must be 0 to 30");
    let names = request.spiders.as_deref().map_or(0, <[String]>::len);
    faults.require(names <= MAX_SPIDERS, "spiders", "max_items", "must have at most 100 names");
    for (index, name) in request.spiders.iter().flatten().enumerate().take(MAX_SPIDERS) {
        if !is_valid_name(name) {
            faults.add(
                &[validation::field_step("spiders"), validation::index_step(index)],
                "pattern",
                "must be a spider's name",
            );
        }
    }
    faults.into_errors()
}

/// Polls for jobs that other nodes queued, and for jobs at the end of their pause after a lost worker, until
/// it is dropped. Of all that call this on a node one polls, and the others wait to take over.
async fn poll_for_all(services: &Services) -> Infallible {
    let _leader = services.wakeups.lead_polling().await;
    let mut next = None;
    loop {
        let usual = services.clock.now() + poll_interval(services);
        services.clock.sleep_until(next.map_or(usual, |next| usual.min(next))).await;
        next = poll_once(services).await.unwrap_or_else(|problem| {
            tracing::debug!(%problem, "the poll for waiting jobs failed; it is repeated");
            None
        });
    }
}

fn poll_interval(services: &Services) -> Duration {
    Duration::from_millis(SHORTEST_POLL_MS + services.entropy.below(LONGEST_POLL_MS - SHORTEST_POLL_MS + 1))
}

/// Wakes claims for the jobs that can be claimed now; returns the time at which the next pause ends.
async fn poll_once(services: &Services) -> Result<Option<DateTime<Utc>>> {
    let tenants = services.wakeups.tenants();
    let (now, precedence) = (services.clock.now(), services.job_settings.precedence());
    let over_for_all = micros(now - precedence);
    let tx = services.db.system(SystemReason::JobPoll).read().await?;
    let waiting = job_queue::waiting_for_external(&tx, &tenants, over_for_all, POLL_BATCH).await?;
    let paused = job_queue::paused(&tx, over_for_all, POLL_BATCH).await?;
    drop(tx);
    for spider in waiting {
        for _ in 0..spider.jobs {
            let job = QueuedJob::External { spider_name: spider.spider_name.clone(), not_for: None };
            if !services.wakeups.notify(spider.tenant, job) {
                break;
            }
        }
    }
    let mut next: Option<DateTime<Utc>> = None;
    for job in paused {
        let not_before = time(job.not_before);
        let (over, not_for) = (not_before <= now, job.claimed_by);
        let change = not_before + if over { precedence } else { TimeDelta::zero() };
        next = Some(next.map_or(change, |next| next.min(change)));
        if over {
            services
                .wakeups
                .notify(job.tenant, QueuedJob::External { spider_name: job.spider_name, not_for });
        }
    }
    Ok(next)
}

/// One node's view of the queue of builtin jobs: it serves the tenants round-robin.
pub struct BuiltinQueue {
    services: Services,
    lease: Duration,
    /// When each tenant was last served, as a number that grows.
    last_served: HashMap<TenantId, u64>,
    next_serial: u64,
    backlog: bool,
}

impl BuiltinQueue {
    /// `lease`: how long a job is held without a report.
    pub fn new(services: Services, lease: Duration) -> Self {
        Self { services, lease, last_served: HashMap::new(), next_serial: 1, backlog: false }
    }

    /// Claims a job of a tenant that `may_take` accepts: of the one served longest ago.
    pub async fn claim(&mut self, may_take: impl Fn(TenantId) -> bool) -> Result<Option<(TenantId, Claim)>> {
        let waiting = self.waiting().await?;
        self.backlog = !waiting.is_empty();
        for next in waiting.into_iter().filter(|next| may_take(next.tenant)) {
            let op = Op::of_system(&self.services, SystemReason::Crawl, next.tenant);
            let change = op.begin().await?;
            // Another node may have taken it since.
            if let Some(job) = job_queue::lock_if_free(&change.tx, next.job).await?
                && job.runner == Runner::Builtin.name()
                && let Some(claim) = grant_lease(&op, change, job, self.lease).await?
            {
                self.record_served(next.tenant);
                return Ok(Some((next.tenant, claim)));
            }
        }
        Ok(None)
    }

    /// Whether the last call saw waiting jobs, including those that this node may not take.
    pub fn has_backlog(&self) -> bool {
        self.backlog
    }

    async fn waiting(&self) -> Result<Vec<WaitingBuiltin>> {
        let claimer = node_claimer(&self.services);
        let claiming = self.services.job_settings.claiming(&claimer, self.services.clock.now());
        let tx = self.services.db.system(SystemReason::Crawl).read().await?;
        let mut waiting = job_queue::waiting_for_builtin(&tx, &claiming).await?;
        let last_served = |tenant| self.last_served.get(&tenant).copied().unwrap_or(0);
        waiting.sort_by_key(|next| (last_served(next.tenant), next.running, next.job));
        Ok(waiting)
    }

    fn record_served(&mut self, tenant: TenantId) {
        if self.last_served.len() >= MAX_TENANTS && !self.last_served.contains_key(&tenant) {
            let mut serials: Vec<u64> = self.last_served.values().copied().collect();
            let (_, middle, _) = serials.select_nth_unstable(MAX_TENANTS / 2);
            let middle = *middle;
            self.last_served.retain(|_, turn| *turn >= middle);
        }
        self.last_served.insert(tenant, self.next_serial);
        self.next_serial += 1;
    }
}
