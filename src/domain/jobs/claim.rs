//! A worker takes a job: an outside one with its key, or the server's own crawler.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::end::execution_id;
use super::job::{Report, Turn};
use super::{check, lease, view};
use crate::auth::permission::Permission;
use crate::auth::scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::{Kernel, Op};
use crate::domain::spiders::is_name;
use crate::eventlog::Change;
use crate::protocol::spider::Runner;
use crate::protocol::worker::{Claim, ClaimRequest};
use crate::storage::jobs::JobRow;
use crate::storage::{Error, executions, jobs};

/// The longest wait for a job, in seconds.
pub const MAX_WAIT_SECS: i64 = 30;
/// Names in a claim.
const MAX_SPIDERS: usize = 100;
/// How often a waiting claim looks for jobs that were made on other nodes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What the server's own crawler goes by among the workers.
const BUILTIN: &str = "builtin";

/// Takes the oldest waiting job of external spiders, if need be after a wait. `None`: there was none in that time.
/// `stop` ends the wait. A caller who drops it in the very moment of a success leaves the job to its lease's end.
pub async fn claim(
    op: &Op,
    request: &ClaimRequest,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Option<Claim>> {
    op.require(Permission::RunJobs)?;
    check(request)?;
    let wait = u64::try_from(request.wait_seconds.unwrap_or(0)).unwrap_or(0);
    let end = op.now() + Duration::from_secs(wait);
    loop {
        // Listening begins before the look, so that a job made in between is heard.
        let rung = op.kernel.bell.listen();
        if let Some(claim) = claim_now(op, request.spiders.as_deref(), length).await? {
            return Ok(Some(claim));
        }
        let left = (end - op.now()).to_std().unwrap_or_default();
        if left.is_zero() || stop.is_cancelled() {
            return Ok(None);
        }
        tokio::select! {
            () = rung => {}
            () = stop.cancelled() => {}
            () = op.kernel.clock.sleep(left.min(LOOK_EVERY)) => {}
        }
    }
}

/// Takes the oldest waiting job of external spiders, or of these among them.
pub async fn claim_now(op: &Op, spiders: Option<&[String]>, length: Duration) -> Result<Option<Claim>> {
    op.require(Permission::RunJobs)?;
    // Workers ask far more often than jobs are made: look before a transaction that writes is begun.
    if !jobs::any_claimable(&op.read().await?, spiders).await? {
        return Ok(None);
    }
    let change = op.begin().await?;
    let Some(job) = jobs::lock_claimable(&change.tx, spiders).await? else {
        return Ok(None);
    };
    take(op, change, job, length).await
}

/// Takes a waiting job of a builtin spider, from the tenant that has the fewest running.
pub async fn claim_builtin(kernel: &Kernel, length: Duration) -> Result<Option<(TenantId, Claim)>> {
    let waiting = {
        let tx = kernel.db.system(SystemReason::Crawl).read().await?;
        jobs::waiting_for_builtin(&tx).await?
    };
    for (tenant_id, id) in waiting {
        let op = Op::of_system(kernel, SystemReason::Crawl, tenant_id);
        let change = op.begin().await?;
        // Another node may have taken it since.
        if let Some(job) = jobs::lock_if_free(&change.tx, id).await?
            && job.runner == Runner::Builtin.name()
            && let Some(claim) = take(&op, change, job, length).await?
        {
            return Ok(Some((tenant_id, claim)));
        }
    }
    Ok(None)
}

/// Hands the locked job out under a new lease.
async fn take(op: &Op, change: Change, mut job: JobRow, length: Duration) -> Result<Option<Claim>> {
    let step = view::standing(&job)?.advance(Report::Claim, op.now());
    if step.map(|step| step.turn) != Ok(Turn::Lease) {
        return Ok(None);
    }
    let lease_token = op.kernel.entropy.token();
    let hash = lease::hash(&lease_token);
    let found = executions::find(&change.tx, execution_id(&job)?).await?;
    let mut execution = found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?;
    execution.lease_hash = Some(hash.clone());
    execution.worker = Some(worker(op));
    executions::save(&change.tx, &execution).await?;
    job.lease_hash = Some(hash);
    lease::extend(op, &mut job, length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    let lease_seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    Ok(Some(Claim { job: view::job(&job)?, lease_token, lease_seconds }))
}

fn worker(op: &Op) -> String {
    let key = op.principal().and_then(|principal| principal.key_id());
    key.map_or_else(|| BUILTIN.to_owned(), |key| key.to_string())
}

fn check(request: &ClaimRequest) -> Result<()> {
    let mut faults = check::Faults::default();
    let wait = request.wait_seconds.unwrap_or(0);
    faults.unless((0..=MAX_WAIT_SECS).contains(&wait), "wait_seconds", "range", "must be 0 to 30");
    let names = request.spiders.as_deref().map_or(0, <[String]>::len);
    faults.unless(names <= MAX_SPIDERS, "spiders", "max_items", "must have at most 100 names");
    for (index, name) in request.spiders.iter().flatten().enumerate().take(MAX_SPIDERS) {
        if !is_name(name) {
            faults.add(&[check::name("spiders"), check::nth(index)], "pattern", "must be a spider's name");
        }
    }
    faults.refuse()
}
