//! The built-in worker: takes jobs of builtin spiders and runs several at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::crawl_deps::CrawlDeps;
use super::fetch::Fetcher;
use super::hosts::Hosts;
use super::job;
use super::preview::PagePreviewer;
use super::reader::ReaderPool;
use super::settings::CrawlerSettings;
use super::slots::Slots;
use crate::domain::jobs::claims::BuiltinQueue;
use crate::domain::op::Services;
use crate::domain::previews::PageReader;

/// How often to look for jobs that were created on other nodes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How much a node's crawler does at once.
#[derive(Clone, Copy, Debug)]
pub struct RunnerLimits {
    /// Jobs that fetch or read at the same time.
    pub jobs: usize,
    /// Jobs that are open for each of these; most wait for their hosts.
    pub open_per_job: usize,
    /// How long a job is held without a sign of its crawl.
    pub lease: Duration,
}

/// The crawler of one node.
pub struct Runner {
    deps: CrawlDeps,
    queue: BuiltinQueue,
    lease: Duration,
    page_reader: Arc<dyn PageReader>,
}

impl Runner {
    /// Fails when the HTTP client cannot be made.
    pub fn new(
        services: Services,
        settings: CrawlerSettings,
        limits: RunnerLimits,
    ) -> Result<Self, reqwest::Error> {
        let fetcher = Fetcher::new(&settings, services.clock.clone())?;
        Ok(Self::with_fetcher(services, settings, limits, fetcher))
    }

    /// A crawler that asks hosts through `fetcher`.
    pub(super) fn with_fetcher(
        services: Services,
        settings: CrawlerSettings,
        limits: RunnerLimits,
        fetcher: Fetcher,
    ) -> Self {
        let hosts = Arc::new(Hosts::new(&settings, services.clock.clone()));
        let slots = Slots::new(limits.jobs, limits.open_per_job, services.clock.clone());
        let queue = BuiltinQueue::new(services.clone(), limits.lease);
        let metrics = Arc::clone(&services.metrics);
        let readers = ReaderPool::new(settings.readers.clone(), settings.max_page_bytes, metrics);
        let tools = CrawlDeps { services, settings: Arc::new(settings), fetcher, hosts, slots, readers };
        let page_reader = Arc::new(PagePreviewer::new(tools.clone()));
        Self { deps: tools, queue, lease: limits.lease, page_reader }
    }

    /// Reads pages for use cases that store nothing, as long as this crawler lives.
    pub fn page_reader(&self) -> &Arc<dyn PageReader> {
        &self.page_reader
    }

    /// Runs jobs until `stop`, then releases those that are under way and returns. Dropping this kills them in the
    /// middle: their leases expire, and the next worker that claims them resumes.
    pub async fn run(mut self, stop: CancellationToken) {
        // Before the first page, so that the log has the readers' sandbox at the start.
        self.deps.readers.open().await;
        let mut jobs = JoinSet::new();
        let CrawlDeps { services, slots, .. } = self.deps.clone();
        while !stop.is_cancelled() {
            // Listening begins before the look, so that a job created in between is noticed.
            let queued = services.wakeups.builtin_notified();
            if slots.has_room() && self.claim_job(&mut jobs, &stop).await {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = jobs.join_next() => log_panic(ended),
                () = queued => {}
                // A job that could not be taken before may be now.
                () = slots.freed(), if self.queue.has_backlog() => {}
                () = services.clock.sleep(POLL_INTERVAL) => {}
            }
        }
        while let Some(ended) = jobs.join_next().await {
            log_panic(ended);
        }
        self.deps.readers.close().await;
    }

    /// Claims one job, if one waits that may be open here.
    async fn claim_job(&mut self, jobs: &mut JoinSet<()>, stop: &CancellationToken) -> bool {
        let slots = &self.deps.slots;
        match self.queue.claim(|tenant| slots.may_open(tenant)).await {
            Ok(Some((tenant, claim))) => {
                let slot = slots.open(tenant);
                let run = job::run(self.deps.clone(), tenant, claim, slot, self.lease, stop.clone());
                jobs.spawn(run);
                true
            }
            Ok(None) => false,
            Err(problem) => {
                tracing::warn!(%problem, "the crawler could not look for jobs");
                false
            }
        }
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        // Its lease ends, and the job is tried again as with any worker that went silent.
        tracing::error!(%error, "a crawl broke off");
    }
}
