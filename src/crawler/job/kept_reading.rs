//! Reads one kept page again: as it was fetched, with today's rules and extractor, and without a request.

use std::sync::Arc;

use url::Url;

use super::url_queue::PendingPage;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::kept_page;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::domain::error::Result;
use crate::domain::kept_pages::{self, KeptBody};
use crate::domain::op::Op;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;
use crate::protocol::spider_rules::SpiderRules;

/// Pages that one job reads again at most, the earliest first.
pub(super) const MAX_PAGES: usize = 100_000;

/// What a job reads again.
#[derive(Clone, Debug)]
pub(super) struct Reread {
    pub(super) spider_name: String,
    /// Only pages that were fetched at this time or later, in microseconds since the epoch.
    pub(super) since: i64,
}

impl Reread {
    /// `None` for a job that requests its pages.
    pub(super) fn of(job: &Job) -> Option<Self> {
        let reread = job.settings.reread.as_ref()?;
        let since = reread.since.map_or(i64::MIN, |since| since.utc().timestamp_micros());
        Some(Self { spider_name: reread.spider.clone(), since })
    }
}

/// What is taken of a kept page.
#[derive(Clone)]
pub(super) struct KeptScope {
    pub(super) reread: Reread,
    pub(super) limits: ReadingLimits,
    pub(super) rules: Arc<SpiderRules>,
}

/// What reading a kept page again has given.
pub(super) enum KeptResult {
    /// `url` is where the page was in the end.
    Page {
        url: Url,
        reading: Box<Reading>,
    },
    /// It is not kept any more, or from a visit of another spider.
    NotKept,
    Unreadable(ReadFailure),
    StoreFailed(Problem),
}

/// Reads the kept page, and notes in `page` when it was fetched.
pub(super) async fn read(deps: &CrawlDeps, op: &Op, page: &mut PendingPage, scope: &KeptScope) -> KeptResult {
    match try_read(deps, op, page, scope).await {
        Ok(result) => result,
        Err(problem) => KeptResult::StoreFailed(problem),
    }
}

async fn try_read(
    deps: &CrawlDeps,
    op: &Op,
    page: &mut PendingPage,
    scope: &KeptScope,
) -> Result<KeptResult> {
    let KeptScope { reread, limits, rules } = scope;
    let Some(kept) = kept_pages::find(op, &page.entry.url).await? else { return Ok(KeptResult::NotKept) };
    if kept.spider_name != reread.spider_name || kept.fetched_at < reread.since {
        return Ok(KeptResult::NotKept);
    }
    let tenant = op.scope.tenant_id();
    let permit = deps.readers.budget(tenant).reserve(kept.body_bytes).await;
    let Some(body) = kept_pages::load_body(op, &kept).await? else { return Ok(KeptResult::NotKept) };
    page.fetched_at = Some(kept.fetched_at);
    let Some(fetched) = kept_page::unpack(KeptBody { page: kept, body }, permit) else {
        return Ok(KeptResult::NotKept);
    };
    // No link is followed.
    let limits = ReadingLimits { links: 0, ..*limits };
    let hosts = AllowedHosts::of([&fetched.url], &[]);
    Ok(match deps.readers.read_page(tenant, &fetched, &hosts, limits, rules, false).await {
        Ok(reading) => KeptResult::Page { url: fetched.url, reading: Box::new(reading) },
        Err(failure) => KeptResult::Unreadable(failure),
    })
}
