//! The pool on threads: a library's tests have no binary to start. `tests/it/readers` tests the processes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::base::ids::TenantId;
use crate::crawler::extract::Layer;
use crate::crawler::fetch::{ContentKind, DeclaredCharset, FetchedPage, Validators};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::protocol::spider_rules::SpiderRules;
use crate::telemetry::metrics::{Metrics, SandboxLayer};

const TENANT: TenantId = TenantId(1);
const LIMITS: ReadingLimits = ReadingLimits { links: 10, listings: 10 };

fn pool(page_time: Duration) -> (ReaderPool, Arc<Metrics>) {
    let settings = ReaderSettings { readers: NonZeroUsize::new(1), page_time, ..ReaderSettings::default() };
    let metrics = Arc::new(Metrics::default());
    (ReaderPool::new(settings, 8 * 1024 * 1024, Arc::clone(&metrics)), metrics)
}

async fn page(pool: &ReaderPool, html: &str) -> FetchedPage {
    FetchedPage {
        url: "https://homes.example.com/h/1".parse().unwrap(),
        body: html.as_bytes().to_vec(),
        content: ContentKind::Html,
        charset: DeclaredCharset::of_label("iso-8859-1"),
        permit: pool.budget(TENANT).reserve(html.len() as u64).await,
        validators: Validators::default(),
        robots_tag: None,
        refresh: None,
        next_links: Vec::new(),
    }
}

/// Reads a page without rules.
async fn read(pool: &ReaderPool, page: &FetchedPage, hosts: &AllowedHosts) -> Result<Reading, ReadFailure> {
    pool.read_page(TENANT, page, hosts, LIMITS, &Arc::default(), false).await
}

fn hosts() -> AllowedHosts {
    AllowedHosts::of([], &["homes.example.com".to_owned()])
}

#[tokio::test]
async fn without_processes_pages_are_read_on_threads_and_metrics_show_it() {
    let (pool, metrics) = pool(Duration::from_secs(30));
    let html = r#"<a href="/h/2">next</a><a href="https://other.example.com/">other</a>
        <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 2}</script>"#;
    let page = page(&pool, html).await;

    let reading = read(&pool, &page, &hosts()).await.unwrap();
    let robots = pool.read_robots(TENANT, b"User-agent: *".to_vec()).await.unwrap();

    let links: Vec<_> = reading.links.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(links, ["https://homes.example.com/h/2"]);
    assert_eq!(reading.extraction.listings[0].property.bedrooms_total, Some(2));
    assert_eq!(robots, crate::crawler::robots::parse_rules(b"User-agent: *"));
    assert_eq!(metrics.reader_sandbox.of(SandboxLayer::Process).get(), Some(false));
    assert_eq!(metrics.reader_sandbox.of(SandboxLayer::Memory).get(), Some(false));
}

#[tokio::test]
async fn a_page_that_is_given_up_keeps_its_thread_until_the_thread_is_free() {
    let (pool, _) = pool(Duration::from_secs(30));
    let large = page(&pool, &"<p>x</p>".repeat(60_000)).await;
    let small = page(&pool, "<p>x").await;
    let hosts = hosts();
    pool.open().await;

    let given_up = read(&pool, &large, &hosts).now_or_never();
    let next = read(&pool, &small, &hosts).now_or_never();
    let later = read(&pool, &small, &hosts).await;

    assert!(given_up.is_none(), "it is being read");
    assert!(next.is_none(), "the thread is not free because nobody waits for its page");
    assert!(later.is_ok());
}

#[tokio::test]
async fn a_program_that_is_no_reader_falls_back_to_threads() {
    let settings = ReaderSettings {
        program: ReaderProgram::Path("/nonexistent/lotline".into()),
        ..ReaderSettings::default()
    };
    let metrics = Arc::new(Metrics::default());
    let pool = ReaderPool::new(settings, 1024, Arc::clone(&metrics));
    let page = page(&pool, "<a href=/a>a</a>").await;

    assert_eq!(read(&pool, &page, &hosts()).await.unwrap().links.len(), 1);
    assert_eq!(metrics.reader_sandbox.of(SandboxLayer::Process).get(), Some(false));
}

#[tokio::test]
async fn the_rules_of_a_spider_and_an_explanation_go_through_the_pipe() {
    let (pool, _) = pool(Duration::from_secs(30));
    let html = "<h1>House</h1><p class=cost data-amount=425000>on offer</p><p class=rooms>3 bedrooms</p>";
    let page = page(&pool, html).await;
    let rules = |json: &str| Arc::new(serde_json::from_str::<SpiderRules>(json).unwrap());
    let shaped = rules(
        r#"{"constants": {"currency": "EUR"}, "fields": {
            "list_price": {"css": ".cost", "attribute": "data-amount"}, "bedrooms_total": {"css": ".rooms"}}}"#,
    );

    let reading = pool.read_page(TENANT, &page, &hosts(), LIMITS, &shaped, true).await.unwrap();
    let plain = read(&pool, &page, &hosts()).await.unwrap();
    let broken = pool.read_page(TENANT, &page, &hosts(), LIMITS, &rules(r#"{"detail": "("}"#), false).await;

    let home = &reading.extraction.listings[0];
    assert_eq!((home.property.list_price, home.property.currency.as_deref()), (Some(425_000.0), Some("EUR")));
    assert_eq!(home.origins["list_price"].fragment, ".cost");
    let explanation = reading.explanation.unwrap();
    assert_eq!(explanation.layers[0].layer, Layer::Rule);
    assert_eq!(explanation.layers[0].drafts[0]["bedrooms_total"], 3);
    assert!(plain.extraction.listings.is_empty() && plain.explanation.is_none());
    assert_eq!(broken.unwrap_err(), ReadFailure::InvalidRules);
}
