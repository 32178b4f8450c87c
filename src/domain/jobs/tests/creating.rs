//! Creating, cancelling and retrying.

use super::*;
use crate::base::page::PageRequest;
use crate::domain::jobs::queue::{cancel, create, retry};
use crate::domain::jobs::read::executions;
use crate::protocol::job::{ExecutionStatus, JobStatus, Reread};
use crate::protocol::problem::Code;

#[tokio::test]
async fn a_job_without_targets_takes_its_spiders_and_waits_with_an_execution() {
    let crawl = Crawl::new().await;

    let job = crawl.job().await;

    assert_eq!(job.target_urls, ["https://portal.example.com/"]);
    assert_eq!(job.settings.allowed_hosts, ["cdn.example.com"]);
    assert_eq!((job.status, job.attempt), (JobStatus::Pending, 1));
    assert!(job.execution_id.is_some());
    assert_eq!(crawl.emitted().await, ["job_queued"]);
}

#[tokio::test]
async fn a_keys_job_belongs_to_the_keys_maker() {
    let crawl = Crawl::new().await;

    let job = create(&crawl.worker, new_job(EXTERNAL)).await.unwrap();

    let maker = crawl.worker.principal().unwrap().owner_id().unwrap();
    assert_eq!(job.created_by, Some(maker.0));
}

#[tokio::test]
async fn every_bad_field_of_a_new_job_is_named() {
    let crawl = Crawl::new().await;
    let new = NewJob {
        spider_name: "nobody".to_owned(),
        target_urls: Some(vec!["https://a.example".to_owned(), "mailto:a@a.example".to_owned()]),
        max_pages: Some(0),
        max_items: Some(-1),
        allowed_hosts: Some(vec!["a/b".to_owned()]),
        tags: Some(vec![String::new()]),
        upload_ids: None,
        targets_only: None,
        reread: None,
    };

    let refused = create(&crawl.member, new).await;

    let named = ["/spider_name", "/target_urls/1", "/allowed_hosts/0", "/tags/0", "/max_pages", "/max_items"];
    assert_eq!(pointers(refused), named);
    assert_eq!(crawl.emitted().await, [] as [&str; 0]);
}

#[tokio::test]
async fn auto_exists_everywhere_and_needs_targets() {
    let crawl = Crawl::new().await;

    assert_eq!(pointers(create(&crawl.member, new_job("auto")).await), ["/target_urls"]);
    let new = NewJob { target_urls: Some(vec!["https://a.example/".to_owned()]), ..new_job("auto") };
    create(&crawl.member, new).await.unwrap();

    assert!(crawl.claim().await.is_none(), "outside workers get external jobs only");
}

#[tokio::test]
async fn a_pending_job_is_cancelled_at_once() {
    let crawl = Crawl::new().await;
    let job = crawl.job().await;

    let job = cancel(&crawl.member, id_of(&job)).await.unwrap();

    assert_eq!((job.status, job.finish_reason.as_deref()), (JobStatus::Cancelled, Some("cancelled")));
    assert!(crawl.claim().await.is_none());
    assert_eq!(crawl.emitted().await, ["job_queued", "job_cancelled"]);
    assert_eq!(cancel(&crawl.member, id_of(&job)).await.unwrap_err().code, Code::Conflict);
}

#[tokio::test]
async fn a_running_job_is_cancelled_when_its_worker_says_so() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 1, 1).await.unwrap();

    let asked = cancel(&crawl.member, id_of(&claim.job)).await.unwrap();
    let again = cancel(&crawl.member, id_of(&claim.job)).await.unwrap();
    let answer = crawl.progress(&claim, 2, 2).await.unwrap();
    let stopped = Completion { finish_reason: Some("cancelled".to_owned()), ..Default::default() };
    complete(&crawl.worker, &lease_of(&claim), stopped).await.unwrap();

    assert_eq!((asked.status, asked.cancel_requested), (JobStatus::Running, true));
    assert_eq!(asked, again);
    assert!(answer.cancel_requested);
    assert_eq!(crawl.get(id_of(&claim.job)).await.status, JobStatus::Cancelled);
    // The second progress was merged; it is emitted before the end.
    let emitted = ["job_queued", "job_started", "job_progress", "job_progress", "job_cancelled"];
    assert_eq!(crawl.emitted().await, emitted);
}

#[tokio::test]
async fn a_job_that_is_over_runs_again_with_figures_that_begin_anew() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    assert_eq!(retry(&crawl.member, id_of(&claim.job)).await.unwrap_err().code, Code::Conflict);
    crawl.progress(&claim, 7, 1).await.unwrap();
    crawl.complete(&claim).await.unwrap();

    let job = retry(&crawl.member, id_of(&claim.job)).await.unwrap();

    assert_eq!((job.status, job.attempt, job.items_scraped), (JobStatus::Pending, 2, 0));
    assert_eq!((job.finish_reason, job.finished_at, job.started_at), (None, None, None));
    let page = PageRequest { limit: 10, after: None };
    let tries = executions(&crawl.member, JobId(job.job_id), page).await.unwrap().rows;
    let seen: Vec<_> = tries.iter().map(|one| (one.attempt, one.status, one.items_scraped)).collect();
    assert_eq!(seen, [(2, ExecutionStatus::Pending, 0), (1, ExecutionStatus::Completed, 7)]);
    // A worker that did not receive the answer to its final report may repeat it.
    assert_eq!(crawl.complete(&claim).await.unwrap().status, JobStatus::Completed);
    assert!(crawl.claim().await.is_some());
}

#[tokio::test]
async fn a_job_that_reads_kept_pages_again_needs_a_spider_of_the_built_in_crawler_only() {
    let crawl = Crawl::new().await;
    let again = |spider: &str| {
        let reread = Some(Reread { spider: spider.to_owned(), since: None });
        NewJob { reread, ..NewJob::default() }
    };

    let job = create(&crawl.member, again("auto")).await.unwrap();
    let external = pointers(create(&crawl.member, again(EXTERNAL)).await);
    let unknown = pointers(create(&crawl.member, again("nobody")).await);
    let neither = pointers(create(&crawl.member, NewJob::default()).await);

    assert_eq!((job.spider_name.as_str(), job.target_urls.len()), ("auto", 0));
    assert_eq!(job.settings.reread, again("auto").reread);
    assert_eq!((external, unknown), (vec!["/reread/spider".to_owned()], vec!["/reread/spider".to_owned()]));
    assert_eq!(neither, ["/spider_name"]);
}
