//! One crawl of `demo --once` in one tenant: started as a user starts it, watched on two sockets until both know its end.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::Value;

use super::changes::Change;
use super::rest::{Client, Item, JobView};
use super::site::hits::Hits;
use super::stage::{Company, Stage};
use super::watch::Watch;
use crate::base::ids::JobId;
use crate::protocol::property::Property;

/// Who watches a tenant: its sockets stay open from the first crawl to the last.
pub(super) struct Audience {
    /// Owns the jobs, and has subscribed to nothing.
    owner: Watch,
    /// An admin who follows jobs and properties.
    admin: Watch,
    pub(super) client: Client,
}

/// What a crawl brought to everybody who could hear of it.
pub(super) struct Round<'a> {
    pub(super) company: &'a Company,
    pub(super) on: NaiveDate,
    pub(super) expected: Vec<Change>,
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

impl Audience {
    pub(super) async fn gather(stage: &Stage, company: &Company) -> Result<Self, String> {
        let people = &company.people;
        Ok(Self {
            owner: Watch::open(stage, &people.member.token, &[]).await?,
            admin: Watch::open(stage, &people.admin.token, &["property_updates", "job_updates"]).await?,
            client: stage.client(&people.member.token)?,
        })
    }
}

impl Audience {
    /// How many messages the admin was told so far.
    pub(super) fn heard(&self) -> usize {
        self.admin.count()
    }
}

impl<'a> Round<'a> {
    /// Crawls and waits for the end. The date stands meanwhile.
    pub(super) async fn run(
        stage: &Stage,
        company: &'a Company,
        audience: &Audience,
        expected: Vec<Change>,
    ) -> Result<Self, String> {
        let hold = stage.date.hold();
        let (heard_owner, heard_admin) = (audience.owner.count(), audience.admin.count());
        let (hits, begun) = (company.site.hits(), stage.clock.now());
        let job = audience.client.start_crawl(&company.site.url()).await?;
        audience.owner.hears_the_end_of(job).await?;
        audience.admin.hears_the_end_of(job).await?;
        let took = (stage.clock.now() - begun).to_std().unwrap_or_default();
        drop(hold);
        Ok(Self {
            company,
            on: stage.date.today(),
            expected,
            owner: audience.owner.after(heard_owner),
            admin: audience.admin.after(heard_admin),
            hits: company.site.hits().since(&hits),
            items: audience.client.items(job).await?,
            listed: audience.client.properties().await?,
            all: audience.client.all_properties().await?,
            job: audience.client.job(job).await?,
            took,
        })
    }

    pub(super) fn job_id(&self) -> JobId {
        self.job.job_id
    }
}
