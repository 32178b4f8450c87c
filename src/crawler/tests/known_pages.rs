//! What becomes of known listings when their pages answer, look or lead differently in the next crawl.

use super::harness::CrawlHarness;
use super::homes::{Homes, json_ld};
use crate::crawler::fetch::test_site::{html_page, http_response};
use crate::protocol::job::{Job, JobStatus, NewJob};

const GONE: &str =
    "<title>Listing</title><h1>This listing is no longer available</h1><p>Please look at others.</p>";
const WALL: &str = "<title>Before you continue</title><h1>Before you continue</h1>
    <p>We and our partners use cookies. Do you agree?</p><button>Accept all</button><button>Reject all</button>";

fn redirect(target: &str) -> Option<Vec<u8>> {
    http_response(302, &[&format!("Location: {target}")], b"")
}

/// A site with twenty homes that has been crawled once.
async fn crawled() -> (Homes, CrawlHarness) {
    let homes = Homes::new(20);
    let bench = CrawlHarness::new(homes.clone()).await;
    bench.crawl(NewJob::default()).await;
    assert_eq!(bench.property_count().await, 20);
    (homes, bench)
}

/// Crawls once more.
async fn crawl_again(bench: &CrawlHarness) -> Job {
    let job = bench.crawl(NewJob::default()).await;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(bench.event_count("property_created").await, 20, "no home is created twice");
    job
}

/// The reasons of the removals so far.
async fn removals(bench: &CrawlHarness) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let events = bench.events_of("property_removed").await;
    events.iter().map(|event| (text(&event["property"]["listing_key"]), text(&event["reason"]))).collect()
}

fn removal(key: &str, reason: &str) -> (String, String) {
    (key.to_owned(), reason.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_site_gives_no_event() {
    let (_, bench) = crawled().await;

    for _ in 0..2 {
        crawl_again(&bench).await;
    }

    for event in ["property_removed", "property_changed", "price_changed", "status_changed"] {
        assert_eq!(bench.events_of(event).await, Vec::<serde_json::Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_says_that_its_listing_is_gone_is_believed_when_it_says_so_twice() {
    let (homes, bench) = crawled().await;

    homes.replace("/h/7", html_page(GONE));
    let job = crawl_again(&bench).await;

    assert_eq!(removals(&bench).await, [removal("H-7", "soft_gone")]);
    assert_eq!(bench.site_requests("/h/7 "), 3, "one in the first crawl, two in the second");
    assert_eq!(job.stats.unwrap()["lotline/removed"], 1);
    crawl_again(&bench).await;
    assert_eq!(removals(&bench).await.len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_says_so_only_once_is_not_believed() {
    let homes = Homes::new(20);
    let visits = std::sync::atomic::AtomicUsize::new(0);
    let site = homes.clone();
    let bench = CrawlHarness::of(move |head| {
        let is_seventh = head.starts_with("GET /h/7 ");
        // The second visit is the first one of the second crawl.
        if is_seventh && visits.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            return html_page(GONE);
        }
        site.answer(head)
    })
    .await;
    bench.crawl(NewJob::default()).await;

    crawl_again(&bench).await;

    assert_eq!(bench.site_requests("/h/7 "), 3);
    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_like_the_one_for_an_address_that_cannot_exist_is_gone() {
    let (homes, bench) = crawled().await;
    let welcome = || html_page("<title>Homes</title><h1>Welcome</h1><p>We help you to move.</p>");

    homes.replace_missing(welcome());
    homes.replace("/h/7", welcome());
    crawl_again(&bench).await;

    assert_eq!(removals(&bench).await, [removal("H-7", "soft_gone")]);
    assert_eq!(bench.site_requests("/h/nosuchpage"), 1, "one probe");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_home_of_a_site_that_answers_404_is_kept() {
    let (homes, bench) = crawled().await;

    homes.replace("/h/7", html_page("<title>Homes</title><h1>Welcome</h1><p>We help you to move.</p>"));
    let job = crawl_again(&bench).await;

    assert_eq!(bench.site_requests("/h/nosuchpage"), 1);
    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
    assert!(!bench.log_lines(job.job_id).await.iter().any(|line| line.contains("nosuchpage")));
}

#[tokio::test(flavor = "multi_thread")]
async fn six_of_twenty_soft_signs_raise_an_alert_and_remove_nothing() {
    let (homes, bench) = crawled().await;

    for home in 0..6 {
        homes.replace(&format!("/h/{home}"), html_page(GONE));
    }
    let job = crawl_again(&bench).await;

    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
    let alerts = bench.alerts("mass_removal").await;
    let words = alerts[0]["message"].as_str().unwrap();
    assert_eq!((alerts.len(), &alerts[0]["severity"]), (1, &serde_json::json!("warning")));
    assert_eq!(alerts[0]["job_id"], job.job_id);
    assert!(words.contains(&format!("6 of 20 known pages of {}", bench.source())), "{words}");
    assert!(words.contains(&bench.url("/h/0")), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hard_answers_of_more_than_half_of_the_pages_raise_an_alert_and_remove_nothing() {
    let (homes, bench) = crawled().await;

    for home in 0..11 {
        homes.sell(home);
    }
    crawl_again(&bench).await;

    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
    assert_eq!(bench.alerts("mass_removal").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_behind_a_consent_wall_loses_nothing() {
    let (homes, bench) = crawled().await;

    homes.replace_all(html_page(WALL));
    let job = crawl_again(&bench).await;

    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
    let lines = bench.log_lines(job.job_id).await;
    assert!(lines.iter().any(|line| line.contains("/h/0: it asks for consent")), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "No listing was read from any page"), "{lines:#?}");
    assert_eq!(job.stats.unwrap()["lotline/nothing_read"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_nothing_about_a_listing() {
    let (homes, bench) = crawled().await;

    for (home, status) in [(1, 401), (2, 403), (3, 451)] {
        homes.replace(&format!("/h/{home}"), http_response(status, &[], b""));
    }
    let job = crawl_again(&bench).await;

    assert_eq!((removals(&bench).await.len(), bench.property_count().await), (0, 20));
    let lines = bench.log_lines(job.job_id).await;
    assert!(lines.iter().any(|line| line.ends_with("/h/2: the host answered 403")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_page_redirects_to_the_index_has_moved_away() {
    let (homes, bench) = crawled().await;

    homes.replace("/h/7", redirect("/"));
    crawl_again(&bench).await;

    assert_eq!(removals(&bench).await, [removal("H-7", "moved")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_page_redirects_to_another_home_has_moved_away() {
    let (homes, bench) = crawled().await;

    homes.replace("/h/7", redirect("/h/8"));
    crawl_again(&bench).await;

    assert_eq!(removals(&bench).await, [removal("H-7", "moved")]);
    assert_eq!(bench.events_of("price_changed").await, Vec::<serde_json::Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_whose_page_redirects_to_its_new_address_is_the_same_property() {
    let (homes, bench) = crawled().await;

    homes.replace("/h/7", redirect("/home/oak-st-7"));
    homes.replace("/home/oak-st-7", html_page(&json_ld(7)));
    crawl_again(&bench).await;

    let changed = bench.events_of("property_changed").await;
    assert_eq!((removals(&bench).await.len(), changed.len()), (0, 1));
    assert_eq!(changed[0]["changed"], serde_json::json!(["source_url"]));
    assert_eq!(changed[0]["property"]["listing_key"], "H-7");
    assert_eq!(changed[0]["property"]["source_url"], bench.url("/home/oak-st-7"));
}
