//! One crawl of `demo --once` in one tenant: started over REST like a user's, recorded on two sockets until both have
//! its end.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::Value;

use super::changes::ListingChange;
use super::clock::Stopwatch;
use super::environment::{DemoTenant, Environment};
use super::recorder::Recorder;
use super::rest::RestClient;
use super::site::hits::Hits;
use super::wire::{Item, Job, JobId, Property};

/// Observes a tenant: its sockets stay open from the first crawl to the last.
pub(crate) struct TenantObserver {
    /// Owns the jobs, and has subscribed to nothing.
    owner: Recorder,
    /// An admin's socket, subscribed to jobs and properties.
    admin: Recorder,
    pub(crate) client: RestClient,
}

/// The results of a crawl from all sources: sockets, site and REST routes.
pub(crate) struct CrawlRun<'a> {
    pub(crate) tenant: &'a DemoTenant,
    pub(crate) on: NaiveDate,
    pub(crate) expected: Vec<ListingChange>,
    pub(crate) job: Job,
    pub(crate) owner: Vec<Value>,
    pub(crate) admin: Vec<Value>,
    /// Of the site, in this crawl.
    pub(crate) hits: Hits,
    pub(crate) items: Vec<Item>,
    pub(crate) listed: Vec<Property>,
    /// Removed ones too.
    pub(crate) all: Vec<Property>,
    pub(crate) took: Duration,
}

impl TenantObserver {
    pub(crate) async fn connect(env: &Environment, tenant: &DemoTenant) -> Result<Self, String> {
        let people = &tenant.users;
        Ok(Self {
            owner: Recorder::open(env, &people.member.token, &[]).await?,
            admin: Recorder::open(env, &people.admin.token, &["property_updates", "job_updates"]).await?,
            client: env.client(&people.member.token)?,
        })
    }
}

impl TenantObserver {
    /// The number of messages that the admin has received.
    pub(crate) fn received_count(&self) -> usize {
        self.admin.count()
    }
}

impl<'a> CrawlRun<'a> {
    /// Crawls and waits for the end. The date is frozen meanwhile.
    pub(crate) async fn run(
        env: &Environment,
        tenant: &'a DemoTenant,
        observer: &TenantObserver,
        expected: Vec<ListingChange>,
    ) -> Result<Self, String> {
        let freeze = env.date.freeze();
        let (owner_start, admin_start) = (observer.owner.count(), observer.admin.count());
        let (hits, stopwatch) = (tenant.site.hits(), Stopwatch::start());
        let job = observer.client.start_crawl(&tenant.site.url()).await?;
        observer.owner.wait_for_job_end(job).await?;
        observer.admin.wait_for_job_end(job).await?;
        let took = stopwatch.elapsed();
        drop(freeze);
        Ok(Self {
            tenant,
            on: env.date.today(),
            expected,
            owner: observer.owner.after(owner_start),
            admin: observer.admin.after(admin_start),
            hits: tenant.site.hits().since(&hits),
            items: observer.client.items(job).await?,
            listed: observer.client.properties().await?,
            all: observer.client.all_properties().await?,
            job: observer.client.job(job).await?,
            took,
        })
    }

    pub(crate) fn job_id(&self) -> JobId {
        self.job.job_id
    }
}
