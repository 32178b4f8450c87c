//! Hostile pages and files given to the readers of a node, as the crawler gives them.

use std::sync::Arc;

use super::hostile_page::HostilePage;
use crate::base::ids::TenantId;
use crate::crawler::fetch::{ContentKind, DeclaredCharset, FetchedPage, Validators};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reader::{ReadFailure, ReaderPool};
use crate::crawler::reading::Reading;
use crate::crawler::robots::RobotsRules;
use crate::crawler::settings::CrawlerSettings;

const TENANT: TenantId = TenantId(1);

/// Has a page read.
pub async fn read_page(readers: &ReaderPool, page: HostilePage) -> Result<Reading, ReadFailure> {
    let settings = CrawlerSettings::default();
    let limits = settings.reading_limits();
    let hosts = AllowedHosts::of([&page.url], &[]);
    let body = page.html.into_bytes();
    let permit = readers.budget(TENANT).reserve(body.len() as u64).await;
    let page = FetchedPage {
        url: page.url,
        body,
        content: ContentKind::Html,
        charset: DeclaredCharset::default(),
        permit,
        validators: Validators::default(),
        robots_tag: None,
        refresh: None,
        next_links: Vec::new(),
    };
    readers.read_page(TENANT, &page, &hosts, limits, &Arc::default(), false).await
}

/// Has a robots.txt read.
pub async fn read_robots(readers: &ReaderPool, text: String) -> Result<RobotsRules, ReadFailure> {
    readers.read_robots(TENANT, text.into_bytes()).await
}
