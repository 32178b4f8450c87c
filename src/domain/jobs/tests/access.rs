//! Permissions on one's own jobs and on those of others.

use super::*;
use crate::base::page::PageRequest;
use crate::domain::jobs::queue::{cancel, create, retry};
use crate::domain::jobs::worker_reports::start;
use crate::domain::jobs::{logs, read};
use crate::protocol::job::LogLevel;
use crate::protocol::problem::Code;
use crate::protocol::worker::NewLogLine;

#[tokio::test]
async fn members_stop_their_own_jobs_and_admins_any() {
    let crawl = Crawl::new().await;
    let id = id_of(&crawl.job().await);
    let other = crawl.world.user("carl", Role::Member).await;
    let admin = crawl.world.user("zoe", Role::Admin).await;

    assert_eq!(cancel(&other, id).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(cancel(&crawl.worker, id).await.unwrap_err().code, Code::Forbidden);
    cancel(&admin, id).await.unwrap();
    assert_eq!(retry(&other, id).await.unwrap_err().code, Code::Forbidden);
    retry(&crawl.member, id).await.unwrap();
}

#[tokio::test]
async fn viewers_read_and_people_do_not_work() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    let viewer = crawl.world.user("vic", Role::Viewer).await;

    read::get(&viewer, id_of(&claim.job)).await.unwrap();
    assert_eq!(create(&viewer, new_job(EXTERNAL)).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(start(&crawl.member, &lease_of(&claim)).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(claims::claim_now(&crawl.member, None, LEASE).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn another_tenants_job_is_one_that_never_was() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.job().await;
    let other = crawl.world.another_tenant().await;
    let admin = crawl.world.user_in(other, "eve", Role::Admin).await;
    let key = crawl.world.key_in(other, "mallory", &[KeyScope::JobsRun, KeyScope::LogsWrite]).await;
    let line = || vec![NewLogLine { level: LogLevel::Info, message: "x".to_owned(), at: None }];
    let page = || PageRequest { limit: 9, after: None };

    for id in [id_of(&claim.job), JobId(999_999)] {
        let lease = Lease { job_id: id, ..lease_of(&claim) };
        let refusals = [
            read::get(&admin, id).await.err(),
            cancel(&admin, id).await.err(),
            retry(&admin, id).await.err(),
            read::executions(&admin, id, page()).await.err(),
            read::items(&admin, id, None, page()).await.err(),
            logs::list(&admin, id, Default::default(), page()).await.err(),
            logs::append(&key, id, line()).await.err(),
            start(&key, &lease).await.err(),
            complete(&key, &lease, Completion::default()).await.err(),
        ];
        assert!(refusals.iter().all(|refusal| refusal.as_ref().unwrap().code == Code::NotFound));
    }
    assert!(claims::claim_now(&key, None, LEASE).await.unwrap().is_none());
    assert_eq!(create(&admin, new_job(EXTERNAL)).await.unwrap_err().code, Code::ValidationFailed);
}
