//! The rule of an upsert as a table, and its invariant: replaying the emitted values gives the row.

use proptest::prelude::*;

use super::super::diff::{Decision, PropertyChange, UpsertOutcome, current_price, decide};
use super::super::draft::Draft;
use super::home;
use crate::protocol::property::{PropertyInput, StandardStatus};
use crate::storage::properties::PropertyRow;

const CREATED: i64 = 1_000_000;
const LATER: i64 = 2_000_000;

fn draft(input: PropertyInput) -> Draft {
    Draft::parse(input).unwrap()
}

fn stored(input: PropertyInput) -> PropertyRow {
    let row = decide(None, &draft(input), CREATED).unwrap().row.unwrap();
    PropertyRow { id: 7, ..row }
}

/// What `seen` does to a property that was created from `known`.
fn then(known: PropertyInput, seen: PropertyInput) -> (Decision, PropertyRow) {
    let decision = decide(Some(&stored(known)), &draft(seen), LATER).unwrap();
    let row = decision.row.clone().unwrap();
    (decision, row)
}

/// Only the key: nothing else is known.
fn bare() -> PropertyInput {
    PropertyInput { list_price: None, address: None, ..home("1") }
}

fn with_status(status: StandardStatus) -> PropertyInput {
    PropertyInput { standard_status: Some(status), ..bare() }
}

fn price(old: i64, new: i64) -> PropertyChange {
    PropertyChange::Price { old: Some(old * 100), new: Some(new * 100) }
}

fn status(old: &str, new: &str) -> PropertyChange {
    PropertyChange::Status { old: old.into(), new: new.into() }
}

#[test]
fn a_new_listing_is_active_in_dollars_with_its_first_price_as_the_original() {
    let decision = decide(None, &draft(home("1")), CREATED).unwrap();

    assert_eq!(
        (decision.outcome, decision.changes, decision.writes_history),
        (UpsertOutcome::Created, vec![PropertyChange::Created], true)
    );
    let row = decision.row.unwrap();
    assert_eq!((row.standard_status.as_str(), row.currency.as_str()), ("active", "USD"));
    assert_eq!((row.list_price, row.original_list_price), (Some(30_000_000), Some(30_000_000)));
    assert_eq!((row.price_changed_at, row.listed_at, row.first_seen_at), (None, None, CREATED));
    assert_eq!((row.city_key.as_deref(), row.search_text.as_str()), (Some("toledo"), "toledo 1"));
}

#[test]
fn what_is_absent_stays_and_only_the_time_of_sight_moves() {
    let (decision, row) = then(home("1"), bare());

    assert_eq!((decision.outcome, decision.writes_history), (UpsertOutcome::Unchanged, false));
    assert_eq!(decision.changes, []);
    let expected = PropertyRow { last_seen_at: LATER, ..stored(home("1")) };
    assert_eq!(row, expected);
}

#[test]
fn each_change_emits_its_events_in_order() {
    use StandardStatus::{Active, Closed, Pending};
    let closed_at = |price| PropertyInput { close_price: Some(price), ..with_status(Closed) };
    let cases = [
        (home("1"), PropertyInput { list_price: Some(290_000.0), ..bare() }, vec![price(300_000, 290_000)]),
        (home("1"), with_status(Pending), vec![status("active", "pending")]),
        (
            home("1"),
            PropertyInput { list_price: Some(290_000.0), bedrooms_total: Some(3), ..with_status(Pending) },
            vec![
                price(300_000, 290_000),
                status("active", "pending"),
                PropertyChange::Fields(vec!["bedrooms_total"]),
            ],
        ),
        // A sale at the list price, below it, and one without a price.
        (home("1"), closed_at(300_000.0), vec![status("active", "closed")]),
        (home("1"), closed_at(280_000.0), vec![price(300_000, 280_000), status("active", "closed")]),
        (home("1"), with_status(Closed), vec![status("active", "closed")]),
        // Once it is sold the list price is not the current one.
        (
            PropertyInput { list_price: Some(300_000.0), ..closed_at(280_000.0) },
            PropertyInput { list_price: Some(310_000.0), ..bare() },
            vec![PropertyChange::Fields(vec!["list_price"])],
        ),
        // Back on the market the list price is current again.
        (
            PropertyInput { list_price: Some(300_000.0), ..closed_at(280_000.0) },
            with_status(Active),
            vec![price(280_000, 300_000), status("closed", "active")],
        ),
        // Before the sale a close price is a field like any other.
        (
            home("1"),
            PropertyInput { close_price: Some(1.0), ..bare() },
            vec![PropertyChange::Fields(vec!["close_price"])],
        ),
        (
            bare(),
            home("1"),
            vec![
                PropertyChange::Price { old: None, new: Some(30_000_000) },
                PropertyChange::Fields(vec!["address"]),
            ],
        ),
        // Amounts of two currencies are not comparable.
        (
            home("1"),
            PropertyInput { currency: Some("EUR".into()), ..bare() },
            vec![
                PropertyChange::Price { old: None, new: Some(30_000_000) },
                PropertyChange::Fields(vec!["currency"]),
            ],
        ),
        (
            home("1"),
            PropertyInput { removed: Some(true), list_price: Some(1.0), ..bare() },
            vec![PropertyChange::Removed],
        ),
    ];
    for (known, seen, expected) in cases {
        let (decision, row) = then(known.clone(), seen.clone());

        assert_eq!(decision.changes, expected, "{known:?} then {seen:?}");
        assert_eq!(row.updated_at, LATER);
    }
}

#[test]
fn a_removed_listing_keeps_its_status_and_may_come_back() {
    let gone = PropertyInput { removed: Some(true), ..bare() };
    let (first, row) = then(home("1"), gone.clone());
    let again = decide(Some(&row), &draft(gone.clone()), LATER + 1).unwrap();
    let back = decide(Some(&row), &draft(home("1")), LATER + 1).unwrap();
    let unknown = decide(None, &draft(gone), LATER).unwrap();

    assert_eq!(
        (first.outcome, row.removed, row.standard_status.as_str()),
        (UpsertOutcome::Removed, true, "active")
    );
    assert_eq!((again.outcome, again.row), (UpsertOutcome::Unchanged, Some(row)));
    assert_eq!(
        (back.outcome, back.changes, back.writes_history),
        (UpsertOutcome::Changed, vec![status("removed", "active")], false)
    );
    assert!(!back.row.unwrap().removed);
    assert_eq!((unknown.outcome, unknown.row), (UpsertOutcome::Unchanged, None));
}

#[test]
fn times_of_price_and_sale_follow_what_was_seen() {
    let cut = PropertyInput { list_price: Some(290_000.0), ..bare() };
    let (_, cheaper) = then(home("1"), cut);
    let (_, sold) = then(home("1"), with_status(StandardStatus::Closed));
    let back = decide(Some(&sold), &draft(with_status(StandardStatus::Active)), LATER + 1).unwrap();
    let born_sold = stored(with_status(StandardStatus::Closed));

    assert_eq!((cheaper.price_changed_at, cheaper.original_list_price), (Some(LATER), Some(30_000_000)));
    assert_eq!((sold.closed_at, sold.price_changed_at), (Some(LATER), None));
    assert_eq!(back.row.unwrap().closed_at, None);
    assert_eq!(born_sold.closed_at, None);
}

#[test]
fn an_address_is_completed_part_by_part() {
    let mut more = bare();
    more.address = Some(crate::protocol::property::Address {
        state_or_province: Some("OH".into()),
        ..Default::default()
    });

    let (decision, row) = then(home("1"), more);

    assert_eq!(decision.changes, [PropertyChange::Fields(vec!["address"])]);
    assert_eq!(row.address.as_deref(), Some(r#"{"city":"Toledo","state_or_province":"OH"}"#));
    assert_eq!(row.search_text, "toledo oh 1");
}

#[test]
fn a_price_that_the_stored_currency_cannot_express_is_refused() {
    let yen = stored(PropertyInput { currency: Some("JPY".into()), ..home("1") });
    let halves = PropertyInput { list_price: Some(1.5), ..bare() };

    let errors = decide(Some(&yen), &draft(halves), LATER).unwrap_err();

    assert_eq!(errors[0].pointer, "/list_price");
    // 300,000 yen compare with other rows as 300,000 of anything.
    assert_eq!((yen.list_price, yen.current_price), (Some(300_000), Some(30_000_000)));
}

#[test]
fn a_currency_that_is_corrected_changes_the_unit_and_not_the_amount() {
    let dollars = stored(home("1"));
    let dinars = PropertyInput { currency: Some("KWD".into()), ..bare() };

    let row = decide(Some(&dollars), &draft(dinars), LATER).unwrap().row.unwrap();

    assert_eq!((dollars.list_price, row.list_price), (Some(30_000_000), Some(300_000_000)));
    assert_eq!(row.current_price, Some(30_000_000));
}

#[test]
fn the_largest_property_that_is_accepted_fits_in_an_event() {
    // A control character takes six bytes as JSON: nothing takes more.
    let long = |length: usize| Some("\u{1}".repeat(length));
    let mut input = home("1");
    input.source = long(100);
    input.listing_key = long(200);
    // A URL has none; of what it may have, nothing takes more than four.
    input.source_url = Some(format!("http://e/{}", "\u{1f3e0}".repeat(1_991)));
    (input.property_type, input.living_area_units, input.lot_size_units) = (long(100), long(30), long(30));
    input.address = Some(crate::protocol::property::Address {
        unparsed: long(300),
        street: long(200),
        city: long(100),
        state_or_province: long(100),
        postal_code: long(20),
        country: long(100),
    });
    input.attributes = Some([("a".to_owned(), "x".repeat(16 * 1024 - 8).into())].into());

    let property = super::super::view::property(&stored(input));
    let bytes = serde_json::to_string(&property).unwrap().len();

    assert!(bytes < 60 * 1024, "{bytes}");
}

fn sightings() -> impl Strategy<Value = Vec<PropertyInput>> {
    let sighting = (
        proptest::option::of(prop_oneof![Just(0.0), Just(100_000.0), Just(200_000.0), Just(300_000.0)]),
        proptest::option::of(prop_oneof![Just(100_000.0), Just(250_000.0)]),
        proptest::option::of(prop_oneof![
            Just(StandardStatus::Active),
            Just(StandardStatus::Pending),
            Just(StandardStatus::Closed)
        ]),
        proptest::option::of(prop_oneof![Just("USD"), Just("JPY")]),
        proptest::option::of(any::<bool>()),
        proptest::option::of(0..3_i64),
    );
    let input = sighting.prop_map(|(list, close, status, currency, removed, beds)| PropertyInput {
        list_price: list,
        close_price: close,
        standard_status: status,
        currency: currency.map(str::to_owned),
        removed,
        bedrooms_total: beds,
        ..bare()
    });
    proptest::collection::vec(input, 1..12)
}

proptest! {
    #[test]
    fn replaying_the_emitted_values_gives_the_row(sightings in sightings()) {
        let mut row: Option<PropertyRow> = None;
        let mut price: Option<i64> = None;
        let mut status = String::new();
        for (now, seen) in (1..).zip(sightings) {
            let decision = decide(row.as_ref(), &draft(seen), now).unwrap();
            prop_assert_eq!(decision.changes.is_empty(), decision.outcome == UpsertOutcome::Unchanged);
            for told in &decision.changes {
                match told {
                    PropertyChange::Created => {
                        let created = decision.row.as_ref().unwrap();
                        price = current_price(created);
                        status = created.standard_status.clone();
                    }
                    PropertyChange::Price { old, new } => {
                        let before = row.as_ref().unwrap();
                        let same_currency = before.currency == decision.row.as_ref().unwrap().currency;
                        prop_assert_eq!(*old, price.filter(|_| same_currency));
                        price = *new;
                    }
                    PropertyChange::Status { old, new } => {
                        prop_assert_eq!(old, &status);
                        status.clone_from(new);
                    }
                    PropertyChange::Removed => "removed".clone_into(&mut status),
                    PropertyChange::Fields(names) => prop_assert!(!names.is_empty()),
                }
            }
            row = decision.row;
            if let Some(row) = &row {
                prop_assert_eq!(current_price(row), price);
                let shown = if row.removed { "removed" } else { &row.standard_status };
                prop_assert_eq!(shown, &status);
            }
        }
    }
}
