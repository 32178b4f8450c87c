//! A node, a site and a user that creates jobs: the set-up of tests of whole crawls.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::homes::Homes;
use crate::auth::key_scope::Role;
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::clock::Clock;
use crate::base::ids::{JobId, TenantId};
use crate::base::page::PageRequest;
use crate::crawler::fetch::Fetcher;
use crate::crawler::fetch::test_site::TestSite;
use crate::crawler::guard::{Lookup, Resolver, parse_allowed_private_hosts};
use crate::crawler::runner::{Runner, RunnerLimits};
use crate::crawler::settings::CrawlerSettings;
use crate::domain::jobs::logs::{self, LogQuery};
use crate::domain::jobs::{queue, read};
use crate::domain::op::{Op, Services};
use crate::domain::properties::{self, Batch, Notify, ReportedRow, Writer};
use crate::domain::testing::World;
use crate::eventlog;
use crate::protocol::job::{Job, NewJob};
use crate::protocol::property::PropertyInput;

/// Names of the site, beside its address.
pub(super) const HOST_NAMES: [&str; 2] = ["homes.example", "www.homes.example"];
/// No crawl of a test takes longer.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two polls of something that happens outside of the clock that tests move.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const LEASE: Duration = Duration::from_secs(60);

pub(super) struct CrawlHarness {
    pub(super) world: World,
    pub(super) op: Op,
    site: TestSite,
    other_sites: Vec<TestSite>,
    polls: AtomicU64,
}

impl CrawlHarness {
    pub(super) async fn new(homes: Homes) -> Self {
        Self::of(move |head| homes.answer(head)).await
    }

    /// A site that answers like this.
    pub(super) async fn of(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::with_sites(TestSite::serve(answer).await, Vec::new()).await
    }

    /// The site, and others that may be crawled, too.
    pub(super) async fn with_sites(site: TestSite, other_sites: Vec<TestSite>) -> Self {
        let world = World::new().await;
        let op = world.user("ann", Role::Member).await;
        Self { world, op, site, other_sites, polls: AtomicU64::new(0) }
    }

    /// A job of `auto` for the site, unless it says otherwise.
    pub(super) async fn create_job(&self, new: NewJob) -> JobId {
        let target_urls = new.target_urls.or_else(|| Some(vec![self.site.url("/").into()]));
        let spider_name = if new.spider_name.is_empty() { "auto".to_owned() } else { new.spider_name };
        let new = NewJob { spider_name, target_urls, ..new };
        JobId(queue::create(&self.op, new).await.unwrap().job_id)
    }

    /// Makes a job and runs it to its end.
    pub(super) async fn crawl(&self, new: NewJob) -> Job {
        let job = self.create_job(new).await;
        self.run_until_over(self.world.services.clone(), job).await
    }

    pub(super) async fn run_until_over(&self, services: Services, job: JobId) -> Job {
        self.run(services, self.wait_until_over(job)).await
    }

    /// Advances the clock with every poll.
    pub(super) async fn run_with_advancing_clock(&self, job: JobId, step: Duration) -> Job {
        let passing = async {
            loop {
                Clock::system().sleep(POLL_INTERVAL).await;
                self.world.services.clock.advance(step);
            }
        };
        let over = async {
            tokio::select! {
                job = self.wait_until_over(job) => job,
                () = passing => unreachable!(),
            }
        };
        self.run(self.world.services.clone(), over).await
    }

    /// Runs until the site was asked this often.
    pub(super) async fn run_until_requests(&self, count: usize, then: Interruption) {
        let stop = CancellationToken::new();
        let mut runner = Box::pin(self.runner(self.world.services.clone()).run(stop.clone()));
        let reached = async {
            tokio::select! {
                () = &mut runner => unreachable!("nothing stopped it"),
                () = self.wait_for_requests(count) => {}
            }
            if then == Interruption::Stop {
                stop.cancel();
                runner.await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.unwrap();
    }

    /// Waits until the site was asked this often.
    pub(super) async fn wait_for_requests(&self, count: usize) {
        while self.site.requests().len() < count {
            Clock::system().sleep(POLL_INTERVAL).await;
        }
    }

    /// An absolute URL on the site by one of its names.
    pub(super) fn named_url(&self, name: &str, path: &str) -> String {
        format!("http://{name}:{}{path}", self.site.address.port())
    }

    /// An absolute URL on the site.
    pub(super) fn url(&self, path: &str) -> String {
        self.site.url(path).into()
    }

    /// An address on the first of the other sites.
    pub(super) fn other_url(&self, path: &str) -> String {
        self.other_sites[0].url(path).into()
    }

    /// The heads of the requests to the first of the other sites.
    pub(super) fn other_requests(&self) -> Vec<String> {
        self.other_sites[0].requests()
    }

    /// The source of listings of the site.
    pub(super) fn source(&self) -> String {
        self.site.address.to_string()
    }

    /// Reports a listing of the site as this writer, and returns its id.
    pub(super) async fn report(&self, writer: Writer, property: PropertyInput) -> i64 {
        let op = Op::of_system(&self.world.services, SystemReason::Crawl, self.world.tenant);
        let property = PropertyInput { source: Some(self.source()), ..property };
        let items = vec![ReportedRow::from(Ok(property))];
        let batch = Batch { job_id: None, items, notify: Notify::Each, writer };
        let result = properties::upsert_batch(&op, batch).await.unwrap();
        result.results[0].property_id.unwrap()
    }

    /// The paths that the site was asked for, in order.
    pub(super) fn requested_paths(&self) -> Vec<String> {
        let heads = self.site.requests();
        heads.iter().filter_map(|head| head.split(' ').nth(1)).map(str::to_owned).collect()
    }

    /// How often the site was asked for paths that begin so.
    pub(super) fn site_requests(&self, path: &str) -> usize {
        let start = format!("GET {path}");
        self.site.requests().iter().filter(|head| head.starts_with(&start)).count()
    }

    /// The paths of the requests that had a validator, in order.
    pub(super) fn conditional_paths(&self) -> Vec<String> {
        let heads = self.site.requests().into_iter().filter(|head| {
            let head = head.to_ascii_lowercase();
            head.contains("\r\nif-none-match:") || head.contains("\r\nif-modified-since:")
        });
        heads.filter_map(|head| Some(head.split(' ').nth(1)?.to_owned())).collect()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.world.services.clock.now()
    }

    /// Properties that are not removed.
    pub(super) async fn property_count(&self) -> u64 {
        properties::read::count(&self.op).await.unwrap()
    }

    /// How many events of this name were emitted.
    pub(super) async fn event_count(&self, event: &str) -> usize {
        self.events().await.iter().filter(|body| body["event"] == event).count()
    }

    /// The `total_items` of the job's last completion.
    pub(super) async fn total_items(&self, job: i64) -> i64 {
        let events = self.events().await;
        let mut ends = events.iter().rev().filter(|body| body["event"] == "job_completed");
        ends.find(|body| body["job_id"] == job).and_then(|body| body["total_items"].as_i64()).unwrap()
    }

    pub(super) async fn log_head(&self, tenant: TenantId) -> i64 {
        let scope = TenantScope::for_system(SystemReason::Crawl, tenant);
        eventlog::head(&self.world.services.db, &scope).await.unwrap().seq
    }

    /// The events of this name, oldest first.
    pub(super) async fn events_of(&self, event: &str) -> Vec<Value> {
        self.events().await.into_iter().filter(|body| body["event"] == event).collect()
    }

    /// The alerts of this category.
    pub(super) async fn alerts(&self, category: &str) -> Vec<Value> {
        self.events().await.into_iter().filter(|body| body["category"] == category).collect()
    }

    /// The lines of the job's log.
    pub(super) async fn log_lines(&self, job: i64) -> Vec<String> {
        let page = PageRequest { after: None, limit: 1_000 };
        let lines = logs::list(&self.op, JobId(job), LogQuery::default(), page).await.unwrap();
        lines.rows.into_iter().map(|line| line.message).collect()
    }

    async fn events(&self) -> Vec<Value> {
        let page = eventlog::read_after(&self.world.services.db, &self.op.scope, 0, 100_000).await.unwrap();
        let body = |frame: &[u8]| serde_json::from_slice(frame).unwrap();
        page.envelopes.iter().map(|envelope| body(&envelope.frame.payload())).collect()
    }

    /// How often a test polled whether a job is over, each time in a transaction.
    pub(super) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    async fn wait_until_over(&self, job: JobId) -> Job {
        loop {
            self.polls.fetch_add(1, Ordering::Relaxed);
            let job = read::get(&self.op, job).await.unwrap();
            if job.status.is_terminal() {
                return job;
            }
            Clock::system().sleep(POLL_INTERVAL).await;
        }
    }

    async fn run<T>(&self, services: Services, until: impl Future<Output = T>) -> T {
        let stop = CancellationToken::new();
        let until = async {
            let result = until.await;
            stop.cancel();
            result
        };
        let both = async { tokio::join!(Box::pin(self.runner(services).run(stop.clone())), until) };
        tokio::time::timeout(DEADLINE, both).await.unwrap().1
    }

    fn runner(&self, services: Services) -> Runner {
        let sites = std::iter::once(&self.site).chain(&self.other_sites);
        let names = HOST_NAMES.map(|name| format!("{name}:{}", self.site.address.port()));
        let hosts: Vec<_> = sites.map(|site| site.address.to_string()).chain(names).collect();
        let settings = CrawlerSettings {
            allowed_private_hosts: parse_allowed_private_hosts(&hosts.join(",")).unwrap(),
            ..CrawlerSettings::default()
        };
        let limits = RunnerLimits { jobs: 2, open_per_job: 16, lease: LEASE };
        let resolver = Arc::new(Loopback);
        let fetcher = Fetcher::with_resolver(&settings, services.clock.clone(), resolver).unwrap();
        Runner::with_fetcher(services, settings, limits, fetcher)
    }
}

/// Every name is this host.
struct Loopback;

impl Resolver for Loopback {
    fn lookup<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

/// How a crawler is ended before its work is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// As when its node shuts down.
    Stop,
    /// As when its process is killed.
    Kill,
}
