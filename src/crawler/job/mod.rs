//! One crawl, from its claim to its end. A single task holds all of its state: requests are on their way beside each
//! other, and everything that they bring in passes here. It may be killed at any line: the frontier in the store has
//! what is needed to go on.

mod desk;
mod finish;
mod haul;
mod journal;
mod launch;
mod seeds;
mod shelf;
mod store;
mod take;
mod tally;
mod visit;

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::desk::{Desk, Halt, Result};
use self::finish::{End, Outlook};
use self::haul::Haul;
use self::journal::Journal;
use self::launch::{Batches, Pause};
use self::shelf::{Shelf, Stop};
use self::tally::Tally;
use self::visit::Visit;
use super::hosts::Permit;
use super::links::AllowedHosts;
use super::robots::Robots;
use super::runner::Tools;
use super::slots::JobSlot;
use crate::auth::scope::SystemReason;
use crate::base::ids::{JobId, TenantId};
use crate::crawler::settings::CrawlerSettings;
use crate::domain::frontier::{Fingerprint, Standing, Taking};
use crate::domain::jobs::complete::Completion;
use crate::domain::jobs::fail::Failure;
use crate::domain::op::Op;
use crate::protocol::job::{Job, LogLevel};
use crate::protocol::worker::Claim;

/// Pages in a job's frontier: some for each that may be asked for, since many links lead nowhere.
const ROWS_PER_PAGE: usize = 4;
const LEAST_ROWS: usize = 1_000;
const MOST_ROWS: usize = 200_000;

/// How far a crawl may go.
struct Limits {
    pages: i64,
    items: Option<i64>,
    rows: usize,
}

impl Limits {
    fn of(job: &Job, settings: &CrawlerSettings) -> Self {
        let pages = job.settings.max_pages.map_or(settings.max_pages, |pages| pages.min(settings.max_pages));
        let rows = usize::try_from(pages).unwrap_or(MOST_ROWS).saturating_mul(ROWS_PER_PAGE);
        Self { pages, items: job.settings.max_items, rows: rows.clamp(LEAST_ROWS, MOST_ROWS) }
    }

    /// Known pages take at most half of what may be asked for, so that something is left for what is new.
    fn known(&self) -> usize {
        usize::try_from(self.pages / 2 + self.pages % 2).unwrap_or(MOST_ROWS).min(self.rows / 2)
    }
}

/// What the crawl has come to in all, executions before this one included: the limits speak of these.
#[derive(Default)]
struct Reached {
    /// Pages that were read, or found to be gone where one was known.
    read: i64,
    failed: i64,
    items: i64,
}

struct Crawl {
    desk: Desk,
    tools: Tools,
    allowed: Arc<AllowedHosts>,
    limits: Limits,
    reached: Reached,
    /// Pages of the frontier, and those that redirects led to.
    seen: HashSet<Fingerprint>,
    shelf: Shelf,
    /// Pages may wait in the frontier that are not in hand.
    more: bool,
    /// Pages wait in the frontier that are to be tried alone, after all others.
    suspects: bool,
    /// One of them whose host may be asked now; it waits until no other is being tried on this node.
    suspect: Option<(Permit, Robots, Stop)>,
    /// Held while one is on its way or being read.
    alone: Option<OwnedSemaphorePermit>,
    slot: JobSlot,
    /// Nothing may be asked for before this is over; `None`: perhaps something may.
    pause: Option<Pause>,
    /// The next page may be asked for once the frontier knows it as taken.
    must_take: bool,
    batches: Batches,
    flying: FuturesUnordered<Pin<Box<dyn Future<Output = Visit> + Send>>>,
    flying_pages: i64,
    haul: Haul,
    tally: Tally,
    journal: Journal,
    first_failure: Option<String>,
    cancelled: bool,
    /// When it is to end, whatever is left.
    deadline: Option<DateTime<Utc>>,
    timed_out: bool,
    reports: store::Reports,
}

/// Runs the claimed job until it is over, lost, or given back because the node stops.
pub(super) async fn run(
    tools: Tools,
    tenant: TenantId,
    claim: Claim,
    slot: JobSlot,
    length: Duration,
    stop: CancellationToken,
) {
    let Claim { job, lease_token: token, .. } = claim;
    let op = Op::of_system(&tools.kernel, SystemReason::Crawl, tenant);
    let job_id = JobId(job.job_id);
    let desk = Desk { op, job_id, token, length, stop };
    let ended = match Crawl::begin(desk, tools, slot, &job).await {
        Ok(mut crawl) => crawl.go_on().await,
        Err(halt) => Err(halt),
    };
    match ended {
        Ok(()) => {}
        Err(Halt::Lost) => {
            tracing::info!(tenant.id = %tenant, job.id = %job_id, "a crawl has lost its lease");
        }
        Err(Halt::Broken(problem)) => {
            tracing::warn!(%problem, tenant.id = %tenant, job.id = %job_id, "a crawl could not report and was dropped");
        }
    }
}

impl Crawl {
    /// Starts the job and finds its frontier, or makes it.
    async fn begin(desk: Desk, tools: Tools, slot: JobSlot, job: &Job) -> Result<Self> {
        let cancelled = desk.start().await?.cancel_requested;
        let targets: Vec<Url> = job.target_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
        let now = tools.kernel.clock.now();
        let tally = Tally::resume(job.stats.as_ref(), now);
        let mut crawl = Self {
            allowed: Arc::new(AllowedHosts::of(&targets, &job.settings.allowed_hosts)),
            limits: Limits::of(job, &tools.settings),
            reached: Reached::default(),
            seen: HashSet::new(),
            shelf: Shelf::default(),
            more: true,
            suspects: false,
            suspect: None,
            alone: None,
            slot,
            pause: None,
            must_take: false,
            batches: Batches::default(),
            flying: FuturesUnordered::new(),
            flying_pages: 0,
            haul: Haul::default(),
            deadline: deadline(&tally, &tools.settings),
            timed_out: false,
            tally,
            journal: Journal::default(),
            first_failure: None,
            cancelled,
            reports: store::Reports::new(now),
            desk,
            tools,
        };
        match crawl.desk.standing().await? {
            Some(standing) => crawl.resume(standing),
            None => crawl.seed(job).await?,
        }
        Ok(crawl)
    }

    fn resume(&mut self, standing: Standing) {
        let words = format!("The crawl goes on after {} pages", standing.done + standing.failed);
        self.note(LogLevel::Info, words);
        self.reached = Reached { read: standing.done, failed: standing.failed, items: standing.items };
        self.seen = standing.pages.into_iter().collect();
        self.suspects = standing.suspects;
    }

    async fn seed(&mut self, job: &Job) -> Result<()> {
        let guard = self.tools.fetcher.guard();
        let seeds =
            seeds::gather(&self.desk, guard, &job.target_urls, &self.allowed, self.limits.known()).await?;
        let targets = seeds.places.len() - seeds.known;
        let words = format!("The crawl begins with {targets} targets and {} known pages", seeds.known);
        self.note(LogLevel::Info, words);
        for refused in seeds.refused {
            self.failed(format!("{refused}; it is left out"));
        }
        self.seen = seeds.places.iter().map(|place| Fingerprint::of(&place.url)).collect();
        // All seeds in one transaction: a crawl that is killed here has none, and begins anew.
        let settled = self.desk.settle(&[], &seeds.places, Taking::Nothing).await?;
        self.cancelled |= settled.cancel_requested;
        Ok(())
    }

    async fn go_on(&mut self) -> Result<()> {
        let hosts = self.tools.hosts.clone();
        let clock = self.tools.kernel.clock.clone();
        loop {
            // Listening begins before leave is asked, so that a host that is freed in between is heard.
            let changed = hosts.changed();
            self.refill().await?;
            if self.is_suspects_turn() {
                self.next_suspect().await?;
            }
            self.launch();
            if self.must_take {
                self.take_pages().await?;
                continue;
            }
            self.tell().await?;
            self.timed_out |= self.deadline.is_some_and(|deadline| deadline <= clock.now());
            if self.is_stopped() {
                self.drop_flying();
            }
            if self.must_store(clock.now()) {
                self.store(Taking::Nothing).await?;
                continue;
            }
            if self.is_over() {
                return self.finish().await;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = self.desk.stop.cancelled() => return self.hand_back().await,
                Some(visit) = self.flying.next() => self.take(visit),
                Some(alone) = self.tools.slots.suspect(), if self.suspect.is_some() => {
                    self.try_suspect(alone).await?;
                }
                () = self.slot.granted(), if self.slot.is_waiting() => {}
                () = changed => self.pause = self.pause.filter(|pause| !pause.busy),
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    /// Gives up what is on its way. It is asked for again, should the crawl go on.
    fn drop_flying(&mut self) {
        self.flying.clear();
        self.flying_pages = 0;
        self.suspect = None;
        self.alone = None;
    }

    /// Whether what is on its way is no longer wanted.
    fn is_stopped(&self) -> bool {
        self.cancelled || self.timed_out || self.items_left() == 0
    }

    fn is_over(&self) -> bool {
        let nothing_left = self.shelf.is_empty() && !self.more && !self.suspects;
        let none_flies = self.flying.is_empty() && self.suspect.is_none();
        none_flies && (self.is_stopped() || nothing_left || self.pages_left() == 0)
    }

    /// Listings that may still be taken.
    fn items_left(&self) -> i64 {
        self.limits.items.map_or(i64::MAX, |most| (most - self.reached.items).max(0))
    }

    /// Pages that may still be asked for.
    fn pages_left(&self) -> i64 {
        (self.limits.pages - self.reached.read - self.reached.failed - self.flying_pages).max(0)
    }

    /// When to look again though nothing has happened.
    fn wake(&self) -> DateTime<Utc> {
        let heartbeat = self.reports.due(&self.tally, self.desk.length);
        let turn = self.pause.and_then(|pause| pause.until);
        let others = [turn, self.shelf.next_due(), self.haul.due(), self.deadline];
        others.into_iter().flatten().fold(heartbeat, DateTime::min)
    }

    async fn finish(&mut self) -> Result<()> {
        let end = finish::end(&Outlook {
            cancelled: self.cancelled,
            items_full: self.items_left() == 0,
            timed_out: self.timed_out,
            pages_full: self.pages_left() == 0,
            pages_left: self.more || !self.shelf.is_empty() || self.suspects,
            read: self.reached.read,
            first_failure: self.first_failure.as_deref(),
        });
        let (reason, words) = match &end {
            End::Complete(reason) => (*reason, format!("The crawl ends: {reason}")),
            End::Fail(error) => ("failed", error.clone()),
        };
        let now = self.tools.kernel.clock.now();
        let stats = Some(self.tally.final_stats(reason, now));
        let totals = format!("{} pages, {} listings", self.tally.pages(), self.tally.items());
        self.journal.close(format!("{words} ({totals})"), now);
        self.write_journal().await?;
        match end {
            End::Complete(reason) => {
                let (items, pages) = (Some(self.tally.items()), Some(self.tally.pages()));
                let finish_reason = Some(reason.to_owned());
                let done = Completion { items_scraped: items, pages_crawled: pages, stats, finish_reason };
                self.desk.complete(&done).await?;
            }
            End::Fail(error) => drop(self.desk.fail(&Failure { error, stats }).await?),
        }
        Ok(())
    }

    /// The node stops: what is in hand is stored and the job is given back. Pages on their way are asked for again.
    async fn hand_back(&mut self) -> Result<()> {
        self.drop_flying();
        self.store(Taking::Nothing).await?;
        self.note(LogLevel::Info, "The crawl is given back because its node stops".to_owned());
        self.write_journal().await?;
        self.report().await?;
        self.desk.release().await
    }

    fn note(&mut self, level: LogLevel, message: String) {
        self.tally.logged(level);
        self.journal.note(level, message, self.tools.kernel.clock.now());
    }

    /// Notes what went wrong with a page.
    fn failed(&mut self, message: String) {
        self.first_failure.get_or_insert_with(|| message.clone());
        self.note(LogLevel::Warning, message);
    }
}

/// When a crawl is to end that began, under this worker or an earlier one of the same execution, as its figures say.
fn deadline(tally: &Tally, settings: &CrawlerSettings) -> Option<DateTime<Utc>> {
    let time = chrono::TimeDelta::from_std(settings.job_time?).ok()?;
    tally.started().checked_add_signed(time)
}
