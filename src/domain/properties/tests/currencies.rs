//! Changes of a price and of its currency: what each of them emits, and amounts that a currency cannot express.

use super::super::diff::{PropertyChange, decide};
use super::super::view::ChangeContext;
use super::{LATER, bare, draft, home, stored, then};
use crate::protocol::event::Event;
use crate::protocol::property::PropertyInput;
use crate::storage::properties::Writer;

/// A listing with this price, in this currency if it has a name.
fn priced(price: f64, currency: &str) -> PropertyInput {
    PropertyInput { list_price: Some(price), ..named(currency) }
}

fn named(currency: &str) -> PropertyInput {
    PropertyInput { currency: Some(currency.to_owned()).filter(|code| !code.is_empty()), ..bare() }
}

fn emptied(names: &[&'static str], seen: PropertyInput) -> PropertyInput {
    PropertyInput { nulls: names.iter().copied().collect(), ..seen }
}

/// The events as a client sees them, in short: the changed fields, or old and new price with their currencies.
fn told(known: PropertyInput, seen: PropertyInput) -> Vec<String> {
    let (decision, row) = then(known, seen);
    let context = ChangeContext { old: None, after: &row, job_id: None, now: LATER };
    let events = decision.changes.into_iter().map(|change| match context.event(change) {
        Event::Property { message, .. } => message,
        other => panic!("{other:?}"),
    });
    let words = |message: crate::protocol::message::PropertyUpdate| {
        let value = serde_json::to_value(&message).unwrap();
        let names = ["old", "old_currency", "new", "currency", "changed"];
        let fields = names.into_iter().filter_map(|name| Some(format!("{name} {}", value.get(name)?)));
        fields.collect::<Vec<_>>().join(", ").replace('"', "")
    };
    events.map(words).collect()
}

#[test]
fn a_currency_that_is_learned_is_no_change_of_the_price() {
    for (known, seen, expected) in [
        (priced(300.0, ""), named("EUR"), "changed [currency]"),
        (priced(300.0, ""), priced(300.0, "EUR"), "changed [currency]"),
        (priced(300.0, ""), priced(300.0, "JPY"), "changed [currency]"),
        (priced(300.5, ""), priced(300.5, "KWD"), "changed [currency]"),
        (bare(), named("EUR"), "changed [currency]"),
        (priced(300.0, ""), priced(290.0, "EUR"), "new 290.0, currency EUR"),
        (bare(), priced(290.0, "EUR"), "new 290.0, currency EUR"),
        (priced(300.0, ""), priced(290.0, ""), "old 300.0, new 290.0"),
        (priced(300.0, "EUR"), priced(290.0, ""), "old 300.0, new 290.0, currency EUR"),
        (priced(300.0, "EUR"), priced(290.0, "GBP"), "old 300.0, old_currency EUR, new 290.0, currency GBP"),
        (priced(300.0, "EUR"), named("GBP"), "old 300.0, old_currency EUR, new 300.0, currency GBP"),
        (priced(300.0, "EUR"), emptied(&["list_price"], bare()), "old 300.0, currency EUR"),
        (priced(300.0, ""), emptied(&["list_price"], bare()), "old 300.0"),
        (
            priced(300.0, "EUR"),
            emptied(&["list_price"], named("GBP")),
            "old 300.0, old_currency EUR, currency GBP",
        ),
        (priced(300.0, "EUR"), emptied(&["currency"], bare()), "changed [currency]"),
        (
            priced(300.0, "EUR"),
            emptied(&["currency"], priced(290.0, "")),
            "old 300.0, old_currency EUR, new 290.0",
        ),
    ] {
        assert_eq!(told(known.clone(), seen.clone()), [expected], "{known:?} then {seen:?}");
    }
    // An absent currency leaves it.
    assert_eq!(told(priced(300.0, "EUR"), priced(300.0, "")), [""; 0]);
}

#[test]
fn a_price_is_told_before_the_other_fields() {
    let seen = PropertyInput { bedrooms_total: Some(3), ..priced(290.0, "EUR") };

    let expected = ["new 290.0, currency EUR", "changed [bedrooms_total]"];
    assert_eq!(told(priced(300.0, ""), seen), expected);
}

#[test]
fn the_history_gets_a_row_when_a_currency_is_learned() {
    let (decision, row) = then(home("1"), named("EUR"));

    assert!(decision.writes_history);
    assert_eq!((row.currency.as_deref(), row.price_changed_at), (Some("EUR"), None));
}

#[test]
fn a_price_that_the_stored_currency_cannot_express_is_refused() {
    for (known, price, pointer) in [
        ("JPY", 1.5, Some("/list_price")),
        ("", 1.255, Some("/list_price")),
        ("EUR", 1_234_567_890.123, Some("/list_price")),
        ("KWD", 1.255, None),
    ] {
        let row = stored(PropertyInput { list_price: Some(300_000.0), ..named(known) });
        let seen = PropertyInput { list_price: Some(price), ..bare() };
        let errors = decide(Some(&row), &draft(seen), Writer::Worker, LATER).err().unwrap_or_default();

        let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, pointer.as_slice(), "{known} {price}");
    }
    // 300,000 yen compare with other rows as 300,000 of anything.
    let yen = stored(priced(300_000.0, "JPY"));
    assert_eq!((yen.list_price, yen.current_price), (Some(300_000), Some(30_000_000)));
}

#[test]
fn a_currency_that_is_corrected_changes_the_unit_and_not_the_amount() {
    let (_, row) = then(priced(300_000.0, "USD"), named("KWD"));

    assert_eq!((row.list_price, row.original_list_price), (Some(300_000_000), Some(300_000_000)));
    assert_eq!(row.current_price, Some(30_000_000));
}

#[test]
fn another_currency_with_another_list_price_gives_a_new_original_price() {
    let original = |price| PropertyInput { original_list_price: Some(price), ..bare() };
    let dear = PropertyInput { original_list_price: Some(120_000.0), ..priced(100_000.0, "EUR") };
    let given = PropertyInput { original_list_price: Some(90_000.0), ..priced(80_000.0, "GBP") };
    for (known, seen, expected) in [
        (priced(100_000.0, "EUR"), priced(80_000.0, "GBP"), Some(8_000_000)),
        (dear.clone(), priced(80_000.0, "GBP"), Some(8_000_000)),
        (dear.clone(), priced(100_000.0, "GBP"), Some(12_000_000)),
        (dear.clone(), named("GBP"), Some(12_000_000)),
        (dear.clone(), priced(80_000.0, "EUR"), Some(12_000_000)),
        (dear.clone(), given, Some(9_000_000)),
        (dear.clone(), emptied(&["original_list_price"], priced(80_000.0, "GBP")), None),
        (dear, emptied(&["currency"], priced(80_000.0, "")), Some(8_000_000)),
        (priced(100_000.0, ""), priced(80_000.0, "GBP"), Some(8_000_000)),
        (priced(100_000.0, ""), priced(100_000.0, "GBP"), Some(10_000_000)),
        (priced(100_000.55, ""), priced(80_000.0, "JPY"), Some(80_000)),
        (original(100_000.0), priced(80_000.0, "GBP"), Some(10_000_000)),
    ] {
        let (_, row) = then(known.clone(), seen.clone());
        assert_eq!(row.original_list_price, expected, "{known:?} then {seen:?}");
    }
}

#[test]
fn an_original_price_that_was_emptied_stays_empty_in_another_currency() {
    let known = emptied(&["original_list_price"], priced(100_000.0, "EUR"));

    assert_eq!(then(known, priced(80_000.0, "GBP")).1.original_list_price, None);
}

#[test]
fn a_currency_with_too_few_decimals_for_a_stored_price_is_refused() {
    let row = stored(priced(1.255, "KWD"));
    let refused = |seen| decide(Some(&row), &draft(seen), Writer::Worker, LATER).err().unwrap_or_default();

    for seen in [named("EUR"), named("JPY"), emptied(&["currency"], bare())] {
        let errors = refused(seen.clone());
        assert_eq!(errors.len(), 1, "{seen:?}");
        assert_eq!(errors[0].pointer, "/currency", "{seen:?}");
    }
    // With another list price the original price is not carried into the new currency.
    assert!(refused(priced(1.25, "EUR")).is_empty());
    let whole = PropertyInput { original_list_price: Some(1.25), ..priced(1.25, "EUR") };
    assert!(refused(whole).is_empty());
    assert!(refused(emptied(&["original_list_price"], priced(1.25, "EUR"))).is_empty());
}

#[test]
fn a_range_of_prices_is_kept_in_order_and_is_no_current_price() {
    let range = |low, high| PropertyInput { list_price_low: low, list_price_high: high, ..named("EUR") };
    let (decision, row) = then(named("EUR"), range(Some(100.0), Some(200.0)));

    assert_eq!(decision.changes, [PropertyChange::Fields(vec!["list_price_low", "list_price_high"])]);
    assert_eq!(
        (row.list_price_low, row.list_price_high, row.current_price),
        (Some(10_000), Some(20_000), None)
    );
    let above = decide(Some(&row), &draft(range(Some(300.0), None)), Writer::Worker, LATER).unwrap_err();
    assert_eq!(above[0].pointer, "/list_price_low");
}
