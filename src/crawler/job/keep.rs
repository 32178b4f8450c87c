//! Keeps the pages of a crawl, so that they can be read again: each is compressed when it was read, and they are written
//! many at a time beside the crawl. What cannot be written is not kept; the crawl never fails for it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use url::Url;

use super::probes;
use super::url_queue::PendingPage;
use crate::base::ids::TenantId;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::fetch::FetchedPage;
use crate::crawler::kept_page;
use crate::domain::kept_pages::{self, NewPage, WaitingPermit};
use crate::domain::op::Op;

/// Pages and compressed bytes that are written at a time, and after how long at the latest.
const BATCH_PAGES: usize = 100;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A page that was read, compressed. It holds its part of the node's memory for such pages.
#[derive(Debug)]
pub(super) struct PageToKeep {
    page: NewPage,
    permit: WaitingPermit,
}

/// Compresses a page that was read for this spider. `None`: the job keeps none, or there is no room for it.
pub(super) async fn pack(
    deps: &CrawlDeps,
    tenant: TenantId,
    requested: &PendingPage,
    page: FetchedPage,
    spider_name: Option<&str>,
) -> Option<PageToKeep> {
    let spider_name = spider_name?.to_owned();
    if probes::is_probe(&requested.url) {
        return None;
    }
    let (url, fetched_at) = (requested.url.clone(), requested.fetched_at?);
    let packed =
        tokio::task::spawn_blocking(move || kept_page::pack(page, &url, spider_name, fetched_at)).await;
    let page = packed.ok()??;
    let permit = deps.services.kept_pages.try_wait(tenant, page.body.bytes.len() as u64)?;
    Some(PageToKeep { page, permit })
}

/// The pages of one crawl that are not written yet.
#[derive(Default)]
pub(super) struct Keeper {
    pages: Vec<PageToKeep>,
    bytes: usize,
    /// Pages that are gone, by URL: what is kept of them is removed.
    gone: Vec<String>,
    oldest_at: Option<DateTime<Utc>>,
    /// The write that is under way, at most one.
    writes: JoinSet<()>,
}

impl Keeper {
    pub(super) fn add(&mut self, page: PageToKeep, now: DateTime<Utc>) {
        self.oldest_at.get_or_insert(now);
        self.bytes += page.page.body.bytes.len();
        self.pages.push(page);
    }

    /// The page of this URL is gone.
    pub(super) fn forget(&mut self, url: &Url, now: DateTime<Utc>) {
        self.oldest_at.get_or_insert(now);
        self.gone.push(url.as_str().to_owned());
    }

    /// Starts to write what is due, unless a write is under way.
    pub(super) fn write_if_due(&mut self, op: &Op, now: DateTime<Utc>) {
        while self.writes.try_join_next().is_some() {}
        if self.is_due(now) && self.writes.is_empty() {
            self.start_write(op);
        }
    }

    /// Writes the rest, and waits until all is written.
    pub(super) async fn finish(&mut self, op: &Op) {
        while self.writes.join_next().await.is_some() {}
        if self.oldest_at.is_some() {
            self.start_write(op);
        }
        while self.writes.join_next().await.is_some() {}
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_full = self.pages.len() + self.gone.len() >= BATCH_PAGES || self.bytes >= BATCH_BYTES;
        is_full || self.oldest_at.is_some_and(|since| since + LONGEST_WAIT <= now)
    }

    fn start_write(&mut self, op: &Op) {
        let (pages, gone) = (std::mem::take(&mut self.pages), std::mem::take(&mut self.gone));
        self.bytes = 0;
        self.oldest_at = None;
        self.writes.spawn(write(op.clone(), pages, gone));
    }
}

async fn write(op: Op, pages: Vec<PageToKeep>, gone: Vec<String>) {
    let (pages, permits): (Vec<NewPage>, Vec<WaitingPermit>) =
        pages.into_iter().map(|PageToKeep { page, permit }| (page, permit)).unzip();
    let (tenant, count) = (op.scope.tenant_id(), pages.len());
    if let Err(problem) = kept_pages::store(&op, pages).await {
        tracing::warn!(%problem, tenant.id = %tenant, pages = count, "pages of a crawl could not be kept");
    }
    drop(permits);
    if let Err(problem) = kept_pages::forget(&op, &gone).await {
        tracing::warn!(%problem, tenant.id = %tenant, "kept pages that are gone could not be removed");
    }
}
