//! Use cases of jobs against a real store, with a manual clock.

mod access;
mod creating;
mod leases;
mod progress_flush;
mod reading;
mod waiting;
mod work;

use std::time::Duration;

use serde_json::Value;

use super::claims;
use super::lease::Lease;
use super::worker_reports::{Completion, Progress, complete, progress};
use crate::auth::key_scope::{KeyScope, Role};
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::properties::{Batch, Notify, Writer, upsert_batch};
use crate::domain::testing::World;
use crate::protocol::job::{CrawlStats, Job, NewJob};
use crate::protocol::property::PropertyInput;
use crate::protocol::spider::{NewSpider, Runner};
use crate::protocol::worker::{Claim, ReportResponse};
use crate::storage::events;

const LEASE: Duration = Duration::from_secs(60);
const EXTERNAL: &str = "portal";
const SCOPES: [KeyScope; 3] = [KeyScope::JobsRun, KeyScope::LogsWrite, KeyScope::PropertiesWrite];

/// A tenant with an external spider, a member and a worker.
struct Crawl {
    world: World,
    member: Op,
    worker: Op,
}

impl Crawl {
    async fn new() -> Self {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let spider = NewSpider {
            name: EXTERNAL.to_owned(),
            runner: Runner::External,
            start_urls: Some(vec!["https://portal.example.com/".to_owned()]),
            allowed_hosts: Some(vec!["cdn.example.com".to_owned()]),
            ..NewSpider::default()
        };
        crate::domain::spiders::create(&admin, spider).await.unwrap();
        let member = world.user("ann", Role::Member).await;
        let worker = world.key("bob", &SCOPES).await;
        Self { world, member, worker }
    }

    async fn job(&self) -> Job {
        super::queue::create(&self.member, new_job(EXTERNAL)).await.unwrap()
    }

    async fn claim(&self) -> Option<Claim> {
        claims::claim_now(&self.worker, None, LEASE).await.unwrap()
    }

    /// A job that a worker has claimed.
    async fn claimed(&self) -> Claim {
        self.job().await;
        self.claim().await.unwrap()
    }

    async fn get(&self, id: JobId) -> Job {
        super::read::get(&self.member, id).await.unwrap()
    }

    async fn progress(&self, claim: &Claim, items: i64, sequence: i64) -> Result<ReportResponse> {
        let report = Progress { items_scraped: items, sequence, ..Default::default() };
        progress(&self.worker, &lease_of(claim), report).await
    }

    async fn complete(&self, claim: &Claim) -> Result<ReportResponse> {
        complete(&self.worker, &lease_of(claim), Completion::default()).await
    }

    /// The events about jobs in the log so far: an event's name, or an alert's category.
    async fn emitted(&self) -> Vec<String> {
        let bodies = self.bodies().await;
        bodies.iter().filter(|body| body["type"] != "property_update").map(named).collect()
    }

    async fn bodies(&self) -> Vec<Value> {
        let tx = self.member.read().await.unwrap();
        let rows = events::read_after(&tx, 0, 1_000).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.body).unwrap()).collect()
    }

    /// Stores a new listing for the job's current execution.
    async fn find_listing(&self, job: &Job, listing_key: &str) {
        let listing = PropertyInput {
            source: Some("portal".to_owned()),
            listing_key: Some(listing_key.to_owned()),
            ..Default::default()
        };
        let (items, writer) = (vec![Ok(listing)], Writer::Worker);
        let batch = Batch { job_id: Some(id_of(job)), items, notify: Notify::Each, writer };
        assert_eq!(upsert_batch(&self.worker, batch).await.unwrap().accepted, 1);
    }
}

fn named(body: &Value) -> String {
    let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
    let kind = text("type").unwrap();
    match kind.as_str() {
        "job_update" => text("event").unwrap(),
        "system_alert" => format!("{} alert {}", text("severity").unwrap(), text("category").unwrap()),
        _ => kind,
    }
}

fn new_job(spider_name: &str) -> NewJob {
    NewJob { spider_name: spider_name.to_owned(), ..Default::default() }
}

fn lease_of(claim: &Claim) -> Lease<'_> {
    Lease { job_id: id_of(&claim.job), token: &claim.lease_token, length: LEASE }
}

fn id_of(job: &Job) -> JobId {
    JobId(job.job_id)
}

fn stats(json: Value) -> Option<CrawlStats> {
    serde_json::from_value(json).unwrap()
}

/// The pointers of a refusal's bad fields.
fn pointers<T: std::fmt::Debug>(refused: Result<T>) -> Vec<String> {
    refused.unwrap_err().errors.into_iter().map(|error| error.pointer).collect()
}
