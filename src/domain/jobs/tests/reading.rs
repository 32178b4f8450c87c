//! Lists, logs and figures.

use super::*;
use crate::base::ids::ExecutionId;
use crate::base::page::{Page, PageRequest};
use crate::domain::jobs::logs::{self, LogQuery};
use crate::domain::jobs::queue::create;
use crate::domain::jobs::read::{JobOrder, JobQuery, count_active, items, list};
use crate::protocol::job::{JobStatus, LogLevel};
use crate::protocol::worker::NewLogLine;

fn page(limit: u64, after: Option<i64>) -> PageRequest<i64> {
    PageRequest { limit, after }
}

fn line(level: LogLevel, message: &str) -> NewLogLine {
    NewLogLine { level, message: message.to_owned(), at: None }
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let crawl = Crawl::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(crawl.job().await.job_id);
    }
    let read = async |order, after| {
        let Page { rows, next } =
            list(&crawl.member, &JobQuery::default(), order, page(2, after)).await.unwrap();
        (rows.into_iter().map(|job| job.job_id).collect::<Vec<_>>(), next)
    };

    let (first, next) = read(JobOrder::NewestFirst, None).await;
    let (second, next) = read(JobOrder::NewestFirst, next).await;
    let (third, end) = read(JobOrder::NewestFirst, next).await;
    let (oldest, _) = read(JobOrder::OldestFirst, Some(made[0])).await;

    made.reverse();
    assert_eq!([first, second, third].concat(), made);
    assert_eq!(end, None);
    assert_eq!(oldest, [made[3], made[2]]);
}

#[tokio::test]
async fn jobs_are_filtered_by_status_spider_owner_and_tag() {
    let crawl = Crawl::new().await;
    let tagged = |tags: &[&str]| NewJob {
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        ..new_job(EXTERNAL)
    };
    let first = create(&crawl.member, tagged(&["nightly", "a\"b%"])).await.unwrap().job_id;
    let second = create(&crawl.worker, tagged(&["Nightly", "night"])).await.unwrap();
    crawl.claim().await.unwrap();
    let read = async |query: JobQuery| {
        let jobs = list(&crawl.member, &query, JobOrder::OldestFirst, page(9, None)).await.unwrap();
        jobs.rows.into_iter().map(|job| job.job_id).collect::<Vec<_>>()
    };
    let with_tag = async |tag: &str| read(JobQuery { tag: Some(tag.to_owned()), ..Default::default() }).await;

    assert_eq!(with_tag("nightly").await, [first]);
    assert_eq!(with_tag("night").await, [second.job_id]);
    assert_eq!(with_tag("a\"b%").await, [first]);
    assert_eq!(with_tag("%").await, [] as [i64; 0]);
    assert_eq!(with_tag(",").await, [] as [i64; 0]);
    let of_spider = |name: &str| JobQuery { spider_name: Some(name.to_owned()), ..Default::default() };
    assert_eq!(read(of_spider(EXTERNAL)).await.len(), 2);
    assert_eq!(read(of_spider("auto")).await.len(), 0);
    let of_status = |status| JobQuery { status: Some(status), ..Default::default() };
    assert_eq!(read(of_status(JobStatus::Pending)).await.len(), 2);
    assert_eq!(read(of_status(JobStatus::Failed)).await.len(), 0);
    let owner = crawl.worker.principal().unwrap().owner_id();
    assert_eq!(read(JobQuery { created_by: owner, ..Default::default() }).await, [second.job_id]);
}

#[tokio::test]
async fn a_duplicate_tag_is_stored_once_at_its_first_index() {
    let crawl = Crawl::new().await;
    let tags = [" nightly ", "Z\u{fc}rich", "nightly", "Zu\u{308}rich", "Nightly"];
    let new = NewJob { tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()), ..new_job(EXTERNAL) };

    let job = create(&crawl.member, new).await.unwrap();

    assert_eq!(job.tags, ["nightly", "Z\u{fc}rich", "Nightly"]);
}

#[tokio::test]
async fn log_lines_are_kept_in_order_and_read_by_level() {
    let crawl = Crawl::new().await;
    let id = id_of(&crawl.job().await);
    let lines =
        vec![line(LogLevel::Info, "one"), line(LogLevel::Error, "two"), line(LogLevel::Info, "three")];

    let stored = logs::append(&crawl.worker, id, lines).await.unwrap();
    let read = async |level, after| {
        let query = LogQuery { level, ..Default::default() };
        let lines = logs::list(&crawl.member, id, query, page(2, after)).await.unwrap();
        lines.rows.into_iter().map(|line| line.message).collect::<Vec<_>>()
    };

    let all = logs::list(&crawl.member, id, LogQuery::default(), page(9, None)).await.unwrap().rows;
    assert_eq!((stored.stored, all.len()), (3, 3));
    assert!(all.is_sorted_by_key(|line| line.id));
    assert_eq!(read(None, None).await, ["one", "two"]);
    assert_eq!(read(None, Some(all[1].id)).await, ["three"]);
    assert_eq!(read(Some(LogLevel::Error), None).await, ["two"]);
    assert_eq!(crawl.emitted().await, ["job_queued"], "log lines pass by");
}

#[tokio::test]
async fn a_thousand_lines_are_stored_and_one_more_is_refused() {
    let crawl = Crawl::new().await;
    let id = id_of(&crawl.job().await);
    let lines = |count| vec![line(LogLevel::Debug, "x"); count];

    assert_eq!(logs::append(&crawl.worker, id, lines(1_000)).await.unwrap().stored, 1_000);
    assert_eq!(pointers(logs::append(&crawl.worker, id, lines(1_001)).await), ["/lines"]);
    let long = vec![line(LogLevel::Info, "fine"), line(LogLevel::Info, &"x".repeat(8 * 1024 + 1))];
    let judged = logs::append(&crawl.worker, id, long).await.unwrap();
    assert_eq!((judged.stored, judged.rejected), (1, 1));
    assert!(judged.results[1].error.as_deref().unwrap().starts_with("message: must be at most"));
}

#[tokio::test]
async fn active_jobs_are_those_that_wait_or_run() {
    let crawl = Crawl::new().await;
    crawl.job().await;
    let running = crawl.claim().await.unwrap();
    crawl.job().await;
    crawl.progress(&running, 1, 1).await.unwrap();
    assert_eq!(count_active(&crawl.member).await.unwrap(), 2);

    crawl.complete(&running).await.unwrap();

    assert_eq!(count_active(&crawl.member).await.unwrap(), 1);
}

#[tokio::test]
async fn accepted_listings_are_the_jobs_items() {
    let crawl = Crawl::new().await;
    let job = crawl.job().await;
    let execution = ExecutionId(job.execution_id.unwrap());
    crawl.find_listing(&job, "a").await;

    let all = items(&crawl.member, id_of(&job), None, page(9, None)).await.unwrap().rows;
    let other =
        items(&crawl.member, id_of(&job), Some(ExecutionId(execution.0 + 1)), page(9, None)).await.unwrap();

    assert_eq!(all.len(), 1);
    assert_eq!(all[0].execution_id, execution.0);
    assert_eq!(other.rows.len(), 0);
}
