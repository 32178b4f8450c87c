//! Batches and summaries.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::super::batch_plan::Notify;
use super::super::summary::flush_summaries;
use super::super::upsert::{Batch, put_by_key, upsert_batch};
use super::{batch, emitted, home, log, statuses, upsert, worker};
use crate::auth::key_scope::{KeyScope, Role};
use crate::base::ids::{JobId, PropertyId};
use crate::base::page::PageRequest;
use crate::domain::jobs::claims::BuiltinQueue;
use crate::domain::jobs::lease::Lease;
use crate::domain::jobs::queue;
use crate::domain::jobs::worker_reports::{Completion, complete};
use crate::domain::op::Op;
use crate::domain::properties::read::{self, count, known_urls, price_history};
use crate::domain::testing::World;
use crate::protocol::job::NewJob;
use crate::protocol::problem::{Code, FieldError};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::BatchItemStatus::{Changed, Created, Error, Removed, Unchanged};
use crate::protocol::worker::Claim;

#[tokio::test]
async fn a_batch_creates_changes_and_leaves_alone() {
    let world = World::new().await;
    let op = worker(&world).await;
    let first = upsert(&op, vec![home("1"), home("2")]).await;

    let cheaper = PropertyInput { list_price: Some(250_000.0), ..home("1") };
    let second = upsert(&op, vec![cheaper, home("2"), home("3")]).await;

    assert_eq!(statuses(&first), [Created, Created]);
    assert_eq!(statuses(&second), [Changed, Unchanged, Created]);
    assert_eq!((second.accepted, second.rejected), (3, 0));
    assert_eq!(second.results[0].property_id, first.results[0].property_id);
    let expected = [
        "property_created",
        "property_created",
        "new_properties 2 Toledo",
        "price_changed 300000.0 250000.0",
        "property_created",
        "new_properties 1 Toledo",
    ];
    assert_eq!(emitted(&op).await, expected);
    assert_eq!(count(&op).await.unwrap(), 3);
}

#[tokio::test]
async fn a_bad_row_sinks_no_other() {
    let world = World::new().await;
    let op = worker(&world).await;
    let bad = PropertyInput { list_price: Some(-1.0), bedrooms_total: Some(-1), ..home("2") };
    let unread = Err(vec![FieldError::in_body(&[], "type", "must be an object")]);
    let items = vec![Ok(home("1")), Ok(bad), unread, Ok(home("3"))];

    let result = upsert_batch(&op, Batch { items, ..batch(vec![]) }).await.unwrap();

    assert_eq!(statuses(&result), [Created, Error, Error, Created]);
    assert_eq!((result.accepted, result.rejected), (2, 2));
    let error = result.results[1].error.as_deref().unwrap();
    assert!(error.contains("list_price: ") && error.contains("; bedrooms_total: "), "{error}");
    assert_eq!(result.results[2].error.as_deref(), Some("must be an object"));
}

#[tokio::test]
async fn rows_of_one_key_are_applied_in_order() {
    let world = World::new().await;
    let op = worker(&world).await;
    let cheaper = PropertyInput { list_price: Some(250_000.0), ..home("1") };
    let gone = PropertyInput { removed: Some(true), ..home("1") };

    let result = upsert(&op, vec![home("1"), cheaper, gone.clone(), gone]).await;

    assert_eq!(statuses(&result), [Created, Changed, Removed, Unchanged]);
    let id = PropertyId(result.results[0].property_id.unwrap());
    let property = read::get(&op, id).await.unwrap();
    assert_eq!((property.list_price, property.removed), (Some(250_000.0), true));
    assert_eq!(count(&op).await.unwrap(), 0);
    let expected = [
        "property_created",
        "price_changed 300000.0 250000.0",
        "property_removed worker",
        "new_properties 1 Toledo",
    ];
    assert_eq!(emitted(&op).await, expected);
    assert_eq!(log(&op).await[1]["property_id"], json!(id.0));
}

#[tokio::test]
async fn a_batch_has_one_to_five_hundred_rows() {
    let world = World::new().await;
    let op = worker(&world).await;

    for rows in [0, 501] {
        let items = (0..rows).map(|row| home(&row.to_string())).collect();
        let refusal = upsert_batch(&op, batch(items)).await.unwrap_err();
        assert_eq!((refusal.code, refusal.errors[0].pointer.as_str()), (Code::ValidationFailed, "/items"));
    }
    assert!(log(&op).await.is_empty());
}

#[tokio::test]
async fn five_hundred_rows_are_stored_at_once_and_unchanged_ones_emit_nothing() {
    let world = World::new().await;
    let op = worker(&world).await;
    let rows = || (0..500).map(|row| home(&row.to_string())).collect::<Vec<_>>();

    let first = upsert(&op, rows()).await;
    let again = upsert(&op, rows()).await;

    assert!(statuses(&first).iter().all(|status| *status == Created));
    assert!(statuses(&again).iter().all(|status| *status == Unchanged));
    assert_eq!(again.position, None);
    assert_eq!(log(&op).await.len(), 501);
}

#[tokio::test]
async fn a_first_import_emits_only_the_summary_and_changes_of_existing_rows() {
    let world = World::new().await;
    let op = worker(&world).await;
    upsert(&op, vec![home("1")]).await;

    let cheaper = PropertyInput { list_price: Some(250_000.0), ..home("1") };
    let import = Batch { notify: Notify::Summary, ..batch(vec![cheaper, home("2"), home("3")]) };
    upsert_batch(&op, import).await.unwrap();

    let expected = ["price_changed 300000.0 250000.0", "new_properties 2 Toledo"];
    assert_eq!(emitted(&op).await[2..], expected);
}

#[tokio::test]
async fn only_a_key_for_properties_may_write_and_another_tenants_rows_do_not_exist() {
    let world = World::new().await;
    let op = worker(&world).await;
    let admin = world.user("ann", Role::Admin).await;
    let other = world.another_tenant().await;
    let stranger = world.key_in(other, "bob", &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let id = PropertyId(upsert(&op, vec![home("1")]).await.results[0].property_id.unwrap());
    let job = job(&op).await;

    assert_eq!(upsert_batch(&admin, batch(vec![home("2")])).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(read::get(&stranger, id).await.unwrap_err().code, Code::NotFound);
    let page = PageRequest { limit: 10, after: None };
    assert_eq!(price_history(&stranger, id, page).await.unwrap_err().code, Code::NotFound);
    let theirs = Batch { job_id: Some(job), ..batch(vec![home("2")]) };
    assert_eq!(upsert_batch(&stranger, theirs).await.unwrap_err().code, Code::NotFound);
    assert_eq!(statuses(&upsert(&stranger, vec![home("1")]).await), [Created]);
}

#[tokio::test]
async fn a_put_names_its_key_once() {
    let world = World::new().await;
    let op = worker(&world).await;
    let put = |input| put_by_key(&op, "example.com".into(), "1".into(), input);

    let created = put(PropertyInput { listing_key: None, ..home("1") }).await.unwrap();
    let contradiction = put(PropertyInput { list_price: Some(-1.0), ..home("2") }).await.unwrap_err();
    let unknown = PropertyInput { removed: Some(true), ..Default::default() };
    let unknown = put_by_key(&op, "example.com".into(), "9".into(), unknown).await.unwrap_err();

    assert_eq!(created.property.list_price, Some(300_000.0));
    assert!(created.position.is_some());
    let bad: Vec<_> = contradiction.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(bad, ["/listing_key", "/list_price"]);
    assert_eq!(unknown.code, Code::NotFound);
}

#[tokio::test]
async fn the_history_shows_prices_and_statuses_newest_first() {
    let world = World::new().await;
    let op = worker(&world).await;
    let id = PropertyId(upsert(&op, vec![home("1")]).await.results[0].property_id.unwrap());
    for price in [290_000.0, 280_000.0] {
        world.advance_ms(1_000);
        upsert(&op, vec![PropertyInput { list_price: Some(price), ..home("1") }]).await;
    }

    let first = price_history(&op, id, PageRequest { limit: 2, after: None }).await.unwrap();
    let rest = price_history(&op, id, PageRequest { limit: 2, after: first.next }).await.unwrap();

    let prices = |rows: &[crate::protocol::property::PriceHistoryEntry]| {
        rows.iter().map(|row| row.price.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(prices(&first.rows), [280_000.0, 290_000.0]);
    assert_eq!(prices(&rest.rows), [300_000.0]);
    assert_eq!(rest.next, None);
}

#[tokio::test]
async fn known_pages_are_those_of_the_host_that_are_not_removed() {
    let world = World::new().await;
    let op = worker(&world).await;
    let page = |key: &str, url: &str| PropertyInput { source_url: Some(url.into()), ..home(key) };
    let gone = PropertyInput { removed: Some(true), ..home("3") };
    let all = vec![
        page("1", "https://a.example/1"),
        page("2", "http://b.example:8080/2"),
        page("3", "https://a.example/3"),
        gone,
        home("4"),
    ];
    upsert(&op, all).await;

    let known = async |hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let rows = known_urls(&op, &hosts, None, 100).await.unwrap();
        rows.into_iter().map(|row| row.url).collect::<Vec<_>>()
    };
    assert_eq!(known(&["a.example"]).await, ["https://a.example/1"]);
    assert_eq!(known(&["b.example"]).await, [""; 0]);
    assert_eq!(known(&["b.example:8080"]).await, ["http://b.example:8080/2"]);
}

pub(super) async fn job(op: &Op) -> JobId {
    let new = NewJob {
        spider_name: "auto".into(),
        target_urls: Some(vec!["https://a.example/".into()]),
        max_pages: None,
        max_items: None,
        allowed_hosts: None,
        tags: None,
        upload_ids: None,
        targets_only: None,
        reread: None,
    };
    JobId(queue::create(op, new).await.unwrap().job_id)
}

fn of_job(job_id: JobId, items: Vec<PropertyInput>) -> Batch {
    Batch { job_id: Some(job_id), ..batch(items) }
}

/// The emitted summaries, as counts.
async fn summaries(op: &Op) -> Vec<i64> {
    log(op)
        .await
        .iter()
        .filter(|message| message["event"] == "new_properties")
        .map(|m| m["count"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn summaries_of_a_job_are_merged_to_one_in_five_seconds() {
    let world = World::new().await;
    let op = worker(&world).await;
    let job = job(&op).await;
    let send = async |key: &str| upsert_batch(&op, of_job(job, vec![home(key)])).await.unwrap();

    send("1").await;
    send("2").await;
    send("3").await;
    world.advance_ms(4_999);
    assert_eq!(flush_summaries(&world.services).await.unwrap(), 0);
    assert_eq!(summaries(&op).await, [1]);

    world.advance_ms(1);
    assert_eq!(flush_summaries(&world.services).await.unwrap(), 1);
    assert_eq!(flush_summaries(&world.services).await.unwrap(), 0);
    assert_eq!(summaries(&op).await, [1, 2]);

    world.advance_ms(5_000);
    send("4").await;
    assert_eq!(summaries(&op).await, [1, 2, 1]);
}

async fn claimed(world: &World) -> Claim {
    let length = Duration::from_secs(60);
    let mut queue = BuiltinQueue::new(world.services.clone(), length);
    queue.claim(|_| true).await.unwrap().unwrap().1
}

#[tokio::test]
async fn a_jobs_end_emits_pending_summaries_and_counts_each_listing_once() {
    let world = World::new().await;
    let op = worker(&world).await;
    let job = job(&op).await;
    let claim = claimed(&world).await;
    upsert_batch(&op, of_job(job, vec![home("1"), home("2")])).await.unwrap();
    upsert_batch(&op, of_job(job, vec![home("2"), home("3")])).await.unwrap();

    let lease = Lease { job_id: job, token: &claim.lease_token, length: Duration::from_secs(60) };
    let system = Op::of_system(&world.services, crate::auth::tenant_scope::SystemReason::Crawl, world.tenant);
    complete(&system, &lease, Completion::default()).await.unwrap();

    assert_eq!(summaries(&op).await, [2, 1]);
    let last = log(&op).await.pop().unwrap();
    assert_eq!((&last["event"], &last["total_items"]), (&json!("job_completed"), &json!(3)));
    assert_eq!(flush_summaries(&world.services).await.unwrap(), 0);
}

#[tokio::test]
async fn batches_that_meet_create_each_listing_once_and_wait_for_each_other_in_no_circle() {
    let world = World::new().await;
    let op = worker(&world).await;
    let job = job(&op).await;
    let keys: Vec<String> = (0..40).map(|key| key.to_string()).collect();
    let batches = (0..8).map(|turn| {
        let mut keys = keys.clone();
        keys.rotate_left(turn * 5);
        let items = keys
            .iter()
            .take(25)
            .map(|key| PropertyInput { bedrooms_total: i64::try_from(turn).ok(), ..home(key) });
        upsert_batch(&op, of_job(job, items.collect()))
    });

    let results = join_all(batches).await;

    let created: usize = results
        .into_iter()
        .map(|result| statuses(&result.unwrap()).into_iter().filter(|status| *status == Created).count())
        .sum();
    assert_eq!(created, 40);
    assert_eq!(count(&op).await.unwrap(), 40);
}
