//! Crawls of a site that sends validators: an unchanged page is not read again, and each reason to read it anew.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::CrawlHarness;
use super::homes::{Homes, json_ld};
use crate::auth::tenant_scope::SystemReason;
use crate::base::hex::sha256_hex;
use crate::base::ids::PropertyId;
use crate::crawler::fetch::test_site::{html_page, http_response};
use crate::domain::op::Op;
use crate::domain::properties::{Writer, read};
use crate::protocol::job::{Job, JobStatus, NewJob};
use crate::protocol::property::PropertyInput;
use crate::storage::page_visits::{self, NewPageVisit};

const HOMES: usize = 25;
const DAY: Duration = Duration::from_secs(86_400);

/// Homes with weak entity tags. A page of a home is answered 304 when its tag is named; any other page is answered so
/// whenever a validator is sent, which none may be.
fn tagged(homes: Homes) -> impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static {
    move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = homes.answer(head)?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Some(answer);
        }
        let tag = format!("W/\"{}\"", &sha256_hex(&String::from_utf8_lossy(&answer))[..16]);
        let sent = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("if-none-match").then(|| value.to_owned())
        });
        if sent.is_some_and(|sent| sent == tag || !path.starts_with("/h/")) {
            return http_response(304, &[], b"");
        }
        let (status, rest) = answer.split_at(answer.iter().position(|byte| *byte == b'\n')? + 1);
        Some([status, format!("ETag: {tag}\r\n").as_bytes(), rest].concat())
    }
}

/// A site of which every page was read once.
async fn crawled(homes: &Homes) -> CrawlHarness {
    let bench = CrawlHarness::of(tagged(homes.clone())).await;
    let job = crawl(&bench).await;
    assert_eq!((job.status, unchanged(&job)), (JobStatus::Completed, 0));
    assert_eq!(bench.conditional_paths(), Vec::<String>::new());
    bench
}

async fn crawl(bench: &CrawlHarness) -> Job {
    bench.world.advance_ms(60_000);
    bench.crawl(NewJob::default()).await
}

/// Pages that were answered with 304.
fn unchanged(job: &Job) -> usize {
    let count = job.stats.as_ref().and_then(|stats| stats.get("downloader/response_status_count/304"));
    count.and_then(Value::as_u64).unwrap_or(0) as usize
}

fn system(bench: &CrawlHarness) -> Op {
    Op::of_system(&bench.world.services, SystemReason::Crawl, bench.world.tenant)
}

/// Changes what is stored of the page at `path`.
async fn rewrite(bench: &CrawlHarness, path: &str, change: impl FnOnce(&mut NewPageVisit)) {
    let (op, url) = (system(bench), bench.url(path));
    let tx = op.begin().await.unwrap();
    let hashes = [sha256_hex(&url)];
    let row = page_visits::find(&tx.tx, &hashes).await.unwrap().remove(0);
    let links = page_visits::links(&tx.tx, &hashes).await.unwrap().remove(&hashes[0]).unwrap();
    let mut visit = NewPageVisit {
        url_hash: row.url_hash,
        url,
        etag: row.etag,
        last_modified: row.last_modified,
        extractor_version: row.extractor_version,
        read_scope: row.read_scope,
        property_id: row.property_id,
        links,
    };
    change(&mut visit);
    page_visits::keep(&tx.tx, vec![visit], row.read_at).await.unwrap();
    op.commit(tx).await.unwrap();
}

/// Whether something is kept of the page at `path`.
async fn is_kept(bench: &CrawlHarness, path: &str) -> bool {
    let tx = system(bench).read().await.unwrap();
    !page_visits::find(&tx, &[sha256_hex(&bench.url(path))]).await.unwrap().is_empty()
}

async fn property_events(bench: &CrawlHarness) -> Vec<usize> {
    let mut counts = Vec::new();
    for event in
        ["property_created", "property_changed", "price_changed", "status_changed", "property_removed"]
    {
        counts.push(bench.event_count(event).await);
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_crawl_of_an_unchanged_site_reads_lists_only_and_emits_nothing_of_properties() {
    let bench = crawled(&Homes::new(HOMES)).await;
    let created = bench.events_of("property_created").await;
    let id = PropertyId(created[0]["property_id"].as_i64().unwrap());
    let (before, events) = (read::get(&bench.op, id).await.unwrap(), property_events(&bench).await);

    let job = crawl(&bench).await;

    assert_eq!((job.status, job.finish_reason.as_deref()), (JobStatus::Completed, Some("finished")));
    assert_eq!(unchanged(&job), HOMES);
    assert_eq!(property_events(&bench).await, events);
    assert_eq!((job.items_scraped, bench.total_items(job.job_id).await), (HOMES as i64, HOMES as i64));
    let after = read::get(&bench.op, id).await.unwrap();
    assert!(after.last_seen_at > before.last_seen_at, "it was seen: {}", after.last_seen_at);
    assert_eq!(after.updated_at, before.updated_at);
    let stats = job.stats.unwrap();
    assert_eq!(stats["response_received_count"], job.pages_crawled);
    assert_eq!(stats["lotline/coverage"]["listings"], 0, "what was not read is not counted");
    let asked = bench.conditional_paths();
    assert!(asked.iter().all(|path| path.starts_with("/h/")), "a list is read: {asked:?}");
    assert_eq!(asked.len(), HOMES);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_an_unchanged_page_are_followed() {
    let homes = Homes::new(3);
    homes.replace("/h/1", html_page(&format!("<a href=/about/us>about</a>{}", json_ld(1))));
    homes.replace("/about/us", html_page("<p>We sell homes.</p>"));
    let bench = crawled(&homes).await;
    let before = bench.site_requests("/about");

    let job = crawl(&bench).await;

    assert_eq!((unchanged(&job), before, bench.site_requests("/about")), (3, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_changed_is_read_and_its_new_tag_is_kept() {
    let homes = Homes::new(HOMES);
    let bench = crawled(&homes).await;
    homes.replace("/h/3", html_page(&json_ld(3).replace("100003", "99000")));

    let second = crawl(&bench).await;
    let third = crawl(&bench).await;

    assert_eq!((unchanged(&second), unchanged(&third)), (HOMES - 1, HOMES));
    assert_eq!(bench.event_count("price_changed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_extractor_and_other_rules_read_the_page_anew() {
    let bench = crawled(&Homes::new(HOMES)).await;
    rewrite(&bench, "/h/1", |visit| visit.extractor_version -= 1).await;
    rewrite(&bench, "/h/2", |visit| visit.read_scope = "rules of before".to_owned()).await;

    let second = crawl(&bench).await;
    let third = crawl(&bench).await;

    assert_eq!((unchanged(&second), unchanged(&third)), (HOMES - 2, HOMES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_other_hosts_reads_pages_anew_since_it_takes_other_links() {
    let bench = crawled(&Homes::new(HOMES)).await;

    let hosts = Some(vec!["other.example".to_owned()]);
    let job = bench.crawl(NewJob { allowed_hosts: hosts, ..NewJob::default() }).await;

    assert_eq!(unchanged(&job), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_seven_days_without_reading_a_page_is_read_again() {
    let bench = crawled(&Homes::new(HOMES)).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        bench.world.services.clock.advance(DAY);
        answers.push(unchanged(&crawl(&bench).await));
    }

    // Each crawl is a day and a minute after the one before.
    assert_eq!(answers, [HOMES, HOMES, HOMES, HOMES, HOMES, HOMES, 0, HOMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_property_a_worker_changed_is_read_at_each_crawl() {
    let bench = crawled(&Homes::new(HOMES)).await;
    let report = PropertyInput {
        listing_key: Some("H-3".to_owned()),
        list_price: Some(5.0),
        ..PropertyInput::default()
    };
    bench.report(Writer::Worker, report).await;

    let (second, third) = (crawl(&bench).await, crawl(&bench).await);

    assert_eq!((unchanged(&second), unchanged(&third)), (HOMES - 1, HOMES - 1));
    assert!(!bench.conditional_paths().contains(&"/h/3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_gone_is_forgotten_and_read_when_it_is_back() {
    let homes = Homes::new(HOMES);
    let page = || html_page(&json_ld(3));
    homes.replace("/h/3", page());
    let bench = crawled(&homes).await;
    assert!(is_kept(&bench, "/h/3").await);

    homes.replace("/h/3", http_response(404, &[], b""));
    let gone = crawl(&bench).await;
    let was_kept = is_kept(&bench, "/h/3").await;
    homes.replace("/h/3", page());
    let back = crawl(&bench).await;

    assert_eq!((unchanged(&gone), was_kept), (HOMES - 1, false));
    assert_eq!(bench.event_count("property_removed").await, 1);
    assert_eq!(unchanged(&back), HOMES - 1, "it is read, not only seen");
    assert_eq!(bench.property_count().await, HOMES as u64);
    assert!(is_kept(&bench, "/h/3").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_two_listings_is_read() {
    let bench = crawled(&Homes::new(HOMES)).await;
    let other = PropertyInput {
        listing_key: Some("N-9".to_owned()),
        source_url: Some(bench.url("/h/3")),
        ..PropertyInput::default()
    };
    bench.report(Writer::Crawler, other).await;

    let job = crawl(&bench).await;

    assert_eq!(unchanged(&job), HOMES - 1);
    assert!(!bench.conditional_paths().contains(&"/h/3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_becomes_a_redirect_to_the_index_is_no_sighting_and_its_target_is_asked_without_a_validator()
 {
    let homes = Homes::new(HOMES);
    let bench = crawled(&homes).await;
    homes.replace("/h/3", http_response(302, &["Location: /"], b""));

    let job = crawl(&bench).await;

    assert_eq!(job.status, JobStatus::Completed);
    let removed = bench.events_of("property_removed").await;
    assert_eq!((removed.len(), &removed[0]["reason"]), (1, &json!("moved")), "the other pages count as read");
    assert!(!bench.conditional_paths().contains(&"/".to_owned()));
    assert!(!is_kept(&bench, "/h/3").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_that_was_not_asked_for_is_an_error_of_the_page() {
    let bench = CrawlHarness::of(|head| match head.split(' ').nth(1).unwrap() {
        "/robots.txt" => http_response(404, &[], b""),
        _ => http_response(304, &["ETag: \"1\""], b""),
    })
    .await;

    let job = bench.crawl(NewJob::default()).await;

    let error = job.error.unwrap();
    assert_eq!(job.status, JobStatus::Failed);
    assert!(error.contains("the host answered 304"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_all_homes_tell_stays_with_the_home_that_was_not_read_again() {
    let home = |number: usize| {
        let json = json!({
            "@type": "House", "name": format!("Home {number}"), "identifier": "AGENCY-7", "numberOfBedrooms": 3,
            "address": {"addressLocality": "Bern", "streetAddress": format!("{number} Oak Way")},
            "offers": {"@type": "Offer", "price": 500_000 + number, "priceCurrency": "CHF"},
        });
        html_page(&format!(r#"<script type="application/ld+json">{json}</script>"#))
    };
    let homes = Homes::new(2);
    homes.replace("/h/0", home(0));
    homes.replace("/h/1", home(1));
    let bench = crawled(&homes).await;
    homes.replace("/h/2", home(2));
    homes.replace("/", html_page("<a href=/h/0>0</a><a href=/h/1>1</a><a href=/h/2>2</a>"));

    let job = crawl(&bench).await;

    assert_eq!(unchanged(&job), 2);
    assert_eq!((bench.property_count().await, bench.event_count("price_changed").await), (3, 0));
}
