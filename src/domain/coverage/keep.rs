//! Keeps a job's coverage when it ends, in the transaction of its end, and raises the alerts of drift.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counts::{KeptCoverage, MIN_PAGES, SourceCoverage};
use super::drift::{Drift, judge};
use crate::base::clock::epoch_seconds;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::notifications::notify;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, Severity, SystemAlert};
use crate::storage::job_coverage::{self, NewCoverage};
use crate::storage::jobs::JobRow;
use crate::storage::micros;

/// Jobs of a source that are kept: what `health` shows.
pub(super) const KEPT_JOBS: u64 = 50;
/// Sources of a job that are kept.
const MAX_SOURCES: usize = 20;
/// Rows of a spider that are kept: those of sources that it no longer visits go first.
const MAX_ROWS: u64 = 2_000;

/// Keeps what the job read on the pages of its sources. A source of too few pages is left out. The job's row is locked.
pub(in crate::domain) async fn keep(
    op: &Op,
    change: &mut EventTx,
    job: &JobRow,
    counted: &[SourceCoverage],
) -> Result<()> {
    let told: Vec<_> = counted.iter().filter(|one| one.pages >= MIN_PAGES).take(MAX_SOURCES).collect();
    if told.is_empty() {
        return Ok(());
    }
    // A job that is retried counts once.
    job_coverage::delete_of_job(&change.tx, JobId(job.id)).await?;
    for now in told {
        let rows = job_coverage::latest(&change.tx, &job.spider_name, &now.source, KEPT_JOBS).await?;
        let before: Vec<KeptCoverage> = rows.into_iter().map(KeptCoverage::of).collect();
        let drift = judge(&before, now);
        job_coverage::insert(&change.tx, row(op, job, now, &drift)).await?;
        job_coverage::trim_source(&change.tx, &job.spider_name, &now.source, KEPT_JOBS).await?;
        if !drift.falls.is_empty() {
            alert(op, change, job, &drift.words(&now.source)).await?;
        }
    }
    Ok(job_coverage::trim_spider(&change.tx, &job.spider_name, MAX_ROWS).await?)
}

fn row(op: &Op, job: &JobRow, now: &SourceCoverage, drift: &Drift) -> NewCoverage {
    NewCoverage {
        spider_name: job.spider_name.clone(),
        source: now.source.clone(),
        job_id: JobId(job.id),
        pages: now.pages,
        fields: json(&now.fields),
        low: (!drift.low.is_empty()).then(|| json(&drift.low)),
        finished_at: micros(op.now()),
    }
}

/// Maps of texts and finite numbers always serialise.
fn json<V: Serialize>(map: &BTreeMap<String, V>) -> String {
    serde_json::to_string(map).unwrap_or_default()
}

/// For the owner of the job and the admins.
async fn alert(op: &Op, change: &mut EventTx, job: &JobRow, words: &str) -> Result<()> {
    let message = SystemAlert {
        severity: Severity::Warning,
        category: "drift".to_owned(),
        message: format!("Job {} ({}): {words}", job.id, job.spider_name),
        job_id: Some(job.id),
        timestamp: epoch_seconds(op.now()),
        logged: Logged::default(),
    };
    notify(op, change, Event::Alert { concerns: job.owner(), message }).await
}
