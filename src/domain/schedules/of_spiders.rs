//! A spider's schedule, as the use cases of spiders set, remove and show it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::cron_text;
use super::timing::Timing;
use crate::base::clock::rfc3339;
use crate::domain::error::Result;
use crate::domain::op::{Op, not_a_user};
use crate::protocol::schedule::{Schedule, SpiderSchedule};
use crate::storage::schedules::{self, ScheduleFields, ScheduleRow};
use crate::storage::{Error, TenantTx, micros, time};

/// Makes this the spider's schedule, `None` for none. The spider's row is locked. The caller owns the jobs from now on. A
/// schedule that stays the same keeps its next run, so that saving a spider neither loses nor delays one.
pub(in crate::domain) async fn put(
    op: &Op,
    tx: &TenantTx,
    spider_name: &str,
    new: Option<&Schedule>,
) -> Result<()> {
    let Some(new) = new else {
        schedules::delete_of(tx, spider_name).await?;
        return Ok(());
    };
    let set_by = op.principal().and_then(|principal| principal.owner_id()).ok_or_else(not_a_user)?;
    // The request was validated.
    let cron = cron_text::normalize(&new.cron).map_err(Error::Corrupt)?;
    let timezone = new.timezone.trim();
    let jitter_seconds = new.jitter.unwrap_or(0);
    let before = schedules::lock(tx, spider_name).await?;
    let kept = before
        .as_ref()
        .filter(|row| row.cron == cron && row.timezone == timezone && row.jitter_seconds == jitter_seconds);
    let next_run_at = match kept.and_then(|row| row.next_run_at) {
        Some(next) => Some(next),
        None => first_run(op, &cron, timezone, jitter_seconds).map(micros),
    };
    let now = micros(op.now());
    let fields = ScheduleFields { cron: &cron, timezone, jitter_seconds, set_by, next_run_at, now };
    match before {
        Some(row) => schedules::update(tx, row.id, fields).await?,
        None => drop(schedules::insert(tx, spider_name, fields).await?),
    }
    Ok(())
}

fn first_run(op: &Op, cron: &str, timezone: &str, jitter_seconds: i64) -> Option<DateTime<Utc>> {
    let timing = Timing::parse(cron, timezone)?;
    let entropy = op.services.entropy;
    timing.first_run(op.now(), jitter_seconds.unsigned_abs(), &|below| entropy.below(below))
}

/// The spider's schedule.
pub(in crate::domain) async fn find(tx: &TenantTx, spider_name: &str) -> Result<Option<SpiderSchedule>> {
    Ok(schedules::find(tx, spider_name).await?.as_ref().map(view))
}

/// The schedules of these spiders by the spider's name.
pub(in crate::domain) async fn find_all(
    tx: &TenantTx,
    spider_names: &[&str],
) -> Result<HashMap<String, SpiderSchedule>> {
    let rows = schedules::find_all(tx, spider_names).await?;
    Ok(rows.iter().map(|row| (row.spider_name.clone(), view(row))).collect())
}

fn view(row: &ScheduleRow) -> SpiderSchedule {
    SpiderSchedule {
        cron: row.cron.clone(),
        timezone: row.timezone.clone(),
        jitter: row.jitter_seconds,
        next_run_at: row.next_run_at.map(|at| rfc3339(time(at))),
        last_run_at: row.last_run_at.map(|at| rfc3339(time(at))),
        last_job_id: row.last_job_id,
    }
}
