//! The price of one object: an offer, a home, a PriceSpecification. A price for an area is none, and one that is struck
//! out is the price before.

use serde_json::Value;

use super::super::bounds::value_steps;
use super::super::draft::Draft;
use super::super::field::Field;
use super::super::values::{self, Amount, Object};
use super::super::vocabulary::{local_name, normalize_key};
use super::source::Source;
use crate::protocol::property::RentalPeriod;

/// Bytes of a unit or a type that are looked at.
const MAX_WORD_BYTES: usize = 200;
/// Steps of looking at the units and the type of a price.
const WORDS_STEPS: u64 = 64;

/// What the properties of an object say about its price.
#[derive(Clone, Copy, Default)]
pub(super) struct PriceFacts<'a> {
    price: Option<&'a Value>,
    low: Option<&'a Value>,
    high: Option<&'a Value>,
    pub(super) currency: Option<&'a Value>,
    pub(super) specification: Option<&'a Value>,
    unit_code: Option<&'a Value>,
    unit_text: Option<&'a Value>,
    quantity: Option<&'a Value>,
    duration: Option<&'a Value>,
    price_type: Option<&'a Value>,
    offer_count: Option<&'a Value>,
}

/// What a price is to the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PriceRole {
    Current,
    /// The list price of a dealer: the current one, if there is no other.
    Listed,
    /// What it was before.
    Original,
    PerArea,
}

impl<'a> PriceFacts<'a> {
    /// Takes the value of a property that speaks of the price; whether it does.
    pub(super) fn take(&mut self, key: &str, value: &'a Value) -> bool {
        let slot = match key {
            "price" => &mut self.price,
            "lowprice" | "minprice" => &mut self.low,
            "highprice" | "maxprice" => &mut self.high,
            "pricecurrency" => &mut self.currency,
            "pricespecification" => &mut self.specification,
            "unitcode" => &mut self.unit_code,
            "unittext" => &mut self.unit_text,
            "referencequantity" => &mut self.quantity,
            "billingduration" => &mut self.duration,
            "pricetype" => &mut self.price_type,
            "offercount" => &mut self.offer_count,
            _ => return false,
        };
        slot.get_or_insert(value);
        true
    }

    /// Whether there are the ends of a range and no price.
    pub(super) fn is_range(&self) -> bool {
        self.price.is_none() && self.low.or(self.high).is_some()
    }

    /// How many offers an AggregateOffer counts; 0 when it does not.
    pub(super) fn offer_count(&self) -> i64 {
        self.offer_count.and_then(values::whole_value).unwrap_or(0)
    }

    pub(super) fn role(&self, source: Source<'_>) -> PriceRole {
        source.budget.charge_steps(WORDS_STEPS);
        if self.units().any(is_area) {
            return PriceRole::PerArea;
        }
        let word = self.price_type.and_then(word).map(|word| normalize_key(local_name(word)));
        match word.as_deref() {
            Some("strikethroughprice") => PriceRole::Original,
            Some("listprice" | "msrp" | "srp" | "regularprice" | "minimumadvertisedprice") => {
                PriceRole::Listed
            }
            Some(_) | None => PriceRole::Current,
        }
    }

    /// Sets the price before.
    pub(super) fn set_original(&self, draft: &mut Draft, source: Source<'_>) {
        if let Some(price) = self.price {
            source.set(draft, Field::OriginalListPrice, "price", price);
        }
    }

    /// Sets the price with its currency and its period, unless the draft has another price already. `currency` is
    /// what was stated beside it.
    pub(super) fn set(&self, draft: &mut Draft, currency: Option<&Value>, source: Source<'_>) {
        // The same price once more may say more about itself.
        let known = draft.property.list_price;
        if draft.has_price()
            && (known.is_none() || known != self.price.and_then(|price| amount(price, source)))
        {
            return;
        }
        if let Some(price) = self.price {
            source.set(draft, Field::ListPrice, "price", price);
        }
        if !draft.has_price() {
            self.set_range(draft, source);
        }
        if !draft.has_price() {
            return;
        }
        if let Some(currency) = self.currency.or(currency) {
            source.set(draft, Field::Currency, "priceCurrency", currency);
        }
        if let Some(period) = self.period(source) {
            source.set_text(draft, Field::RentalPeriod, "unitCode", period.name());
            source.set_text(draft, Field::ListingType, "unitCode", "lease");
        }
    }

    fn set_range(&self, draft: &mut Draft, source: Source<'_>) {
        let end = |price: Option<&Value>| amount(price?, source);
        let (low, high) = (end(self.low), end(self.high));
        let is_one = match (low, high) {
            (Some(low), Some(high)) => low == high,
            // The lowest price of one offer is its price.
            _ => self.offer_count() == 1,
        };
        if is_one && let Some(price) = self.low.or(self.high) {
            return source.set(draft, Field::ListPrice, "lowPrice", price);
        }
        if let Some(low) = self.low {
            source.set(draft, Field::PriceLow, "lowPrice", low);
        }
        if let Some(high) = self.high {
            source.set(draft, Field::PriceHigh, "highPrice", high);
        }
    }

    fn period(&self, source: Source<'_>) -> Option<RentalPeriod> {
        source.budget.charge_steps(WORDS_STEPS);
        self.units().chain(self.duration.and_then(single_unit)).find_map(period)
    }

    /// What the price is for one of.
    fn units(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let quantity = self.quantity.and_then(single_unit);
        [self.unit_code.and_then(word), self.unit_text.and_then(word), quantity].into_iter().flatten()
    }
}

fn amount(value: &Value, source: Source<'_>) -> Option<f64> {
    source.budget.charge_steps(value_steps(value));
    match values::price_value(value)?.amount? {
        Amount::One(amount) => Some(amount),
        Amount::Range { .. } => None,
    }
}

fn word(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|word| !word.is_empty() && word.len() <= MAX_WORD_BYTES)
}

/// The unit of a QuantitativeValue of one, or the text as it is.
fn single_unit(value: &Value) -> Option<&str> {
    let Value::Object(quantity) = value else { return word(value) };
    let is_single = quantity.get("value").is_none_or(|value| values::count_value(value) == Some(1.0));
    is_single.then(|| unit_of(quantity)).flatten()
}

fn unit_of(quantity: &Object) -> Option<&str> {
    ["unitCode", "unitText"].iter().find_map(|key| word(quantity.get(*key)?))
}

/// The period of a code (UN/CEFACT Recommendation 20), of a duration (ISO 8601), or in words.
fn period(text: &str) -> Option<RentalPeriod> {
    match text.to_ascii_uppercase().as_str() {
        "MON" | "P1M" => Some(RentalPeriod::Month),
        "WEE" | "P1W" | "P7D" => Some(RentalPeriod::Week),
        "DAY" | "P1D" => Some(RentalPeriod::Day),
        "ANN" | "P1Y" | "P12M" => Some(RentalPeriod::Year),
        _ => values::rental_period(text),
    }
}

fn is_area(text: &str) -> bool {
    let last = text.rsplit([' ', '/']).next().unwrap_or_default();
    period(text).is_none() && (values::area_unit(text).is_some() || values::area_unit(last).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn periods_are_codes_durations_and_words() {
        assert_eq!(period("MON"), Some(RentalPeriod::Month));
        assert_eq!(period("ann"), Some(RentalPeriod::Year));
        assert_eq!(period("P1W"), Some(RentalPeriod::Week));
        assert_eq!(period("per month"), Some(RentalPeriod::Month));
        assert_eq!(period("C62"), None);
    }

    #[test]
    fn units_of_area_are_no_periods() {
        assert!(is_area("MTK") && is_area("m²") && is_area("EUR/m²"));
        assert!(!is_area("MON") && !is_area("C62"));
    }

    #[test]
    fn a_period_is_that_of_one() {
        assert_eq!(single_unit(&json!({"value": 1, "unitCode": "MON"})), Some("MON"));
        assert_eq!(single_unit(&json!({"unitText": "week"})), Some("week"));
        assert_eq!(single_unit(&json!({"value": 12, "unitCode": "MON"})), None);
        assert_eq!(single_unit(&json!("P1M")), Some("P1M"));
        assert_eq!(single_unit(&json!(12)), None);
    }
}
