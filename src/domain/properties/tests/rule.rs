//! The rule of an upsert as a table, and its invariant: replaying the emitted values gives the row.

use proptest::prelude::*;

use super::super::apply::current_price;
use super::super::diff::{Price, PropertyChange, UpsertOutcome, decide};
use super::super::event_size::size_fault;
use super::super::report::Removal;
use super::{CREATED, LATER, bare, draft, home, stored, then};
use crate::protocol::property::{Media, MediaKind, PropertyInput, RemovalReason, StandardStatus};
use crate::storage::properties::{PropertyRow, Writer};

fn with_status(status: StandardStatus) -> PropertyInput {
    PropertyInput { standard_status: Some(status), ..bare() }
}

/// An amount without currency.
fn amount(major: i64) -> Price {
    Price { minor: major * 100, currency: None }
}

fn price(old: i64, new: i64) -> PropertyChange {
    PropertyChange::Price { old: Some(amount(old)), new: Some(amount(new)) }
}

fn gone() -> PropertyChange {
    PropertyChange::Removed(Removal { reason: RemovalReason::Worker, same_as: None })
}

fn status(old: &str, new: &str) -> PropertyChange {
    PropertyChange::Status { old: old.into(), new: new.into() }
}

#[test]
fn a_new_listing_is_active_with_its_first_price_as_the_original_and_no_currency_that_is_not_known() {
    let decision = decide(None, &draft(home("1")), Writer::Worker, CREATED).unwrap();

    assert_eq!(
        (decision.outcome, decision.changes, decision.writes_history),
        (UpsertOutcome::Created, vec![PropertyChange::Created], true)
    );
    let row = decision.row.unwrap();
    assert_eq!((row.standard_status.as_str(), row.currency.as_deref()), ("active", None));
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
                PropertyChange::Price { old: None, new: Some(amount(300_000)) },
                PropertyChange::Fields(vec!["address"]),
            ],
        ),
        (home("1"), PropertyInput { removed: Some(true), list_price: Some(1.0), ..bare() }, vec![gone()]),
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
    let decide_later = |input| decide(Some(&row), &draft(input), Writer::Worker, LATER + 1).unwrap();
    let (again, back) = (decide_later(gone.clone()), decide_later(home("1")));
    let unknown = decide(None, &draft(gone), Writer::Worker, LATER).unwrap();

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
    let active = draft(with_status(StandardStatus::Active));
    let back = decide(Some(&sold), &active, Writer::Worker, LATER + 1).unwrap();
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

/// A listing whose texts take most bytes: a control character takes six as JSON, and nothing takes more.
fn largest(media: usize) -> PropertyInput {
    let long = |length: usize| Some("\u{1}".repeat(length));
    let mut input = home("1");
    input.source = long(100);
    input.listing_key = long(200);
    // A URL has none; of what it may have, nothing takes more than four.
    input.source_url = Some(format!("http://e/{}", "\u{1f3e0}".repeat(1_991)));
    (input.property_type, input.living_area_units, input.lot_size_units) = (long(100), long(30), long(30));
    (input.energy_rating, input.tenure) = (long(20), long(50));
    (input.list_office_name, input.list_agent_name) = (long(200), long(200));
    input.address = Some(crate::protocol::property::Address {
        unparsed: long(300),
        street: long(200),
        city: long(100),
        state_or_province: long(100),
        postal_code: long(20),
        country: long(100),
    });
    input.attributes = Some([("a".to_owned(), "x".repeat(16 * 1024 - 8).into())].into());
    input.description = Some("x".repeat(8 * 1024));
    let url = format!("https://homes.example/{}", "a".repeat(200));
    input.media = Some(vec![Media { url, kind: MediaKind::Photo, caption: None }; media]);
    input
}

#[test]
fn a_property_that_is_accepted_fits_in_an_event() {
    let bytes = |row: &PropertyRow| serde_json::to_string(&super::super::view::property(row)).unwrap().len();
    let (fits, large) = (stored(largest(20)), stored(largest(100)));

    assert!(size_fault(&fits).is_none() && bytes(&fits) <= 60 * 1024, "{}", bytes(&fits));
    assert!(bytes(&large) > 60 * 1024, "{}", bytes(&large));
    let fault = size_fault(&large).unwrap();
    assert_eq!((fault.pointer.as_str(), fault.kind.as_str()), ("/media", "max_length"));
    // Whatever is left out of the exact measure is small.
    let others = PropertyInput { attributes: None, description: None, ..largest(0) };
    assert!(bytes(&stored(others)) < 24 * 1024);
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
        proptest::option::of(prop_oneof![Just("USD"), Just("EUR"), Just("JPY"), Just("KWD")]),
        proptest::option::of(any::<bool>()),
        proptest::option::of(0..3_i64),
        any::<[bool; 2]>(),
    );
    let input = sighting.prop_map(|(list, close, status, currency, removed, beds, empties)| {
        let empties =
            [("list_price", empties[0] && list.is_none()), ("currency", empties[1] && currency.is_none())];
        PropertyInput {
            list_price: list,
            close_price: close,
            standard_status: status,
            currency: currency.map(str::to_owned),
            removed,
            bedrooms_total: beds,
            nulls: empties.into_iter().filter_map(|(name, is_null)| is_null.then_some(name)).collect(),
            ..bare()
        }
    });
    proptest::collection::vec(input, 1..12)
}

proptest! {
    #[test]
    fn replaying_the_emitted_values_gives_the_row(sightings in sightings()) {
        let mut row: Option<PropertyRow> = None;
        let (mut price, mut currency): (Option<f64>, Option<String>) = (None, None);
        let mut status = String::new();
        let shown = |row: &PropertyRow| {
            let currency = row.currency.clone();
            current_price(row).map(|minor| Price { minor, currency }.to_major())
        };
        for (now, seen) in (1..).zip(sightings) {
            let decision = decide(row.as_ref(), &draft(seen), Writer::Worker, now).unwrap();
            prop_assert_eq!(decision.changes.is_empty(), decision.outcome == UpsertOutcome::Unchanged);
            for told in &decision.changes {
                let after = decision.row.as_ref().unwrap();
                match told {
                    PropertyChange::Created => {
                        (price, currency) = (shown(after), after.currency.clone());
                        status = after.standard_status.clone();
                    }
                    PropertyChange::Price { old, new } => {
                        match old {
                            Some(old) => {
                                prop_assert_eq!((Some(old.to_major()), &old.currency), (price, &currency));
                            }
                            None => prop_assert!(price.is_none() || currency.is_none()),
                        }
                        (price, currency) = (new.as_ref().map(Price::to_major), after.currency.clone());
                    }
                    PropertyChange::Status { old, new } => {
                        prop_assert_eq!(old, &status);
                        status.clone_from(new);
                    }
                    PropertyChange::Removed(_) => "removed".clone_into(&mut status),
                    PropertyChange::Fields(names) => {
                        prop_assert!(!names.is_empty());
                        if names.contains(&"currency") {
                            currency.clone_from(&after.currency);
                        }
                    }
                }
            }
            row = decision.row;
            if let Some(row) = &row {
                prop_assert_eq!((shown(row), &row.currency), (price, &currency));
                let told = if row.removed { "removed" } else { &row.standard_status };
                prop_assert_eq!(told, &status);
            }
        }
    }
}
