//! One crawl of `demo --once` in one tenant: started over REST like a user's, recorded on two sockets until both have
//! its end.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::Value;

use super::changes::ListingChange;
use super::environment::{DemoTenant, Environment};
use super::recorder::Recorder;
use super::rest::{Item, JobView, RestClient};
use super::site::hits::Hits;
use crate::base::ids::JobId;
use crate::protocol::property::Property;

/// Observes a tenant: its sockets stay open from the first crawl to the last.
pub(super) struct TenantObserver {
    /// Owns the jobs, and has subscribed to nothing.
    owner: Recorder,
    /// An admin's socket, subscribed to jobs and properties.
    admin: Recorder,
    pub(super) client: RestClient,
}

/// The results of a crawl from all sources: sockets, site and REST routes.
pub(super) struct CrawlRun<'a> {
    pub(super) tenant: &'a DemoTenant,
    pub(super) on: NaiveDate,
    pub(super) expected: Vec<ListingChange>,
    pub(super) job: JobView,
    pub(super) owner: Vec<Value>,
    pub(super) admin: Vec<Value>,
    /// Of the site, in this crawl.
    pub(super) hits: Hits,
    pub(super) items: Vec<Item>,
    pub(super) listed: Vec<Property>,
    /// Removed ones too.
    pub(super) all: Vec<Property>,
    pub(super) took: Duration,
}

impl TenantObserver {
    pub(super) async fn connect(env: &Environment, tenant: &DemoTenant) -> Result<Self, String> {
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
    pub(super) fn received_count(&self) -> usize {
        self.admin.count()
    }
}

impl<'a> CrawlRun<'a> {
    /// Crawls and waits for the end. The date is frozen meanwhile.
    pub(super) async fn run(
        env: &Environment,
        tenant: &'a DemoTenant,
        observer: &TenantObserver,
        expected: Vec<ListingChange>,
    ) -> Result<Self, String> {
        let freeze = env.date.freeze();
        let (owner_start, admin_start) = (observer.owner.count(), observer.admin.count());
        let (hits, begun) = (tenant.site.hits(), env.clock.now());
        let job = observer.client.start_crawl(&tenant.site.url()).await?;
        observer.owner.wait_for_job_end(job).await?;
        observer.admin.wait_for_job_end(job).await?;
        let took = (env.clock.now() - begun).to_std().unwrap_or_default();
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

    pub(super) fn job_id(&self) -> JobId {
        self.job.job_id
    }
}
