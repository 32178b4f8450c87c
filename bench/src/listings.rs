//! Batches of listings, as a worker sends them.

use serde_json::{Value, json};

use crate::Outcome;
use crate::api::Api;

/// Listings per batch: the server's maximum.
pub const BATCH: u64 = 500;

/// Sends batch `number`; the same number yields the same listings. Returns the answer.
pub async fn send(worker: &Api, number: u64) -> Outcome<Value> {
    let items: Vec<Value> = (number * BATCH..(number + 1) * BATCH).map(listing).collect();
    let answer = worker.post("/api/v1/properties/batch", &json!({ "items": items })).await?;
    if answer["accepted"].as_u64() == Some(BATCH) {
        return Ok(answer);
    }
    Err(format!("a batch was not accepted: {}", answer["results"]).into())
}

fn listing(number: u64) -> Value {
    json!({
        "source": "bench",
        "listing_key": format!("L-{number}"),
        "source_url": format!("https://portal.example/homes/{number}"),
        "standard_status": "active",
        "list_price": 100_000 + number,
        "currency": "USD",
        "bedrooms_total": number % 6 + 1,
        "living_area": 900 + number % 2_000,
        "living_area_units": "sqft",
        "address": { "street": format!("{number} Main Street"), "city": "Springfield", "postal_code": "62701" },
        "attributes": { "description": "A home with a view, a garden and a garage." },
    })
}
