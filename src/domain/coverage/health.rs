//! The health of a spider: the share of pages on which each field was read, over its last jobs.

use std::collections::BTreeMap;

use super::counts::KeptCoverage;
use super::drift::medians;
use super::keep::KEPT_JOBS;
use crate::base::clock::rfc3339;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::spiders;
use crate::protocol::spider_health::{JobCoverage, SourceHealth, SpiderHealth};
use crate::storage::{job_coverage, time};

/// Sources that are shown.
const MAX_SOURCES: u64 = 20;

/// The coverage of the spider's last jobs, by source; that of the latest job comes first. For callers that may read the
/// spider. Spiders of external workers have none.
pub async fn health(op: &Op, name: &str) -> Result<SpiderHealth> {
    // Refuses callers that may not read spiders, and unknown names.
    let spider = spiders::get(op, name).await?;
    let tx = op.read().await?;
    let mut sources = Vec::new();
    for source in job_coverage::sources(&tx, &spider.name, MAX_SOURCES).await? {
        let rows = job_coverage::latest(&tx, &spider.name, &source, KEPT_JOBS).await?;
        sources.push(of_source(source, rows.into_iter().map(KeptCoverage::of).collect()));
    }
    Ok(SpiderHealth { spider_name: spider.name, sources })
}

/// `jobs` are the latest first.
fn of_source(source: String, jobs: Vec<KeptCoverage>) -> SourceHealth {
    let drifting = jobs.first().map(|last| last.low.keys().cloned().collect());
    let medians = medians(&jobs).into_iter().map(|(field, median)| (field, rounded(median))).collect();
    let jobs = jobs.iter().map(of_job).collect();
    SourceHealth { source, medians, drifting: drifting.unwrap_or_default(), jobs }
}

fn of_job(job: &KeptCoverage) -> JobCoverage {
    let shares: BTreeMap<String, f64> =
        job.fields.keys().map(|field| (field.clone(), rounded(job.share(field)))).collect();
    JobCoverage {
        job_id: job.job_id,
        finished_at: rfc3339(time(job.finished_at)),
        pages: job.pages,
        fields: shares,
    }
}

/// To four decimals.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::{KeyScope, Role};
    use crate::auth::tenant_scope::SystemReason;
    use crate::base::ids::JobId;
    use crate::base::page::PageRequest;
    use crate::domain::coverage::{SourceCoverage, keep};
    use crate::domain::jobs::queue::create;
    use crate::domain::notifications;
    use crate::domain::testing::World;
    use crate::protocol::job::NewJob;
    use crate::protocol::problem::Code;
    use crate::storage::jobs;

    /// A world with a user that creates jobs of `auto`.
    struct Jobs {
        world: World,
        op: Op,
    }

    impl Jobs {
        async fn new() -> Self {
            let world = World::new().await;
            let op = world.user("ann", Role::Admin).await;
            Self { world, op }
        }

        /// A job that read `count` prices on so many pages of the source ends; its id.
        async fn ends(&self, source: &str, pages: i64, count: i64) -> i64 {
            let targets = Some(vec![format!("https://{source}/")]);
            let new = NewJob { spider_name: "auto".to_owned(), target_urls: targets, ..NewJob::default() };
            let id = create(&self.op, new).await.unwrap().job_id;
            self.keeps(id, source, pages, count).await;
            id
        }

        async fn keeps(&self, id: i64, source: &str, pages: i64, count: i64) {
            let op = Op::of_system(&self.world.services, SystemReason::Crawl, self.world.tenant);
            let fields = BTreeMap::from([("list_price".to_owned(), count)]);
            let counted = [SourceCoverage { source: source.to_owned(), pages, fields }];
            let mut change = op.begin().await.unwrap();
            let job = jobs::lock(&change.tx, JobId(id)).await.unwrap().unwrap();
            keep(&op, &mut change, &job, &counted).await.unwrap();
            op.commit(change).await.unwrap();
        }

        /// The texts of the alerts of drift, the latest first.
        async fn alerts(&self) -> Vec<String> {
            let page = PageRequest { limit: 100, after: None };
            let rows = notifications::list(&self.op, page).await.unwrap().rows;
            let drifts = rows.into_iter().filter(|one| one.message["category"] == "drift");
            drifts.map(|one| one.message["message"].as_str().unwrap().to_owned()).collect()
        }
    }

    #[tokio::test]
    async fn the_series_has_the_last_fifty_jobs_of_each_source_with_medians() {
        let jobs = Jobs::new().await;
        for _ in 0..52 {
            jobs.ends("a.example", 30, 10).await;
        }
        let last = jobs.ends("b.example", 20, 20).await;

        let health = health(&jobs.op, "auto").await.unwrap();

        assert_eq!(health.spider_name, "auto");
        let [b, a] = &health.sources[..] else { panic!("{health:?}") };
        assert_eq!((a.source.as_str(), a.jobs.len()), ("a.example", 50));
        assert_eq!((a.jobs[0].fields["list_price"], a.medians["list_price"]), (0.3333, 0.3333));
        assert_eq!((b.jobs[0].job_id, b.jobs[0].pages, b.drifting.len()), (last, 20, 0));
    }

    #[tokio::test]
    async fn a_job_of_few_pages_is_left_out_and_a_retried_one_counts_once() {
        let jobs = Jobs::new().await;

        jobs.ends("a.example", 19, 19).await;
        assert!(health(&jobs.op, "auto").await.unwrap().sources.is_empty());
        let id = jobs.ends("a.example", 20, 20).await;
        jobs.keeps(id, "a.example", 40, 10).await;

        let health = health(&jobs.op, "auto").await.unwrap();
        assert_eq!(health.sources[0].jobs.len(), 1);
        assert_eq!(health.sources[0].jobs[0].fields["list_price"], 0.25);
    }

    #[tokio::test]
    async fn a_fall_alerts_once_and_is_shown_until_it_has_recovered() {
        let jobs = Jobs::new().await;
        for _ in 0..10 {
            jobs.ends("a.example", 40, 40).await;
        }
        assert_eq!(jobs.alerts().await, [] as [String; 0]);

        let id = jobs.ends("a.example", 40, 8).await;
        jobs.ends("a.example", 40, 8).await;

        let alerts = jobs.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].starts_with(&format!("Job {id} (auto): fields of a.example")), "{alerts:?}");
        assert!(alerts[0].contains("list_price on 8 of 40 pages (20 %, before 100 %)"), "{alerts:?}");
        assert_eq!(health(&jobs.op, "auto").await.unwrap().sources[0].drifting, ["list_price"]);
        jobs.ends("a.example", 40, 40).await;
        assert!(health(&jobs.op, "auto").await.unwrap().sources[0].drifting.is_empty());
        jobs.ends("a.example", 40, 0).await;
        assert_eq!(jobs.alerts().await.len(), 2);
    }

    #[tokio::test]
    async fn the_first_ten_jobs_of_a_source_raise_nothing_whatever_other_sources_had() {
        let jobs = Jobs::new().await;
        for _ in 0..12 {
            jobs.ends("a.example", 40, 40).await;
        }
        for number in 0..10 {
            jobs.ends("b.example", 40, if number == 9 { 0 } else { 40 }).await;
        }

        assert_eq!(jobs.alerts().await, [] as [String; 0]);
    }

    #[tokio::test]
    async fn only_readers_of_spiders_of_the_tenant_see_it() {
        let jobs = Jobs::new().await;
        jobs.ends("a.example", 40, 40).await;
        let viewer = jobs.world.user("vic", Role::Viewer).await;
        let worker = jobs.world.key("bob", &[KeyScope::JobsRun]).await;
        let other = jobs.world.another_tenant().await;
        let stranger = jobs.world.user_in(other, "eve", Role::Admin).await;

        assert_eq!(health(&viewer, "auto").await.unwrap_err().code, Code::Forbidden);
        assert_eq!(health(&jobs.op, "unknown").await.unwrap_err().code, Code::NotFound);
        assert_eq!(health(&worker, "auto").await.unwrap().sources.len(), 1);
        assert!(health(&stranger, "auto").await.unwrap().sources.is_empty());
    }
}
