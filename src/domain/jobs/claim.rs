//! A worker claims a job: an external one with its key, or the server's own crawler.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::end::execution_id;
use super::state::{Action, JobInput};
use super::wakeups::TooManyWaiting;
use super::{lease, poll, settings, validation, view};
use crate::auth::permission::Permission;
use crate::base::ids::KeyId;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::domain::spiders::is_valid_name;
use crate::eventlog::EventTx;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::worker::{Claim, ClaimRequest};
use crate::storage::jobs::JobRow;
use crate::storage::{Error, executions, jobs};

/// The longest wait for a job, in seconds.
pub const MAX_WAIT_SECS: i64 = 30;
/// Names in a claim.
const MAX_SPIDERS: usize = 100;
/// Seconds after which a caller with too many waiting claims may try again.
const TOO_MANY_RETRY_SECS: u32 = 5;
/// The name of the server's own crawler among the workers.
const BUILTIN: &str = "builtin";

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
            never = poll::poll_for_all(&op.services) => match never {},
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
    if !jobs::any_claimable(&op.read().await?, spiders, &claiming).await? {
        return Ok(None);
    }
    let change = op.begin().await?;
    let Some(job) = jobs::lock_claimable(&change.tx, spiders, &claiming).await? else {
        return Ok(None);
    };
    grant_lease(op, change, job, length).await
}

/// Grants a new lease for the locked job, if it is still free and due.
pub(super) async fn grant_lease(
    op: &Op,
    change: EventTx,
    mut job: JobRow,
    length: Duration,
) -> Result<Option<Claim>> {
    let claimer = claimer(op);
    let step = view::job_state(&job)?.advance(JobInput::Claim, op.now());
    let is_due = settings::is_due(&job, &op.services.job_settings.claiming(&claimer, op.now()));
    if !is_due || step.map(|step| step.action) != Ok(Action::GrantLease) {
        return Ok(None);
    }
    let lease_token = op.services.entropy.token();
    let hash = lease::hash(&lease_token);
    let found = executions::find(&change.tx, execution_id(&job)?).await?;
    let mut execution = found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?;
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
pub(super) fn node_claimer(services: &Services) -> String {
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
