//! Crawls of several tenants on one node: waiting jobs hold no slot, and no job waits for a tenant with many.

use std::time::Duration;

use lotline::crawler::settings::CrawlerSettings;

use super::nodes::{Crawler, End, sees_end, sees_job, starts_crawl};
use super::site::{Reply, Site, home};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::sleep_briefly;

on_both_databases! {
    slow_hosts_of_one_tenant_do_not_stop_anothers_job,
    busy_crawls_of_one_tenant_do_not_stop_anothers_job,
    a_tenant_has_a_bound_of_open_jobs_and_the_rest_stays_pending,
    a_job_ends_with_its_time_also_over_a_restart_and_keeps_its_listings,
}

/// An endless site: every page links to the next two.
async fn endless(robots: Option<&'static str>) -> Site {
    Site::open(move |path| match (path, robots) {
        ("/robots.txt", Some(text)) => Reply::Robots(text.to_owned()),
        ("/robots.txt", None) => Reply::NotFound,
        _ => {
            let number: u64 = path.trim_start_matches('/').parse().unwrap_or(0);
            home(path, &[format!("/{}", 2 * number + 1), format!("/{}", 2 * number + 2)])
        }
    })
    .await
}

async fn one_page() -> Site {
    Site::open(|path| if path == "/" { home("only", &[]) } else { Reply::NotFound }).await
}

/// A host that asks for the longest crawl delay.
const SLOW: Option<&str> = Some("User-agent: *\nCrawl-delay: 60");

async fn slow_hosts_of_one_tenant_do_not_stop_anothers_job(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(endless(SLOW).await);
    }
    let quick = one_page().await;
    let sites: Vec<&Site> = slow.iter().chain([&quick]).collect();
    let crawler = Crawler { slots: 4, ..Crawler::of(&sites) };
    let mut jobs = Vec::new();
    for site in &slow {
        jobs.push(starts_crawl(&ann, &site.url("/")).await);
    }

    // The clock is not advanced: each slow host is asked for one page, and for the next one only a minute later.
    let over = crawler.runs(&app.services, End::Stop, async {
        for site in &slow {
            site.wait_for_requests("/", 1).await;
        }
        let job = starts_crawl(&sue, &quick.url("/")).await;
        sees_end(&sue, job).await
    });
    let over = over.await;

    assert_eq!(over["status"], "completed");
    assert!(slow.iter().all(|site| site.requested_paths().len() == 2), "robots.txt and a page each");
    for job in jobs {
        assert_eq!(sees_job(&ann, job).await["status"], "pending", "handed back");
    }
}

async fn busy_crawls_of_one_tenant_do_not_stop_anothers_job(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let (one, two, quick) = (endless(None).await, endless(None).await, one_page().await);
    let crawler = Crawler { slots: 2, ..Crawler::of(&[&one, &two, &quick]) };
    for site in [&one, &two] {
        starts_crawl(&ann, &site.url("/")).await;
    }

    let over = crawler.runs(&app.services, End::Stop, async {
        one.wait_for_requests("/20", 1).await;
        two.wait_for_requests("/20", 1).await;
        let job = starts_crawl(&sue, &quick.url("/")).await;
        sees_end(&sue, job).await
    });

    assert_eq!(over.await["status"], "completed");
}

async fn a_tenant_has_a_bound_of_open_jobs_and_the_rest_stays_pending(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let (slow, quick) = (endless(SLOW).await, one_page().await);
    // One slot, sixteen open jobs, four per tenant. All are for one host, from which one of them fetches a page.
    let crawler = Crawler { slots: 1, ..Crawler::of(&[&slow, &quick]) };
    let mut jobs = Vec::new();
    for number in 0..7 {
        jobs.push(starts_crawl(&ann, &slow.url(&format!("/{number}"))).await);
    }
    let count = async |status: &str| {
        let mut count = 0;
        for job in &jobs {
            count += usize::from(sees_job(&ann, *job).await["status"] == status);
        }
        count
    };

    let seen = crawler.runs(&app.services, End::Stop, async {
        while count("running").await < 4 {
            sleep_briefly().await;
        }
        let job = starts_crawl(&sue, &quick.url("/")).await;
        (sees_end(&sue, job).await, count("running").await, count("pending").await)
    });
    let (over, running, pending) = seen.await;

    assert_eq!((over["status"].as_str(), running, pending), (Some("completed"), 4, 3));
}

async fn a_job_ends_with_its_time_also_over_a_restart_and_keeps_its_listings(app: &TestApp) {
    let ann = app.admin("ann").await;
    let site = endless(None).await;
    let mut crawler = Crawler::of(&[&site]);
    crawler.settings = CrawlerSettings {
        job_time: Some(Duration::from_secs(100)),
        max_pages: 1_000_000,
        ..crawler.settings
    };
    let job = starts_crawl(&ann, &site.url("/")).await;

    crawler.runs(&app.services, End::Stop, site.wait_for_requests("/10", 1)).await;
    let items = sees_job(&ann, job).await["items_scraped"].as_i64();
    app.clock.advance(Duration::from_secs(90));
    let another = app.another_node();
    let over = crawler.runs(&another, End::Stop, async {
        let before = site.requested_paths().len();
        // The node that releases the job may hold its row locked at the first look; the next look comes by the clock.
        let pages = async {
            while site.requested_paths().len() < before + 5 {
                sleep_briefly().await;
            }
        };
        app.while_at_most(Duration::from_secs(8), pages).await;
        assert_eq!(sees_job(&ann, job).await["status"], "running");
        app.clock.advance(Duration::from_secs(10));
        sees_end(&ann, job).await
    });
    let over = over.await;

    assert_eq!(over["status"], "completed");
    assert_eq!(over["finish_reason"], "closespider_timeout");
    assert!(items > Some(0) && over["items_scraped"].as_i64() >= items, "{items:?}: {over}");
    let properties = ann.get("/api/v1/properties?limit=200").await.json();
    assert!(!properties["data"].as_array().unwrap().is_empty());
}
