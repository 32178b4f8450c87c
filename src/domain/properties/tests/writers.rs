//! Who writes a row: what a worker has reported once, the built-in crawler leaves alone.

use super::super::batch_plan::Notify;
use super::super::report::{PageReading, PageVisit, Removal, ReportedRow};
use super::super::upsert::{Batch, upsert_batch};
use super::{emitted, home, statuses, upsert, worker};
use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::property::{PropertyInput, RemovalReason};
use crate::protocol::property_batch::BatchItemStatus::{Changed, Created, Removed, Unchanged};
use crate::protocol::property_batch::BatchResult;
use crate::storage::properties::{self, PropertyRow, Writer};

/// What the crawler reports, and how it is answered.
async fn crawled(op: &Op, items: Vec<ReportedRow>) -> BatchResult {
    let batch = Batch { job_id: None, items, notify: Notify::Each, writer: Writer::Crawler };
    upsert_batch(op, batch).await.unwrap()
}

fn seen(property: PropertyInput) -> ReportedRow {
    ReportedRow::from(Ok(property))
}

fn gone(key: &str, reason: RemovalReason, same_as: Option<i64>) -> ReportedRow {
    ReportedRow { removal: Some(Removal { reason, same_as }), ..ReportedRow::from(Ok(home(key))) }
}

fn cheaper(key: &str) -> PropertyInput {
    PropertyInput { list_price: Some(250_000.0), ..home(key) }
}

async fn row(op: &Op, result: &BatchResult) -> PropertyRow {
    let id = PropertyId(result.results[0].property_id.unwrap());
    properties::find(&op.read().await.unwrap(), id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_crawler_changes_its_own_rows_and_none_of_a_worker() {
    let world = World::new().await;
    let op = worker(&world).await;
    let own = crawled(&op, vec![seen(home("1"))]).await;
    let others = upsert(&op, vec![home("2")]).await;
    let before = row(&op, &others).await;
    world.advance_ms(1_000);

    let result = crawled(&op, vec![seen(cheaper("1")), seen(cheaper("2"))]).await;

    assert_eq!(statuses(&own), [Created]);
    assert_eq!(statuses(&result), [Changed, Unchanged]);
    assert_eq!(row(&op, &own).await.writer, "crawler");
    assert_eq!(row(&op, &others).await, before, "not even the time of sight");
}

#[tokio::test]
async fn what_a_worker_reports_is_the_workers_from_then_on() {
    let world = World::new().await;
    let op = worker(&world).await;
    let own = crawled(&op, vec![seen(home("1"))]).await;

    let taken = upsert(&op, vec![home("1")]).await;

    assert_eq!(statuses(&taken), [Unchanged]);
    assert_eq!(row(&op, &own).await.writer, "worker");
    assert_eq!(statuses(&crawled(&op, vec![seen(cheaper("1"))]).await), [Unchanged]);
}

#[tokio::test]
async fn a_worker_takes_over_a_row_that_it_reports_as_removed_again() {
    let world = World::new().await;
    let op = worker(&world).await;
    let own = crawled(&op, vec![seen(home("1"))]).await;
    crawled(&op, vec![gone("1", RemovalReason::SoftGone, None)]).await;

    let again = upsert(&op, vec![PropertyInput { removed: Some(true), ..home("1") }]).await;

    assert_eq!(statuses(&again), [Unchanged]);
    let row = row(&op, &own).await;
    assert_eq!((row.writer.as_str(), row.removed), ("worker", true));
}

#[tokio::test]
async fn of_a_workers_rows_the_crawler_removes_those_that_are_gone_only() {
    let world = World::new().await;
    let op = worker(&world).await;
    upsert(&op, vec![home("1")]).await;
    for reason in RemovalReason::ALL.iter().filter(|reason| **reason != RemovalReason::Gone) {
        assert_eq!(statuses(&crawled(&op, vec![gone("1", *reason, None)]).await), [Unchanged], "{reason:?}");
    }

    let result = crawled(&op, vec![gone("1", RemovalReason::Gone, None)]).await;

    assert_eq!(statuses(&result), [Removed]);
    assert_eq!(row(&op, &result).await.writer, "worker");
    assert_eq!(emitted(&op).await.last().unwrap(), "property_removed gone");
}

#[tokio::test]
async fn a_removal_says_why_and_of_which_property_it_is_the_duplicate() {
    let world = World::new().await;
    let op = worker(&world).await;
    let rows = vec![seen(home("1")), seen(home("2")), seen(home("3"))];
    let first = crawled(&op, rows).await.results[0].property_id;
    let plain = PropertyInput { removed: Some(true), ..home("3") };

    let removals = vec![
        gone("2", RemovalReason::Duplicate, first),
        gone("1", RemovalReason::NotAListing, None),
        seen(plain),
    ];
    let result = crawled(&op, removals).await;

    assert_eq!(statuses(&result), [Removed, Removed, Removed]);
    let expected = [
        format!("property_removed duplicate {}", first.unwrap()),
        "property_removed not_a_listing".to_owned(),
        "property_removed gone".to_owned(),
    ];
    assert_eq!(emitted(&op).await[4..], expected);
}

/// A row that was read from a page that was fetched at this second.
fn read(property: PropertyInput, fetched_at: i64, reading: PageReading) -> ReportedRow {
    let visit = Some(PageVisit { fetched_at: fetched_at * 1_000_000, reading });
    ReportedRow { visit, ..seen(property) }
}

fn priced(key: &str, list_price: f64) -> PropertyInput {
    PropertyInput { list_price: Some(list_price), ..home(key) }
}

#[tokio::test]
async fn a_page_that_is_read_again_mends_what_was_read_from_it_and_is_no_sighting() {
    let world = World::new().await;
    let op = worker(&world).await;
    crawled(&op, vec![read(home("1"), 10, PageReading::First)]).await;
    world.advance_ms(1_000);
    let seen_unchanged = crawled(&op, vec![read(home("1"), 20, PageReading::First)]).await;
    let before = row(&op, &seen_unchanged).await;
    world.advance_ms(1_000);

    let mended = crawled(&op, vec![read(cheaper("1"), 10, PageReading::Again)]).await;
    let again = crawled(&op, vec![read(priced("1", 240_000.0), 10, PageReading::Again)]).await;
    let unchanged = crawled(&op, vec![read(priced("1", 240_000.0), 10, PageReading::Again)]).await;

    assert_eq!(statuses(&mended), [Changed]);
    assert_eq!((statuses(&again), statuses(&unchanged)), (vec![Changed], vec![Unchanged]));
    let after = row(&op, &again).await;
    assert_eq!((after.read_at, after.list_price), (Some(10_000_000), Some(24_000_000)));
    assert_eq!(after.last_seen_at, before.last_seen_at);
}

#[tokio::test]
async fn a_page_that_is_read_again_changes_nothing_that_was_written_later() {
    let world = World::new().await;
    let op = worker(&world).await;
    let first = |key: &str| read(home(key), 10, PageReading::First);
    crawled(&op, vec![first("1"), first("2"), first("3")]).await;
    crawled(&op, vec![read(cheaper("1"), 20, PageReading::First)]).await;
    upsert(&op, vec![home("2")]).await;
    crawled(&op, vec![gone("3", RemovalReason::SoftGone, None)]).await;
    let events = emitted(&op).await.len();

    let again = |key: &str| read(priced(key, 1.0), 10, PageReading::Again);
    let result = crawled(&op, vec![again("1"), again("2"), again("3"), again("4")]).await;
    let at_the_later_visit = crawled(&op, vec![read(priced("1", 2.0), 20, PageReading::Again)]).await;

    assert_eq!(statuses(&result), [Unchanged, Unchanged, Unchanged, Created], "4 was not known");
    assert_eq!(statuses(&at_the_later_visit), [Changed]);
    assert_eq!(emitted(&op).await.len(), events + 3, "created, the summary of it, a price");
}
