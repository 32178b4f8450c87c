//! Reads a price from a JSON value: a number, a text, or an object that holds an amount, its currency and its period.

use serde_json::Value;

use super::currency::{CurrencyHint, currency_hint};
use super::listing_type::rental_period;
use super::price::{Amount, PriceText, is_price, price_text_in};
use super::text::{Object, elements, plain_elements};

/// Keys of the amount, the exact ones before those for display.
const AMOUNT_KEYS: &[&str] = &[
    "value",
    "amount",
    "price",
    "listPrice",
    "@value",
    "raw",
    "rawValue",
    "numericValue",
    "formattedValue",
    "formatted",
    "formattedPrice",
    "display",
    "displayValue",
    "displayPrice",
    "text",
    "label",
];
/// Keys of texts beside an amount, which tell its currency and period.
const DISPLAY_KEYS: &[&str] = &[
    "formattedValue",
    "formatted",
    "formattedPrice",
    "display",
    "displayValue",
    "displayPrice",
    "priceFormatted",
    "text",
    "label",
];
const CURRENCY_KEYS: &[&str] = &[
    "currency",
    "currencyCode",
    "priceCurrency",
    "currency_code",
    "currencyIso",
    "currencyISO",
    "isoCode",
    "currencySymbol",
    "currency_symbol",
    "symbol",
];
const PERIOD_KEYS: &[&str] =
    &["period", "frequency", "priceFrequency", "rentFrequency", "interval", "per", "unitCode", "unitText"];
const LOW_KEYS: &[&str] = &["minPrice", "lowPrice", "priceMin", "min", "low", "from", "minValue"];
const HIGH_KEYS: &[&str] = &["maxPrice", "highPrice", "priceMax", "max", "high", "to", "maxValue"];

/// A price, or the word that there is none; `None` where the value says neither. Of a list the first that reads.
pub fn price_value(value: &Value) -> Option<PriceText> {
    price_value_in(value, CurrencyHint::None)
}

/// The same where `stated` is the currency that is told beside the value. It decides how a number is read: "350.500" in
/// Kuwaiti dinars has three decimals.
pub fn price_value_in(value: &Value, stated: CurrencyHint) -> Option<PriceText> {
    match value {
        Value::Number(number) => one(number.as_f64()?),
        Value::String(text) => {
            let read = price_text_in(text, stated);
            (read.amount.is_some() || read.on_request || read.previous.is_some()).then_some(read)
        }
        Value::Array(values) => elements(values).find_map(|value| price_value_in(value, stated)),
        Value::Object(object) => price_object(object, stated),
        Value::Null | Value::Bool(_) => None,
    }
}

fn one(amount: f64) -> Option<PriceText> {
    let amount = is_price(amount).then_some(Amount::One(amount));
    amount.map(|amount| PriceText { amount: Some(amount), ..PriceText::default() })
}

/// Whether a value is a text of digits with one point before exactly three of them, as programs write decimals.
pub fn is_pointed(value: &Value) -> bool {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Seven bytes are the longest: nothing more is looked at.
    text.len() <= 7
        && text.split_once('.').is_some_and(|(whole, part)| {
            (1..=3).contains(&whole.len()) && part.len() == 3 && is_digits(whole) && is_digits(part)
        })
}

/// One level only: a price inside of a price is a history or a range.
fn price_object(object: &Object, around: CurrencyHint) -> Option<PriceText> {
    let stated = CURRENCY_KEYS.iter().filter_map(|key| object.get(*key)).find_map(stated_currency);
    let stated = stated.unwrap_or_default();
    let beside = stated.or(around);
    let display = DISPLAY_KEYS.iter().filter_map(|key| object.get(*key)?.as_str());
    let display: Vec<PriceText> = display.map(|text| price_text_in(text, beside)).collect();
    let shown = display.iter().fold(CurrencyHint::None, |known, shown| known.or(shown.currency));
    let beside = beside.or(shown);
    let held =
        AMOUNT_KEYS.iter().filter_map(|key| object.get(*key)).find_map(|value| plain_price(value, beside));
    let mut read = held.or_else(|| range(object, beside))?;
    // A code that is stated wins over the amount's own sign, and that over the sign in a text for display.
    read.currency = stated.or(read.currency).or(shown);
    let minor = if read.currency.or(around).has_three_decimals() { 1_000.0 } else { 100.0 };
    read.amount = read.amount.map(|amount| major(amount, &display, minor));
    let texts = PERIOD_KEYS.iter().filter_map(|key| object.get(*key)?.as_str());
    let period = read.period.or_else(|| texts.clone().find_map(rental_period));
    read.period = period.or_else(|| display.iter().find_map(|shown| shown.period));
    read.lease |= read.period.is_some() || display.iter().any(|shown| shown.lease);
    Some(read)
}

/// An amount in major units: the one for display, where the other one is that in minor units.
fn major(amount: Amount, display: &[PriceText], minor: f64) -> Amount {
    let Amount::One(raw) = amount else { return amount };
    let shown = display.iter().filter_map(|shown| match shown.amount? {
        Amount::One(shown) => Some(shown),
        Amount::Range { .. } => None,
    });
    let shown: Vec<f64> = shown.collect();
    if shown.contains(&raw) {
        return amount;
    }
    let is_major = |shown: &&f64| (**shown * minor - raw).abs() < 1e-3;
    shown.iter().find(is_major).map_or(amount, |shown| Amount::One(*shown))
}

fn plain_price(value: &Value, beside: CurrencyHint) -> Option<PriceText> {
    match value {
        Value::Object(_) => None,
        Value::Array(values) => plain_elements(values).find_map(|value| price_value_in(value, beside)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => price_value_in(value, beside),
    }
}

/// A currency as a text, or as an object with a code or a symbol.
fn stated_currency(value: &Value) -> Option<CurrencyHint> {
    let hint = match value {
        Value::String(text) => currency_hint(text),
        Value::Object(object) => {
            let keys = ["code", "isoCode", "iso", "id", "name", "symbol"];
            let texts = keys.iter().filter_map(|key| object.get(*key)?.as_str());
            texts.map(currency_hint).fold(CurrencyHint::None, CurrencyHint::or)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => CurrencyHint::None,
    };
    (hint != CurrencyHint::None).then_some(hint)
}

fn range(object: &Object, beside: CurrencyHint) -> Option<PriceText> {
    let get = |keys: &[&str]| {
        keys.iter().filter_map(|key| object.get(*key)).find_map(|value| plain_price(value, beside))
    };
    let (low, high) = (get(LOW_KEYS), get(HIGH_KEYS));
    let single = |price: &Option<PriceText>| match price.as_ref()?.amount? {
        Amount::One(amount) => Some(amount),
        Amount::Range { .. } => None,
    };
    let amount = match (single(&low), single(&high)) {
        (Some(low), Some(high)) if low < high => Amount::Range { low, high },
        (Some(low), Some(high)) if low == high => Amount::One(low),
        _ => return None,
    };
    let mut read = low?;
    read.amount = Some(amount);
    Some(read)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::property::RentalPeriod;

    fn single(value: Value) -> Option<(f64, Option<&'static str>)> {
        let read = price_value(&value)?;
        match read.amount? {
            Amount::One(amount) => Some((amount, read.currency.resolve(None))),
            Amount::Range { .. } => None,
        }
    }

    #[test]
    fn prices_are_read_from_every_shape() {
        for (value, amount, currency) in [
            (json!(303000), 303_000.0, None),
            (json!("&euro;303.000"), 303_000.0, Some("EUR")),
            (json!({"amount": "900", "currency": "eur"}), 900.0, Some("EUR")),
            (json!({"value": 425000, "currency": {"code": "GBP", "symbol": "£"}}), 425_000.0, Some("GBP")),
            (json!({"amount": 425000, "formattedValue": "£425,000"}), 425_000.0, Some("GBP")),
            (json!({"formatted": "R$ 437.500"}), 437_500.0, Some("BRL")),
            (json!({"value": "$425,000", "currencyCode": "AUD"}), 425_000.0, Some("AUD")),
            (json!([null, "-", "€ 5.000"]), 5_000.0, Some("EUR")),
            (json!({"value": ["€ 5.000"]}), 5_000.0, Some("EUR")),
            (json!({"price": 425000, "currency": "PCM"}), 425_000.0, None),
            (json!("1.25E7"), 12_500_000.0, None),
            (json!({"value": "4.25e+05", "currency": "EUR"}), 425_000.0, Some("EUR")),
            (json!({"value": "350.500", "currency": "KWD"}), 350.5, Some("KWD")),
            (json!({"value": "350.500 / month", "currencyCode": "OMR"}), 350.5, Some("OMR")),
            (json!({"value": "350.500", "currency": "EUR"}), 350_500.0, Some("EUR")),
            (json!({"value": "350,500", "currency": "KWD"}), 350_500.0, Some("KWD")),
        ] {
            assert_eq!(single(value.clone()), Some((amount, currency)), "{value}");
        }
    }

    #[test]
    fn an_amount_in_minor_units_is_that_of_the_text_beside_it() {
        for (amount, formatted, expected) in [
            (json!(42_500_000), "£425,000", 425_000.0),
            (json!("42500050"), "£425,000.50", 425_000.5),
            (json!(350_500), "KWD 350.500", 350.5),
            (json!(425_000), "£425,000", 425_000.0),
            (json!(42_500_000), "£425k", 425_000.0),
            (json!(42_500_000), "£430,000", 42_500_000.0),
            (json!(4_250_000), "£425,000", 4_250_000.0),
            (json!(35_050), "KWD 350.500", 35_050.0),
        ] {
            let value = json!({"amount": amount, "formatted": formatted});
            assert_eq!(single(value).map(|(amount, _)| amount), Some(expected), "{amount} {formatted}");
        }
    }

    #[test]
    fn digits_with_one_point_before_three_are_pointed() {
        assert!(is_pointed(&json!("350.500")));
        for value in
            [json!(350.5), json!("350,500"), json!("350.50"), json!("1.350.500"), json!("KWD 350.500")]
        {
            assert!(!is_pointed(&value), "{value}");
        }
    }

    #[test]
    fn what_holds_no_price_is_none() {
        for value in [
            json!(0),
            json!(1),
            json!(-1),
            json!(9_999_999),
            json!(null),
            json!(true),
            json!({"min": 1}),
            json!({"value": {"value": 425000}}),
            json!({"date": "2020-01-01"}),
            json!("some text"),
            json!([]),
        ] {
            assert_eq!(price_value(&value), None, "{value}");
        }
    }

    #[test]
    fn a_price_on_request_is_said_and_has_no_amount() {
        let read = price_value(&json!("POA")).unwrap_or_default();

        assert!(read.on_request);
        assert_eq!(read.amount, None);
    }

    #[test]
    fn two_bounds_are_a_range() {
        let read = price_value(&json!({"minPrice": 425000, "maxPrice": 480000, "priceCurrency": "EUR"}));

        let read = read.unwrap_or_default();
        assert_eq!(read.amount, Some(Amount::Range { low: 425_000.0, high: 480_000.0 }));
        assert_eq!(read.currency.code(), Some("EUR"));
    }

    #[test]
    fn a_period_beside_an_amount_makes_a_rent() {
        for value in [
            json!({"amount": 1250, "frequency": "monthly"}),
            json!({"value": 1250, "unitCode": "MON"}),
            json!({"amount": 1250, "formatted": "£1,250 pcm"}),
        ] {
            let read = price_value(&value).unwrap_or_default();
            assert_eq!((read.period, read.lease), (Some(RentalPeriod::Month), true), "{value}");
        }
    }
}
