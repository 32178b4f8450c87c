//! Reads the page of one property now: a job of the built-in crawler with this page as its only one.

use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::jobs::queue;
use crate::domain::op::Op;
use crate::protocol::job::{Job, NewJob};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::spider::{AUTO, Runner};
use crate::storage::{TenantTx, job_items, jobs, properties, spiders};

/// Queues the job, as one of the caller's own.
pub async fn refresh(op: &Op, id: PropertyId) -> Result<Job> {
    op.require(Permission::StartJobs)?;
    let tx = op.read().await?;
    let row = properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    let page = row.source_url.ok_or_else(|| {
        Problem::new(Code::Conflict, "The property has no page that could be read: it has no `source_url`.")
    })?;
    let spider_name = spider_of(&tx, id).await?;
    // The job is made in a transaction of its own.
    drop(tx);
    let new = NewJob {
        spider_name,
        target_urls: Some(vec![page]),
        max_pages: Some(1),
        targets_only: Some(true),
        ..NewJob::default()
    };
    queue::create(op, new).await
}

/// The spider of the job that saw the property last, where the built-in crawler runs it still; else `auto`.
async fn spider_of(tx: &TenantTx, id: PropertyId) -> Result<String> {
    let auto = || AUTO.to_owned();
    let Some(job_id) = job_items::last_job_of(tx, id).await? else { return Ok(auto()) };
    let Some(job) = jobs::find(tx, job_id).await? else { return Ok(auto()) };
    let spider = spiders::find(tx, &job.spider_name).await?;
    let is_builtin = spider.is_some_and(|spider| spider.runner == Runner::Builtin.name());
    Ok(if is_builtin { job.spider_name } else { auto() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::{KeyScope, Role};
    use crate::base::ids::JobId;
    use crate::domain::properties::{Batch, Notify, ReportedRow, Writer, upsert_batch};
    use crate::domain::testing::World;
    use crate::protocol::property::PropertyInput;
    use crate::protocol::spider::{NewSpider, SpiderInput};

    const PAGE: &str = "https://homes.example/home/1";

    /// A property that a job of the spider has seen.
    async fn has_property(world: &World, admin: &Op, spider_name: &str, page: Option<&str>) -> PropertyId {
        let target = vec!["https://homes.example/".to_owned()];
        let new =
            NewJob { spider_name: spider_name.to_owned(), target_urls: Some(target), ..NewJob::default() };
        let job = queue::create(admin, new).await.unwrap();
        let worker = world.key(&format!("worker-{}", job.job_id), &[KeyScope::PropertiesWrite]).await;
        let home = PropertyInput {
            source: Some("homes.example".to_owned()),
            listing_key: Some(format!("A-{}", job.job_id)),
            source_url: page.map(str::to_owned),
            ..PropertyInput::default()
        };
        let batch = Batch {
            job_id: Some(JobId(job.job_id)),
            items: vec![ReportedRow::from(Ok(home))],
            notify: Notify::Each,
            writer: Writer::Worker,
        };
        let done = upsert_batch(&worker, batch).await.unwrap();
        PropertyId(done.results[0].property_id.unwrap())
    }

    async fn has_spider(admin: &Op, name: &str, runner: Runner) {
        let new = NewSpider { name: name.to_owned(), runner, ..NewSpider::default() };
        crate::domain::spiders::create(admin, new).await.unwrap();
    }

    #[tokio::test]
    async fn the_page_of_the_property_is_the_only_one_of_its_job() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let property = has_property(&world, &admin, AUTO, Some(PAGE)).await;

        let job = refresh(&admin, property).await.unwrap();

        assert_eq!((job.spider_name.as_str(), job.target_urls), (AUTO, vec![PAGE.to_owned()]));
        assert_eq!((job.settings.max_pages, job.settings.targets_only), (Some(1), Some(true)));
    }

    #[tokio::test]
    async fn it_is_read_by_the_spider_that_saw_it_last_while_that_is_builtin() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        has_spider(&admin, "portal", Runner::Builtin).await;
        has_spider(&admin, "other", Runner::External).await;
        let of_portal = has_property(&world, &admin, "portal", Some(PAGE)).await;
        let of_other = has_property(&world, &admin, "other", Some(PAGE)).await;

        let by_portal = refresh(&admin, of_portal).await.unwrap();
        let by_auto = refresh(&admin, of_other).await.unwrap();
        let external = SpiderInput { runner: Runner::External, ..SpiderInput::default() };
        crate::domain::spiders::put(&admin, "portal", external, &|_| Ok(())).await.unwrap();
        let later = refresh(&admin, of_portal).await.unwrap();

        let names = [by_portal, by_auto, later].map(|job| job.spider_name);
        assert_eq!(names, ["portal", AUTO, AUTO]);
    }

    #[tokio::test]
    async fn a_property_without_a_page_and_one_that_is_not_there_are_refused() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let viewer = world.user("vic", Role::Viewer).await;
        let other = world.another_tenant().await;
        let stranger = world.user_in(other, "eve", Role::Admin).await;
        let bare = has_property(&world, &admin, AUTO, None).await;

        assert_eq!(refresh(&admin, bare).await.unwrap_err().code, Code::Conflict);
        assert_eq!(refresh(&admin, PropertyId(bare.0 + 1)).await.unwrap_err().code, Code::NotFound);
        assert_eq!(refresh(&stranger, bare).await.unwrap_err().code, Code::NotFound);
        assert_eq!(refresh(&viewer, bare).await.unwrap_err().code, Code::Forbidden);
    }
}
