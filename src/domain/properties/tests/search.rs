//! The search: what each filter matches, and pages that lose and repeat nothing.

use super::super::list::{PropertyQuery, list};
use super::super::upsert::{Batch, upsert_batch};
use super::{batch, home, upsert, worker};
use crate::base::page::{PageRequest, decode_cursor, encode_cursor};
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::bounding_box::BoundingBox;
use crate::protocol::currency_choice::CurrencyChoice;
use crate::protocol::problem::Code;
use crate::protocol::property::{Address, ListingType, PropertyInput, PropertySort, StandardStatus};

/// Keys of what the query finds, sorted.
async fn found(op: &Op, query: PropertyQuery) -> Vec<String> {
    let page = PageRequest { limit: 200, after: None };
    let page = list(op, query, PropertySort::PropertyId, page).await.unwrap();
    let mut keys: Vec<_> = page.rows.into_iter().map(|property| property.listing_key).collect();
    keys.sort();
    keys
}

fn at(key: &str, latitude: f64, longitude: f64) -> PropertyInput {
    PropertyInput { latitude: Some(latitude), longitude: Some(longitude), ..home(key) }
}

#[tokio::test]
async fn each_filter_lets_through_what_it_says() {
    let world = World::new().await;
    let op = worker(&world).await;
    let mut lima =
        PropertyInput { list_price: Some(0.29), bedrooms_total: Some(3), ..at("lima", -17.0, 179.5) };
    lima.listing_type = Some(ListingType::Lease);
    lima.property_type = Some("Doppelhaushälfte".into());
    lima.address = Some(Address {
        city: Some("LIMA".into()),
        street: Some("100% Main_Street".into()),
        ..Default::default()
    });
    let yen = PropertyInput { currency: Some("JPY".into()), list_price: Some(5_000_000.0), ..home("yen") };
    let sold = PropertyInput {
        standard_status: Some(StandardStatus::Closed),
        close_price: Some(100.0),
        source: Some("other".into()),
        ..home("sold")
    };
    let gone = PropertyInput { removed: Some(true), ..home("gone") };
    upsert(&op, vec![lima, yen, sold, home("gone"), gone]).await;

    type Query = PropertyQuery;
    let words = |q: &str| Query { q: Some(q.into()), ..Query::default() };
    let currencies = |texts: &[&str]| {
        let currencies = texts.iter().filter_map(|text| CurrencyChoice::parse(text));
        Query { currencies: currencies.collect(), ..Query::default() }
    };
    let bbox = |text: &str| Query { bbox: BoundingBox::parse(text), ..Query::default() };
    let cases: [(Query, &[&str]); 28] = [
        (Query::default(), &["lima", "sold", "yen"]),
        (Query { include_removed: true, ..Query::default() }, &["gone", "lima", "sold", "yen"]),
        (Query { city: Some("lima".into()), ..Query::default() }, &["lima"]),
        (Query { statuses: vec![StandardStatus::Closed], ..Query::default() }, &["sold"]),
        (
            Query { statuses: vec![StandardStatus::Closed, StandardStatus::Active], ..Query::default() },
            &["lima", "sold", "yen"],
        ),
        (Query { listing_types: vec![ListingType::Lease], ..Query::default() }, &["lima"]),
        (Query { listing_types: ListingType::ALL.to_vec(), ..Query::default() }, &["lima"]),
        (Query { property_type: Some("DOPPELHAUSHÄLFTE ".into()), ..Query::default() }, &["lima"]),
        (Query { property_type: Some("Haus".into()), ..Query::default() }, &[]),
        (currencies(&["JPY"]), &["yen"]),
        (currencies(&["JPY", "KWD"]), &["yen"]),
        (currencies(&["none"]), &["lima", "sold"]),
        (currencies(&["JPY", "none"]), &["lima", "sold", "yen"]),
        (Query { price_max: Some(100.0), ..currencies(&["JPY"]) }, &[]),
        // The current price of a sale; major units whatever the currency; exact where floats are not.
        (Query { price_max: Some(100.0), ..Query::default() }, &["lima", "sold"]),
        (Query { price_min: Some(5_000_000.0), ..Query::default() }, &["yen"]),
        (Query { price_min: Some(0.29), price_max: Some(0.29), ..Query::default() }, &["lima"]),
        (Query { price_min: Some(0.281), price_max: Some(0.289), ..Query::default() }, &[]),
        (Query { bedrooms_min: Some(3), ..Query::default() }, &["lima"]),
        (bbox("177,-20,-178,-15"), &["lima"]),
        (bbox("-178,-20,177,-15"), &[]),
        (words("main LIMA"), &["lima"]),
        (words("main toledo"), &[]),
        // Wildcards are matched literally.
        (words("100% main_"), &["lima"]),
        (words("%yen"), &[]),
        (Query { sources: vec!["other".into()], ..Query::default() }, &["sold"]),
        (Query { sources: vec!["other".into(), "nowhere".into()], ..Query::default() }, &["sold"]),
        (Query { sources: vec!["nowhere".into()], ..Query::default() }, &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&op, query.clone()).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn what_a_job_saw_and_what_changed_since_can_be_asked_for() {
    let world = World::new().await;
    let op = worker(&world).await;
    upsert(&op, vec![home("1"), home("2")]).await;
    world.advance_ms(1_000);
    let since = op.now();
    let job = super::upserts::job(&op).await;
    let seen = vec![home("1"), PropertyInput { list_price: Some(1.0), ..home("2") }];
    upsert_batch(&op, Batch { job_id: Some(job), ..batch(seen) }).await.unwrap();
    upsert(&op, vec![home("3")]).await;

    assert_eq!(found(&op, PropertyQuery { job_id: Some(job), ..Default::default() }).await, ["1", "2"]);
    let changed = PropertyQuery { updated_since: Some(since), ..Default::default() };
    assert_eq!(found(&op, changed).await, ["2", "3"]);
}

#[tokio::test]
async fn pages_in_every_order_show_each_property_once_and_unknown_values_last() {
    let world = World::new().await;
    let op = worker(&world).await;
    for (key, price) in [("a", Some(2.0)), ("b", None), ("c", Some(1.0)), ("d", Some(2.0)), ("e", None)] {
        upsert(&op, vec![PropertyInput { list_price: price, ..home(key) }]).await;
        world.advance_ms(1);
    }
    use PropertySort as Sort;
    let cases = [
        (Sort::Price, "cadbe"),
        (Sort::PriceDescending, "daceb"),
        (Sort::UpdatedAt, "abcde"),
        (Sort::UpdatedAtDescending, "edcba"),
        (Sort::ListedAt, "abcde"),
        (Sort::ListedAtDescending, "edcba"),
        (Sort::PropertyId, "abcde"),
        (Sort::PropertyIdDescending, "edcba"),
    ];
    for (sort, expected) in cases {
        for limit in [1, 2, 3, 5] {
            let mut seen = String::new();
            let mut after = None;
            loop {
                let request = PageRequest { limit, after };
                let page = list(&op, PropertyQuery::default(), sort, request).await.unwrap();
                seen.extend(page.rows.into_iter().map(|property| property.listing_key));
                // As a client would: through the cursor's text.
                let Some(next) = page.next else { break };
                after = decode_cursor(&encode_cursor(&next));
            }
            assert_eq!(seen, expected, "{sort:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_and_a_search_without_end_are_refused() {
    let world = World::new().await;
    let op = worker(&world).await;
    upsert(&op, vec![home("1"), home("2")]).await;
    let first = PageRequest { limit: 1, after: None };
    let page = list(&op, PropertyQuery::default(), PropertySort::Price, first.clone()).await.unwrap();

    let after = PageRequest { limit: 1, after: page.next };
    let other = list(&op, PropertyQuery::default(), PropertySort::UpdatedAt, after).await.unwrap_err();
    let q = Some("a b c d e f g h i j k".to_owned());
    let query = PropertyQuery { q, price_min: Some(-1.0), ..Default::default() };
    let endless = list(&op, query, PropertySort::Price, first).await.unwrap_err();

    assert_eq!((other.code, other.errors.len()), (Code::ValidationFailed, 1));
    assert_eq!((endless.code, endless.errors.len()), (Code::ValidationFailed, 2));
}
