//! Crawls of the portal, and the events that each of them gave.

use serde_json::Value;

use super::super::harness::CrawlHarness;
use super::home::{Home, Language, Status};
use super::site::Portal;
use super::style::Style;
use crate::crawler::fetch::test_site::TestSite;
use crate::eventlog;
use crate::protocol::job::{Job, NewJob};
use crate::protocol::property::StandardStatus;

/// Between two crawls.
const PAUSE_MS: u64 = 60_000;

pub(super) struct PortalBench {
    pub(super) portal: Portal,
    pub(super) harness: CrawlHarness,
    /// Host and port, which are the source of its listings.
    pub(super) source: String,
    /// Events up to here were read.
    position: i64,
}

/// What one crawl gave.
pub(super) struct Crawled {
    pub(super) job: Job,
    pub(super) events: Vec<PropertyEvent>,
    /// Bodies of alerts about mass removals.
    pub(super) alerts: Vec<Value>,
}

/// An event about a property.
pub(super) struct PropertyEvent {
    pub(super) property_id: i64,
    pub(super) key: String,
    /// What happened, in short.
    pub(super) words: String,
    pub(super) same_as: Option<i64>,
    pub(super) property: Value,
}

impl PortalBench {
    pub(super) async fn new(style: Style, homes: u32) -> Self {
        let portal = Portal::new(style, homes);
        let answering = portal.clone();
        let site = TestSite::serve(move |head| answering.answer(head)).await;
        let source = site.address.to_string();
        let harness = CrawlHarness::with_sites(site, Vec::new()).await;
        Self { portal, harness, source, position: 0 }
    }

    pub(super) async fn crawl(&mut self) -> Crawled {
        self.harness.world.advance_ms(PAUSE_MS);
        let job = self.harness.crawl(NewJob::default()).await;
        let (events, alerts) = self.new_events().await;
        Crawled { job, events, alerts }
    }

    /// A crawl of so many pages at most.
    pub(super) async fn crawl_pages(&mut self, most: i64) -> Crawled {
        let job = self.harness.crawl(NewJob { max_pages: Some(most), ..NewJob::default() }).await;
        let (events, alerts) = self.new_events().await;
        Crawled { job, events, alerts }
    }

    /// The events since the last call, and the alerts among them.
    pub(super) async fn new_events(&mut self) -> (Vec<PropertyEvent>, Vec<Value>) {
        let (world, op) = (&self.harness.world, &self.harness.op);
        let page = eventlog::read_after(&world.services.db, &op.scope, self.position, 100_000).await.unwrap();
        self.position = page.head.seq;
        let read = |frame: &[u8]| serde_json::from_slice::<Value>(frame).unwrap();
        let bodies = page.envelopes.iter().map(|envelope| read(&envelope.frame.payload()));
        let bodies: Vec<Value> = bodies.collect();
        let events = bodies.iter().filter(|body| body["property"].is_object()).map(PropertyEvent::read);
        let alerts = bodies.iter().filter(|body| body["category"] == "mass_removal").cloned();
        (events.collect(), alerts.collect())
    }

    /// What the events of a crawl tell that no page of their homes says.
    pub(super) fn faults(&self, crawled: &Crawled) -> Vec<String> {
        let mut faults = Vec::new();
        for event in &crawled.events {
            match event.id_of_page().and_then(|id| self.portal.home(id)) {
                Some(home) => faults.extend(event.differences_to(&home, &self.source)),
                None => faults.push(format!("{}: no home has the page {}", event.key, event.url())),
            }
        }
        faults
    }
}

impl Crawled {
    /// The events as lines, each after the id in the address of its property.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines_by(|event| event.id_of_page().map(|id| id.to_string()).unwrap_or_default())
    }

    /// The events as sorted lines: the name of its property, and what happened.
    pub(super) fn lines_by(&self, name: impl Fn(&PropertyEvent) -> String) -> Vec<String> {
        let mut lines: Vec<String> =
            self.events.iter().map(|event| format!("{}: {}", name(event), event.words)).collect();
        lines.sort();
        lines
    }

    /// Lines of the job's log with this level.
    pub(super) fn log_count(&self, level: &str) -> i64 {
        let stats = self.job.stats.as_ref();
        stats.and_then(|stats| stats.get(&format!("log_count/{level}"))?.as_i64()).unwrap_or(0)
    }
}

/// What is in one of two sorted lists only; `+` for the second.
pub(super) fn differences(expected: &[String], seen: &[String]) -> Vec<String> {
    let missing = without(expected, seen).map(|line| format!("- {line}"));
    let surplus = without(seen, expected).map(|line| format!("+ {line}"));
    missing.chain(surplus).collect()
}

/// The lines of `all` that are not in `others`, each as often as it is missing there.
fn without<'a>(all: &'a [String], others: &[String]) -> impl Iterator<Item = &'a String> {
    let mut left = others.to_vec();
    all.iter().filter(move |line| match left.iter().position(|other| other == *line) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

impl PropertyEvent {
    fn read(body: &Value) -> Self {
        let property = body["property"].clone();
        Self {
            property_id: body["property_id"].as_i64().unwrap(),
            key: property["listing_key"].as_str().unwrap().to_owned(),
            words: words_of(body),
            same_as: body["same_as"].as_i64(),
            property,
        }
    }

    pub(super) fn url(&self) -> &str {
        self.property["source_url"].as_str().unwrap_or_default()
    }

    /// The id in the property's address.
    pub(super) fn id_of_page(&self) -> Option<u32> {
        self.url().rsplit('-').next()?.parse().ok()
    }

    /// How the property differs from the home that its page shows.
    fn differences_to(&self, home: &Home, source: &str) -> Vec<String> {
        let status = match home.status {
            Status::Active => StandardStatus::Active,
            Status::Reserved => StandardStatus::Pending,
            Status::Sold => StandardStatus::Closed,
        };
        let told = &self.property;
        let mut found = Vec::new();
        let urls = [Language::German, Language::English]
            .map(|language| format!("http://{source}{}", home.path(language)));
        if !urls.iter().any(|url| url == self.url()) {
            found.push(format!("{}: source_url {}", self.key, self.url()));
        }
        for (name, told, expected) in [
            ("list_price", &told["list_price"], Value::from(f64::from(home.price))),
            ("currency", &told["currency"], Value::from(home.currency)),
            ("bedrooms_total", &told["bedrooms_total"], Value::from(home.bedrooms)),
            ("living_area", &told["living_area"], Value::from(f64::from(home.living_area))),
            ("standard_status", &told["standard_status"], Value::from(status.name())),
            ("street", &told["address"]["street"], Value::from(home.street.as_str())),
            ("city", &told["address"]["city"], Value::from(home.city)),
            ("postal_code", &told["address"]["postal_code"], Value::from(home.postal_code.as_str())),
        ] {
            if *told != expected {
                found.push(format!("{} at {}: {name} {told} instead of {expected}", self.key, self.words));
            }
        }
        found
    }
}

fn words_of(body: &Value) -> String {
    let text = |name: &str| body[name].as_str().unwrap_or("none").to_owned();
    match body["event"].as_str().unwrap_or_default() {
        "property_created" => "created".to_owned(),
        "price_changed" => {
            let currency = text("currency");
            let old_currency = body["old_currency"].as_str().unwrap_or(&currency);
            format!("price {} {old_currency} -> {} {currency}", amount(&body["old"]), amount(&body["new"]))
        }
        "status_changed" => format!("status {} -> {}", text("old"), text("new")),
        "property_changed" => {
            let names = body["changed"].as_array().into_iter().flatten().filter_map(Value::as_str);
            format!("changed {}", names.collect::<Vec<_>>().join(" "))
        }
        "property_removed" => format!("removed {}", text("reason")),
        other => format!("unknown event {other}"),
    }
}

fn amount(value: &Value) -> String {
    value.as_f64().map_or_else(|| "none".to_owned(), |amount| amount.to_string())
}
