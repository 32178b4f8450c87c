//! The readers of a node: a few, shared between tenants in turn. Whatever happens to a page, to its reader or to the
//! job that wanted it, a permit is released only when its reader is free or has ended.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::byte_budget::{ByteBudget, TenantBudget};
use super::failure::ReadFailure;
use super::handler::Deadline;
use super::process::{NoResponse, Process};
use super::response::{self, ExpectedPage};
use super::settings::{Limits, ReaderSettings};
use super::threads::Threads;
use super::wire::{MAX_NEXT_LINKS, PageRequest, Request, request_head};
use crate::base::clock::Clock;
use crate::base::fair_semaphore::{FairPermit, FairSemaphore};
use crate::base::ids::TenantId;
use crate::crawler::fetch::FetchedPage;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::crawler::robots::RobotsRules;
use crate::protocol::spider_rules::SpiderRules;
use crate::telemetry::metrics::{Metrics, ReaderExit, SandboxLayer};

/// Attempts to start a process before its page is given up, and the first wait, which doubles.
const START_TRIES: u32 = 4;
const START_WAIT: Duration = Duration::from_millis(250);
/// How long a process may take to exit once its pipe is broken.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The readers. Clones share them.
#[derive(Clone)]
pub struct ReaderPool(Arc<Inner>);

struct Inner {
    settings: ReaderSettings,
    budget: Arc<ByteBudget>,
    metrics: Arc<Metrics>,
    backend: OnceCell<Mutex<Arc<ReaderBackend>>>,
    idle: Mutex<Vec<Process>>,
    /// Waits for the exit of processes, and retries of a start.
    background_tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// The readers in use and their permits.
struct ReaderBackend {
    semaphore: FairSemaphore<TenantId>,
    kind: BackendKind,
    /// When a start is retried, on the steady clock. Threads replace processes that could not be started.
    retry_at: Mutex<Option<DateTime<Utc>>>,
}

impl ReaderBackend {
    /// Whether to retry a start now; true for one caller only.
    fn take_due_retry(&self) -> bool {
        let mut retry_at = self.retry_at.lock();
        let is_due = retry_at.is_some_and(|at| at <= Clock::system().steady());
        if is_due {
            *retry_at = None;
        }
        is_due
    }
}

enum BackendKind {
    Processes(PathBuf),
    Threads(Threads),
    /// Neither can be had.
    None,
}

impl ReaderPool {
    /// The readers of a node, none of them started yet. `largest_page` is in bytes.
    pub fn new(settings: ReaderSettings, largest_page: usize, metrics: Arc<Metrics>) -> Self {
        let budget = ByteBudget::new(settings.pages_bytes, largest_page as u64);
        let (readers, idle, ending) = (OnceCell::new(), Mutex::default(), TaskTracker::new());
        let stopping = CancellationToken::new();
        Self(Arc::new(Inner {
            settings,
            budget,
            metrics,
            backend: readers,
            idle,
            background_tasks: ending,
            shutdown: stopping,
        }))
    }

    /// Starts the first reader and logs its sandbox once.
    pub async fn open(&self) {
        self.0.backend().await;
    }

    /// What a tenant's pages may take of this node's memory.
    pub fn budget(&self, tenant: TenantId) -> TenantBudget {
        self.0.budget.for_tenant(tenant)
    }

    /// Reads a page by the rules of its spider. The bytes that it has are held until it is read. `explain`: the reading has
    /// an explanation.
    pub async fn read_page(
        &self,
        tenant: TenantId,
        page: &FetchedPage,
        hosts: &AllowedHosts,
        limits: ReadingLimits,
        rules: &Arc<SpiderRules>,
        explain: bool,
    ) -> Result<Reading, ReadFailure> {
        let request = Request::Page(PageRequest {
            url: Cow::Borrowed(page.url.as_str()),
            content: page.content,
            charset: page.charset.name().map(Cow::Borrowed),
            robots_tag: page.robots_tag.as_deref().map(Cow::Borrowed),
            refresh: page.refresh.as_ref().map(|url| Cow::Borrowed(url.as_str())),
            next_links: page.next_links.iter().take(MAX_NEXT_LINKS).map(|url| url.to_string()).collect(),
            hosts: Cow::Borrowed(hosts),
            most_links: limits.links,
            most_listings: limits.listings,
            rules: rules_json(rules)?,
            explain,
        });
        let expected = ExpectedPage {
            url: &page.url,
            hosts,
            content: page.content,
            limits,
            takes_entries: rules.list_items == Some(true) || rules.json.is_some(),
            explain,
        };
        self.0
            .ask(tenant, &request, Cow::Borrowed(&page.body), |answer| {
                response::parse_page(answer, &expected)
            })
            .await
    }

    /// Reads a robots.txt.
    pub(in crate::crawler) async fn read_robots(
        &self,
        tenant: TenantId,
        text: Vec<u8>,
    ) -> Result<RobotsRules, ReadFailure> {
        let _bytes = self.budget(tenant).reserve(text.len() as u64).await;
        self.0.ask(tenant, &Request::Robots, Cow::Owned(text), response::parse_robots).await
    }

    /// Ends all readers; requests that still wait for one fail.
    pub async fn close(&self) {
        self.0.shutdown.cancel();
        for process in self.0.take_idle() {
            self.0.kill_and_reap(process, None, ReaderExit::Stopped);
        }
        self.0.background_tasks.close();
        self.0.background_tasks.wait().await;
    }
}

impl Inner {
    /// Sends a request to a reader. A reader with a response that `take` refuses is not used again.
    async fn ask<T>(
        self: &Arc<Self>,
        tenant: TenantId,
        request: &Request<'_>,
        body: Cow<'_, [u8]>,
        take: impl FnOnce(&[u8]) -> Result<T, ReadFailure>,
    ) -> Result<T, ReadFailure> {
        let head = request_head(request, body.len()).map_err(|_| ReadFailure::Broke)?;
        let readers = self.backend().await;
        let permit = readers.semaphore.acquire(tenant).await.map_err(|_| ReadFailure::NoReader)?;
        let asked = match &readers.kind {
            BackendKind::Processes(program) => {
                self.ask_process(program, permit, (&*head, &*body), take).await
            }
            BackendKind::Threads(threads) => {
                let asked = timeout(self.settings.page_time, threads.ask(permit, head, body.into_owned()));
                asked.await.unwrap_or(Err(ReadFailure::OverTime)).and_then(|answer| take(&answer))
            }
            BackendKind::None => Err(ReadFailure::NoReader),
        };
        if let Err(failure) = &asked {
            self.metrics.reader_ends.of(failure.reader_exit()).inc();
        }
        asked
    }

    async fn ask_process<T>(
        &self,
        program: &Path,
        permit: FairPermit<TenantId>,
        (head, body): (&[u8], &[u8]),
        take: impl FnOnce(&[u8]) -> Result<T, ReadFailure>,
    ) -> Result<T, ReadFailure> {
        let mut guard = ProcessGuard { pool: self, process: None, permit: Some(permit) };
        let process = self.idle_or_new(program).await?;
        let process = guard.process.insert(process);
        let failure = match timeout(self.settings.page_time, process.ask(head, body)).await {
            Ok(Ok(answer)) => match take(&answer) {
                Ok(taken) => {
                    guard.return_to_pool();
                    return Ok(taken);
                }
                Err(failure) => failure,
            },
            Err(_) => ReadFailure::OverTime,
            Ok(Err(NoResponse::Malformed)) => ReadFailure::Broke,
            // How it ended says why. One that closed its pipe and lives on is killed below.
            Ok(Err(NoResponse::Exited)) => match timeout(EXIT_TIMEOUT, process.wait()).await {
                Ok(Ok(status)) => ReadFailure::from_exit_status(status),
                Ok(Err(_)) | Err(_) => ReadFailure::Broke,
            },
        };
        process.kill();
        // Only then is the permit free. When this is dropped meanwhile, `guard` waits for it.
        let _ = process.wait().await;
        guard.process = None;
        Err(failure)
    }

    async fn idle_or_new(&self, program: &Path) -> Result<Process, ReadFailure> {
        loop {
            let Some(mut process) = self.idle.lock().pop() else { break };
            if !process.has_exited() {
                return Ok(process);
            }
        }
        let mut wait = START_WAIT;
        for _ in 1..START_TRIES {
            match self.start(program).await {
                Ok(process) => return Ok(process),
                Err(error) => tracing::warn!(%error, "a page reader could not be started; it is tried again"),
            }
            Clock::system().sleep(wait).await;
            wait *= 2;
        }
        self.start(program).await.map_err(|error| {
            tracing::error!(%error, "no page reader can be started");
            ReadFailure::NoReader
        })
    }

    async fn start(&self, program: &Path) -> std::io::Result<Process> {
        let (process, _) = Process::start(program, self.limits()).await?;
        self.metrics.readers_started.inc();
        Ok(process)
    }

    fn limits(&self) -> Limits {
        let page_seconds = self.settings.page_time.as_secs().max(1);
        Limits { memory_bytes: self.settings.memory_bytes, page_seconds }
    }

    /// The readers in use. Where threads replace processes, a start is retried from time to time, concurrently with
    /// the page that asks.
    async fn backend(self: &Arc<Self>) -> Arc<ReaderBackend> {
        let current =
            self.backend.get_or_init(|| async { Mutex::new(Arc::new(self.start_backend().await)) }).await;
        let readers = Arc::clone(&current.lock());
        if let Some(program) = self.settings.program.path().filter(|_| readers.take_due_retry()) {
            let (pool, stand_in, program) = (Arc::clone(self), Arc::clone(&readers), program.to_owned());
            let retry = async move { pool.retry_processes(&program, &stand_in).await };
            // A process that is being started ends with what waits for it.
            self.background_tasks.spawn(self.shutdown.clone().run_until_cancelled_owned(retry));
        }
        readers
    }

    /// Replaces the threads by processes when one can be started by now. Pages that threads are reading are read to
    /// their end.
    async fn retry_processes(&self, program: &Path, fallback: &ReaderBackend) {
        match self.start_processes(program).await {
            Ok(readers) => {
                tracing::info!("a reader process can be started by now: pages are read in processes");
                if let Some(current) = self.backend.get() {
                    *current.lock() = Arc::new(readers);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "no reader process can be started yet");
                *fallback.retry_at.lock() = Some(Clock::system().steady() + self.settings.start_retry);
            }
        }
    }

    /// Finds out what is available: processes, threads, or neither.
    async fn start_backend(&self) -> ReaderBackend {
        if let Some(program) = self.settings.program.path() {
            match self.start_processes(program).await {
                Ok(readers) => return readers,
                Err(error) => tracing::warn!(
                    %error,
                    "no reader process can be started: pages are read on threads of the server, without a bound on \
                     their memory, until one can"
                ),
            }
        }
        self.record_layers(false, &[]);
        let count = self.settings.threads();
        let deadline = Deadline { clock: Clock::system(), page_time: self.settings.page_time };
        let kind = Threads::start(count, deadline).map(BackendKind::Threads).unwrap_or_else(|error| {
            tracing::error!(%error, "no thread for reading pages can be started: no page is read");
            BackendKind::None
        });
        let retry_at = Clock::system().steady() + self.settings.start_retry;
        ReaderBackend { semaphore: self.new_semaphore(count), kind, retry_at: Mutex::new(Some(retry_at)) }
    }

    /// Starts the first process.
    async fn start_processes(&self, program: &Path) -> std::io::Result<ReaderBackend> {
        let (process, hello) = Process::start(program, self.limits()).await?;
        self.metrics.readers_started.inc();
        self.record_layers(true, &hello.layers);
        self.idle.lock().push(process);
        let kind = BackendKind::Processes(program.to_owned());
        Ok(ReaderBackend {
            semaphore: self.new_semaphore(self.settings.processes()),
            kind,
            retry_at: Mutex::new(None),
        })
    }

    /// Every waiting page has bytes of the budget, so that bounds the queue; no page is refused.
    fn new_semaphore(&self, at_once: usize) -> FairSemaphore<TenantId> {
        FairSemaphore::new(at_once, self.budget.max_pages())
    }

    fn record_layers(&self, is_process: bool, active_layers: &[String]) {
        let stands = |layer: SandboxLayer| match layer {
            SandboxLayer::Process => is_process,
            _ => active_layers.iter().any(|word| word == layer.word()),
        };
        let mut missing = Vec::new();
        for layer in SandboxLayer::ALL {
            self.metrics.reader_sandbox.of(*layer).set(stands(*layer));
            if !stands(*layer) {
                missing.push(layer.word());
            }
        }
        if is_process && !missing.is_empty() {
            let missing = missing.join(", ");
            tracing::warn!(%missing, "this system does not offer every layer of the page readers' sandbox");
        }
    }

    fn take_idle(&self) -> Vec<Process> {
        std::mem::take(&mut *self.idle.lock())
    }

    /// Kills a process; its permit is released when it has exited.
    fn kill_and_reap(&self, mut process: Process, permit: Option<FairPermit<TenantId>>, end: ReaderExit) {
        self.metrics.reader_ends.of(end).inc();
        process.kill();
        // Without a runtime the process is killed with the value that holds it.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.background_tasks.spawn(async move {
                let _ = process.wait().await;
                drop(permit);
            });
        }
    }
}

/// The rules as they are sent; empty for none, which is what most pages are read by.
fn rules_json(rules: &SpiderRules) -> Result<Cow<'static, str>, ReadFailure> {
    if rules.is_empty() {
        return Ok(Cow::Borrowed(""));
    }
    serde_json::to_string(rules).map(Cow::Owned).map_err(|_| ReadFailure::InvalidRules)
}

/// A permit and the process that it is used with. Dropped in the middle of a page, it ends the process first.
struct ProcessGuard<'p> {
    pool: &'p Inner,
    process: Option<Process>,
    permit: Option<FairPermit<TenantId>>,
}

impl ProcessGuard<'_> {
    /// The page is read: the process waits for the next one, unless it has read enough.
    fn return_to_pool(&mut self) {
        let Some(process) = self.process.take() else { return };
        if process.should_be_replaced() || self.pool.background_tasks.is_closed() {
            self.pool.kill_and_reap(process, self.permit.take(), ReaderExit::Replaced);
        } else {
            self.pool.idle.lock().push(process);
        }
    }
}

impl Drop for ProcessGuard<'_> {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            self.pool.kill_and_reap(process, self.permit.take(), ReaderExit::Cancelled);
        }
    }
}
