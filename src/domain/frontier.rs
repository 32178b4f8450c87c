//! A crawl's frontier in the store, so that a crawl continues after its worker was killed or stopped.
//!
//! A frontier exists until its job has ended. So an execution that follows a lost or a released one continues with
//! it, and one that a user asked for (a retry of an ended job) finds none and starts from the beginning.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::Result;
use super::jobs::lease::{self, Lease};
use super::jobs::state::JobInput;
use super::jobs::view::json;
use super::op::Op;
use super::properties::addresses::AddressHash;
use crate::base::hex::sha256_hex;
use crate::base::ids::{JobId, PropertyId};
use crate::protocol::job::{CrawlStats, ExecutionStatus};
use crate::storage::crawl_urls::{self, CrawlUrlRow, NewCrawlUrl, VisitUpdate};
use crate::storage::property_addresses::{self, NewAddress};
use crate::storage::{executions, jobs};

/// A listing that had a page before the crawl: its source and its key there.
pub type ListingKey = (String, String);

/// A URL to be crawled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUrl {
    pub url: String,
    pub depth: i64,
    /// Listings that are known to have this page: they are removed when it is gone.
    pub known: Vec<ListingKey>,
}

/// A queued URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedUrl {
    pub id: i64,
    pub url: String,
    pub depth: i64,
    /// Attempts so far.
    pub attempts: u32,
    pub known: Vec<ListingKey>,
    /// A worker was lost while it may have read this page: it is crawled alone, after all others.
    pub suspect: bool,
}

/// The state of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlState {
    /// It failed and will be retried.
    Queued,
    /// The same, for a URL that is crawled alone.
    Suspect,
    Done,
    Failed,
    /// It was never requested.
    Skipped,
}

/// The outcome of a URL.
#[derive(Clone, Debug)]
pub struct UrlOutcome {
    pub id: i64,
    pub state: UrlState,
    pub attempts: u32,
    /// Listings that were extracted from it.
    pub items: i64,
    pub outcome: Option<String>,
}

/// The state in which an earlier worker left a crawl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrawlCheckpoint {
    /// The fingerprint of each URL in the frontier.
    pub pages: Vec<Fingerprint>,
    pub done: i64,
    pub failed: i64,
    pub items: i64,
    /// Whether URLs wait that are to be crawled alone.
    pub suspects: bool,
}

/// URLs that are requested from now on. If the lease runs out, one of them may have been the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlClaim<'a> {
    Nothing,
    /// Any of these may be in flight or being parsed until its outcome is recorded.
    Pages(&'a [i64]),
    /// This suspect alone.
    Suspect(i64),
}

/// Identifies a URL without keeping its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    pub fn of(url: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(url.as_bytes()).into();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(first))
    }

    /// Parses the first half of the hash that is stored.
    fn stored(hash: &str) -> Option<Self> {
        u128::from_str_radix(hash.get(..32)?, 16).ok().map(Self)
    }
}

/// The checkpoint of a crawl; `None` when it has not begun.
pub async fn load_checkpoint(op: &Op, job: JobId) -> Result<Option<CrawlCheckpoint>> {
    let tx = op.read().await?;
    let sums = crawl_urls::totals(&tx, job).await?;
    // Lost pages outlive the end of their job, and a retry starts from the beginning beside them.
    if sums.pages == sums.lost {
        return Ok(None);
    }
    let hashes = crawl_urls::hashes(&tx, job).await?;
    let pages = hashes.iter().filter_map(|hash| Fingerprint::stored(hash)).collect();
    let suspects = sums.suspects > 0;
    Ok(Some(CrawlCheckpoint { pages, done: sums.done, failed: sums.failed, items: sums.items, suspects }))
}

/// Up to `limit` queued URLs, breadth first.
pub async fn next_queued(op: &Op, job: JobId, limit: u64) -> Result<Vec<QueuedUrl>> {
    let tx = op.read().await?;
    let rows = crawl_urls::queue(&tx, job, limit).await?;
    rows.into_iter().map(queued_url).collect()
}

/// The next URL to be crawled alone.
pub async fn next_suspect(op: &Op, job: JobId) -> Result<Option<QueuedUrl>> {
    let tx = op.read().await?;
    let rows = crawl_urls::suspects(&tx, job, 1).await?;
    rows.into_iter().next().map(queued_url).transpose()
}

/// The answer to a worker that has recorded a step of the crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordResult {
    /// URLs that are new in the frontier.
    pub added: usize,
    pub cancel_requested: bool,
}

/// An address at which a property was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAddress {
    pub address: AddressHash,
    pub property_id: PropertyId,
}

/// What a worker records of a crawl at a time.
#[derive(Clone, Copy, Debug)]
pub struct CrawlStep<'a> {
    pub outcomes: &'a [UrlOutcome],
    pub new: &'a [NewUrl],
    /// Addresses of the listings that were reported before.
    pub addresses: &'a [ReadAddress],
    pub claim: UrlClaim<'a>,
}

/// Records the outcomes of URLs and adds those that they link to, all or nothing. Only the lease's holder may, and it
/// extends the lease. The items of a page must be reported before: a crash in between then only means that the page
/// is requested once more, and that its addresses are stored then. Claimed URLs are recorded in the same transaction,
/// before they are requested.
pub async fn record(op: &Op, lease: &Lease<'_>, step: CrawlStep<'_>) -> Result<RecordResult> {
    let change = op.begin().await?;
    let (mut job, _) = lease::require(op, &change, lease, JobInput::Heartbeat).await?;
    crawl_urls::save_visits(&change.tx, lease.job_id, group_updates(step.outcomes)).await?;
    let new = step.new.iter().cloned().map(row).collect();
    let added = crawl_urls::insert_new(&change.tx, lease.job_id, new).await?;
    property_addresses::keep(&change.tx, step.addresses.iter().map(new_address).collect()).await?;
    match step.claim {
        UrlClaim::Nothing => {}
        UrlClaim::Pages(ids) => crawl_urls::put_in_state(&change.tx, lease.job_id, ids, "taken").await?,
        UrlClaim::Suspect(id) => crawl_urls::put_in_state(&change.tx, lease.job_id, &[id], "alone").await?,
    }
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    Ok(RecordResult { added, cancel_requested: job.cancel_requested })
}

/// A known page of which the crawl has recorded a certain outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPage {
    pub page: QueuedUrl,
    pub outcome: String,
}

/// Up to `limit` visited known pages with one of these outcomes, in the order in which they were found.
pub async fn known_pages(op: &Op, job: JobId, outcomes: &[&str], limit: u64) -> Result<Vec<KnownPage>> {
    let tx = op.read().await?;
    let rows = crawl_urls::known_with_outcome(&tx, job, outcomes, limit).await?;
    rows.into_iter().map(known_page).collect()
}

fn known_page(row: CrawlUrlRow) -> Result<KnownPage> {
    let outcome = row.outcome.clone().unwrap_or_default();
    Ok(KnownPage { page: queued_url(row)?, outcome })
}

/// How many known pages with this beginning of their URL were visited, by outcome.
pub async fn known_page_counts(op: &Op, job: JobId, url_start: &str) -> Result<BTreeMap<String, i64>> {
    let counts = crawl_urls::count_known(&op.read().await?, job, url_start).await?;
    let mut sums = BTreeMap::new();
    for (outcome, pages) in counts {
        *sums.entry(outcome.unwrap_or_default()).or_default() += pages;
    }
    Ok(sums)
}

/// The stats that the job's execution before this one had reported when its worker was lost.
pub async fn stats_before_loss(op: &Op, job: JobId) -> Result<Option<CrawlStats>> {
    // The current execution, and the one before it.
    let rows = executions::list(&op.read().await?, job, None, 2).await?;
    let lost = rows.into_iter().nth(1).filter(|row| row.status == ExecutionStatus::Lost.name());
    Ok(lost.and_then(|row| row.stats).as_deref().map(json).transpose()?)
}

fn new_address(read: &ReadAddress) -> NewAddress {
    NewAddress { url_hash: read.address.as_str().to_owned(), property_id: read.property_id.0 }
}

fn group_updates(outcomes: &[UrlOutcome]) -> BTreeMap<VisitUpdate, Vec<i64>> {
    let mut updates: BTreeMap<VisitUpdate, Vec<i64>> = BTreeMap::new();
    for page in outcomes {
        let state = match page.state {
            UrlState::Queued => "queued",
            UrlState::Suspect => "suspect",
            UrlState::Done => "done",
            UrlState::Failed => "failed",
            UrlState::Skipped => "skipped",
        };
        let attempts = i64::from(page.attempts);
        let update = VisitUpdate { state, attempts, items: page.items, outcome: page.outcome.clone() };
        updates.entry(update).or_default().push(page.id);
    }
    updates
}

fn row(new: NewUrl) -> NewCrawlUrl {
    // Pairs of strings always serialise.
    let known = serde_json::to_string(&new.known).ok().filter(|_| !new.known.is_empty());
    NewCrawlUrl { url_hash: sha256_hex(&new.url), url: new.url, depth: new.depth, known }
}

fn queued_url(row: CrawlUrlRow) -> Result<QueuedUrl> {
    let known = row.known.as_deref().map(json).transpose()?.unwrap_or_default();
    let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
    let suspect = row.state == "suspect";
    Ok(QueuedUrl { id: row.id, url: row.url, depth: row.depth, attempts, known, suspect })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_first_half_of_what_is_stored() {
        let url = "https://homes.example.com/h/1";

        assert_eq!(Fingerprint::stored(&sha256_hex(url)), Some(Fingerprint::of(url)));
        assert_eq!(Fingerprint::stored("short"), None);
    }
}
