//! Those who write: broadcasts, prices, jobs with a worker's batches, broadcasts to all tenants. Each says a thing once
//! and notes what was acknowledged; what got no answer is not tried again, so it may be there or not, but never twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lotline::base::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cast::Company;
use super::node::Whereabouts;
use super::outcome::{Outcome, Refusal};
use crate::history::Fact;

/// Between two writes of one writer, so that all have their share of the disk.
const PAUSE: Duration = Duration::from_millis(15);
/// The spider whose jobs the worker takes.
const SPIDER: &str = "outside";

/// What one writer has to tell in the end.
#[derive(Debug, Default)]
pub struct Written {
    pub tried: BTreeSet<Fact>,
    pub acknowledged: Vec<Fact>,
    pub refused: BTreeMap<Refusal, u64>,
}

/// How many writes were acknowledged, and how many refused with which status.
#[derive(Debug, Default)]
pub struct Tally {
    pub acknowledged: u64,
    pub refused: BTreeMap<u16, u64>,
}

/// A writer at its desk.
pub struct Writer {
    pub node: Whereabouts,
    /// What all writers together have heard.
    pub tally: watch::Sender<Tally>,
    pub stop: CancellationToken,
    /// What was tried last and has no answer yet.
    pub pending: Vec<Fact>,
    pub written: Written,
}

impl Writer {
    pub fn new(node: &Whereabouts, tally: &watch::Sender<Tally>, stop: &CancellationToken) -> Self {
        let (node, tally, stop) = (node.clone(), tally.clone(), stop.clone());
        Self { node, tally, stop, pending: Vec::new(), written: Written::default() }
    }

    /// Broadcasts, every third to admins only.
    pub async fn broadcasts(mut self, company: Company) -> Written {
        for number in 0_u64.. {
            if self.is_stopped().await {
                break;
            }
            let text = format!("{} news {number}", company.slug);
            let audience = if number % 3 == 0 { "admins" } else { "everyone" };
            let body = json!({ "message": text, "audience": audience });
            self.tries([Fact::said(text)]);
            let outcome = self.node.post(&company.admin, "/api/v1/admin/broadcast", &body).await;
            self.hears(outcome);
        }
        self.written
    }

    /// Prices of a few listings, which grow.
    pub async fn prices(mut self, company: Company) -> Written {
        for number in 0_u32.. {
            if self.is_stopped().await {
                break;
            }
            let (key, price) = (format!("{}-{}", company.slug, number % 5), 100_000 + number);
            self.tries([Fact::price(&key, f64::from(price))]);
            let path = format!("/api/v1/properties/by-key/portal/{key}");
            let body = json!({ "list_price": price, "currency": "EUR", "address": { "city": "Utrecht" } });
            let outcome = self.node.put(&company.key, &path, &body).await;
            self.hears(outcome);
        }
        self.written
    }

    /// Starts jobs and works on them, on what a killed worker left too.
    pub async fn works(mut self, company: Company) -> Written {
        let spider = json!({ "name": SPIDER, "runner": "external" });
        // Once it exists it is refused: then too there is one.
        while matches!(self.node.post(&company.admin, "/api/v1/spiders", &spider).await, Outcome::Gone) {
            self.is_stopped().await;
        }
        for number in 0_u32.. {
            if self.is_stopped().await {
                break;
            }
            let url = format!("https://portal.example/{number}");
            let body = json!({ "spider_name": SPIDER, "target_urls": [url] });
            if let Some(job) = self.answer(&company.member, "/api/v1/jobs", &body).await {
                self.notes(&job, "job_queued");
            }
            let _ = self.works_once(&company, number).await;
        }
        self.written
    }

    /// One job from claim to completion, when nothing comes between.
    async fn works_once(&mut self, company: &Company, number: u32) -> Option<()> {
        let claim = self.answer(&company.key, "/api/v1/workers/claim", &json!({})).await?;
        let (job, lease) = (claim["job"].clone(), claim["lease_token"].clone());
        let path = format!("/api/v1/jobs/{}", job["job_id"].as_i64()?);
        let report = |verb: &str| format!("{path}/{verb}");
        self.answer(&company.key, &report("start"), &json!({ "lease_token": lease })).await?;
        self.notes(&job, "job_started");
        let items: Vec<Value> = (0..3).map(|item| item_of(company, number, item)).collect();
        let facts = items.iter().map(|item| {
            Fact::price(item["listing_key"].as_str().unwrap(), item["list_price"].as_f64().unwrap())
        });
        self.tries(facts);
        let batch = json!({ "job_id": job["job_id"], "items": items });
        let outcome = self.node.post(&company.key, "/api/v1/properties/batch", &batch).await;
        self.hears(outcome)?;
        for sequence in 1..=3 {
            let body = json!({ "lease_token": lease, "items_scraped": sequence, "sequence": sequence });
            self.answer(&company.key, &report("progress"), &body).await?;
        }
        self.answer(&company.key, &report("complete"), &json!({ "lease_token": lease })).await?;
        self.notes(&job, "job_completed");
        Some(())
    }

    /// Broadcasts to all tenants.
    pub async fn platform(mut self, operator: String) -> Written {
        for number in 0_u64.. {
            if self.is_stopped().await {
                break;
            }
            let text = format!("to all {number}");
            self.tries([Fact::said(text.clone())]);
            let body = json!({ "message": text, "audience": "all_tenants" });
            let outcome = self.node.post(&operator, "/api/v1/admin/broadcast", &body).await;
            self.hears(outcome);
            Clock::system().sleep(PAUSE * 20).await;
        }
        self.written
    }

    /// Waits a little; whether that was the last time.
    async fn is_stopped(&self) -> bool {
        Clock::system().sleep(PAUSE).await;
        self.stop.is_cancelled()
    }

    fn tries(&mut self, facts: impl IntoIterator<Item = Fact>) {
        self.pending.clear();
        for fact in facts {
            self.written.tried.insert(fact.clone());
            self.pending.push(fact);
        }
    }

    /// Notes what was tried last as acknowledged, or how it was refused.
    fn hears(&mut self, outcome: Outcome) -> Option<Value> {
        let facts = std::mem::take(&mut self.pending);
        let body = self.judges(outcome)?;
        self.written.acknowledged.extend(facts);
        Some(body)
    }

    async fn answer(&mut self, token: &str, path: &str, body: &Value) -> Option<Value> {
        let outcome = self.node.post(token, path, body).await;
        self.judges(outcome).filter(|body| !body.is_null())
    }

    fn judges(&mut self, outcome: Outcome) -> Option<Value> {
        match outcome {
            Outcome::Done(body) => {
                self.tally.send_modify(|tally| tally.acknowledged += 1);
                Some(body)
            }
            Outcome::Refused(refusal) => {
                self.tally.send_modify(|tally| *tally.refused.entry(refusal.status).or_default() += 1);
                *self.written.refused.entry(refusal).or_default() += 1;
                None
            }
            Outcome::Gone => None,
        }
    }

    fn notes(&mut self, job: &Value, event: &str) {
        let (id, attempt) = (job["job_id"].as_i64().unwrap(), job["attempt"].as_i64().unwrap_or_default());
        self.written.acknowledged.push(Fact::job(id, event, attempt));
    }
}

/// A listing that only this job has.
fn item_of(company: &Company, number: u32, item: u32) -> Value {
    json!({
        "source": "portal", "listing_key": format!("{}-{number}-{item}", company.slug),
        "list_price": 200_000 + item, "currency": "EUR", "address": { "city": "Utrecht" },
    })
}
