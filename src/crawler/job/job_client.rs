//! A crawl's calls of the domain, always under its lease. A failing store is retried for a while.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::kept_reading::Reread;
use super::report::Report;
use crate::base::ids::{JobId, PropertyId};
use crate::domain::error::Result as Answered;
use crate::domain::frontier::{
    self, CrawlCheckpoint, CrawlStep, Fingerprints, KnownPage, ListingKey, QueuedBatch, QueuedUrl,
    RecordResult,
};
use crate::domain::jobs::lease::Lease;
use crate::domain::jobs::logs;
use crate::domain::jobs::worker_reports::{self, Completion, Failure, Progress};
use crate::domain::kept_pages::{self, KeptPage};
use crate::domain::op::Op;
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::known::{KnownHomes, known_homes};
use crate::domain::properties::known_alert::{MassRemoval, alert_mass_removal};
use crate::domain::properties::read::{KnownUrl, known_urls, known_urls_at};
use crate::domain::properties::{Batch, Notify, ReportedRow, Writer, upsert_batch};
use crate::domain::spiders::{self, SpiderShape};
use crate::domain::visits::{self, ReadMode};
use crate::protocol::job::CrawlStats;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::property_batch::BatchResult;
use crate::protocol::worker::{NewLogLine, ReportResponse};

/// Attempts of a call when the store fails, and the first wait, which doubles.
const MAX_ATTEMPTS: u32 = 5;
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
/// Pages of the frontier whose fingerprints are read at a time.
const FINGERPRINTS: u64 = 20_000;
/// Listings whose pages are targets, at most.
const KNOWN_TARGETS: u64 = 1_000;

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

    /// The fingerprints of a portion of the frontier, behind the id `after`.
    pub(super) async fn fingerprints(&self, after: i64) -> Result<Fingerprints> {
        self.with_retry(|| frontier::fingerprints(&self.op, self.job_id, after, FINGERPRINTS)).await
    }

    /// Queued pages, and the visits of those that `is_new` picks.
    pub(super) async fn next_urls(
        &self,
        limit: u64,
        mode: &ReadMode,
        is_new: impl Fn(i64) -> bool,
    ) -> Result<QueuedBatch> {
        self.with_retry(|| frontier::next_queued(&self.op, self.job_id, limit, mode, &is_new)).await
    }

    /// The kept links of unchanged pages, by URL.
    pub(super) async fn kept_links(&self, urls: &[String]) -> Result<HashMap<String, String>> {
        self.with_retry(|| visits::links(&self.op, urls)).await
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

    /// What shapes the crawls of the job's spider. One that was removed is as `auto`.
    pub(super) async fn spider_shape(&self, spider_name: &str) -> Result<SpiderShape> {
        self.with_retry(|| spiders::shape(&self.op, spider_name)).await
    }

    pub(super) async fn known_urls(
        &self,
        hosts: &[String],
        after: Option<PropertyId>,
        limit: u64,
    ) -> Result<Vec<KnownUrl>> {
        self.with_retry(|| known_urls(&self.op, hosts, after, limit)).await
    }

    /// The known pages among these URLs.
    pub(super) async fn known_urls_at(&self, hosts: &[String], urls: &[String]) -> Result<Vec<KnownUrl>> {
        self.with_retry(|| known_urls_at(&self.op, hosts, urls, KNOWN_TARGETS)).await
    }

    /// Kept pages to be read again, behind the position `after`.
    pub(super) async fn kept_pages(
        &self,
        reread: &Reread,
        after: Option<(i64, i64)>,
        limit: u64,
    ) -> Result<Vec<KeptPage>> {
        let Reread { spider_name, since } = reread;
        self.with_retry(|| kept_pages::of_spider(&self.op, spider_name, *since, after, limit)).await
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
