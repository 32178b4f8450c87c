//! Properties. A listing's key belongs to its tenant: two tenants may watch the same portal.

use serde_json::{Value, json};

use crate::isolation::call::Call;
use crate::isolation::case::{CallerKind, Case};
use crate::isolation::resources::text;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "list_properties" => list(world).await,
        "export_properties" => export(world).await,
        "get_property" => {
            let (property, _) = world.has_property().await;
            vec![Case::new(Call::get("/api/v1/properties/{property}")).number("property", property).shows()]
        }
        "list_price_history" => {
            let property = world.has_repriced_property().await;
            let call = Call::get("/api/v1/properties/{property}/price-history");
            vec![Case::new(call).number("property", property)]
        }
        "get_property_evidence" => {
            let (property, _) = world.has_property().await;
            let call = Call::get("/api/v1/properties/{property}/evidence");
            vec![Case::new(call).number("property", property)]
        }
        "refresh_property" => {
            let (property, _) = world.has_property().await;
            let call = Call::post("/api/v1/properties/{property}/refresh");
            let jobs = "/api/v1/jobs?limit=200";
            vec![Case::new(call).number("property", property).unchanged(jobs)]
        }
        "get_property_viewers" => {
            let property = world.has_viewed_property().await;
            let call = Call::get("/api/v1/properties/{property}/viewers");
            vec![Case::new(call).number("property", property)]
        }
        "list_viewing" => {
            world.has_viewed_property().await;
            vec![Case::new(Call::get("/api/v1/viewing"))]
        }
        "put_property_by_key" => {
            let call = Call::put("/api/v1/properties/by-key/{source}/{key}").json(change());
            vec![same_key(world, call).await]
        }
        "upsert_properties" => {
            let mut item = change();
            (item["source"], item["listing_key"]) = (json!("{source}"), json!("{key}"));
            let batch = Call::post("/api/v1/properties/batch").json(json!({ "items": [item] }));
            let mut removal = json!({ "removed": true });
            (removal["source"], removal["listing_key"]) = (json!("{source}"), json!("{key}"));
            let removals = Call::post("/api/v1/properties/batch").json(json!({ "items": [removal] }));
            vec![same_key(world, batch).await, same_key(world, removals).await, of_job(world).await]
        }
        _ => return None,
    })
}

async fn list(world: &World<'_>) -> Vec<Case> {
    let job = world.has_worked_job().await;
    let (_, listing) = world.has_property().await;
    let call = || Call::get("/api/v1/properties");
    vec![
        Case::new(call()).shows(),
        Case::new(call().query("source", "{source}"))
            .word(world, "source", &text(&listing, "source"))
            .shows(),
        Case::new(call().query("job_id", "{job}")).number("job", job.job).shows(),
        Case::new(call().query("q", "kanarie")).shows(),
    ]
}

async fn export(world: &World<'_>) -> Vec<Case> {
    let job = world.has_worked_job().await;
    let (_, listing) = world.has_property().await;
    let call = |format: &str| Call::get("/api/v1/properties/export").query("format", format);
    vec![
        Case::new(call("ndjson")).shows(),
        Case::new(call("csv").query("source", "{source}"))
            .word(world, "source", &text(&listing, "source"))
            .shows(),
        Case::new(call("ndjson").query("job_id", "{job}")).number("job", job.job).shows(),
    ]
}

/// What a stranger's worker would report about the very same listing.
fn change() -> Value {
    json!({ "list_price": 1, "currency": "EUR", "source_url": "https://elsewhere.example/home" })
}

async fn same_key(world: &World<'_>, call: Call) -> Case {
    let (source, key) = (world.unused_word(), world.unused_word());
    let mut listing = world.listing();
    (listing["source"], listing["listing_key"]) = (json!(source), json!(key));
    let property = world.reports(&listing).await;
    let case = Case::new(call).by(CallerKind::Key).word(world, "source", &source).word(world, "key", &key);
    case.unchanged(format!("/api/v1/properties/{property}"))
}

async fn of_job(world: &World<'_>) -> Case {
    let job = world.has_leased_job().await;
    let item = json!({ "source": "portal", "listing_key": "H-1", "list_price": 1, "currency": "EUR",
        "source_url": "https://elsewhere.example/home" });
    let call = Call::post("/api/v1/properties/batch").json(json!({ "job_id": "#{job}", "items": [item] }));
    let items = format!("/api/v1/jobs/{}/items", job.job);
    Case::new(call).by(CallerKind::Key).number("job", job.job).unchanged(items)
}
