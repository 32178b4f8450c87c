//! What a crawl says to the domain, always under its lease. A store that does not answer is asked again for a while.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::ids::{JobId, PropertyId};
use crate::domain::error::Result as Answered;
use crate::domain::frontier::{self, NewPlace, Place, Settled, Standing, Taking, Visited};
use crate::domain::jobs::complete::{self, Completion};
use crate::domain::jobs::fail::{self, Failure};
use crate::domain::jobs::progress::{self, Progress};
use crate::domain::jobs::{Lease, heartbeat, logs, release, start};
use crate::domain::op::Op;
use crate::domain::properties::known_urls::{KnownUrl, known_urls};
use crate::domain::properties::upsert::{Batch, Notify, upsert_batch};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::{BatchResult, Sighting};
use crate::protocol::worker::{NewLogLine, ReportAnswer};

/// How often a call is made in all when the store fails, and the first wait, which doubles.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Why a crawl cannot go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The job is no longer this worker's.
    Lost,
    /// The store fails. The lease will end, and another worker goes on.
    Broken(Problem),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        match problem.code {
            Code::LeaseLost | Code::NotFound => Self::Lost,
            _ => Self::Broken(problem),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Halt>;

pub(super) struct Desk {
    pub(super) op: Op,
    pub(super) job_id: JobId,
    pub(super) token: String,
    pub(super) length: Duration,
    /// The node is to stop: then nothing is waited for.
    pub(super) stop: CancellationToken,
}

impl Desk {
    pub(super) async fn start(&self) -> Result<ReportAnswer> {
        let lease = self.lease();
        self.insist(|| start::start(&self.op, &lease)).await
    }

    pub(super) async fn heartbeat(&self) -> Result<ReportAnswer> {
        let lease = self.lease();
        self.insist(|| heartbeat::heartbeat(&self.op, &lease)).await
    }

    pub(super) async fn shall_stop(&self) -> Result<bool> {
        let lease = self.lease();
        self.insist(|| heartbeat::shall_stop(&self.op, &lease)).await
    }

    pub(super) async fn progress(&self, progress: &Progress) -> Result<ReportAnswer> {
        let lease = self.lease();
        self.insist(|| progress::progress(&self.op, &lease, progress.clone())).await
    }

    pub(super) async fn complete(&self, done: &Completion) -> Result<ReportAnswer> {
        let lease = self.lease();
        self.insist(|| complete::complete(&self.op, &lease, done.clone())).await
    }

    pub(super) async fn fail(&self, failure: &Failure) -> Result<ReportAnswer> {
        let lease = self.lease();
        self.insist(|| fail::fail(&self.op, &lease, failure.clone())).await
    }

    pub(super) async fn release(&self) -> Result<()> {
        let lease = self.lease();
        self.insist(|| release::release(&self.op, &lease)).await
    }

    pub(super) async fn standing(&self) -> Result<Option<Standing>> {
        self.insist(|| frontier::standing(&self.op, self.job_id)).await
    }

    pub(super) async fn next(&self, limit: u64) -> Result<Vec<Place>> {
        self.insist(|| frontier::next(&self.op, self.job_id, limit)).await
    }

    pub(super) async fn next_suspect(&self) -> Result<Option<Place>> {
        self.insist(|| frontier::next_suspect(&self.op, self.job_id)).await
    }

    pub(super) async fn settle(
        &self,
        visited: &[Visited],
        new: &[NewPlace],
        taking: Taking<'_>,
    ) -> Result<Settled> {
        let lease = self.lease();
        self.insist(|| frontier::settle(&self.op, &lease, visited, new.to_vec(), taking)).await
    }

    /// Reports listings as any other worker would.
    pub(super) async fn report(&self, listings: &[PropertyInput]) -> Result<BatchResult> {
        let batch = || Batch {
            job_id: Some(self.job_id),
            items: listings.iter().cloned().map(Ok).collect::<Vec<Sighting>>(),
            notify: Notify::Each,
        };
        self.insist(|| upsert_batch(&self.op, batch())).await
    }

    pub(super) async fn known(
        &self,
        hosts: &[String],
        after: Option<PropertyId>,
        limit: u64,
    ) -> Result<Vec<KnownUrl>> {
        self.insist(|| known_urls(&self.op, hosts, after, limit)).await
    }

    pub(super) async fn log(&self, lines: &[NewLogLine]) -> Result<()> {
        for lines in lines.chunks(logs::MAX_LINES) {
            self.insist(|| logs::append(&self.op, self.job_id, lines.to_vec())).await?;
        }
        Ok(())
    }

    fn lease(&self) -> Lease<'_> {
        Lease { job_id: self.job_id, token: &self.token, length: self.length }
    }

    async fn insist<T, F: Future<Output = Answered<T>>>(&self, call: impl Fn() -> F) -> Result<T> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match call().await.map_err(Halt::from) {
                Err(Halt::Broken(problem)) if !self.stop.is_cancelled() => {
                    tracing::debug!(%problem, job.id = %self.job_id, "a crawl's report is tried again");
                }
                other => return other,
            }
            tokio::select! {
                () = self.op.kernel.clock.sleep(wait) => wait *= 2,
                () = self.stop.cancelled() => {}
            }
        }
        call().await.map_err(Halt::from)
    }
}
