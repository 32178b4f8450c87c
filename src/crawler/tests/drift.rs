//! What a crawl counts for the coverage of its sources, and the alert when a field is no longer read.

use super::harness::CrawlHarness;
use super::homes::{Homes, json_ld};
use crate::crawler::fetch::test_site::html_page;
use crate::domain::coverage;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::spider_health::SourceHealth;

const HOMES: usize = 24;

/// A home without the number of bedrooms that the site gave before.
fn without_bedrooms(home: usize) -> Option<Vec<u8>> {
    html_page(&json_ld(home).replace(r#""numberOfBedrooms": 3, "#, ""))
}

async fn crawl(bench: &CrawlHarness) {
    assert_eq!(bench.crawl(NewJob::default()).await.status, JobStatus::Completed);
}

async fn source(bench: &CrawlHarness) -> SourceHealth {
    let mut health = coverage::health(&bench.op, "auto").await.unwrap();
    assert_eq!(health.sources.len(), 1);
    health.sources.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_counts_the_pages_of_homes_and_a_lost_field_raises_one_alert() {
    let homes = Homes::new(HOMES);
    let bench = CrawlHarness::new(homes.clone()).await;
    for _ in 0..10 {
        crawl(&bench).await;
    }
    let before = source(&bench).await;

    for home in 0..HOMES {
        homes.replace(&format!("/h/{home}"), without_bedrooms(home));
    }
    crawl(&bench).await;
    crawl(&bench).await;

    assert_eq!((before.source.as_str(), before.jobs.len()), (bench.source().as_str(), 10));
    assert_eq!(
        (before.jobs[0].pages, before.jobs[0].fields["bedrooms_total"]),
        (HOMES as i64, 1.0),
        "no list counts"
    );
    let after = source(&bench).await;
    assert!(after.drifting.contains(&"bedrooms_total".to_owned()), "{:?}", after.drifting);
    assert_eq!(
        (after.jobs[0].fields.get("bedrooms_total"), after.jobs[0].fields["address.city"]),
        (None, 1.0)
    );
    let alerts = bench.alerts("drift").await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["severity"], "warning");
    assert_eq!(alerts[0]["job_id"], after.jobs[1].job_id);
    let words = alerts[0]["message"].as_str().unwrap();
    assert!(words.contains(&format!("fields of {} ", bench.source())), "{words}");
    assert!(words.contains("bedrooms_total on 0 of 24 pages (0 %, before 100 %)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_of_fewer_than_twenty_homes_keeps_no_coverage() {
    let bench = CrawlHarness::new(Homes::new(19)).await;

    crawl(&bench).await;

    let health = coverage::health(&bench.op, "auto").await.unwrap();
    assert!(health.sources.is_empty(), "{health:?}");
}
