//! A crawl's calls of the domain, always under its lease. A failing store is retried for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::report::Report;
use crate::base::ids::{JobId, PropertyId};
use crate::domain::error::Result as Answered;
use crate::domain::frontier::{
    self, CrawlCheckpoint, CrawlStep, KnownPage, ListingKey, QueuedUrl, RecordResult,
};
use crate::domain::jobs::lease::Lease;
use crate::domain::jobs::logs;
use crate::domain::jobs::worker_reports::{self, Completion, Failure, Progress};
use crate::domain::op::Op;
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::known::{KnownHomes, known_homes};
use crate::domain::properties::known_alert::{MassRemoval, alert_mass_removal};
use crate::domain::properties::read::{KnownUrl, known_urls};
use crate::domain::properties::{Batch, Notify, ReportedRow, Writer, upsert_batch};
use crate::domain::spiders;
use crate::protocol::job::CrawlStats;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::property_batch::BatchResult;
use crate::protocol::worker::{NewLogLine, ReportResponse};

/// Attempts of a call when the store fails, and the first wait, which doubles.
const MAX_ATTEMPTS: u32 = 5;
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);

/// Why a crawl cannot continue.
#[derive(Debug)]
pub(super) enum CrawlError {
    /// The job is no longer this worker's.
    LeaseLost,
    /// The store fails. The lease will expire, and another worker resumes.
    StoreFailed(Problem),
}

impl From<Problem> for CrawlError {
    fn from(problem: Problem) -> Self {
        match problem.code {
            Code::LeaseLost | Code::NotFound => Self::LeaseLost,
            _ => Self::StoreFailed(problem),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, CrawlError>;

pub(super) struct JobClient {
    pub(super) op: Op,
    pub(super) job_id: JobId,
    pub(super) token: String,
    pub(super) lease_length: Duration,
    /// Cancelled when the node stops: then no retry is waited for.
    pub(super) stop: CancellationToken,
}

impl JobClient {
    pub(super) async fn start(&self) -> Result<ReportResponse> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::start(&self.op, &lease)).await
    }

    pub(super) async fn heartbeat(&self) -> Result<ReportResponse> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::heartbeat(&self.op, &lease)).await
    }

    pub(super) async fn is_cancel_requested(&self) -> Result<bool> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::is_cancel_requested(&self.op, &lease)).await
    }

    pub(super) async fn report_progress(&self, progress: &Progress) -> Result<ReportResponse> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::progress(&self.op, &lease, progress.clone())).await
    }

    pub(super) async fn complete(&self, done: &Completion) -> Result<ReportResponse> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::complete(&self.op, &lease, done.clone())).await
    }

    pub(super) async fn fail(&self, failure: &Failure) -> Result<ReportResponse> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::fail(&self.op, &lease, failure.clone())).await
    }

    pub(super) async fn release(&self) -> Result<()> {
        let lease = self.lease();
        self.with_retry(|| worker_reports::release(&self.op, &lease)).await
    }

    pub(super) async fn checkpoint(&self) -> Result<Option<CrawlCheckpoint>> {
        self.with_retry(|| frontier::load_checkpoint(&self.op, self.job_id)).await
    }

    pub(super) async fn next_urls(&self, limit: u64) -> Result<Vec<QueuedUrl>> {
        self.with_retry(|| frontier::next_queued(&self.op, self.job_id, limit)).await
    }

    pub(super) async fn next_suspect(&self) -> Result<Option<QueuedUrl>> {
        self.with_retry(|| frontier::next_suspect(&self.op, self.job_id)).await
    }

    pub(super) async fn record(&self, step: CrawlStep<'_>) -> Result<RecordResult> {
        let lease = self.lease();
        self.with_retry(|| frontier::record(&self.op, &lease, step)).await
    }

    /// Reports listings as any other worker would.
    pub(super) async fn upsert_listings(&self, reports: &[Report]) -> Result<BatchResult> {
        let batch = || Batch {
            job_id: Some(self.job_id),
            items: reports.iter().map(Report::to_row).collect::<Vec<ReportedRow>>(),
            notify: Notify::Each,
            writer: Writer::Crawler,
        };
        self.with_retry(|| upsert_batch(&self.op, batch())).await
    }

    /// The stored properties with these keys, and those that were read at these addresses.
    pub(super) async fn known_homes(
        &self,
        keys: &BTreeSet<ListingKey>,
        addresses: &BTreeSet<AddressHash>,
    ) -> Result<KnownHomes> {
        self.with_retry(|| known_homes(&self.op, keys, addresses)).await
    }

    /// Visited pages of known listings with one of these outcomes.
    pub(super) async fn known_pages(&self, outcomes: &[&str], limit: u64) -> Result<Vec<KnownPage>> {
        self.with_retry(|| frontier::known_pages(&self.op, self.job_id, outcomes, limit)).await
    }

    /// How many of them were visited, by outcome.
    pub(super) async fn known_page_counts(&self, url_start: &str) -> Result<BTreeMap<String, i64>> {
        self.with_retry(|| frontier::known_page_counts(&self.op, self.job_id, url_start)).await
    }

    pub(super) async fn alert_mass_removal(&self, removal: &MassRemoval) -> Result<()> {
        let lease = self.lease();
        self.with_retry(|| alert_mass_removal(&self.op, &lease, removal)).await
    }

    pub(super) async fn stats_before_loss(&self) -> Result<Option<CrawlStats>> {
        self.with_retry(|| frontier::stats_before_loss(&self.op, self.job_id)).await
    }

    /// Whether the spider's jobs take the entries of list pages. A spider that was removed takes none.
    pub(super) async fn takes_list_items(&self, spider_name: &str) -> Result<bool> {
        let op = &self.op;
        let read = || async move {
            match spiders::get(op, spider_name).await {
                Ok(spider) => Ok(spider.list_items == Some(true)),
                Err(problem) if problem.code == Code::NotFound => Ok(false),
                Err(problem) => Err(problem),
            }
        };
        self.with_retry(read).await
    }

    pub(super) async fn known_urls(
        &self,
        hosts: &[String],
        after: Option<PropertyId>,
        limit: u64,
    ) -> Result<Vec<KnownUrl>> {
        self.with_retry(|| known_urls(&self.op, hosts, after, limit)).await
    }

    pub(super) async fn append_log(&self, lines: &[NewLogLine]) -> Result<()> {
        for lines in lines.chunks(logs::MAX_LINES) {
            self.with_retry(|| logs::append(&self.op, self.job_id, lines.to_vec())).await?;
        }
        Ok(())
    }

    fn lease(&self) -> Lease<'_> {
        Lease { job_id: self.job_id, token: &self.token, length: self.lease_length }
    }

    async fn with_retry<T, F: Future<Output = Answered<T>>>(&self, call: impl Fn() -> F) -> Result<T> {
        let mut wait = INITIAL_BACKOFF;
        for _ in 1..MAX_ATTEMPTS {
            match call().await.map_err(CrawlError::from) {
                Err(CrawlError::StoreFailed(problem)) if !self.stop.is_cancelled() => {
                    tracing::debug!(%problem, job.id = %self.job_id, "a crawl's report is tried again");
                }
                other => return other,
            }
            tokio::select! {
                () = self.op.services.clock.sleep(wait) => wait *= 2,
                () = self.stop.cancelled() => {}
            }
        }
        call().await.map_err(CrawlError::from)
    }
}
