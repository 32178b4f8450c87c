//! Properties through their use cases, on a store of their own.

mod currencies;
mod evidence;
mod nulls;
mod rule;
mod search;
mod upserts;
mod writers;

use serde_json::Value;

use super::batch_plan::Notify;
use super::diff::{Decision, decide};
use super::draft::Draft;
use super::upsert::Batch;
use crate::auth::key_scope::KeyScope;
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::property::{Address, PropertyInput};
use crate::protocol::property_batch::{BatchItemStatus, BatchResult};
use crate::storage::events;
use crate::storage::properties::{PropertyRow, Writer};

/// A worker with all scopes of a worker.
async fn worker(world: &World) -> Op {
    world.key("maker", &[KeyScope::PropertiesWrite, KeyScope::JobsRun, KeyScope::EventsRead]).await
}

/// A listing of `example.com` for 300,000 of an unknown currency in Toledo.
fn home(listing_key: &str) -> PropertyInput {
    PropertyInput {
        source: Some("example.com".into()),
        listing_key: Some(listing_key.into()),
        list_price: Some(300_000.0),
        address: Some(Address { city: Some("Toledo".into()), ..Default::default() }),
        ..Default::default()
    }
}

/// Only the key: nothing else is known.
fn bare() -> PropertyInput {
    PropertyInput { list_price: None, address: None, ..home("1") }
}

const CREATED: i64 = 1_000_000;
const LATER: i64 = 2_000_000;

fn draft(input: PropertyInput) -> Draft {
    Draft::parse(input).unwrap()
}

/// The row that a worker's report creates.
fn stored(input: PropertyInput) -> PropertyRow {
    let row = decide(None, &draft(input), Writer::Worker, CREATED).unwrap().row.unwrap();
    PropertyRow { id: 7, ..row }
}

/// What `seen` does to a property that was created from `known`.
fn then(known: PropertyInput, seen: PropertyInput) -> (Decision, PropertyRow) {
    let decision = decide(Some(&stored(known)), &draft(seen), Writer::Worker, LATER).unwrap();
    let row = decision.row.clone().unwrap();
    (decision, row)
}

fn batch(items: Vec<PropertyInput>) -> Batch {
    let items = items.into_iter().map(Ok).collect();
    Batch { job_id: None, items, notify: Notify::Each, writer: Writer::Worker }
}

async fn upsert(op: &Op, items: Vec<PropertyInput>) -> BatchResult {
    super::upsert_batch(op, batch(items)).await.unwrap()
}

fn statuses(result: &BatchResult) -> Vec<BatchItemStatus> {
    result.results.iter().map(|row| row.status).collect()
}

/// Every message of the tenant's log.
async fn log(op: &Op) -> Vec<Value> {
    let tx = op.read().await.unwrap();
    let rows = events::read_after(&tx, 0, 10_000).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.body).unwrap()).collect()
}

/// The log in short: an event and its values.
async fn emitted(op: &Op) -> Vec<String> {
    let short = |message: &Value| {
        let word = |name: &str| match &message[name] {
            Value::Null => String::new(),
            Value::String(text) => format!(" {text}"),
            other => format!(" {other}"),
        };
        let names =
            ["old", "old_currency", "new", "currency", "changed", "reason", "same_as", "count", "location"];
        let fields = names.map(word).concat();
        format!("{}{fields}", message["event"].as_str().unwrap_or_default())
    };
    log(op).await.iter().map(short).collect()
}
