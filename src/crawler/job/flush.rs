//! Stores the results of a crawl, and reports its progress.

use chrono::{DateTime, Utc};

use super::crawl::Crawl;
use super::job_client::Result;
use super::write_buffer::{self, WriteBuffer};
use crate::domain::frontier::{UrlClaim, UrlState};
use crate::protocol::job::LogLevel;
use crate::protocol::property_batch::{BatchItemStatus, BatchResult};

impl Crawl {
    /// Whether pending results must be stored before anything else.
    pub(super) fn should_flush(&self, now: DateTime<Utc>) -> bool {
        if self.buffer.is_empty() {
            return false;
        }
        let dry = self.queue.ready() == 0 && (self.in_flight.is_empty() || !self.buffer.links.is_empty());
        self.buffer.is_due(now) || dry || self.is_stopped() || self.pages_left() == 0
    }

    /// Stores pending results. Listings go first: when this is interrupted, their pages are fetched again, and no
    /// listing is lost with a page that counts as done.
    pub(super) async fn flush(&mut self, claim: UrlClaim<'_>) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        for listings in buffer.listings.chunks(write_buffer::BATCH) {
            let result = self.job_client.upsert_listings(listings).await?;
            self.count_batch(&result);
            // A page may be that of very many listings: the lease lasts while they are stored.
            self.renew_lease_if_due().await?;
        }
        self.record_outcomes(buffer, claim).await
    }

    async fn renew_lease_if_due(&mut self) -> Result<()> {
        let now = self.deps.services.clock.now();
        if self.report_schedule.must_renew_lease(self.job_client.lease_length, now) {
            self.cancelled |= self.job_client.heartbeat().await?.cancel_requested;
            self.report_schedule.lease_renewed_at = now;
        }
        Ok(())
    }

    async fn record_outcomes(&mut self, buffer: WriteBuffer, claim: UrlClaim<'_>) -> Result<()> {
        let settled = self.job_client.record_outcomes(&buffer.outcomes, &buffer.links, claim).await?;
        self.report_schedule.lease_renewed_at = self.deps.services.clock.now();
        self.frontier_has_more |= settled.added > 0;
        self.cancelled |= settled.cancel_requested;
        for page in &buffer.outcomes {
            if !matches!(page.state, UrlState::Queued | UrlState::Suspect) {
                self.queue.remove(page.id);
            }
        }
        if self.in_flight.is_empty() {
            self.suspect_permit = None;
        }
        Ok(())
    }

    fn count_batch(&mut self, result: &BatchResult) {
        let removals = result.results.iter().filter(|row| row.status == BatchItemStatus::Removed).count();
        self.stats.record_items(result.accepted - removals as i64);
        if result.rejected > 0 {
            self.stats.add("lotline/rejected", result.rejected);
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
