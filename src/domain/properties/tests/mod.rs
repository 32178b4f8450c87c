//! Properties through their use cases, on a store of their own.

mod rule;
mod search;
mod upserts;

use serde_json::Value;

use super::batch_plan::Notify;
use super::upsert::Batch;
use crate::auth::key_scope::KeyScope;
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::property::{Address, PropertyInput};
use crate::protocol::property_batch::{BatchItemStatus, BatchResult};
use crate::storage::events;

/// A worker with all scopes of a worker.
async fn worker(world: &World) -> Op {
    world.key("maker", &[KeyScope::PropertiesWrite, KeyScope::JobsRun, KeyScope::EventsRead]).await
}

/// A listing of `example.com` for 300,000 dollars in Toledo.
fn home(listing_key: &str) -> PropertyInput {
    PropertyInput {
        source: Some("example.com".into()),
        listing_key: Some(listing_key.into()),
        list_price: Some(300_000.0),
        address: Some(Address { city: Some("Toledo".into()), ..Default::default() }),
        ..Default::default()
    }
}

fn batch(items: Vec<PropertyInput>) -> Batch {
    Batch { job_id: None, items: items.into_iter().map(Ok).collect(), notify: Notify::Each }
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
        let fields = ["old", "new", "currency", "changed", "count", "location"].map(word).concat();
        format!("{}{fields}", message["event"].as_str().unwrap_or_default())
    };
    log(op).await.iter().map(short).collect()
}
