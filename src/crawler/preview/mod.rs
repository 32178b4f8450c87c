//! Reads single pages for people who shape a spider: requests them as a job does, and stores nothing. Also reads kept
//! pages with other rules, without a request.

mod fields;
mod page_request;
mod view;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::page_request::PageRequester;
use self::view::ReadPage;
use super::crawl_deps::CrawlDeps;
use super::fetch::FetchedPage;
use super::kept_page;
use super::links::AllowedHosts;
use super::request_shape;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::kept_pages::KeptBody;
use crate::domain::previews::{PageReader, PreviewRequest, ReadFields};
use crate::domain::spiders::SpiderShape;
use crate::protocol::preview::Preview;
use crate::protocol::spider_rules::SpiderRules;

/// Reads pages with what the crawls of this node share: guard, hosts and page readers.
pub(super) struct PagePreviewer {
    deps: CrawlDeps,
}

impl PagePreviewer {
    pub(super) fn new(deps: CrawlDeps) -> Self {
        Self { deps }
    }

    async fn request_and_read(&self, tenant: TenantId, request: &PreviewRequest) -> Result<Preview> {
        let deps = &self.deps;
        let own = &request.own_hosts;
        let shape = SpiderShape::new(request.rules.clone(), request.headers.clone());
        let shape = SpiderShape { own_hosts: own.clone(), ..shape };
        let requester = PageRequester {
            deps,
            tenant,
            profile: request_shape::request_profile(&shape),
            pace: request_shape::pace(&shape),
            // Of a job with this page as its target.
            hosts: AllowedHosts::of([&request.url], &own.allowed_hosts),
        };
        let (mut requested, hosts) = requester.request(&request.url).await?;
        let read = match requested.page.take() {
            Some(page) => Some(self.read(tenant, page, &hosts, &request.rules).await),
            None => None,
        };
        Ok(view::preview(requested, read))
    }

    async fn read(
        &self,
        tenant: TenantId,
        page: FetchedPage,
        hosts: &AllowedHosts,
        rules: &SpiderRules,
    ) -> ReadPage {
        let limits = self.deps.settings.reading_limits();
        let rules = Arc::new(rules.clone());
        let reading = self.deps.readers.read_page(tenant, &page, hosts, limits, &rules, true).await;
        ReadPage { content: page.content, body_bytes: page.body.len(), url: page.url, reading }
    }

    async fn read_again(&self, tenant: TenantId, page: &KeptBody, rules: &SpiderRules) -> Option<ReadFields> {
        let limits = self.deps.settings.reading_limits();
        kept_page::read_fields(&self.deps.readers, tenant, page, limits, rules).await
    }
}

impl PageReader for PagePreviewer {
    fn preview<'a>(
        &'a self,
        tenant: TenantId,
        request: &'a PreviewRequest,
    ) -> BoxFuture<'a, Result<Preview>> {
        self.request_and_read(tenant, request).boxed()
    }

    fn read_kept<'a>(
        &'a self,
        tenant: TenantId,
        page: &'a KeptBody,
        rules: &'a SpiderRules,
    ) -> BoxFuture<'a, Option<ReadFields>> {
        self.read_again(tenant, page, rules).boxed()
    }
}
