//! Whole crawls of a small site on loopback. The clock moves only when a test moves it: a private host that the
//! operator allowed is not waited for.

mod drift;
mod getting_there;
mod harness;
mod homes;
mod known_listings;
mod known_pages;
mod lost_headers;
mod portal;
mod requests;
mod reread;
mod shaped;
mod visits;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;

use self::harness::{CrawlHarness, Interruption};
use self::homes::Homes;
use crate::base::ids::JobId;
use crate::crawler::fetch::test_site::{TestSite, html_page, http_response};
use crate::domain::jobs::lease::sweep_leases;
use crate::domain::jobs::{queue, read};
use crate::protocol::job::{ExecutionStatus, JobStatus, NewJob};

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_finds_every_home_once_and_touches_no_other_tenant() {
    let bench = CrawlHarness::new(Homes::new(60)).await;
    let other = bench.world.another_tenant().await;

    let job = bench.crawl(NewJob::default()).await;

    assert_eq!((job.status, job.finish_reason.as_deref()), (JobStatus::Completed, Some("finished")));
    assert_eq!(bench.event_count("property_created").await, 60);
    assert_eq!(bench.total_items(job.job_id).await, 60);
    assert_eq!(bench.site_requests("/h/"), 60);
    let stats = job.stats.unwrap();
    assert_eq!(stats["item_scraped_count"], 60);
    assert_eq!(stats["downloader/response_status_count/200"], job.pages_crawled);
    assert_eq!(stats["lotline/layers"], json!({"json_ld": 60}));
    assert_eq!(stats["lotline/coverage"]["fields"]["list_price"], 60);
    assert_eq!(bench.log_head(other).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_crawl_resumes_and_loses_no_home() {
    let bench = CrawlHarness::new(Homes::new(150)).await;
    let job = bench.create_job(NewJob::default()).await;

    bench.run_until_requests(90, Interruption::Kill).await;
    bench.world.advance_ms(61_000);
    let restarted = bench.world.restarted().await;
    assert_eq!(sweep_leases(&restarted).await.unwrap(), 1);
    bench.world.advance_ms(10_000);
    let job = bench.run_until_over(restarted, job).await;

    assert_eq!((job.status, job.attempt), (JobStatus::Completed, 2));
    assert_eq!(bench.event_count("property_created").await, 150);
    let stats = job.stats.unwrap();
    assert_eq!((job.items_scraped, &stats["item_scraped_count"]), (150, &json!(150)), "of both executions");
    assert_eq!(stats["response_received_count"], job.pages_crawled);
    assert!(job.pages_crawled >= 158, "150 homes and eight lists: {}", job.pages_crawled);
    assert!(bench.site_requests("/h/") < 260, "what was done is not done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_releases_its_crawl_to_another_one() {
    let bench = CrawlHarness::new(Homes::new(150)).await;
    let job = bench.create_job(NewJob::default()).await;

    bench.run_until_requests(90, Interruption::Stop).await;
    let given_back = read::get(&bench.op, job).await.unwrap();
    let job = bench.run_until_over(bench.world.restarted().await, job).await;

    assert_eq!((given_back.status, given_back.attempt), (JobStatus::Pending, 1));
    assert_eq!((job.status, job.attempt, job.items_scraped), (JobStatus::Completed, 1, 150));
    assert_eq!(bench.total_items(job.job_id).await, 150);
    assert_eq!(bench.event_count("job_queued").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_home_whose_page_is_gone_is_removed() {
    let homes = Homes::new(20);
    let bench = CrawlHarness::new(homes.clone()).await;
    bench.crawl(NewJob::default()).await;

    homes.sell(7);
    let job = bench.crawl(NewJob::default()).await;

    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(
        (bench.event_count("property_removed").await, bench.event_count("property_created").await),
        (1, 20)
    );
    assert_eq!(bench.property_count().await, 19);
    assert_eq!(job.stats.unwrap()["lotline/removed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_stops_when_it_is_asked_to() {
    let bench = CrawlHarness::new(Homes::endless()).await;
    let job = bench.create_job(NewJob::default()).await;

    let cancelled = async {
        bench.wait_for_requests(30).await;
        queue::cancel(&bench.op, job).await.unwrap();
    };
    let (job, ()) = tokio::join!(bench.run_until_over(bench.world.services.clone(), job), cancelled);

    assert_eq!((job.status, job.finish_reason.as_deref()), (JobStatus::Cancelled, Some("cancelled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_lost_its_lease_stops_and_the_next_one_resumes() {
    let bench = CrawlHarness::new(Homes::endless()).await;
    let job = bench.create_job(NewJob::default()).await;

    let lost = async {
        bench.wait_for_requests(30).await;
        bench.world.advance_ms(61_000);
        assert_eq!(sweep_leases(&bench.world.services).await.unwrap(), 1);
        // This node lost it, and there is no other.
        bench.world.advance_ms(15_000);
        while read::get(&bench.op, job).await.unwrap().status != JobStatus::Running {
            tokio::task::yield_now().await;
        }
        queue::cancel(&bench.op, job).await.unwrap();
    };
    let (job, ()) = tokio::join!(bench.run_until_over(bench.world.services.clone(), job), lost);

    assert_eq!((job.status, job.attempt), (JobStatus::Cancelled, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_end_a_crawl_exactly() {
    let bench = CrawlHarness::new(Homes::new(60)).await;

    let pages = bench.crawl(NewJob { max_pages: Some(12), ..NewJob::default() }).await;
    assert_eq!((pages.pages_crawled, pages.finish_reason.as_deref()), (12, Some("closespider_pagecount")));
    assert_eq!(bench.site_requests("/h/") + bench.site_requests("/list/") + bench.site_requests("/ "), 12);

    let items = bench.crawl(NewJob { max_items: Some(7), ..NewJob::default() }).await;
    assert_eq!((items.items_scraped, items.finish_reason.as_deref()), (7, Some("closespider_itemcount")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_redirects_ends_with_the_pages_of_the_job() {
    let hosts: Arc<OnceLock<[String; 2]>> = Arc::default();
    let redirect = |hosts: Arc<OnceLock<[String; 2]>>| {
        move |head: &str| {
            let path = head.split(' ').nth(1).unwrap();
            let Some(step) = path.strip_prefix("/step/") else { return http_response(404, &[], b"") };
            let next = step.parse::<usize>().unwrap() + 1;
            let target = format!("http://{}/step/{next}", hosts.get().unwrap()[next % 2]);
            http_response(302, &[&format!("Location: {target}")], b"")
        }
    };
    let one = TestSite::serve(redirect(Arc::clone(&hosts))).await;
    let other = TestSite::serve(redirect(Arc::clone(&hosts))).await;
    let names = [one.address.to_string(), other.address.to_string()];
    hosts.set(names.clone()).unwrap();
    let targets = names.iter().enumerate().map(|(at, name)| format!("http://{name}/step/{at}")).collect();
    let bench = CrawlHarness::with_sites(one, vec![other]).await;

    let job =
        bench.crawl(NewJob { max_pages: Some(3), target_urls: Some(targets), ..NewJob::default() }).await;

    assert_eq!(job.pages_crawled, 0);
    assert!(
        bench.site_requests("/step/") <= 6,
        "{} requests of one of two hosts",
        bench.site_requests("/step/")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_robots_txt_forbids_is_never_asked_for() {
    let bench = CrawlHarness::of(|head| match head.split(' ').nth(1).unwrap() {
        "/robots.txt" => http_response(200, &[], b"User-agent: *\nDisallow: /private"),
        "/" => html_page("<a href=/private/1>a</a><a href=/b>b</a>"),
        _ => html_page(""),
    })
    .await;

    let job = bench.crawl(NewJob::default()).await;

    assert_eq!((job.status, job.pages_crawled), (JobStatus::Completed, 2));
    assert_eq!(bench.site_requests("/private"), 0);
    assert_eq!(job.stats.unwrap()["robotstxt/forbidden"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_can_fetch_nothing_fails_and_says_why() {
    let forbidding = CrawlHarness::of(|_| http_response(200, &[], b"User-agent: *\nDisallow: /")).await;
    let failing =
        CrawlHarness::of(|head| http_response(if head.contains("robots") { 404 } else { 410 }, &[], b""))
            .await;

    let forbidden = forbidding.crawl(NewJob::default()).await;
    let gone = failing.crawl(NewJob::default()).await;
    let private =
        failing.crawl(NewJob { target_urls: Some(vec!["http://10.0.0.1/".to_owned()]), ..NewJob::default() });
    let private = private.await;

    for (job, cause) in [
        (forbidden, "/: robots.txt forbids it"),
        (gone, "/: the host answered 410"),
        (private, "http://10.0.0.1/: the address 10.0.0.1 is not public"),
    ] {
        let error = job.error.unwrap();
        assert_eq!(job.status, JobStatus::Failed);
        assert!(error.starts_with("No page could be fetched: ") && error.contains(cause), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_host_is_retried_after_its_retry_after() {
    let busy = std::sync::atomic::AtomicUsize::new(0);
    let bench = CrawlHarness::of(move |head| match head.split(' ').nth(1).unwrap() {
        "/robots.txt" => http_response(404, &[], b""),
        _ if busy.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            http_response(429, &["Retry-After: 30"], b"")
        }
        _ => html_page(&homes::json_ld(1)),
    })
    .await;
    let (job, started) = (bench.create_job(NewJob::default()).await, bench.now());

    let job = bench.run_with_advancing_clock(job, Duration::from_millis(500)).await;

    assert_eq!((job.status, bench.property_count().await), (JobStatus::Completed, 1));
    assert!(bench.now() - started >= chrono::TimeDelta::seconds(30));
    assert_eq!(job.stats.unwrap()["retry/count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pages_are_marked_taken_in_one_transaction() {
    let bench = CrawlHarness::new(Homes::new(300)).await;
    let before = bench.world.services.db.transactions();

    let job = bench.crawl(NewJob::default()).await;

    let transactions = bench.world.services.db.transactions() - before - bench.polls();
    assert!(transactions <= 120, "{transactions} transactions for {} pages", job.pages_crawled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_starts_from_the_beginning() {
    let bench = CrawlHarness::new(Homes::new(10)).await;
    let job = bench.crawl(NewJob::default()).await;
    let before = bench.site_requests("/h/");

    queue::retry(&bench.op, JobId(job.job_id)).await.unwrap();
    let again = bench.run_until_over(bench.world.services.clone(), JobId(job.job_id)).await;

    assert_eq!((again.status, again.attempt), (JobStatus::Completed, 2));
    assert_eq!((before, bench.site_requests("/h/")), (10, 20));
    let page = crate::base::page::PageRequest { after: None, limit: 10 };
    let executions = read::executions(&bench.op, JobId(job.job_id), page).await.unwrap().rows;
    assert!(executions.iter().all(|execution| execution.status == ExecutionStatus::Completed));
}
