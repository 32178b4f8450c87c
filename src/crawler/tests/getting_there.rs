//! Ways to the homes of a site: sitemaps, redirects of a target to another name of its site, the parts of a JSON source,
//! and more known pages than are read from the store at a time.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::harness::{CrawlHarness, HOST_NAMES, Interruption};
use super::homes::{Homes, json_ld};
use crate::auth::key_scope::Role;
use crate::auth::tenant_scope::SystemReason;
use crate::crawler::fetch::test_site::{html_page, http_response};
use crate::domain::jobs::lease::sweep_leases;
use crate::domain::op::Op;
use crate::domain::properties::{Batch, Notify, Writer, upsert_batch};
use crate::domain::spiders;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::ParsedProperty;
use crate::protocol::spider::NewSpider;

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn host(head: &str) -> &str {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).unwrap().1.trim()
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sitemaps_lead_to_homes_that_no_page_links_to_and_what_changed_last_comes_first() {
    let bench = CrawlHarness::of(|head| match path(head) {
        "/robots.txt" => {
            http_response(200, &[], format!("Sitemap: http://{}/maps.xml\n", host(head)).as_bytes())
        }
        "/" => html_page("<h1>Welcome</h1>"),
        "/maps.xml" => http_response(
            200,
            &["Content-Type: text/xml; charset=utf-8"],
            b"<sitemapindex><sitemap><loc>/maps/homes.xml.gz</loc></sitemap></sitemapindex>",
        ),
        "/maps/homes.xml.gz" => http_response(
            200,
            &["Content-Type: application/gzip"],
            &packed(
                "<urlset><url><loc>/h/1</loc><lastmod>2026-01-01</lastmod></url>
                <url><loc>/h/2?utm_source=map</loc><lastmod>2026-03-01</lastmod></url>
                <url><loc>/h/3</loc></url><url><loc>https://elsewhere.example/h/4</loc></url></urlset>",
            ),
        ),
        path => html_page(&json_ld(path.trim_start_matches("/h/").parse().unwrap())),
    })
    .await;

    let job = bench.crawl(NewJob::default()).await;

    assert_eq!((job.status, job.pages_crawled), (JobStatus::Completed, 6));
    assert_eq!(
        bench.requested_paths(),
        ["/robots.txt", "/", "/maps.xml", "/maps/homes.xml.gz", "/h/2", "/h/1", "/h/3"]
    );
    assert_eq!(bench.property_count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_sitemap_is_asked_for_one_once_and_nothing_is_said_of_it() {
    let bench = CrawlHarness::new(Homes::new(30)).await;

    let job = bench.crawl(NewJob::default()).await;

    assert_eq!(bench.site_requests("/sitemap.xml"), 1);
    let lines = bench.log_lines(job.job_id).await;
    assert!(!lines.iter().any(|line| line.contains("sitemap.xml")), "{lines:#?}");
    assert_eq!((job.items_scraped, job.pages_crawled), (30, 32), "homes and lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sitemaps_of_a_spider_are_read_and_only_what_it_follows() {
    let bench = CrawlHarness::of(|head| match path(head) {
        "/robots.txt" => http_response(404, &[], b""),
        "/" => html_page("<a href=/h/1>1</a><a href=/news/1>news</a><a href=/x/h/2>2</a>"),
        "/own.xml" => http_response(
            200,
            &["Content-Type: application/xml"],
            b"<urlset><url><loc>/h/3</loc></url><url><loc>/news/2</loc></url></urlset>",
        ),
        path if path.contains("/h/") => {
            html_page(&json_ld(path.rsplit('/').next().unwrap().parse().unwrap()))
        }
        _ => html_page(""),
    })
    .await;
    let rules = json!({
        "name": "shaped", "runner": "builtin", "start_urls": [bench.url("/")], "sitemaps": [bench.url("/own.xml")],
        "follow": ["/h/"], "deny": ["^[^?]*/x/"],
    });
    let admin = bench.world.user("root", Role::Admin).await;
    let spider: NewSpider = serde_json::from_value(rules).unwrap();
    spiders::create(&admin, spider).await.unwrap();

    let job = bench.crawl(NewJob { spider_name: "shaped".to_owned(), ..NewJob::default() }).await;

    let mut paths = bench.requested_paths();
    paths.sort();
    assert_eq!(job.status, JobStatus::Completed, "{:?}", job.error);
    assert_eq!(paths, ["/", "/h/1", "/h/3", "/own.xml", "/robots.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_json_source_are_read_until_one_names_no_next() {
    let bench = CrawlHarness::of(|head| {
        let part = |number: usize, next: &str| {
            let item = format!(r#"{{"id": "A{number}", "url": "/h/{number}", "price": 9, "bedrooms": 2}}"#);
            let body = format!(r#"{{"results": [{item}], "next": {next}}}"#);
            http_response(200, &["Content-Type: application/json"], body.as_bytes())
        };
        match path(head) {
            "/api?page=1" => part(1, r#""/api?page=2""#),
            "/api?page=2" => part(2, r#""?page=3""#),
            "/api?page=3" => part(3, r#""eyJhZnRlciI6M30=""#),
            _ => http_response(404, &[], b""),
        }
    })
    .await;
    let rules = json!({
        "name": "api", "runner": "builtin", "start_urls": [bench.url("/api?page=1")],
        "json": {"items": "$.results[*]", "next": "$.next"}, "follow": ["/api"],
    });
    let admin = bench.world.user("root", Role::Admin).await;
    spiders::create(&admin, serde_json::from_value(rules).unwrap()).await.unwrap();

    let target_urls = Some(vec![bench.url("/api?page=1")]);
    let job = bench.crawl(NewJob { spider_name: "api".to_owned(), target_urls, ..NewJob::default() }).await;

    assert_eq!((job.status, job.pages_crawled), (JobStatus::Completed, 3), "{:?}", job.error);
    assert_eq!(bench.site_requests("/api"), 3);
    let lines = bench.log_lines(job.job_id).await;
    let of_token = lines.iter().filter(|line| line.contains("its next part is named by a token"));
    assert_eq!(of_token.count(), 1, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_of_a_target_to_its_site_is_adopted_also_when_the_crawl_resumes() {
    let homes = Homes::new(60);
    let bench = CrawlHarness::of(move |head| {
        let (host, path) = (host(head), path(head));
        if path == "/robots.txt" || host.starts_with("www.") {
            return homes.answer(head);
        }
        http_response(301, &[&format!("Location: http://www.{host}{path}")], b"")
    })
    .await;
    let [bare, www] = HOST_NAMES;
    let target_urls = Some(vec![bench.named_url(bare, "/")]);
    let job = bench.create_job(NewJob { target_urls, ..NewJob::default() }).await;

    bench.run_until_requests(30, Interruption::Kill).await;
    bench.world.advance_ms(61_000);
    let restarted = bench.world.restarted().await;
    assert_eq!(sweep_leases(&restarted).await.unwrap(), 1);
    bench.world.advance_ms(10_000);
    let job = bench.run_until_over(restarted, job).await;

    assert_eq!((job.status, job.attempt), (JobStatus::Completed, 2), "{:?}", job.error);
    assert_eq!(bench.event_count("property_created").await, 60);
    let created = bench.events_of("property_created").await;
    let own = bench.named_url(www, "/h/");
    let is_own = |event: &serde_json::Value| {
        event["property"]["source_url"].as_str().is_some_and(|url| url.starts_with(&own))
    };
    assert!(created.iter().all(is_own), "{created:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn known_pages_of_several_portions_are_visited_and_one_that_is_gone_is_noticed() {
    const KNOWN: usize = 1_100;
    let homes = Homes::new(KNOWN);
    homes.sell(KNOWN - 1);
    let bench = CrawlHarness::new(homes).await;
    let op = Op::of_system(&bench.world.services, SystemReason::Crawl, bench.world.tenant);
    let row = |home: usize| PropertyInput {
        source: Some(bench.source()),
        listing_key: Some(format!("H-{home}")),
        source_url: Some(bench.url(&format!("/h/{home}"))),
        ..PropertyInput::default()
    };
    let rows: Vec<PropertyInput> = (0..KNOWN).map(row).collect();
    for rows in rows.chunks(500) {
        let items: Vec<ParsedProperty> = rows.iter().cloned().map(Ok).collect();
        let batch = Batch { job_id: None, items, notify: Notify::Summary, writer: Writer::Crawler };
        upsert_batch(&op, batch).await.unwrap();
    }

    let job = bench.crawl(NewJob { max_pages: Some(3_000), ..NewJob::default() }).await;

    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(job.stats.unwrap()["lotline/known_pages"], KNOWN);
    assert_eq!(bench.site_requests("/h/"), KNOWN, "each once");
    assert_eq!(bench.event_count("property_removed").await, 1);
    assert_eq!(bench.property_count().await, KNOWN as u64 - 1);
}
