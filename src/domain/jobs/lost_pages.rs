//! The pages that a crawl was reading when its worker was lost: one of them may have been the cause.

use super::end::execution_id;
use super::logs;
use super::state::Action;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{LogLevel, LogLine};
use crate::protocol::spider::Runner;
use crate::storage::crawl_urls::{self, CrawlUrlRow, VisitUpdate};
use crate::storage::job_logs::NewLogLine;
use crate::storage::jobs::JobRow;
use crate::storage::micros;

/// The outcome of a page that was tried alone when the worker was lost again.
const OUTCOME: &str = "the worker was lost twice while it may have read this page";

/// Fails the suspect that was being tried and, if the job continues, makes suspects of the pages in progress.
/// Returns the lines for the job's log, to be published after the commit.
pub(super) async fn flag_suspects(
    op: &Op,
    change: &EventTx,
    job: &JobRow,
    action: Action,
) -> Result<Vec<LogLine>> {
    if job.runner != Runner::Builtin.name() {
        return Ok(Vec::new());
    }
    let id = JobId(job.id);
    let tried = crawl_urls::alone(&change.tx, id).await?;
    let mut lines: Vec<NewLogLine> = tried.iter().map(|page| line(op, LogLevel::Error, lost(page))).collect();
    for page in tried {
        let attempts = page.attempts.saturating_add(1);
        let update = VisitUpdate { state: "lost", attempts, items: 0, outcome: Some(OUTCOME.to_owned()) };
        crawl_urls::save_visits(&change.tx, id, [(update, vec![page.id])].into()).await?;
    }
    if action == Action::Enqueue {
        let suspects = crawl_urls::move_all(&change.tx, id, "taken", "suspect").await?;
        if suspects > 0 {
            lines.push(line(op, LogLevel::Warning, suspected(suspects)));
        }
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    logs::store(op, change, id, Some(execution_id(job)?), lines).await
}

/// The worker returns the job: none of its pages is suspect.
pub(super) async fn requeue_pages(change: &EventTx, job: &JobRow) -> Result<()> {
    if job.runner == Runner::Builtin.name() {
        crawl_urls::move_all(&change.tx, JobId(job.id), "taken", "queued").await?;
        crawl_urls::move_all(&change.tx, JobId(job.id), "alone", "suspect").await?;
    }
    Ok(())
}

fn lost(page: &CrawlUrlRow) -> String {
    format!("{}: {OUTCOME}; this job does not read it again", page.url)
}

fn suspected(pages: u64) -> String {
    format!(
        "The worker was lost with {pages} pages in hand; each is tried once more, alone, after all others"
    )
}

fn line(op: &Op, level: LogLevel, message: String) -> NewLogLine {
    NewLogLine { level: level.name(), message, at: micros(op.now()) }
}
