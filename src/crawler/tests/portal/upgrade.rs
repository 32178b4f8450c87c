//! The store of the version before, which knew no currency, took neighbours for homes of the page and made keys of
//! whole paths, crawled again over a site that has not changed.

use super::bench::{Crawled, PortalBench, PropertyEvent};
use super::home::{Home, Language};
use super::style::{Ids, Style};
use crate::auth::tenant_scope::SystemReason;
use crate::domain::op::Op;
use crate::domain::properties::{Batch, Notify, Writer, upsert_batch};
use crate::protocol::property::{Address, PropertyInput};
use crate::protocol::property_batch::ParsedProperty;

const HOMES: u32 = 12;
/// A neighbour that was stored with another home's page.
const TEASER: &str = "N-77001";

#[tokio::test(flavor = "multi_thread")]
async fn homes_with_told_keys_stay_and_duplicates_and_teasers_go_once() {
    for style in [Style::JsonLd, Style::Next, Style::Microdata] {
        let mut bench = PortalBench::new(style, HOMES).await;
        let homes = bench.portal.listed();
        let mut rows: Vec<PropertyInput> =
            homes.iter().map(|home| old_row(&bench, &home.id.to_string(), home, Language::German)).collect();
        // The last page that showed a teaser of it became its address.
        rows[4].source_url = Some(url(&bench, &homes[0].path(Language::German)));
        store(&mut bench, rows).await;
        let duplicate = old_row(&bench, &homes[3].path(Language::English), &homes[3], Language::English);
        let younger = vec![duplicate, teaser(&bench, &homes[0]), list_page(&bench)];
        store(&mut bench, younger).await;

        let first = bench.crawl().await;
        let second = bench.crawl().await;

        let mut expected = vec![
            format!("{}: removed duplicate", homes[3].path(Language::English)),
            format!("{TEASER}: removed not_a_listing"),
            "/list/1: removed not_a_listing".to_owned(),
        ];
        expected.sort();
        assert_eq!(besides_changes(&first), expected, "{style:?}");
        assert_eq!(keys_by(&second), [""; 0], "{style:?}: the second crawl");
        let same_as = first.events.iter().find_map(|event| event.same_as);
        let kept = first.events.iter().find(|event| event.key == "410004").map(|event| event.property_id);
        assert!(same_as.is_some() && same_as == kept, "{style:?}: {same_as:?} {kept:?}");
        let moved = first.events.iter().rfind(|event| event.key == "410005");
        assert_eq!(
            moved.map(|event| event.url().to_owned()),
            Some(url(&bench, &homes[4].path(Language::German))),
            "{style:?}: its own page"
        );
        assert_eq!(bench.harness.property_count().await, u64::from(HOMES), "{style:?}");
    }
}

/// Where the site tells no id, the path was the key. Some homes have a second row for their English page; whether that
/// is seen to be a duplicate is left open.
#[tokio::test(flavor = "multi_thread")]
async fn homes_with_paths_as_keys_keep_them() {
    for style in [Style::JsonLd, Style::Microdata] {
        let mut bench = PortalBench::new(style, HOMES).await;
        bench.portal.restyle(|look| look.ids = Ids::Untold);
        let homes = bench.portal.listed();
        let row = |home: &Home, language| old_row(&bench, &home.path(language), home, language);
        let german: Vec<_> = homes.iter().map(|home| row(home, Language::German)).collect();
        // The English page of every second home named the German one as its canonical address.
        let apart = homes.iter().filter(|home| home.id % 2 == 1);
        let english: Vec<_> = apart.map(|home| row(home, Language::English)).collect();
        store(&mut bench, german).await;
        store(&mut bench, english).await;

        let first = bench.crawl().await;
        let second = bench.crawl().await;

        let others = besides_changes(&first);
        let is_duplicate = |line: &String| line.starts_with("/en/") && line.ends_with(": removed duplicate");
        let others: Vec<&String> = others.iter().filter(|line| !is_duplicate(line)).collect();
        assert_eq!(others, [""; 0], "{style:?}");
        assert_eq!(keys_by(&second), [""; 0], "{style:?}: the second crawl");
        assert!(bench.harness.property_count().await >= u64::from(HOMES), "{style:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_a_path_stays_where_the_site_tells_an_id_now() {
    let mut bench = PortalBench::new(Style::JsonLd, HOMES).await;
    let homes = bench.portal.listed();
    let row = |home: &Home| old_row(&bench, &home.path(Language::German), home, Language::German);
    let rows: Vec<_> = homes.iter().map(row).collect();
    store(&mut bench, rows).await;

    let first = bench.crawl().await;
    let second = bench.crawl().await;

    assert_eq!(besides_changes(&first), [""; 0]);
    assert!(first.events.iter().all(|event| event.key.starts_with("/homes/")), "{:?}", keys_by(&first));
    assert_eq!(keys_by(&second), [""; 0], "the second crawl");
    assert_eq!(bench.harness.property_count().await, u64::from(HOMES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_without_currency_learns_it_without_a_price_alert() {
    let mut bench = PortalBench::new(Style::JsonLd, HOMES).await;
    let homes = bench.portal.listed();
    let rows: Vec<_> =
        homes.iter().map(|home| old_row(&bench, &home.id.to_string(), home, Language::German)).collect();
    store(&mut bench, rows).await;

    let first = bench.crawl().await;

    let learned = |event: &&PropertyEvent| event.words.split(' ').any(|word| word == "currency");
    assert_eq!(first.events.iter().filter(learned).count(), homes.len(), "{:?}", keys_by(&first));
    assert_eq!(besides_changes(&first), [""; 0]);
    assert_eq!(bench.faults(&first), [""; 0]);
}

/// The events that are more than `property_changed`.
fn besides_changes(crawled: &Crawled) -> Vec<String> {
    keys_by(crawled).into_iter().filter(|line| !line.contains(": changed ")).collect()
}

fn keys_by(crawled: &Crawled) -> Vec<String> {
    crawled.lines_by(|event| event.key.clone())
}

fn url(bench: &PortalBench, path: &str) -> String {
    format!("http://{}{path}", bench.source)
}

/// A row as the version before wrote it, after the migration took its currency.
fn old_row(bench: &PortalBench, key: &str, home: &Home, language: Language) -> PropertyInput {
    let address = Address {
        street: Some(home.street.clone()),
        city: Some(home.city.to_owned()),
        postal_code: Some(home.postal_code.clone()),
        ..Address::default()
    };
    PropertyInput {
        source: Some(bench.source.clone()),
        listing_key: Some(key.to_owned()),
        source_url: Some(url(bench, &home.path(language))),
        list_price: Some(f64::from(home.price)),
        bedrooms_total: Some(i64::from(home.bedrooms)),
        living_area: Some(f64::from(home.living_area)),
        address: Some(address),
        ..PropertyInput::default()
    }
}

/// A neighbour of the carousel with the page that showed it.
fn teaser(bench: &PortalBench, shown_by: &Home) -> PropertyInput {
    let row = old_row(bench, TEASER, shown_by, Language::German);
    let address = Address { street: Some("Nebenstrasse 91".to_owned()), ..Address::default() };
    PropertyInput { list_price: Some(99_000.0), address: Some(address), ..row }
}

/// A page of the index that was taken for a home.
fn list_page(bench: &PortalBench) -> PropertyInput {
    PropertyInput {
        source: Some(bench.source.clone()),
        listing_key: Some("/list/1".to_owned()),
        source_url: Some(url(bench, "/list/1")),
        list_price: Some(111_000.0),
        ..PropertyInput::default()
    }
}

/// Stores rows of the crawler, without the addresses that only the new version keeps.
async fn store(bench: &mut PortalBench, rows: Vec<PropertyInput>) {
    let world = &bench.harness.world;
    let op = Op::of_system(&world.services, SystemReason::Crawl, world.tenant);
    let items: Vec<ParsedProperty> = rows.into_iter().map(Ok).collect();
    let batch = Batch { job_id: None, items, notify: Notify::Summary, writer: Writer::Crawler };
    let result = upsert_batch(&op, batch).await.unwrap();
    assert_eq!(result.rejected, 0, "{:?}", result.results);
    bench.new_events().await;
}
