//! Loads pages from the frontier and fetches them, as far as slots, hosts and limits allow.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::crawl::Crawl;
use super::job_client::Result;
use super::pacing::Pause;
use super::request::{self, ReadScope};
use super::url_queue::PendingPage;
use crate::crawler::hosts::{FetchDecision, FetchPermit};
use crate::crawler::politeness::HostKey;
use crate::crawler::robots::Robots;
use crate::domain::frontier::{QueuedBatch, UrlClaim, UrlOutcome, UrlState, Worth};
use crate::protocol::job::LogLevel;

/// Pages in flight or being read, of one job. Each may take several times the largest page in memory.
const MAX_IN_FLIGHT: usize = 8;
/// Below this number of ready pages, more are loaded from the frontier.
const REFILL_BELOW: usize = 50;
const REFILL_BATCH: usize = 200;
/// Maximum of loaded pages; a slow host's pages must not take all memory.
const MAX_LOADED: usize = 1_000;

impl Crawl {
    /// Loads pages from the frontier when few are ready.
    pub(super) async fn refill(&mut self) -> Result<()> {
        self.unload_lesser_pages();
        let is_better = self.discovery.best_unloaded.is_some_and(|best| self.queue.has_worse_than(best));
        let has_enough = self.queue.ready() >= REFILL_BELOW && !is_better;
        if !self.frontier_has_more || has_enough || self.queue.loaded() >= MAX_LOADED {
            return Ok(());
        }
        // The loaded ones come first in the result as long as they are not taken.
        let batch =
            usize::try_from(self.pages_left()).map_or(REFILL_BATCH, |left| left.clamp(1, REFILL_BATCH));
        let limit = self.queue.loaded() + batch;
        self.load_known_pages(limit).await?;
        self.discovery.best_unloaded = None;
        let mode = self.read_mode();
        let is_new = |id| self.visits.is_unknown(id);
        let QueuedBatch { urls, mut visits } = self.job_client.next_urls(limit as u64, &mode, is_new).await?;
        self.frontier_has_more = urls.len() == limit || !self.discovery.known_pages.is_at_end();
        for place in urls {
            let id = place.id;
            if self.visits.is_unknown(id) {
                self.visits.set(id, visits.remove(&id));
            }
            match PendingPage::new(place) {
                Some(stop) => self.queue.push(stop),
                None => tracing::error!(crawl_url.id = id, "a page of the frontier has no URL"),
            }
        }
        self.pause = None;
        Ok(())
    }

    /// Makes room for pages of the frontier that are worth more than those that are loaded.
    fn unload_lesser_pages(&mut self) {
        let Some(best) = self.discovery.best_unloaded.filter(|_| self.review.is_none()) else { return };
        let unloaded = self.queue.unload_worse_than(best);
        self.frontier_has_more |= !unloaded.is_empty();
        for id in unloaded {
            self.visits.remove(id);
        }
    }

    /// Requests or releases the slot, depending on what there is to do, and starts the requests that are allowed.
    pub(super) fn schedule(&mut self) {
        let now = self.deps.services.clock.now();
        if self.queue.requeue_due(now)
            || self.pause.and_then(|pause| pause.until).is_some_and(|until| until <= now)
        {
            self.pause = None;
        }
        if self.slot.is_held() && self.has_fetchable_pages() && !self.slot.should_yield() {
            self.schedule_all();
        }
        if !self.in_flight.is_empty() || self.ready_suspect.is_some() || self.must_mark_taken {
            return;
        }
        let waits = self.pause.is_some() || !self.has_fetchable_pages();
        if waits || self.slot.is_held() {
            self.slot.release();
        }
        if !waits {
            self.slot.request();
        }
    }

    fn has_fetchable_pages(&self) -> bool {
        self.queue.ready() > 0 && self.pages_left() > 0 && !self.is_stopped()
    }

    fn schedule_all(&mut self) {
        // A suspect is in flight, or about to be: nothing is fetched beside it.
        if self.suspect_permit.is_some() || self.ready_suspect.is_some() {
            return;
        }
        if let Some(reread) = self.reread.clone() {
            return self.schedule_kept(&reread, MAX_IN_FLIGHT);
        }
        let mut pause = Pause::default();
        for host in self.queue.hosts() {
            self.schedule_host(&host, &mut pause);
        }
        self.pause = (pause.busy || pause.until.is_some()).then_some(pause);
    }

    fn schedule_host(&mut self, host: &HostKey, pause: &mut Pause) {
        let tenant = self.job_client.op.scope.tenant_id();
        while self.in_flight.len() < MAX_IN_FLIGHT && self.pages_left() > 0 && !self.is_stopped() {
            let Some(next) = self.queue.front(host) else { return };
            let others = self.queue.ready() > 1 || !self.in_flight.is_empty();
            if next.entry.suspect && others {
                return;
            }
            if self.awaits_better(host, next.entry.worth) {
                pause.busy = true;
                return;
            }
            if !next.entry.suspect && !self.queue.is_taken(next.entry.id) {
                self.must_mark_taken = true;
                return;
            }
            let named = self.deps.fetcher.guard().is_allowed_private(&next.url);
            match self.deps.hosts.try_acquire(&next.url, host, named, self.pace) {
                FetchDecision::FetchPage(permit, robots) => {
                    let Some(stop) = self.queue.pop(host) else { return };
                    if stop.entry.suspect {
                        self.ready_suspect = Some((permit, robots, stop));
                        return;
                    }
                    self.start_page_fetch(permit, robots, stop);
                }
                FetchDecision::FetchRobots(permit) => {
                    self.stats.add("robotstxt/request_count", 1);
                    let visit = request::fetch_robots(self.deps.clone(), tenant, permit, next.url.clone());
                    self.in_flight.push(Box::pin(visit));
                }
                FetchDecision::Wait(Some(at)) => {
                    pause.until = Some(pause.until.map_or(at, |until| until.min(at)));
                    return;
                }
                FetchDecision::Wait(None) => {
                    pause.busy = true;
                    return;
                }
                FetchDecision::Forbidden => {
                    self.stats.add("robotstxt/forbidden", 1);
                    self.skip_page(host, "robots.txt forbids it");
                }
                FetchDecision::RobotsUnreadable => {
                    self.skip_page(host, "the host's robots.txt could not be read");
                }
            }
        }
    }

    /// Whether a page of this worth waits, because something better may be asked for first: it was found and is not in
    /// the frontier yet, or a page that is worth more is being read and may lead to it.
    fn awaits_better(&self, host: &HostKey, worth: Worth) -> bool {
        let is_found = self.buffer.best_link().is_some_and(|best| best < worth);
        is_found || self.discovery.reads_better(host, worth)
    }

    fn start_page_fetch(&mut self, permit: FetchPermit, robots: Robots, page: PendingPage) {
        let tenant = self.job_client.op.scope.tenant_id();
        self.stats.record_request();
        self.pages_in_flight += 1;
        self.add_sitemaps(&page, &robots);
        self.discovery.begin_page(page.entry.id, page.host.clone(), page.entry.worth);
        // A job for named pages is asked for what they say now, not for whether they changed.
        let conditional = self.visits.validators(page.entry.id).filter(|_| !self.limits.targets_only);
        let scope = ReadScope {
            allowed: self.allowed.clone(),
            limits: self.reading_limits,
            rules: Arc::clone(&self.spider_rules),
            profile: self.profile.clone(),
            conditional,
            kept: self.kept_for.clone(),
        };
        let visit = request::fetch_page(self.deps.clone(), tenant, permit, robots, page, scope);
        self.in_flight.push(Box::pin(visit));
    }

    /// Marks the next pages as taken in the frontier, together with what is to be stored anyway.
    pub(super) async fn mark_pages_taken(&mut self) -> Result<()> {
        self.must_mark_taken = false;
        let ids = self.queue.next_untaken(self.batch_sizer.next_size(self.deps.services.clock.now()));
        let claim = self.next_kept_suspect().map_or(UrlClaim::Pages(&ids), UrlClaim::Suspect);
        self.flush(claim).await?;
        self.queue.mark_taken(ids);
        Ok(())
    }

    /// Whether nothing is left but pages that are to be tried alone.
    pub(super) fn should_try_suspect(&self) -> bool {
        let nothing_else =
            self.in_flight.is_empty() && self.ready_suspect.is_none() && self.buffer.is_empty();
        let may_go_on = !self.is_stopped() && self.pages_left() > 0;
        self.has_suspects && nothing_else && self.queue.is_empty() && !self.frontier_has_more && may_go_on
    }

    /// Loads the next page that is to be tried alone.
    pub(super) async fn load_next_suspect(&mut self) -> Result<()> {
        match self.job_client.next_suspect().await?.map(PendingPage::new) {
            Some(Some(stop)) => self.queue.push(stop),
            Some(None) => {
                tracing::error!("a page of the frontier has no URL");
                self.has_suspects = false;
            }
            None => self.has_suspects = false,
        }
        self.pause = None;
        Ok(())
    }

    /// Fetches the suspect that is ready, now that no other is being tried on this node. That it is tried is recorded
    /// first: if the worker is lost now, this page is the cause.
    pub(super) async fn fetch_suspect(&mut self, suspect_permit: OwnedSemaphorePermit) -> Result<()> {
        let Some((permit, robots, stop)) = self.ready_suspect.take() else { return Ok(()) };
        self.flush(UrlClaim::Suspect(stop.entry.id)).await?;
        self.suspect_permit = Some(suspect_permit);
        self.start_page_fetch(permit, robots, stop);
        Ok(())
    }

    /// Skips the next page of a host.
    fn skip_page(&mut self, host: &HostKey, cause: &str) {
        let Some(stop) = self.queue.pop(host) else { return };
        let words = format!("{}: {cause}", stop.url);
        if stop.entry.depth == 0 {
            self.log_failure(words);
        } else {
            self.log(LogLevel::Debug, words);
        }
        self.buffer.touch(self.deps.services.clock.now());
        self.buffer.outcomes.push(UrlOutcome {
            id: stop.entry.id,
            state: UrlState::Skipped,
            attempts: stop.entry.attempts,
            items: 0,
            outcome: Some(cause.to_owned()),
        });
    }
}
