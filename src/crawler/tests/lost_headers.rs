//! A crawl of a spider whose headers cannot be decrypted: it makes no request and says what to do.

use std::collections::BTreeMap;

use super::harness::CrawlHarness;
use super::homes::Homes;
use crate::auth::key_scope::Role;
use crate::domain::spiders;
use crate::protocol::job::{JobStatus, NewJob};
use crate::protocol::spider::NewSpider;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_headers_are_lost_fails_without_a_request_and_says_what_to_do() {
    let bench = CrawlHarness::new(Homes::new(3)).await;
    let admin = bench.world.user("root", Role::Admin).await;
    let spider = NewSpider {
        name: "portal".to_owned(),
        start_urls: Some(vec![bench.url("/")]),
        headers: Some(BTreeMap::from([("Cookie".to_owned(), "a=b".to_owned())])),
        ..NewSpider::default()
    };
    spiders::create(&admin, spider).await.unwrap();
    let job = bench.create_job(NewJob { spider_name: "portal".to_owned(), ..NewJob::default() }).await;

    // The node starts anew without the key that it had.
    let job = bench.run_until_over(bench.world.restarted().await, job).await;

    assert_eq!(job.status, JobStatus::Failed);
    assert!(job.error.as_deref().is_some_and(|words| words.contains("give them again")), "{:?}", job.error);
    assert_eq!(bench.site_requests("/"), 0);
}
