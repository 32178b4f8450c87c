//! What is kept of the pages of homes between crawls, so that a page that its host reports as unchanged is neither
//! sent nor read again.
//!
//! A page is requested conditionally only when everything is as it was at the visit: the version of the extractor, what
//! the job takes of its pages, and the property of its home.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::error::Result;
use super::op::Op;
use super::properties::addresses::AddressHash;
use super::properties::known::KnownHome;
use crate::auth::permission::Permission;
use crate::base::hex::sha256_hex;
use crate::base::ids::{ExecutionId, JobId, PropertyId};
use crate::storage::job_items::{self, NewJobItem};
use crate::storage::jobs::JobRow;
use crate::storage::page_visits::{self, NewPageVisit, VisitRow};
use crate::storage::properties::{self, Key};
use crate::storage::{TenantTx, micros, property_addresses};

/// After this time a page is read again, even if its host would say that it is unchanged.
pub const MAX_AGE: TimeDelta = TimeDelta::days(7);
/// How long a visit is kept. It is longer than [`MAX_AGE`]: a visit that a crawl has loaded is still there when the
/// crawl asks for its links.
pub const RETENTION: TimeDelta = TimeDelta::days(8);

/// The status in a job's items of a property whose page is unchanged.
const UNCHANGED: &str = "unchanged";

/// How a job reads pages. A page that was read in another way is read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMode {
    pub extractor_version: u32,
    /// The digest of all that decides what is taken of a page: rules, hosts, limits.
    pub scope: String,
}

/// A page that is about to be requested.
#[derive(Clone, Copy, Debug)]
pub struct PlannedPage<'a> {
    pub url: &'a Url,
    /// Listings that are known to have this page.
    pub known: &'a [Key],
}

/// A visit after which the page may be requested conditionally.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// As the host sent it, weak or strong.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// The property of the home on the page.
    pub home: KnownHome,
}

/// What is stored of a page's last visit.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredVisit {
    Current(Box<Visit>),
    /// Something is not as it was: the page is read anew.
    Outdated,
}

/// A page that was read, with the property of its home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVisit {
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub mode: ReadMode,
    pub property_id: PropertyId,
    /// The links of the page, as the crawler writes them.
    pub links: String,
}

/// What a step of a crawl changes of visits.
#[derive(Clone, Copy, Debug, Default)]
pub struct VisitStep<'a> {
    pub kept: &'a [NewVisit],
    /// Pages that are gone, or are no page of a home any more.
    pub forgotten: &'a [String],
    /// Properties whose pages are unchanged, as their hosts say.
    pub unchanged: &'a [PropertyId],
}

/// The stored visits of these pages, in their order; `None` for a page without one.
pub(super) async fn find(
    tx: &TenantTx,
    pages: &[PlannedPage<'_>],
    mode: &ReadMode,
    now: DateTime<Utc>,
) -> Result<Vec<Option<StoredVisit>>> {
    let hashes: Vec<String> = pages.iter().map(|page| url_hash(page.url.as_str())).collect();
    let rows = page_visits::find(tx, &hashes).await?;
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.property_id).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let homes = property_addresses::properties_by_id(tx, &ids).await?;
    let homes: HashMap<i64, KnownHome> = homes.iter().map(|row| (row.id, KnownHome::of(row))).collect();
    let mut rows: HashMap<String, VisitRow> =
        rows.into_iter().map(|row| (row.url_hash.clone(), row)).collect();
    let found = pages.iter().zip(&hashes).map(|(page, hash)| {
        let row = rows.remove(hash)?;
        let home = homes.get(&row.property_id);
        Some(stored_visit(row, home, page, mode, now))
    });
    Ok(found.collect())
}

/// The kept links of these pages, by URL. A page without a visit is missing.
pub async fn links(op: &Op, urls: &[String]) -> Result<HashMap<String, String>> {
    op.require(Permission::WriteProperties)?;
    let by_hash: HashMap<String, &String> = urls.iter().map(|url| (url_hash(url), url)).collect();
    let hashes: Vec<String> = by_hash.keys().cloned().collect();
    let found = page_visits::links(&op.read().await?, &hashes).await?;
    let found = found.into_iter().filter_map(|(hash, links)| Some(((*by_hash.get(&hash)?).clone(), links)));
    Ok(found.collect())
}

/// Locks those of the unchanged properties that are still the crawler's and not removed. Must come before the job's row
/// is locked: reports of listings lock in this order, too.
pub(super) async fn lock_unchanged(tx: &TenantTx, step: &VisitStep<'_>) -> Result<Vec<i64>> {
    let ids: BTreeSet<i64> = step.unchanged.iter().map(|id| id.0).collect();
    Ok(properties::lock_crawled(tx, ids.into_iter().collect()).await?)
}

/// Records the visits of a step. `unchanged`: the properties that [`lock_unchanged`] has locked; each was seen.
pub(super) async fn record(
    op: &Op,
    tx: &TenantTx,
    job: &JobRow,
    step: &VisitStep<'_>,
    unchanged: &[i64],
) -> Result<()> {
    let now = micros(op.now());
    let forgotten: Vec<String> = step.forgotten.iter().map(|url| url_hash(url)).collect();
    page_visits::forget(tx, &forgotten).await?;
    page_visits::keep(tx, step.kept.iter().map(row).collect(), now).await?;
    properties::touch(tx, unchanged.to_vec(), now).await?;
    let Some(execution_id) = job.execution_id.filter(|_| !unchanged.is_empty()) else { return Ok(()) };
    let items = unchanged.iter().map(|id| NewJobItem { property_id: *id, status: UNCHANGED });
    let execution_id = ExecutionId(execution_id);
    job_items::insert_new(tx, JobId(job.id), execution_id, items.collect(), now).await?;
    Ok(())
}

/// The name of a URL's visit in the store.
fn url_hash(url: &str) -> String {
    sha256_hex(url)
}

fn row(new: &NewVisit) -> NewPageVisit {
    NewPageVisit {
        url_hash: url_hash(&new.url),
        url: new.url.clone(),
        etag: new.etag.clone(),
        last_modified: new.last_modified.clone(),
        extractor_version: i64::from(new.mode.extractor_version),
        read_scope: new.mode.scope.clone(),
        property_id: new.property_id.0,
        links: new.links.clone(),
    }
}

fn stored_visit(
    row: VisitRow,
    home: Option<&KnownHome>,
    page: &PlannedPage<'_>,
    mode: &ReadMode,
    now: DateTime<Utc>,
) -> StoredVisit {
    match home.filter(|home| is_current(&row, home, page, mode, now)) {
        Some(home) => {
            let VisitRow { etag, last_modified, .. } = row;
            StoredVisit::Current(Box::new(Visit { etag, last_modified, home: home.clone() }))
        }
        None => StoredVisit::Outdated,
    }
}

/// Whether everything is as it was: then the page would be read as it was, too.
fn is_current(
    row: &VisitRow,
    home: &KnownHome,
    page: &PlannedPage<'_>,
    mode: &ReadMode,
    now: DateTime<Utc>,
) -> bool {
    let is_young = now.checked_sub_signed(MAX_AGE).is_some_and(|oldest| row.read_at > micros(oldest));
    let is_read_alike =
        row.extractor_version == i64::from(mode.extractor_version) && row.read_scope == mode.scope;
    let is_own_page = home.address.as_ref() == Some(&AddressHash::of(page.url));
    // Another listing with this page is compared with the home on it, which takes the page.
    let is_only_one = page.known.iter().all(|key| *key == home.key());
    let is_validated = row.etag.is_some() || row.last_modified.is_some();
    is_young
        && is_read_alike
        && is_own_page
        && is_only_one
        && is_validated
        && home.is_crawled
        && !home.removed
}

#[cfg(test)]
mod tests;
