//! Keeps pages: their bodies are written first, then their rows, and then what has no row any more is removed.

use std::collections::{BTreeMap, HashMap};

use super::page::{NewPage, key_of};
use crate::auth::permission::Permission;
use crate::base::hex::sha256_hex;
use crate::base::ids::uuid_v7;
use crate::blobs::PageKey;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::storage::TenantTx;
use crate::storage::kept_pages::{self, KeptPageRow, NewKeptPage};

/// Pages that are looked at, and that one change removes at most, because a tenant has more than it may.
const EVICTION_PAGE: u64 = 200;
const MAX_EVICTED: usize = 1_000;

/// Keeps these pages, each in place of an earlier visit of its URL. The last one given for a URL counts. An unchanged
/// body is not written again.
pub async fn store(op: &Op, pages: Vec<NewPage>) -> Result<()> {
    op.require(Permission::WriteProperties)?;
    if pages.is_empty() || !op.services.kept_pages.is_enabled() {
        return Ok(());
    }
    let pages: BTreeMap<String, NewPage> =
        pages.into_iter().map(|page| (sha256_hex(&page.url), page)).collect();
    let hashes: Vec<String> = pages.keys().cloned().collect();
    let stored = by_hash(kept_pages::find(&op.read().await?, &hashes).await?);
    let (mut candidates, mut bodies) = (Vec::with_capacity(pages.len()), Vec::new());
    for (url_hash, page) in pages {
        let has_body = stored.get(&url_hash).is_none_or(|row| row.sha256 != page.body.sha256);
        let bytes = page.body.bytes.clone();
        let candidate = Candidate { has_body, row: new_row(op, url_hash, page) };
        if has_body {
            bodies.push((candidate.key(op), bytes));
        }
        candidates.push(candidate);
    }
    let blobs = &op.services.uploads.blobs;
    blobs.put_pages(bodies).await?;
    let change = op.begin().await?;
    let unused = write(op, &change.tx, candidates).await?;
    op.commit(change).await?;
    remove_unused(op, &unused).await;
    Ok(())
}

/// Pages that are gone, or that nothing can be read from any more: they are no longer kept.
pub async fn forget(op: &Op, urls: &[String]) -> Result<()> {
    op.require(Permission::WriteProperties)?;
    if urls.is_empty() {
        return Ok(());
    }
    let hashes: Vec<String> = urls.iter().map(|url| sha256_hex(url)).collect();
    // Most pages that are gone were never kept.
    if kept_pages::find(&op.read().await?, &hashes).await?.is_empty() {
        return Ok(());
    }
    let change = op.begin().await?;
    let bytes = kept_pages::lock_bytes(&change.tx).await?;
    let rows = kept_pages::find(&change.tx, &hashes).await?;
    let gone = delete(&change.tx, rows, bytes).await?;
    op.commit(change).await?;
    remove_unused(op, &gone).await;
    Ok(())
}

/// Deletes one page whose body is missing or damaged, unless another body was kept for it meanwhile.
pub(super) async fn forget_body(op: &Op, url: &str, body: &PageKey) -> Result<()> {
    let change = op.begin().await?;
    let bytes = kept_pages::lock_bytes(&change.tx).await?;
    let mut rows = kept_pages::find(&change.tx, &[sha256_hex(url)]).await?;
    rows.retain(|row| row.body_id == body.id);
    let gone = delete(&change.tx, rows, bytes).await?;
    op.commit(change).await?;
    remove_unused(op, &gone).await;
    Ok(())
}

/// Removes the oldest pages of a tenant that has more than it may; true when it still has.
pub(super) async fn evict_excess(op: &Op) -> Result<bool> {
    let change = op.begin().await?;
    let budget = op.services.kept_pages.budget_bytes();
    let bytes = kept_pages::lock_bytes(&change.tx).await?;
    let (left, gone) = evict(&change.tx, bytes, budget).await?;
    kept_pages::save_bytes(&change.tx, left).await?;
    op.commit(change).await?;
    remove_unused(op, &gone).await;
    Ok(left > budget && !gone.is_empty())
}

/// A page that may be kept.
struct Candidate {
    /// Its own body is in the blob store. If not, that of the earlier visit is the same.
    has_body: bool,
    row: NewKeptPage,
}

impl Candidate {
    fn key(&self, op: &Op) -> PageKey {
        PageKey { tenant_id: op.scope.tenant_id(), sha256: self.row.sha256.clone(), id: self.row.body_id }
    }
}

fn new_row(op: &Op, url_hash: String, page: NewPage) -> NewKeptPage {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    NewKeptPage {
        url_hash,
        url: page.url,
        page_url: page.page_url,
        spider_name: page.spider_name,
        content: page.content,
        charset: page.charset,
        robots_tag: page.robots_tag,
        sha256: page.body.sha256,
        body_id: uuid_v7(&op.services.clock),
        stored_bytes: signed(page.body.bytes.len() as u64),
        body_bytes: signed(page.body.body_bytes),
        fetched_at: page.fetched_at,
    }
}

fn by_hash(rows: Vec<KeptPageRow>) -> HashMap<String, KeptPageRow> {
    rows.into_iter().map(|row| (row.url_hash.clone(), row)).collect()
}

/// What the candidates change.
#[derive(Default)]
struct Plan {
    new: Vec<NewKeptPage>,
    /// Rows that are replaced.
    replaced: Vec<i64>,
    /// Bodies that no row has any more.
    unused: Vec<PageKey>,
    /// By how much the sum grows.
    growth: i64,
}

impl Plan {
    /// `before`: what is kept of the URL at this moment.
    fn add(&mut self, candidate: Candidate, key: PageKey, before: Option<KeptPageRow>) {
        let Candidate { has_body, mut row } = candidate;
        let is_outdated = before.as_ref().is_some_and(|before| before.fetched_at > row.fetched_at);
        let is_same = before.as_ref().is_some_and(|before| before.sha256 == row.sha256);
        if has_body && (is_outdated || is_same) {
            self.unused.push(key);
        }
        // Without a body of its own, the earlier visit's was removed meanwhile.
        if is_outdated || (!has_body && !is_same) {
            return;
        }
        if let Some(before) = before {
            self.replaced.push(before.id);
            if is_same {
                row.body_id = before.body_id;
                row.stored_bytes = before.stored_bytes;
            } else {
                self.unused.push(key_of(&before));
            }
            self.growth -= before.stored_bytes;
        }
        self.growth += row.stored_bytes;
        self.new.push(row);
    }
}

/// Writes the rows and returns the bodies that no row has afterwards.
async fn write(op: &Op, tx: &TenantTx, candidates: Vec<Candidate>) -> Result<Vec<PageKey>> {
    let bytes = kept_pages::lock_bytes(tx).await?;
    let hashes: Vec<String> = candidates.iter().map(|one| one.row.url_hash.clone()).collect();
    let mut stored = by_hash(kept_pages::find(tx, &hashes).await?);
    let mut plan = Plan::default();
    for candidate in candidates {
        let (key, before) = (candidate.key(op), stored.remove(&candidate.row.url_hash));
        plan.add(candidate, key, before);
    }
    kept_pages::delete(tx, &plan.replaced).await?;
    kept_pages::insert(tx, plan.new).await?;
    let budget = op.services.kept_pages.budget_bytes();
    let (left, evicted) = evict(tx, bytes + plan.growth, budget).await?;
    kept_pages::save_bytes(tx, left).await?;
    plan.unused.extend(evicted);
    Ok(plan.unused)
}

/// Deletes the oldest pages until the rest fits; returns the bytes of the rest, and the bodies of the deleted.
async fn evict(tx: &TenantTx, mut bytes: i64, budget: i64) -> Result<(i64, Vec<PageKey>)> {
    let mut gone = Vec::new();
    while bytes > budget && gone.len() < MAX_EVICTED {
        let mut ids = Vec::new();
        for row in kept_pages::oldest(tx, EVICTION_PAGE).await? {
            if bytes <= budget {
                break;
            }
            bytes -= row.stored_bytes;
            ids.push(row.id);
            gone.push(key_of(&row));
        }
        if ids.is_empty() {
            break;
        }
        kept_pages::delete(tx, &ids).await?;
    }
    Ok((bytes, gone))
}

/// Deletes rows, and saves the sum without them; returns their bodies.
async fn delete(tx: &TenantTx, rows: Vec<KeptPageRow>, bytes: i64) -> Result<Vec<PageKey>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let removed: i64 = rows.iter().map(|row| row.stored_bytes).sum();
    kept_pages::delete(tx, &ids).await?;
    kept_pages::save_bytes(tx, bytes - removed).await?;
    Ok(rows.iter().map(key_of).collect())
}

/// What cannot be removed now is removed by the sweep.
async fn remove_unused(op: &Op, bodies: &[PageKey]) {
    if bodies.is_empty() {
        return;
    }
    if let Err(error) = op.services.uploads.blobs.remove_pages(bodies).await {
        let tenant = op.scope.tenant_id();
        tracing::warn!(%error, tenant.id = %tenant, "bodies of pages could not be removed; the sweep will");
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::base::ids::TenantId;

    fn candidate(has_body: bool, sha256: &str, fetched_at: i64) -> (Candidate, PageKey) {
        let row = NewKeptPage {
            url_hash: "u".to_owned(),
            url: "https://a.example/".to_owned(),
            page_url: None,
            spider_name: "auto".to_owned(),
            content: "html".to_owned(),
            charset: None,
            robots_tag: None,
            sha256: sha256.to_owned(),
            body_id: Uuid::from_u128(2),
            stored_bytes: 30,
            body_bytes: 100,
            fetched_at,
        };
        let key = PageKey { tenant_id: TenantId(7), sha256: sha256.to_owned(), id: Uuid::from_u128(2) };
        (Candidate { has_body, row }, key)
    }

    fn stored(sha256: &str, fetched_at: i64) -> KeptPageRow {
        let (Candidate { row, .. }, _) = candidate(true, sha256, fetched_at);
        KeptPageRow {
            id: 5,
            tenant_id: 7,
            url_hash: row.url_hash,
            url: row.url,
            page_url: None,
            spider_name: row.spider_name,
            content: row.content,
            charset: None,
            robots_tag: None,
            sha256: row.sha256,
            body_id: Uuid::from_u128(1),
            stored_bytes: 20,
            body_bytes: 100,
            fetched_at,
        }
    }

    fn plan(has_body: bool, before: Option<KeptPageRow>) -> Plan {
        let (candidate, key) = candidate(has_body, "new", 10);
        let mut plan = Plan::default();
        plan.add(candidate, key, before);
        plan
    }

    #[test]
    fn a_new_page_adds_its_bytes() {
        let plan = plan(true, None);

        assert_eq!((plan.new.len(), plan.growth, plan.unused.len()), (1, 30, 0));
    }

    #[test]
    fn a_changed_page_replaces_the_earlier_one_and_its_body() {
        let plan = plan(true, Some(stored("old", 5)));

        assert_eq!((plan.replaced, plan.growth), (vec![5], 10));
        assert_eq!(plan.unused[0].id, Uuid::from_u128(1));
        assert_eq!(plan.new[0].body_id, Uuid::from_u128(2));
    }

    #[test]
    fn an_unchanged_page_keeps_the_earlier_body() {
        for has_body in [false, true] {
            let plan = plan(has_body, Some(stored("new", 5)));

            assert_eq!((plan.replaced, plan.growth), (vec![5], 0));
            assert_eq!((plan.new[0].body_id, plan.new[0].fetched_at), (Uuid::from_u128(1), 10));
            let unused: Vec<Uuid> = plan.unused.iter().map(|key| key.id).collect();
            assert_eq!(unused, if has_body { vec![Uuid::from_u128(2)] } else { Vec::new() });
        }
    }

    #[test]
    fn an_earlier_visit_never_replaces_a_later_one() {
        let plan = plan(true, Some(stored("later", 11)));

        assert!(plan.new.is_empty() && plan.replaced.is_empty());
        assert_eq!((plan.growth, plan.unused[0].id), (0, Uuid::from_u128(2)));
    }

    #[test]
    fn a_page_whose_earlier_body_is_gone_is_not_kept() {
        let plan = plan(false, None);

        assert!(plan.new.is_empty() && plan.unused.is_empty());
        assert_eq!(plan.growth, 0);
    }
}
