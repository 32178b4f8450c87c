//! Crawls by the rules of a spider: what they read reaches the store, and the limits of the spider hold.

use serde_json::json;

use super::harness::CrawlHarness;
use super::homes::Homes;
use crate::auth::key_scope::Role;
use crate::base::page::PageRequest;
use crate::crawler::fetch::test_site::html_page;
use crate::domain::properties::list::{self, PropertyQuery};
use crate::domain::spiders;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::property::{Property, PropertySort};
use crate::protocol::spider::NewSpider;

async fn spider(bench: &CrawlHarness, rules: serde_json::Value) {
    let admin = bench.world.user("root", Role::Admin).await;
    let mut spider: NewSpider = serde_json::from_value(rules).unwrap();
    spider.name = "shaped".to_owned();
    spider.start_urls = Some(vec![bench.url("/")]);
    spiders::create(&admin, spider).await.unwrap();
}

fn job() -> NewJob {
    NewJob { spider_name: "shaped".to_owned(), ..NewJob::default() }
}

async fn stored(bench: &CrawlHarness) -> Vec<Property> {
    let page = PageRequest { limit: 50, after: None };
    let (query, sort) = (PropertyQuery::default(), PropertySort::default());
    list::list(&bench.op, query, sort, page).await.unwrap().rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_read_is_stored() {
    let homes = Homes::new(1);
    homes.replace("/", html_page("<a href=/home/7>a</a>"));
    homes.replace(
        "/home/7",
        html_page("<h1>Haus</h1><b class=x1 data-amount=390000>on offer</b><b class=x2>120</b>"),
    );
    let bench = CrawlHarness::new(homes).await;
    let rules = json!({
        "name": "", "runner": "builtin", "detail": "/home/[0-9]+$",
        "constants": {"currency": "EUR", "listing_type": "sale"},
        "fields": {
            "list_price": {"css": ".x1", "attribute": "data-amount"},
            "living_area": {"css": ".x2"},
        },
    });
    spider(&bench, rules).await;

    let done = bench.crawl(job()).await;

    assert_eq!(done.status, JobStatus::Completed, "{:?}", done.error);
    let homes = stored(&bench).await;
    assert_eq!(homes.len(), 1);
    assert_eq!((homes[0].list_price, homes[0].currency.as_deref()), (Some(390_000.0), Some("EUR")));
    assert_eq!(homes[0].living_area, Some(120.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_spider_hold_for_its_jobs() {
    let bench = CrawlHarness::new(Homes::new(30)).await;
    spider(&bench, json!({"name": "", "runner": "builtin", "limits": {"max_pages": 4}})).await;

    let done = bench.crawl(NewJob { max_pages: Some(9), ..job() }).await;

    assert_eq!((done.pages_crawled, done.finish_reason.as_deref()), (4, Some("closespider_pagecount")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spider_without_depth_reads_its_start_addresses_only() {
    let bench = CrawlHarness::new(Homes::new(30)).await;
    spider(&bench, json!({"name": "", "runner": "builtin", "limits": {"max_depth": 0}})).await;

    let done = bench.crawl(job()).await;

    assert_eq!(done.status, JobStatus::Completed);
    assert_eq!(bench.site_requests("/h/"), 0);
}
