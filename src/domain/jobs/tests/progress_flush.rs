//! Progress is emitted twice a second at most, and never lost.

use serde_json::json;

use super::*;
use crate::domain::jobs::worker_reports::flush_progress;

#[tokio::test]
async fn progress_within_half_a_second_is_merged_and_emitted_by_the_timer() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    assert!(crawl.progress(&claim, 1, 1).await.unwrap().position.is_some());

    for items in 2..=9 {
        crawl.world.advance_ms(50);
        assert_eq!(crawl.progress(&claim, items, items).await.unwrap().position, None);
    }
    assert_eq!(flush_progress(&crawl.world.services).await.unwrap(), 0, "not due yet");
    crawl.world.advance_ms(100);
    assert_eq!(flush_progress(&crawl.world.services).await.unwrap(), 1);
    assert_eq!(flush_progress(&crawl.world.services).await.unwrap(), 0);

    let emitted: Vec<_> =
        crawl.bodies().await.into_iter().filter(|body| body["event"] == "job_progress").collect();
    let items: Vec<_> = emitted.iter().map(|body| body["items_scraped"].as_i64().unwrap()).collect();
    assert_eq!(items, [1, 9]);
    assert_eq!(emitted[1]["status"], "running");
    assert_eq!(emitted[1]["progress"]["items_scraped"], 9);
}

#[tokio::test]
async fn the_jobs_row_moves_with_every_report() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 1, 1).await.unwrap();

    crawl.progress(&claim, 2, 2).await.unwrap();

    assert_eq!(crawl.get(id_of(&claim.job)).await.items_scraped, 2);
}

#[tokio::test]
async fn the_end_emits_pending_progress_first() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 1, 1).await.unwrap();
    crawl.progress(&claim, 2, 2).await.unwrap();

    crawl.complete(&claim).await.unwrap();

    let emitted = ["job_queued", "job_started", "job_progress", "job_progress", "job_completed"];
    assert_eq!(crawl.emitted().await, emitted);
    crawl.world.advance_ms(1_000);
    assert_eq!(flush_progress(&crawl.world.services).await.unwrap(), 0);
}

#[tokio::test]
async fn an_execution_too_short_for_a_report_emits_its_progress_once_before_the_end() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    let done = Completion { items_scraped: Some(3), pages_crawled: Some(4), ..Completion::default() };

    complete(&crawl.worker, &lease_of(&claim), done).await.unwrap();

    assert_eq!(crawl.emitted().await, ["job_queued", "job_started", "job_progress", "job_completed"]);
    let bodies = crawl.bodies().await;
    let [.., progress, end] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!((&progress["status"], &progress["finish_reason"]), (&json!("running"), &Value::Null));
    assert_eq!(progress["progress"], json!({ "items_scraped": 3, "pages_crawled": 4 }));
    assert_eq!(end["items_scraped"], 3);
}

#[tokio::test]
async fn a_sequence_that_does_not_grow_is_accepted_and_ignored() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 5, 0).await.unwrap();
    crawl.world.advance_ms(1_000);

    for sequence in [0, 0] {
        assert_eq!(crawl.progress(&claim, 1, sequence).await.unwrap().position, None);
    }

    assert_eq!(crawl.get(id_of(&claim.job)).await.items_scraped, 5);
    assert_eq!(crawl.emitted().await, ["job_queued", "job_started", "job_progress"]);
}

#[tokio::test]
async fn the_end_emits_the_summary_of_pending_listings() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.find_listing(&claim.job, "a").await;
    crawl.find_listing(&claim.job, "b").await;

    crawl.complete(&claim).await.unwrap();

    let emitted =
        ["job_queued", "property_notification", "job_started", "property_notification", "job_completed"];
    assert_eq!(crawl.emitted().await, emitted);
}
