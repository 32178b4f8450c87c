//! Puts what a label says into the draft: the field, and the form of its value.

use serde_json::Value;

use super::super::draft::{At, Draft};
use super::super::field::Field;
use super::super::values::{self, Amount};
use super::dictionary::Meaning;
use super::labels::{Pair, has_digit};
use crate::crawler::page::Page;
use crate::protocol::property::ListingType;

/// Sets the fact of a label.
pub(super) fn apply_pair(draft: &mut Draft, pair: &Pair, page: &Page) {
    let at = At { base: page.base(), budget: page.budget(), fragment: &pair.label };
    let text = || Value::from(pair.value.as_str());
    match pair.meaning {
        Meaning::OtherAmount => {}
        Meaning::SalePrice => {
            draft.set(Field::ListPrice, &text(), &at);
            if has_digit(&pair.value) {
                draft.set(Field::ListingType, &Value::from("sale"), &at);
            }
        }
        Meaning::Rent => set_rent(draft, pair, &at),
        Meaning::Layout => match portuguese_bedrooms(&pair.value) {
            Some(bedrooms) => draft.set(Field::Bedrooms, &Value::from(bedrooms), &at),
            None => draft.set(Field::Rooms, &text(), &at),
        },
        Meaning::Fact(field) => {
            if let Some(value) = value_of(field, &pair.value) {
                draft.set(field, &value, &at);
            }
        }
    }
}

/// How much more a price is than a fee of the same home that is called a rent.
const FEE_RATIO: f64 = 20.0;

/// A rent is paid by the month unless its text says otherwise. Beside a price for which the home is sold it is a fee.
fn set_rent(draft: &mut Draft, pair: &Pair, at: &At<'_>) {
    let rent = values::price_text(&pair.value);
    let is_fee = match (draft.property.list_price, rent.amount) {
        (Some(price), Some(Amount::One(rent))) => price >= rent * FEE_RATIO,
        _ => false,
    };
    if is_fee || draft.property.listing_type == Some(ListingType::Sale) {
        return;
    }
    draft.set(Field::ListPrice, &Value::from(pair.value.as_str()), at);
    if !has_digit(&pair.value) {
        return;
    }
    draft.set(Field::ListingType, &Value::from("rent"), at);
    if rent.period.is_none() {
        draft.set(Field::RentalPeriod, &Value::from("month"), at);
    }
}

/// `T3`, `T2+1`: the number of bedrooms under the label "Tipologia".
fn portuguese_bedrooms(value: &str) -> Option<i64> {
    let digits = value.trim().strip_prefix(['T', 't'])?;
    let end = digits.find(|one: char| !one.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok().filter(|bedrooms| *bedrooms <= 20)
}

/// The value in the form that its field reads; `None` for one that is not understood.
pub(in crate::crawler::extract) fn value_of(field: Field, text: &str) -> Option<Value> {
    match field {
        Field::YearBuilt => number_with(text, 4).map(Value::from),
        Field::Stories | Field::Parking => {
            let digits = text.trim_start_matches(|one: char| !one.is_ascii_digit());
            let end = digits.find(|one: char| !one.is_ascii_digit()).unwrap_or(digits.len());
            digits.get(..end)?.parse::<i64>().ok().map(Value::from)
        }
        Field::ListedAt => date(text).map(Value::from),
        Field::Country => values::country_code(text).map(|_| Value::from(text)),
        Field::Status => values::status(text).map(|_| Value::from(text)),
        Field::ListingType => values::listing_type(text).map(|_| Value::from(text)),
        Field::EnergyRating => energy_class(text).map(Value::from),
        _ => Some(Value::from(text)),
    }
}

/// The first number with exactly this many digits.
fn number_with(text: &str, digits: usize) -> Option<i64> {
    let numbers = text.split(|one: char| !one.is_ascii_digit());
    numbers.filter(|number| number.len() == digits).find_map(|number| number.parse().ok())
}

/// A date whose order is plain, as ISO 8601: `2026-03-01T…`, `01.03.2026`, `2026年3月1日`.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') {
        return Some(text.to_owned());
    }
    let parts: Vec<&str> = text.split(['.', '年', '月', '日']).map(str::trim).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day, ..] if text.contains('年') => (year, month, day),
        [day, month, year] if year.len() == 4 => (year, month, day),
        _ => return None,
    };
    let (year, month, day): (u16, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// The class at the start of a value: `A+`, `B (75 kWh/m²a)`, `C3`.
fn energy_class(text: &str) -> Option<&str> {
    let word = text.split([' ', '(', ',', '/', ';']).find(|word| !word.is_empty())?;
    let mut rest = word.chars();
    let is_letter = rest.next().is_some_and(|one| ('A'..='H').contains(&one.to_ascii_uppercase()));
    let is_class = is_letter && rest.all(|one| one == '+' || one.is_ascii_digit()) && word.len() <= 5;
    is_class.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_where_their_order_is_plain() {
        assert_eq!(date("2026-03-01").as_deref(), Some("2026-03-01"));
        assert_eq!(date("1.3.2026").as_deref(), Some("2026-03-01"));
        assert_eq!(date("2026年3月1日").as_deref(), Some("2026-03-01"));
        assert_eq!(date("03/01/2026"), None);
        assert_eq!(date("yesterday"), None);
    }

    #[test]
    fn values_have_the_form_of_their_field() {
        assert_eq!(value_of(Field::YearBuilt, "1998年3月"), Some(Value::from(1998)));
        assert_eq!(value_of(Field::YearBuilt, "10 años"), None);
        assert_eq!(value_of(Field::Stories, "3 floors"), Some(Value::from(3)));
        assert_eq!(value_of(Field::EnergyRating, "B (75 kWh/m²a)"), Some(Value::from("B")));
        assert_eq!(value_of(Field::EnergyRating, "on request"), None);
        assert_eq!(portuguese_bedrooms("T3"), Some(3));
        assert_eq!(portuguese_bedrooms("Moradia"), None);
    }
}
