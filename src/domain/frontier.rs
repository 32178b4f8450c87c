//! A crawl's frontier in the store, so that a crawl continues after its worker was killed or stopped.
//!
//! A frontier exists until its job has ended. So an execution that follows a lost or a released one continues with
//! it, and one that a user asked for (a retry of an ended job) finds none and starts from the beginning.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::error::Result;
use super::jobs::lease::{self, Lease};
use super::jobs::state::JobInput;
use super::jobs::view::json;
use super::op::Op;
use super::properties::addresses::AddressHash;
use super::visits::{self, PlannedPage, ReadMode, StoredVisit, VisitStep};
use crate::base::hex::sha256_hex;
use crate::base::ids::{JobId, PropertyId};
use crate::protocol::job::{CrawlStats, ExecutionStatus};
use crate::storage::crawl_urls::{self, CrawlUrlRow, NewCrawlUrl, VisitUpdate};
use crate::storage::property_addresses::{self, NewAddress};
use crate::storage::{TenantTx, executions, jobs};

/// A listing that had a page before the crawl: its source and its key there.
pub type ListingKey = (String, String);

/// What asking for a page is worth to a crawl, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// It looks like the page of a home. Targets and known pages count as such.
    Detail,
    /// A list of homes, a further page of one, a sitemap or a feed.
    List,
    Page,
    /// What another page shows as well, in another order, form or selection.
    Permutation,
}

impl Worth {
    /// The rank in the store.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// The worth with this rank in the store.
    pub const fn of_rank(rank: i64) -> Self {
        match rank {
            i64::MIN..=0 => Self::Detail,
            1 => Self::List,
            2 => Self::Page,
            3.. => Self::Permutation,
        }
    }
}

/// A URL to be crawled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUrl {
    pub url: String,
    pub depth: i64,
    /// Listings that are known to have this page: they are removed when it is gone.
    pub known: Vec<ListingKey>,
    pub worth: Worth,
}

/// A queued URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedUrl {
    pub id: i64,
    pub url: String,
    pub depth: i64,
    pub worth: Worth,
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
    pub done: i64,
    pub failed: i64,
    pub items: i64,
    /// Whether URLs wait that are to be crawled alone.
    pub suspects: bool,
    /// Pages of known listings in the frontier.
    pub known: u64,
    /// URLs in the frontier that are worth the least.
    pub permutations: u64,
    /// What [`adopted_outcome`] recorded of targets.
    pub adopted: Vec<String>,
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

/// Identifies a URL without keeping its text: the first eight bytes of its SHA-256. Among two million URLs two share
/// one with a chance of 1 in 9 million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    pub fn of(url: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(url.as_bytes()).into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// Parses the first quarter of the hash that is stored.
    fn stored(hash: &str) -> Option<Self> {
        u64::from_str_radix(hash.get(..16)?, 16).ok().map(Self)
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
    let outcomes = crawl_urls::outcomes_of_targets(&tx, job, ADOPTED, MAX_ADOPTED).await?;
    let origins = outcomes.iter().filter_map(|outcome| outcome.strip_prefix(ADOPTED));
    Ok(Some(CrawlCheckpoint {
        done: sums.done,
        failed: sums.failed,
        items: sums.items,
        suspects: sums.suspects > 0,
        known: crawl_urls::count_pages_of_known(&tx, job).await?,
        permutations: crawl_urls::count_of_worth(&tx, job, Worth::Permutation.rank()).await?,
        adopted: origins.map(str::to_owned).collect(),
    }))
}

/// Begins the outcome of a target whose redirect was adopted.
const ADOPTED: &str = "adopted ";
/// Outcomes of adopted targets that are read: a job has no more targets.
const MAX_ADOPTED: u64 = 1_000;

/// The outcome of a target that redirects to the same site at `origin`, which belongs to the job from then on, also
/// when the crawl resumes.
pub fn adopted_outcome(origin: &str) -> String {
    format!("{ADOPTED}{origin}")
}

/// The fingerprints of URLs in the frontier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints {
    pub pages: Vec<Fingerprint>,
    /// Where the next portion begins; `None` at the end.
    pub next: Option<i64>,
}

/// A portion of the fingerprints, those after `after`.
pub async fn fingerprints(op: &Op, job: JobId, after: i64, limit: u64) -> Result<Fingerprints> {
    let rows = crawl_urls::hashes(&op.read().await?, job, after, limit).await?;
    let next = rows.last().filter(|_| rows.len() as u64 >= limit).map(|(id, _)| *id);
    Ok(Fingerprints { pages: rows.iter().filter_map(|(_, hash)| Fingerprint::stored(hash)).collect(), next })
}

/// Queued URLs, and the stored visits of their pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueuedBatch {
    pub urls: Vec<QueuedUrl>,
    /// By the URL's id. A URL without one, and one that was not asked about, is missing.
    pub visits: HashMap<i64, StoredVisit>,
}

/// Up to `limit` queued URLs, those of the most worth first, with the visits of those that `is_new` picks, for a job
/// that reads in this mode.
pub async fn next_queued(
    op: &Op,
    job: JobId,
    limit: u64,
    mode: &ReadMode,
    is_new: impl Fn(i64) -> bool,
) -> Result<QueuedBatch> {
    let tx = op.read().await?;
    let rows = crawl_urls::queue(&tx, job, limit).await?;
    let urls: Vec<QueuedUrl> = rows.into_iter().map(queued_url).collect::<Result<_>>()?;
    let new = urls.iter().filter(|queued| is_new(queued.id));
    let new: Vec<(&QueuedUrl, Url)> =
        new.filter_map(|queued| Some((queued, Url::parse(&queued.url).ok()?))).collect();
    let pages: Vec<PlannedPage<'_>> =
        new.iter().map(|(queued, url)| PlannedPage { url, known: &queued.known }).collect();
    let found = visits::find(&tx, &pages, mode, op.now()).await?;
    let visits = new.iter().zip(found).filter_map(|((queued, _), visit)| Some((queued.id, visit?)));
    let visits = visits.collect();
    Ok(QueuedBatch { urls, visits })
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
    /// Properties that were seen because their pages are unchanged.
    pub seen: usize,
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
    pub visits: VisitStep<'a>,
    pub claim: UrlClaim<'a>,
}

/// Records the outcomes of URLs and adds those that they link to, all or nothing. Only the lease's holder may, and it
/// extends the lease. The items of a page must be reported before: a crash in between then only means that the page
/// is requested once more, and that its addresses are stored then. Claimed URLs are recorded in the same transaction,
/// before they are requested. A new URL that the frontier has already and that has known listings makes the URL there
/// one of theirs.
pub async fn record(op: &Op, lease: &Lease<'_>, step: CrawlStep<'_>) -> Result<RecordResult> {
    let change = op.begin().await?;
    let unchanged = visits::lock_unchanged(&change.tx, &step.visits).await?;
    let (mut job, _) = lease::require(op, &change, lease, JobInput::Heartbeat).await?;
    crawl_urls::save_visits(&change.tx, lease.job_id, group_updates(step.outcomes)).await?;
    let added = insert(&change.tx, lease.job_id, step.new).await?;
    property_addresses::keep(&change.tx, step.addresses.iter().map(new_address).collect()).await?;
    visits::record(op, &change.tx, &job, &step.visits, &unchanged).await?;
    match step.claim {
        UrlClaim::Nothing => {}
        UrlClaim::Pages(ids) => crawl_urls::put_in_state(&change.tx, lease.job_id, ids, "taken").await?,
        UrlClaim::Suspect(id) => crawl_urls::put_in_state(&change.tx, lease.job_id, &[id], "alone").await?,
    }
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    Ok(RecordResult { added, seen: unchanged.len(), cancel_requested: job.cancel_requested })
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

/// Inserts URLs in their order, and gives the number of new ones.
async fn insert(tx: &TenantTx, job: JobId, new: &[NewUrl]) -> Result<usize> {
    if new.iter().all(|new| new.known.is_empty()) {
        return Ok(crawl_urls::insert_new(tx, job, new.iter().map(row).collect()).await?);
    }
    let mut added = 0;
    for new in new.chunks(crawl_urls::CHUNK) {
        added += insert_with_known(tx, job, new).await?;
    }
    Ok(added)
}

async fn insert_with_known(tx: &TenantTx, job: JobId, new: &[NewUrl]) -> Result<usize> {
    let hashes: Vec<String> = new.iter().map(|new| sha256_hex(&new.url)).collect();
    let found = crawl_urls::with_hashes(tx, job, &hashes).await?;
    let found: HashMap<&str, &CrawlUrlRow> = found.iter().map(|row| (row.url_hash.as_str(), row)).collect();
    let mut missing = Vec::new();
    for (new, hash) in new.iter().zip(&hashes) {
        match found.get(hash.as_str()) {
            Some(found) => add_known(tx, found, new).await?,
            None => missing.push(row(new)),
        }
    }
    Ok(crawl_urls::insert_new(tx, job, missing).await?)
}

/// Adds the listings of `new` to those of a page that the frontier has.
async fn add_known(tx: &TenantTx, found: &CrawlUrlRow, new: &NewUrl) -> Result<()> {
    let mut known: Vec<ListingKey> = found.known.as_deref().map(json).transpose()?.unwrap_or_default();
    let before = known.len();
    for key in &new.known {
        if !known.contains(key) {
            known.push(key.clone());
        }
    }
    let Some(text) = known_text(&known).filter(|_| known.len() > before) else { return Ok(()) };
    let (worth, depth) = (found.worth.min(new.worth.rank()), found.depth.min(new.depth));
    Ok(crawl_urls::set_known(tx, found, &text, worth, depth).await?)
}

fn row(new: &NewUrl) -> NewCrawlUrl {
    NewCrawlUrl {
        url_hash: sha256_hex(&new.url),
        url: new.url.clone(),
        depth: new.depth,
        known: known_text(&new.known),
        worth: new.worth.rank(),
    }
}

fn known_text(known: &[ListingKey]) -> Option<String> {
    // Pairs of strings always serialise.
    serde_json::to_string(known).ok().filter(|_| !known.is_empty())
}

fn queued_url(row: CrawlUrlRow) -> Result<QueuedUrl> {
    let known = row.known.as_deref().map(json).transpose()?.unwrap_or_default();
    let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
    let suspect = row.state == "suspect";
    let worth = Worth::of_rank(row.worth);
    Ok(QueuedUrl { id: row.id, url: row.url, depth: row.depth, worth, attempts, known, suspect })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worth_is_read_back_from_its_rank_and_ranks_are_in_order() {
        let all = [Worth::Detail, Worth::List, Worth::Page, Worth::Permutation];

        assert_eq!(all.map(|worth| Worth::of_rank(worth.rank())), all);
        assert!(all.is_sorted() && all.map(Worth::rank) == [0, 1, 2, 3]);
        assert_eq!((Worth::of_rank(-1), Worth::of_rank(9)), (Worth::Detail, Worth::Permutation));
    }

    #[test]
    fn a_fingerprint_is_the_beginning_of_what_is_stored() {
        let url = "https://homes.example.com/h/1";

        assert_eq!(Fingerprint::stored(&sha256_hex(url)), Some(Fingerprint::of(url)));
        assert_eq!(Fingerprint::stored("short"), None);
    }
}
