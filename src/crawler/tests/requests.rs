//! How the requests of a crawl look: a spider's headers and user agent, and the cookies of the job.

use std::collections::BTreeMap;

use super::harness::CrawlHarness;
use crate::auth::key_scope::Role;
use crate::crawler::fetch::test_site::{TestSite, html_page, http_response};
use crate::domain::spiders;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::spider::NewSpider;

/// A home that is shown only to those who have the cookie of the start page, the key and the user agent.
fn answer(head: &str) -> Option<Vec<u8>> {
    let head = head.to_ascii_lowercase();
    let has = |field: &str| head.contains(&format!("\r\n{field}\r\n"));
    match head.split(' ').nth(1).unwrap() {
        "/robots.txt" => http_response(404, &[], b""),
        "/" => {
            let headers = ["Content-Type: text/html", "Set-Cookie: session=s1; Path=/"];
            http_response(200, &headers, b"<a href=/h/1>1</a>")
        }
        "/h/1" if has("cookie: session=s1") && has("x-api-key: k7") && has("user-agent: own/1") => html_page(
            r#"<link rel=canonical href="/h/1">
                <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 2}</script>"#,
        ),
        _ => http_response(403, &[], b""),
    }
}

async fn harness() -> CrawlHarness {
    let other = TestSite::serve(|_| html_page("<p>other")).await;
    let bench = CrawlHarness::with_sites(TestSite::serve(answer).await, vec![other]).await;
    let admin = bench.world.user("root", Role::Admin).await;
    let spider = NewSpider {
        name: "portal".to_owned(),
        start_urls: Some(vec![bench.url("/")]),
        headers: Some(BTreeMap::from([("X-Api-Key".to_owned(), "k7".to_owned())])),
        user_agent: Some("Own/1".to_owned()),
        ..NewSpider::default()
    };
    spiders::create(&admin, spider).await.unwrap();
    bench
}

fn job() -> NewJob {
    NewJob { spider_name: "portal".to_owned(), ..NewJob::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spiders_headers_and_the_jobs_cookies_are_sent_to_its_own_hosts() {
    let bench = harness().await;

    let done = bench.crawl(job()).await;
    let without = bench.crawl(NewJob::default()).await;

    assert_eq!((done.status, done.items_scraped), (JobStatus::Completed, 1));
    assert_eq!(without.items_scraped, 0, "`auto` has no headers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_carries_no_headers_of_its_spider_to_another_host() {
    let bench = harness().await;
    let other = bench.other_url("/");

    let done = bench.crawl(NewJob { target_urls: Some(vec![other]), ..job() }).await;

    assert_eq!(done.status, JobStatus::Completed);
    let heads = bench.other_requests();
    assert!(heads.iter().any(|head| head.starts_with("GET / ")));
    assert!(heads.iter().all(|head| !head.to_ascii_lowercase().contains("x-api-key")), "{heads:?}");
}
