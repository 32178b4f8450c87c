//! A crawl's calls of the domain, always under its lease. A failing store is retried for a while.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::ids::{JobId, PropertyId};
use crate::domain::error::Result as Answered;
use crate::domain::frontier::{self, CrawlCheckpoint, NewUrl, QueuedUrl, RecordResult, UrlClaim, UrlOutcome};
use crate::domain::jobs::lease::Lease;
use crate::domain::jobs::logs;
use crate::domain::jobs::worker_reports::{self, Completion, Failure, Progress};
use crate::domain::op::Op;
use crate::domain::properties::read::{KnownUrl, known_urls};
use crate::domain::properties::{Batch, Notify, upsert_batch};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::{BatchResult, ParsedProperty};
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

    pub(super) async fn record_outcomes(
        &self,
        outcomes: &[UrlOutcome],
        new: &[NewUrl],
        claim: UrlClaim<'_>,
    ) -> Result<RecordResult> {
        let lease = self.lease();
        self.with_retry(|| frontier::record(&self.op, &lease, outcomes, new.to_vec(), claim)).await
    }

    /// Reports listings as any other worker would.
    pub(super) async fn upsert_listings(&self, listings: &[PropertyInput]) -> Result<BatchResult> {
        let batch = || Batch {
            job_id: Some(self.job_id),
            items: listings.iter().cloned().map(Ok).collect::<Vec<ParsedProperty>>(),
            notify: Notify::Each,
        };
        self.with_retry(|| upsert_batch(&self.op, batch())).await
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
