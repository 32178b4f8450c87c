//! The pool on threads: a library's tests have no binary to start. `tests/it/readers` tests the processes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use url::Url;

use super::*;
use crate::base::ids::TenantId;
use crate::crawler::fetch::{FetchedPage, Validators, charset};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::ReadingLimits;
use crate::telemetry::metrics::{Metrics, SandboxLayer};

const TENANT: TenantId = TenantId(1);
const LIMITS: ReadingLimits = ReadingLimits { links: 10, listings: 10, list_items: false };

fn pool(page_time: Duration) -> (ReaderPool, Arc<Metrics>) {
    let settings = ReaderSettings { readers: NonZeroUsize::new(1), page_time, ..ReaderSettings::default() };
    let metrics = Arc::new(Metrics::default());
    (ReaderPool::new(settings, 8 * 1024 * 1024, Arc::clone(&metrics)), metrics)
}

async fn page(pool: &ReaderPool, html: &str) -> FetchedPage {
    let headers = [("content-type", "text/html; charset=iso-8859-1")];
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    FetchedPage {
        url: "https://homes.example.com/h/1".parse().unwrap(),
        body: html.as_bytes().to_vec(),
        charset: charset::html_charset(&headers.into_iter().collect()).unwrap(),
        permit: pool.budget(TENANT).reserve(html.len() as u64).await,
        validators: Validators::default(),
        robots_tag: None,
    }
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

    let reading = pool.read_page(TENANT, &page, &hosts(), LIMITS).await.unwrap();
    let robots = pool.read_robots(TENANT, b"User-agent: *".to_vec()).await.unwrap();

    assert_eq!(reading.links, [Url::parse("https://homes.example.com/h/2").unwrap()]);
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

    let given_up = pool.read_page(TENANT, &large, &hosts, LIMITS).now_or_never();
    let next = pool.read_page(TENANT, &small, &hosts, LIMITS).now_or_never();
    let later = pool.read_page(TENANT, &small, &hosts, LIMITS).await;

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

    assert_eq!(pool.read_page(TENANT, &page, &hosts(), LIMITS).await.unwrap().links.len(), 1);
    assert_eq!(metrics.reader_sandbox.of(SandboxLayer::Process).get(), Some(false));
}
