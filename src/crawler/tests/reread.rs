//! Jobs that read kept pages again: they mend what is stored, make no request, and take nothing back.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;

use super::harness::CrawlHarness;
use super::homes::{Homes, json_ld};
use crate::auth::key_scope::Role;
use crate::base::ids::JobId;
use crate::base::timestamp::Timestamp;
use crate::crawler::fetch::test_site::html_page;
use crate::domain::jobs::queue;
use crate::domain::op::Op;
use crate::domain::properties::Writer;
use crate::domain::spiders;
use crate::protocol::job::{Job, JobStatus, NewJob, Reread};
use crate::protocol::property::PropertyInput;
use crate::protocol::spider::{NewSpider, Runner, Spider, SpiderInput};
use crate::protocol::spider_rules::{FieldRule, SpiderRules};
use crate::storage::kept_pages;

const SPIDER: &str = "portal";
/// Pages of [`Homes`] with this number of homes: the homes, and lists of twenty.
const HOMES: usize = 60;
const LISTS: usize = 3;

/// A site whose pages tell three bedrooms as data and four in their text, and a spider that crawls it.
struct Site {
    bench: CrawlHarness,
    homes: Homes,
    admin: Op,
}

impl Site {
    async fn crawled() -> Self {
        let homes = Homes::new(HOMES);
        let site = homes.clone();
        let bench = CrawlHarness::of(move |head| with_text(head, site.answer(head))).await;
        let admin = bench.world.user("root", Role::Admin).await;
        let spider = NewSpider {
            name: SPIDER.to_owned(),
            runner: Runner::Builtin,
            start_urls: Some(vec![bench.url("/")]),
            ..NewSpider::default()
        };
        spiders::create(&admin, spider).await.unwrap();
        let site = Self { bench, homes, admin };
        site.crawl().await;
        assert_eq!(site.bench.property_count().await, HOMES as u64);
        site
    }

    async fn crawl(&self) -> Job {
        let job = NewJob { spider_name: SPIDER.to_owned(), ..NewJob::default() };
        self.bench.crawl(job).await
    }

    /// The text is right, and the data is wrong.
    async fn is_mended(&self) {
        let rule = FieldRule { css: Some(".x-count".to_owned()), ..FieldRule::default() };
        let fields = BTreeMap::from([("bedrooms_total".to_owned(), rule)]);
        let rules = SpiderRules { fields: Some(fields), ..SpiderRules::default() };
        let input = SpiderInput { start_urls: Some(vec![self.bench.url("/")]), ..SpiderInput::default() };
        spiders::put(&self.admin, SPIDER, input.with_rules(rules), &|_: &Spider| Ok(())).await.unwrap();
    }

    async fn read_again(&self, since: Option<Timestamp>) -> Job {
        let reread = Some(Reread { spider: SPIDER.to_owned(), since });
        let job = queue::create(&self.bench.op, NewJob { reread, ..NewJob::default() }).await.unwrap();
        let services = self.bench.world.services.clone();
        self.bench.run_until_over(services, JobId(job.job_id)).await
    }

    async fn changes(&self) -> Vec<Value> {
        self.bench.events_of("property_changed").await
    }
}

/// The page of a home with a text beside its data.
fn with_text(head: &str, answer: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let home = path.strip_prefix("/h/").and_then(|home| home.parse::<usize>().ok());
    let is_there = answer.as_ref().is_some_and(|answer| answer.starts_with(b"HTTP/1.1 200"));
    match home.filter(|_| is_there) {
        Some(home) => html_page(&format!("<b class=x-count>4</b>{}", json_ld(home))),
        None => answer,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_rule_mends_every_home_with_exactly_its_event_and_no_request() {
    let site = Site::crawled().await;
    let before = site.bench.site_requests("");
    site.is_mended().await;

    let job = site.read_again(None).await;

    assert_eq!((job.status, job.finish_reason.as_deref()), (JobStatus::Completed, Some("finished")));
    assert_eq!(site.bench.site_requests(""), before, "no request");
    assert_eq!(job.pages_crawled as usize, HOMES + LISTS);
    let stats = job.stats.unwrap();
    assert_eq!(stats["lotline/read_again"], job.pages_crawled);
    assert!(!stats.contains_key("downloader/request_count"), "{stats:#?}");
    let changes = site.changes().await;
    assert_eq!(changes.len(), HOMES);
    for change in &changes {
        assert_eq!(change["changed"], serde_json::json!(["bedrooms_total"]));
        assert_eq!(change["property"]["bedrooms_total"], 4);
    }
    assert_eq!(site.bench.event_count("property_created").await, HOMES);
    assert_eq!(site.bench.event_count("property_removed").await, 0);

    site.read_again(None).await;
    assert_eq!(site.changes().await.len(), HOMES, "nothing differs any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_that_were_fetched_since_then_are_read() {
    let site = Site::crawled().await;
    site.is_mended().await;
    let crawled_at = Timestamp::new(site.bench.now()).unwrap();
    let later = Timestamp::new(site.bench.now() + TimeDelta::seconds(1)).unwrap();

    let none = site.read_again(Some(later)).await;
    let changes = site.changes().await.len();
    let all = site.read_again(Some(crawled_at)).await;

    assert_eq!((none.status, none.pages_crawled, changes), (JobStatus::Completed, 0, 0));
    assert_eq!((all.pages_crawled as usize, site.changes().await.len()), (HOMES + LISTS, HOMES));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_and_nothing_that_was_removed_comes_back() {
    let site = Site::crawled().await;
    site.bench.world.advance_ms(60_000);
    site.homes.sell(7);
    site.crawl().await;
    assert_eq!(site.bench.event_count("property_removed").await, 1);
    site.is_mended().await;

    let job = site.read_again(None).await;

    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(site.bench.property_count().await, HOMES as u64 - 1);
    assert_eq!(site.bench.event_count("property_removed").await, 1);
    assert_eq!(site.changes().await.len(), HOMES - 1, "all but the one that was sold");
    assert_eq!(site.bench.event_count("status_changed").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_has_written_meanwhile_stays() {
    let site = Site::crawled().await;
    let told = PropertyInput {
        listing_key: Some("H-7".to_owned()),
        bedrooms_total: Some(9),
        ..PropertyInput::default()
    };
    site.bench.report(Writer::Worker, told).await;
    site.is_mended().await;

    site.read_again(None).await;

    let changes = site.changes().await;
    assert_eq!(changes.len(), HOMES, "one by the worker, the others by reading again");
    let seventh: Vec<&Value> =
        changes.iter().filter(|change| change["property"]["listing_key"] == "H-7").collect();
    assert_eq!((seventh.len(), &seventh[0]["property"]["bedrooms_total"]), (1, &serde_json::json!(9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_kept_once_and_its_bytes_are_counted_exactly() {
    let site = Site::crawled().await;
    site.bench.world.advance_ms(60_000);
    site.crawl().await;

    let tx = site.bench.op.read().await.unwrap();
    let (pages, bytes) = kept_pages::count(&tx).await.unwrap();

    assert_eq!(pages as usize, HOMES + LISTS);
    assert_eq!(kept_pages::bytes(&tx).await.unwrap(), bytes);
    let oldest = kept_pages::oldest(&tx, 1).await.unwrap();
    assert_eq!(oldest[0].fetched_at, site.bench.now().timestamp_micros(), "the second visit counts");
}
