//! Writers: broadcasts, prices, jobs with a worker's batches, broadcasts to all tenants. Each writes a fact once and
//! records what was acknowledged; without an answer it does not retry, so the fact may exist or not, but never twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lotline::base::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::accounts::TenantAccounts;
use super::node::NodeClient;
use super::outcome::{Outcome, Refusal};
use crate::history::Fact;

/// Between two writes of one writer, so that all get a share of the disk.
const PAUSE: Duration = Duration::from_millis(15);
/// The spider of the jobs that the worker claims.
const SPIDER: &str = "outside";

/// The result of one writer.
#[derive(Debug, Default)]
pub struct WriterResult {
    pub tried: BTreeSet<Fact>,
    pub acknowledged: Vec<Fact>,
    pub refused: BTreeMap<Refusal, u64>,
}

/// The number of acknowledged writes, and of refused ones by status.
#[derive(Debug, Default)]
pub struct WriteCounts {
    pub acknowledged: u64,
    pub refused: BTreeMap<u16, u64>,
}

/// A running writer.
pub struct Writer {
    pub node: NodeClient,
    /// The answers that all writers together have got.
    pub counts: watch::Sender<WriteCounts>,
    pub stop: CancellationToken,
    /// What was tried last and has no answer yet.
    pub pending: Vec<Fact>,
    pub result: WriterResult,
}

impl Writer {
    pub fn new(node: &NodeClient, counts: &watch::Sender<WriteCounts>, stop: &CancellationToken) -> Self {
        let (node, counts, stop) = (node.clone(), counts.clone(), stop.clone());
        Self { node, counts, stop, pending: Vec::new(), result: WriterResult::default() }
    }

    /// Sends broadcasts, every third to admins only.
    pub async fn broadcasts(mut self, tenant: TenantAccounts) -> WriterResult {
        for number in 0_u64.. {
            if self.pause_or_stop().await {
                break;
            }
            let text = format!("{} news {number}", tenant.slug);
            let audience = if number % 3 == 0 { "admins" } else { "everyone" };
            let body = json!({ "message": text, "audience": audience });
            self.record_attempt([Fact::message(text)]);
            let outcome = self.node.post(&tenant.admin, "/api/v1/admin/broadcast", &body).await;
            self.record_outcome(outcome);
        }
        self.result
    }

    /// Reports rising prices of a few listings.
    pub async fn updates_prices(mut self, tenant: TenantAccounts) -> WriterResult {
        for number in 0_u32.. {
            if self.pause_or_stop().await {
                break;
            }
            let (key, price) = (format!("{}-{}", tenant.slug, number % 5), 100_000 + number);
            self.record_attempt([Fact::price(&key, f64::from(price))]);
            let path = format!("/api/v1/properties/by-key/portal/{key}");
            let body = json!({ "list_price": price, "currency": "EUR", "address": { "city": "Utrecht" } });
            let outcome = self.node.put(&tenant.key, &path, &body).await;
            self.record_outcome(outcome);
        }
        self.result
    }

    /// Starts jobs and works on them, also on those that a killed worker left.
    pub async fn runs_jobs(mut self, tenant: TenantAccounts) -> WriterResult {
        let spider = json!({ "name": SPIDER, "runner": "external" });
        // If it exists already, creating it is refused: then there is one too.
        while matches!(self.node.post(&tenant.admin, "/api/v1/spiders", &spider).await, Outcome::NoResponse) {
            self.pause_or_stop().await;
        }
        for number in 0_u32.. {
            if self.pause_or_stop().await {
                break;
            }
            let url = format!("https://portal.example/{number}");
            let body = json!({ "spider_name": SPIDER, "target_urls": [url] });
            if let Some(job) = self.post(&tenant.member, "/api/v1/jobs", &body).await {
                self.record_job_event(&job, "job_queued");
            }
            let _ = self.runs_job(&tenant, number).await;
        }
        self.result
    }

    /// One job from claim to completion, unless a request fails.
    async fn runs_job(&mut self, tenant: &TenantAccounts, number: u32) -> Option<()> {
        let claim = self.post(&tenant.key, "/api/v1/workers/claim", &json!({})).await?;
        let (job, lease) = (claim["job"].clone(), claim["lease_token"].clone());
        let path = format!("/api/v1/jobs/{}", job["job_id"].as_i64()?);
        let report = |verb: &str| format!("{path}/{verb}");
        self.post(&tenant.key, &report("start"), &json!({ "lease_token": lease })).await?;
        self.record_job_event(&job, "job_started");
        let items: Vec<Value> = (0..3).map(|item| item_of(tenant, number, item)).collect();
        let facts = items.iter().map(|item| {
            Fact::price(item["listing_key"].as_str().unwrap(), item["list_price"].as_f64().unwrap())
        });
        self.record_attempt(facts);
        let batch = json!({ "job_id": job["job_id"], "items": items });
        let outcome = self.node.post(&tenant.key, "/api/v1/properties/batch", &batch).await;
        self.record_outcome(outcome)?;
        for sequence in 1..=3 {
            let body = json!({ "lease_token": lease, "items_scraped": sequence, "sequence": sequence });
            self.post(&tenant.key, &report("progress"), &body).await?;
        }
        self.post(&tenant.key, &report("complete"), &json!({ "lease_token": lease })).await?;
        self.record_job_event(&job, "job_completed");
        Some(())
    }

    /// Sends broadcasts to all tenants.
    pub async fn broadcasts_to_all_tenants(mut self, operator: String) -> WriterResult {
        for number in 0_u64.. {
            if self.pause_or_stop().await {
                break;
            }
            let text = format!("to all {number}");
            self.record_attempt([Fact::message(text.clone())]);
            let body = json!({ "message": text, "audience": "all_tenants" });
            let outcome = self.node.post(&operator, "/api/v1/admin/broadcast", &body).await;
            self.record_outcome(outcome);
            Clock::system().sleep(PAUSE * 20).await;
        }
        self.result
    }

    /// Waits a little; returns whether the writer has to stop.
    async fn pause_or_stop(&self) -> bool {
        Clock::system().sleep(PAUSE).await;
        self.stop.is_cancelled()
    }

    fn record_attempt(&mut self, facts: impl IntoIterator<Item = Fact>) {
        self.pending.clear();
        for fact in facts {
            self.result.tried.insert(fact.clone());
            self.pending.push(fact);
        }
    }

    /// Records what was tried last as acknowledged, or how it was refused.
    fn record_outcome(&mut self, outcome: Outcome) -> Option<Value> {
        let facts = std::mem::take(&mut self.pending);
        let body = self.count_outcome(outcome)?;
        self.result.acknowledged.extend(facts);
        Some(body)
    }

    async fn post(&mut self, token: &str, path: &str, body: &Value) -> Option<Value> {
        let outcome = self.node.post(token, path, body).await;
        self.count_outcome(outcome).filter(|body| !body.is_null())
    }

    fn count_outcome(&mut self, outcome: Outcome) -> Option<Value> {
        match outcome {
            Outcome::Done(body) => {
                self.counts.send_modify(|counts| counts.acknowledged += 1);
                Some(body)
            }
            Outcome::Refused(refusal) => {
                self.counts.send_modify(|counts| *counts.refused.entry(refusal.status).or_default() += 1);
                *self.result.refused.entry(refusal).or_default() += 1;
                None
            }
            Outcome::NoResponse => None,
        }
    }

    fn record_job_event(&mut self, job: &Value, event: &str) {
        let (id, attempt) = (job["job_id"].as_i64().unwrap(), job["attempt"].as_i64().unwrap_or_default());
        self.result.acknowledged.push(Fact::job(id, event, attempt));
    }
}

/// A listing that only this job has.
fn item_of(tenant: &TenantAccounts, number: u32, item: u32) -> Value {
    json!({
        "source": "portal", "listing_key": format!("{}-{number}-{item}", tenant.slug),
        "list_price": 200_000 + item, "currency": "EUR", "address": { "city": "Utrecht" },
    })
}
