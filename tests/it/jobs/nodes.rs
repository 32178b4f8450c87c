//! Crawlers of several nodes on one database, which a test starts, stops and kills.

use std::time::Duration;

use lotline::crawler::guard::parse_allowed_private_hosts;
use lotline::crawler::runner::{Runner, RunnerLimits};
use lotline::crawler::settings::CrawlerSettings;
use lotline::domain::op::Services;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::site::Site;
use crate::support::app::TestApp;
use crate::support::people::Person;
use crate::support::wait::{DEADLINE, sleep_briefly, within};

const LEASE: Duration = Duration::from_secs(60);

/// How a node's crawler is ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As when its node shuts down.
    Stop,
    /// As when its process is killed.
    Kill,
}

/// How a node crawls.
#[derive(Clone)]
pub struct Crawler {
    pub slots: usize,
    pub settings: CrawlerSettings,
}

impl Crawler {
    /// For these sites, which are the operator's own: no delay except the one they ask for.
    pub fn of(sites: &[&Site]) -> Self {
        let hosts = sites.iter().map(|site| site.address.to_string()).collect::<Vec<_>>().join(",");
        let allowed_private_hosts = parse_allowed_private_hosts(&hosts).unwrap();
        Self { slots: 2, settings: CrawlerSettings { allowed_private_hosts, ..CrawlerSettings::default() } }
    }

    /// Crawls on a node until `reached`.
    pub async fn runs<T>(&self, node: &Services, end: End, reached: impl Future<Output = T>) -> T {
        let running = RunnerLimits { jobs: self.slots, open_per_job: 16, lease: LEASE };
        let runner = Runner::new(node.clone(), self.settings.clone(), running).unwrap();
        node.previews.set_reader(runner.page_reader());
        let stop = CancellationToken::new();
        let mut runner = Box::pin(runner.run(stop.clone()));
        let work = async {
            let value = tokio::select! {
                () = &mut runner => unreachable!("it was not stopped"),
                value = reached => value,
            };
            if end == End::Stop {
                stop.cancel();
                runner.await;
            }
            value
        };
        tokio::time::timeout(DEADLINE * 3, work).await.expect("the crawl to get so far")
    }
}

/// Creates a crawl job for this site; its id.
pub async fn starts_crawl(person: &Person<'_>, url: &str) -> i64 {
    let body = json!({ "spider_name": "auto", "target_urls": [url] });
    let answer = person.post("/api/v1/jobs", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["job_id"].as_i64().unwrap()
}

pub async fn sees_job(person: &Person<'_>, job: i64) -> Value {
    person.get(&format!("/api/v1/jobs/{job}")).await.json()
}

/// Waits until the job has ended.
pub async fn sees_end(person: &Person<'_>, job: i64) -> Value {
    loop {
        let seen = sees_job(person, job).await;
        if !["pending", "running"].contains(&seen["status"].as_str().unwrap()) {
            return seen;
        }
        sleep_briefly().await;
    }
}

/// Lets the lease of a killed worker expire, and waits until its job pauses.
pub async fn loses_lease(app: &TestApp, person: &Person<'_>, job: i64) {
    app.clock.advance(LEASE);
    // The clock moves only between two looks, so that the pause has just begun when this returns.
    within("the lease to be taken back", async {
        while sees_job(person, job).await["status"] == "running" {
            app.clock.advance(Duration::from_millis(250));
            sleep_briefly().await;
        }
    })
    .await;
}

/// The lines of the job's log.
pub async fn reads_log(person: &Person<'_>, job: i64) -> Vec<String> {
    let page = person.get(&format!("/api/v1/jobs/{job}/logs?limit=200")).await.json();
    let lines = page["data"].as_array().unwrap().iter();
    lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}
