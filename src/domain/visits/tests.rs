//! When a page may be requested conditionally, and what a step of a crawl changes.

use super::*;
use crate::auth::tenant_scope::SystemReason;
use crate::domain::properties::known::KnownHomes;
use crate::domain::properties::{Batch, Notify, ReportedRow, Writer, upsert_batch};
use crate::domain::testing::World;
use crate::protocol::property::PropertyInput;
use crate::storage::time;

const PAGE: &str = "https://homes.example/h/1";
const NOW: i64 = 1_764_000_000_000_000;
const DAY: i64 = 86_400_000_000;

fn mode() -> ReadMode {
    ReadMode { extractor_version: 3, scope: "rules".to_owned() }
}

fn visit_row() -> VisitRow {
    VisitRow {
        url_hash: url_hash(PAGE),
        etag: Some("W/\"1\"".to_owned()),
        last_modified: None,
        extractor_version: 3,
        read_scope: "rules".to_owned(),
        property_id: 1,
        read_at: NOW - 6 * DAY,
    }
}

fn home() -> KnownHome {
    KnownHomes::sample(1, "A-1", PAGE, &PropertyInput::default())
}

fn current(row: &VisitRow, home: &KnownHome, known: &[Key]) -> bool {
    let url = PAGE.parse().unwrap();
    is_current(row, home, &PlannedPage { url: &url, known }, &mode(), time(NOW))
}

#[test]
fn a_page_is_requested_conditionally_only_when_all_is_as_it_was() {
    let (row, home) = (visit_row(), home());
    let own = home.key();
    assert!(current(&row, &home, &[]) && current(&row, &home, std::slice::from_ref(&own)));

    let other_version = VisitRow { extractor_version: 2, ..row.clone() };
    let other_rules = VisitRow { read_scope: "others".to_owned(), ..row.clone() };
    let week_old = VisitRow { read_at: NOW - 7 * DAY, ..row.clone() };
    let without_validator = VisitRow { etag: None, ..row.clone() };
    for (row, why) in [
        (other_version, "version of the extractor"),
        (other_rules, "rules"),
        (week_old, "seven days"),
        (without_validator, "validator"),
    ] {
        assert!(!current(&row, &home, &[]), "{why}");
    }
    let changed = |change: fn(&mut KnownHome)| {
        let mut changed = home.clone();
        change(&mut changed);
        changed
    };
    let removed = changed(|home| home.removed = true);
    let of_worker = changed(|home| home.is_crawled = false);
    let moved = changed(|home| home.address = AddressHash::of_text("https://homes.example/h/2"));
    for (home, why) in [(removed, "removed"), (of_worker, "a worker's"), (moved, "another page")] {
        assert!(!current(&row, &home, &[]), "{why}");
    }
    let other = ("homes.example".to_owned(), "B-2".to_owned());
    assert!(!current(&row, &home, &[own, other]), "two listings have the page");
}

#[test]
fn a_last_modified_is_enough() {
    let row = VisitRow {
        etag: None,
        last_modified: Some("Sun, 22 Nov 2026 10:00:30 GMT".to_owned()),
        ..visit_row()
    };

    assert!(current(&row, &home(), &[]));
}

/// A property of the crawler at this path, and its page.
async fn crawled(op: &Op, path: &str) -> (PropertyId, String) {
    let url = format!("https://homes.example{path}");
    let property = PropertyInput {
        source: Some("homes.example".to_owned()),
        listing_key: Some(path.to_owned()),
        source_url: Some(url.clone()),
        ..PropertyInput::default()
    };
    let items = vec![ReportedRow::from(Ok(property))];
    let batch = Batch { job_id: None, items, notify: Notify::Each, writer: Writer::Crawler };
    let result = upsert_batch(op, batch).await.unwrap();
    (PropertyId(result.results[0].property_id.unwrap()), url)
}

fn visited((property_id, url): &(PropertyId, String), etag: &str) -> NewVisit {
    NewVisit {
        url: url.clone(),
        etag: Some(etag.to_owned()),
        last_modified: None,
        mode: mode(),
        property_id: *property_id,
        links: format!("links of {etag}"),
    }
}

/// Changes the visits as a step of a crawl does.
async fn change(op: &Op, step: VisitStep<'_>) {
    let change = op.begin().await.unwrap();
    let forgotten: Vec<String> = step.forgotten.iter().map(|url| url_hash(url)).collect();
    page_visits::forget(&change.tx, &forgotten).await.unwrap();
    page_visits::keep(&change.tx, step.kept.iter().map(row).collect(), micros(op.now())).await.unwrap();
    op.commit(change).await.unwrap();
}

async fn etags(op: &Op, urls: &[&str]) -> Vec<Option<String>> {
    let urls: Vec<Url> = urls.iter().map(|url| url.parse().unwrap()).collect();
    let pages: Vec<PlannedPage<'_>> = urls.iter().map(|url| PlannedPage { url, known: &[] }).collect();
    let tx = op.read().await.unwrap();
    let found = find(&tx, &pages, &mode(), op.now()).await.unwrap();
    let etag = |visit| match visit {
        Some(StoredVisit::Current(visit)) => visit.etag,
        Some(StoredVisit::Outdated) => Some("outdated".to_owned()),
        None => None,
    };
    found.into_iter().map(etag).collect()
}

#[tokio::test]
async fn visits_are_replaced_forgotten_and_of_one_tenant() {
    let world = World::new().await;
    let op = Op::of_system(&world.services, SystemReason::Crawl, world.tenant);
    let (one, two) = (crawled(&op, "/h/1").await, crawled(&op, "/h/2").await);
    let urls = [one.1.as_str(), two.1.as_str(), "https://homes.example/h/3"];
    let first = [visited(&one, "\"1\""), visited(&two, "\"2\"")];
    change(&op, VisitStep { kept: &first, ..VisitStep::default() }).await;
    assert_eq!(etags(&op, &urls).await, [Some("\"1\"".to_owned()), Some("\"2\"".to_owned()), None]);

    let again = [visited(&one, "W/\"1b\"")];
    let gone = [two.1.clone()];
    change(&op, VisitStep { kept: &again, forgotten: &gone, unchanged: &[] }).await;

    assert_eq!(etags(&op, &urls).await, [Some("W/\"1b\"".to_owned()), None, None]);
    let kept = links(&op, &[one.1.clone(), two.1.clone()]).await.unwrap();
    assert_eq!(kept, HashMap::from([(one.1.clone(), "links of W/\"1b\"".to_owned())]));
    let other = Op::of_system(&world.services, SystemReason::Crawl, world.another_tenant().await);
    assert_eq!(etags(&other, &urls).await, [None, None, None]);
}

#[tokio::test]
async fn a_visit_is_outdated_when_its_property_becomes_a_workers_or_is_removed() {
    let world = World::new().await;
    let op = Op::of_system(&world.services, SystemReason::Crawl, world.tenant);
    let (one, two) = (crawled(&op, "/h/1").await, crawled(&op, "/h/2").await);
    let kept = [visited(&one, "\"1\""), visited(&two, "\"2\"")];
    change(&op, VisitStep { kept: &kept, ..VisitStep::default() }).await;
    let report = |key: &str, removed, writer| {
        let property = PropertyInput {
            source: Some("homes.example".to_owned()),
            listing_key: Some(key.to_owned()),
            removed,
            ..PropertyInput::default()
        };
        let items = vec![ReportedRow::from(Ok(property))];
        upsert_batch(&op, Batch { job_id: None, items, notify: Notify::Each, writer })
    };

    report("/h/1", None, Writer::Worker).await.unwrap();
    report("/h/2", Some(true), Writer::Crawler).await.unwrap();

    let outdated = || Some("outdated".to_owned());
    assert_eq!(etags(&op, &[&one.1, &two.1]).await, [outdated(), outdated()]);
}

#[tokio::test]
async fn only_the_crawlers_properties_that_are_there_are_seen() {
    let world = World::new().await;
    let op = Op::of_system(&world.services, SystemReason::Crawl, world.tenant);
    let (one, two) = (crawled(&op, "/h/1").await.0, crawled(&op, "/h/2").await.0);
    let property = PropertyInput {
        source: Some("homes.example".to_owned()),
        listing_key: Some("/h/2".to_owned()),
        ..PropertyInput::default()
    };
    let items = vec![ReportedRow::from(Ok(property))];
    let batch = Batch { job_id: None, items, notify: Notify::Each, writer: Writer::Worker };
    upsert_batch(&op, batch).await.unwrap();
    let change = op.begin().await.unwrap();
    let unchanged = [two, one, one, PropertyId(999)];

    let step = VisitStep { unchanged: &unchanged, ..VisitStep::default() };
    let seen = lock_unchanged(&change.tx, &step).await.unwrap();

    assert_eq!(seen, [one.0]);
}
