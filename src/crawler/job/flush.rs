//! Stores the results of a crawl, and reports its progress.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::crawl::Crawl;
use super::identity::{self, Identified, JobMemory};
use super::job_client::Result;
use super::page_outcome::PageOutcome;
use super::page_warnings::PageWarning;
use super::report::{FoundHome, Report};
use super::write_buffer::{self, WriteBuffer};
use crate::base::ids::PropertyId;
use crate::domain::frontier::{CrawlStep, ReadAddress, UrlClaim, UrlState};
use crate::domain::properties::known::KnownHomes;
use crate::domain::visits::VisitStep;
use crate::protocol::job::LogLevel;
use crate::protocol::property_batch::{BatchItemStatus, BatchResult};

/// Where listings were read.
#[derive(Debug, Default)]
pub(super) struct ReportedListings {
    addresses: Vec<ReadAddress>,
    /// The properties of pages that are their own, by the page's id in the frontier.
    pages: HashMap<i64, PropertyId>,
}

impl Crawl {
    /// Whether pending results must be stored before anything else.
    pub(super) fn should_flush(&self, now: DateTime<Utc>) -> bool {
        if self.buffer.is_empty() {
            return false;
        }
        let has_links = !self.buffer.links().is_empty() || !self.buffer.unchanged.is_empty();
        let dry = self.queue.ready() == 0 && (self.in_flight.is_empty() || has_links);
        // What was found is asked for before what is ready, if it is worth more.
        let is_better = self.buffer.best_link().is_some_and(|best| self.queue.has_worse_than(best));
        self.buffer.is_due(now) || dry || is_better || self.is_stopped() || self.pages_left() == 0
    }

    /// Stores pending results. Listings go first: when this is interrupted, their pages are fetched again, and no
    /// listing is lost with a page that counts as done.
    pub(super) async fn flush(&mut self, claim: UrlClaim<'_>) -> Result<()> {
        self.follow_kept_links().await?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let reports = self.identify_homes(&mut buffer).await?;
        let reported = self.report_listings(&reports).await?;
        self.record_outcomes(buffer, &reported, claim).await
    }

    /// Reports listings, and returns where they were read.
    pub(super) async fn report_listings(&mut self, reports: &[Report]) -> Result<ReportedListings> {
        let mut reported = ReportedListings::default();
        for reports in reports.chunks(write_buffer::BATCH) {
            let result = self.job_client.upsert_listings(reports).await?;
            self.count_batch(reports, &result);
            for (report, row) in reports.iter().zip(&result.results) {
                let Some(property_id) = row.property_id.map(PropertyId) else { continue };
                let read = report.addresses.iter().cloned();
                reported.addresses.extend(read.map(|address| ReadAddress { address, property_id }));
                reported.pages.extend(report.page_id.map(|page_id| (page_id, property_id)));
            }
            // A page may be that of very many listings: the lease lasts while they are stored.
            self.renew_lease_if_due().await?;
        }
        Ok(reported)
    }

    /// Finds out which stored properties the homes are.
    async fn identify_homes(&mut self, buffer: &mut WriteBuffer) -> Result<Vec<Report>> {
        let homes = std::mem::take(&mut buffer.homes);
        if homes.is_empty() {
            return Ok(Vec::new());
        }
        let (mut keys, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for home in &homes {
            let (keys_of_home, addresses_of_home) = identity::keys_of(home);
            keys.extend(keys_of_home);
            addresses.extend(addresses_of_home);
        }
        let mut stored = self.job_client.known_homes(&keys, &addresses).await?;
        let mut reports = Vec::with_capacity(homes.len());
        for home in homes {
            let page_id = home.page_id;
            let visit = home.fetched_at.map(|fetched_at| self.visit_of(fetched_at));
            let done = self.identify(home, &mut stored);
            if let Some(outcome) = done.outcome {
                buffer.set_outcome(page_id, outcome);
            }
            // A page that is read again removes nothing, not even a duplicate.
            let told = done.reports.into_iter().map(|report| Report { visit, ..report });
            reports.extend(told.filter(|report| self.reread.is_none() || report.removal.is_none()));
        }
        Ok(reports)
    }

    fn identify(&mut self, home: FoundHome, stored: &mut KnownHomes) -> Identified {
        let job_created_at = self.job_created_at;
        let (keys, disproved) = self.known.keys_and_disproved();
        let mut memory = JobMemory { keys, disproved, job_created_at };
        let mut done = identity::identify(home, stored, &mut memory);
        if let Some((source, key)) = done.shared_key.take() {
            self.warn(PageWarning::SharedKey, format!("{key} of {source}"));
        }
        if let Some(id) = done.read_elsewhere {
            self.known.set_read_elsewhere(id);
        }
        if let Some(id) = done.listed {
            self.known.set_listed(id);
        }
        for (id, key) in std::mem::take(&mut done.no_listings) {
            self.known.add_no_listing(id, key);
        }
        done
    }

    pub(super) async fn renew_lease_if_due(&mut self) -> Result<()> {
        let now = self.deps.services.clock.now();
        if self.report_schedule.must_renew_lease(self.job_client.lease_length, now) {
            self.cancelled |= self.job_client.heartbeat().await?.cancel_requested;
            self.report_schedule.lease_renewed_at = now;
        }
        Ok(())
    }

    async fn record_outcomes(
        &mut self,
        mut buffer: WriteBuffer,
        reported: &ReportedListings,
        claim: UrlClaim<'_>,
    ) -> Result<()> {
        let kept = buffer.take_visits(&reported.pages);
        let visits = VisitStep { kept: &kept, forgotten: &buffer.forgotten, unchanged: &buffer.seen };
        let (outcomes, addresses) = (&buffer.outcomes, &reported.addresses);
        let step = CrawlStep { outcomes, new: buffer.links(), addresses, visits, claim };
        let settled = self.job_client.record(step).await?;
        // A repeated write adds nothing, and the pages are there all the same.
        self.frontier_has_more |= !buffer.links().is_empty();
        if settled.seen > 0 {
            self.stats.record_items(i64::try_from(settled.seen).unwrap_or(i64::MAX));
        }
        self.report_schedule.lease_renewed_at = self.deps.services.clock.now();
        self.discovery.note_unloaded(buffer.best_link());
        self.cancelled |= settled.cancel_requested;
        for page in &buffer.outcomes {
            if matches!(page.state, UrlState::Queued | UrlState::Suspect) {
                continue;
            }
            self.queue.remove(page.id);
            self.visits.remove(page.id);
            if let Some(review) = &mut self.review {
                review.plan.set_second_outcome(page.id, page.outcome.as_deref().and_then(PageOutcome::parse));
            }
        }
        if self.in_flight.is_empty() {
            self.suspect_permit = None;
        }
        Ok(())
    }

    fn count_batch(&mut self, reports: &[Report], result: &BatchResult) {
        let (mut items, mut removed) = (0, 0);
        for (report, row) in reports.iter().zip(&result.results) {
            items += i64::from(report.removal.is_none() && row.status != BatchItemStatus::Error);
            removed += i64::from(row.status == BatchItemStatus::Removed);
        }
        self.stats.record_items(items);
        for (name, count) in [("lotline/removed", removed), ("lotline/rejected", result.rejected)] {
            if count > 0 {
                self.stats.add(name, count);
            }
        }
        for row in &result.results {
            if let Some(error) = &row.error {
                self.log(LogLevel::Warning, format!("A listing was not accepted: {error}"));
            }
        }
    }

    /// Reports when it is due.
    pub(super) async fn report_if_due(&mut self) -> Result<()> {
        let now = self.deps.services.clock.now();
        if self.report_schedule.due(&self.stats, self.job_client.lease_length) > now {
            return Ok(());
        }
        if self.report_schedule.has_changes(&self.stats) {
            self.report_progress().await?;
        } else if self.report_schedule.must_renew_lease(self.job_client.lease_length, now) {
            self.renew_lease_if_due().await?;
        } else {
            self.cancelled |= self.job_client.is_cancel_requested().await?;
        }
        self.report_schedule.reported_at = now;
        self.flush_log().await
    }

    /// Reports the current progress.
    pub(super) async fn report_progress(&mut self) -> Result<()> {
        let progress = self.report_schedule.next_progress(&self.stats);
        self.report_schedule.lease_renewed_at = self.deps.services.clock.now();
        self.cancelled |= self.job_client.report_progress(&progress).await?.cancel_requested;
        Ok(())
    }

    pub(super) async fn flush_log(&mut self) -> Result<()> {
        let lines = self.log_buffer.drain();
        self.job_client.append_log(&lines).await
    }
}
