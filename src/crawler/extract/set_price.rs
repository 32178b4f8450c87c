//! Sets the prices of a listing and their currency.

use serde_json::Value;

use super::draft::{At, Draft, fill};
use super::field::Field;
use super::values::{self, Amount, CurrencyHint, PriceText};
use crate::protocol::property::ListingType;

/// Below this a number without a currency is a placeholder where the price is said to be on request.
pub(super) const LEAST_BARE_PRICE: f64 = 1_000.0;
/// What forms hold in the place of a price that is not known, beside 0, 1 and nines.
const PLACEHOLDERS: [f64; 4] = [123_456_789.0, 1_234_567_890.0, 111_111_111.0, 1_111_111_111.0];
/// Fewer nines may be a price.
const LEAST_NINES: f64 = 999_999_999.0;

impl Draft {
    pub(super) fn set_price(&mut self, field: Field, value: &Value, at: &At<'_>) {
        let Some(price) = values::price_value_in(value, self.currency) else { return };
        self.read_pointed_prices(price.currency);
        if price.on_request && price.amount.is_none() {
            self.no_price |= field == Field::ListPrice;
            return;
        }
        match field {
            Field::ListPrice => self.set_list_price(&price, at),
            Field::PriceLow => self.set_bound(&price, true, at),
            Field::PriceHigh => self.set_bound(&price, false, at),
            Field::OriginalListPrice => {
                let amount = one(&price);
                if fill(&mut self.property.original_list_price, || amount) {
                    self.note_price("original_list_price", price.currency, at);
                }
            }
            _ => self.set_close_price(&price, at),
        }
        if values::is_pointed(value) && self.currency.code().is_none() {
            self.note_pointed(field, &price);
        }
    }

    /// Remembers that a price may have three decimals.
    fn note_pointed(&mut self, field: Field, price: &PriceText) {
        let amount = one(price);
        let property = &self.property;
        let (name, set) = match field {
            Field::ListPrice => ("list_price", property.list_price),
            Field::PriceLow => ("list_price_low", property.list_price_low),
            Field::PriceHigh => ("list_price_high", property.list_price_high),
            Field::OriginalListPrice => ("original_list_price", property.original_list_price),
            _ => ("close_price", property.close_price),
        };
        if amount.is_some() && set == amount {
            self.pointed_prices.insert(name);
        }
    }

    /// Reads the point of digits such as "350.500" as the decimal sign, where the currency that becomes known has three
    /// decimals.
    fn read_pointed_prices(&mut self, currency: CurrencyHint) {
        if currency.code().is_none() || self.pointed_prices.is_empty() {
            return;
        }
        let names = std::mem::take(&mut self.pointed_prices);
        if !self.currency.or(currency).has_three_decimals() {
            return;
        }
        let property = &mut self.property;
        for (name, price) in [
            ("list_price", &mut property.list_price),
            ("list_price_low", &mut property.list_price_low),
            ("list_price_high", &mut property.list_price_high),
            ("original_list_price", &mut property.original_list_price),
            ("close_price", &mut property.close_price),
        ] {
            if names.contains(name) {
                *price = price.map(|amount| amount / 1e3);
            }
        }
    }

    fn set_list_price(&mut self, price: &PriceText, at: &At<'_>) {
        match price.amount {
            Some(Amount::One(_)) if price.sold => return self.set_close_price(price, at),
            Some(Amount::One(amount)) if is_price(amount) && !self.is_placeholder(price, amount) => {
                // The same number once more may be the text of it, with a sign and a period.
                if self.property.list_price.is_some_and(|known| known != amount) {
                    return;
                }
                let is_set = fill(&mut self.property.list_price, || Some(amount));
                self.learn_terms(price, at);
                if is_set || self.currency == CurrencyHint::None {
                    self.note_price("list_price", price.currency, at);
                }
            }
            Some(Amount::Range { low, high }) if is_price(low) && is_price(high) && !price.sold => {
                if self.has_asking_price() {
                    return;
                }
                self.property.list_price_low = Some(low.min(high));
                self.property.list_price_high = Some(low.max(high));
                self.learn_terms(price, at);
                self.note_origin("list_price_high", at);
                self.note_price("list_price_low", price.currency, at);
            }
            _ => return,
        }
        let previous = price.previous.filter(|amount| is_price(*amount));
        if fill(&mut self.property.original_list_price, || previous) {
            self.note_origin("original_list_price", at);
        }
    }

    /// One end of a range that two fields tell.
    fn set_bound(&mut self, price: &PriceText, is_low: bool, at: &At<'_>) {
        let amount = match price.amount {
            Some(Amount::One(amount)) => Some(amount),
            Some(Amount::Range { low, high }) => Some(if is_low { low } else { high }),
            None => None,
        };
        let amount = amount.filter(|amount| is_price(*amount));
        let property = &mut self.property;
        let (slot, name) = if is_low {
            (&mut property.list_price_low, "list_price_low")
        } else {
            (&mut property.list_price_high, "list_price_high")
        };
        if fill(slot, || amount) {
            self.learn_terms(price, at);
            self.note_price(name, price.currency, at);
        }
    }

    fn set_close_price(&mut self, price: &PriceText, at: &At<'_>) {
        let amount = one(price);
        if fill(&mut self.property.close_price, || amount) {
            self.note_price("close_price", price.currency, at);
        }
    }

    fn is_placeholder(&self, price: &PriceText, amount: f64) -> bool {
        self.no_price && price.currency == CurrencyHint::None && amount < LEAST_BARE_PRICE
    }

    /// Words of rent beside the price.
    fn learn_terms(&mut self, price: &PriceText, at: &At<'_>) {
        if fill(&mut self.property.rental_period, || price.period) {
            self.note_origin("rental_period", at);
        }
        let lease = (price.lease || price.period.is_some()).then_some(ListingType::Lease);
        if fill(&mut self.property.listing_type, || lease) {
            self.note_origin("listing_type", at);
        }
    }

    fn note_price(&mut self, name: &'static str, currency: CurrencyHint, at: &At<'_>) {
        self.note_origin(name, at);
        if currency != CurrencyHint::None && self.currency == CurrencyHint::None {
            self.note_origin("currency", at);
        }
        if !self.has_stated_currency {
            self.currency = self.currency.or(currency);
        }
    }

    /// A currency in a field of its own wins over a sign in a price's text.
    pub(super) fn set_currency(&mut self, value: &Value, at: &At<'_>) {
        let Some(text) = values::text(value, 40).filter(|_| !self.has_stated_currency) else { return };
        if let Some(code) = values::currency_code(&text) {
            self.currency = CurrencyHint::Code(code);
            self.has_stated_currency = true;
            self.read_pointed_prices(self.currency);
            self.note_origin("currency", at);
        } else {
            self.currency = self.currency.or(values::currency_hint(&text));
        }
    }
}

fn one(price: &PriceText) -> Option<f64> {
    match price.amount {
        Some(Amount::One(amount)) if is_price(amount) => Some(amount),
        Some(Amount::One(_) | Amount::Range { .. }) | None => None,
    }
}

/// Whether a number can be a price. Zero, one and rows of nines are what forms hold when there is none.
pub(super) fn is_price(amount: f64) -> bool {
    let nines = amount >= LEAST_NINES && amount.fract() == 0.0 && is_all_nines(amount);
    amount.is_finite() && amount > 1.0 && !nines && !PLACEHOLDERS.contains(&amount)
}

fn is_all_nines(amount: f64) -> bool {
    let digits = (amount + 1.0).log10();
    (digits - digits.round()).abs() < 1e-12
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::extraction::Layer;
    use crate::protocol::property::RentalPeriod;

    fn draft_with(facts: &[(Field, Value)]) -> Draft {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let at = At { base: &base, budget: &budget, fragment: "price" };
        let mut draft = Draft::new(Layer::JsonLd);
        for (field, value) in facts {
            draft.set(*field, value, &at);
        }
        draft
    }

    fn priced(text: &str) -> Draft {
        draft_with(&[(Field::ListPrice, json!(text))])
    }

    #[test]
    fn placeholders_are_no_prices() {
        for amount in [0.0, 1.0, 999_999_999.0, 9_999_999_999.0, 123_456_789.0, f64::INFINITY, f64::NAN] {
            assert!(!is_price(amount), "{amount}");
        }
        for amount in [2.0, 99.0, 425_000.0, 9_999_999.0, 999_999_998.0, 350_000_000.0] {
            assert!(is_price(amount), "{amount}");
        }
    }

    #[test]
    fn a_price_is_a_list_price_unless_it_says_otherwise() {
        assert_eq!(priced("£425,000").property.list_price, Some(425_000.0));
        let sold = priced("Sold for £310,000 in 2019").property;
        assert_eq!((sold.list_price, sold.close_price), (None, Some(310_000.0)));
        let rent = priced("£1,250 pcm").property;
        assert_eq!((rent.list_price, rent.rental_period), (Some(1_250.0), Some(RentalPeriod::Month)));
        assert_eq!(rent.listing_type, Some(ListingType::Lease));
        let request = priced("POA");
        assert!(request.no_price && !request.has_price());
    }

    #[test]
    fn a_stated_code_wins_over_a_sign_in_any_order() {
        let price = (Field::ListPrice, json!("$425,000"));
        let code = (Field::Currency, json!("cad"));
        for facts in [[price.clone(), code.clone()], [code, price]] {
            assert_eq!(draft_with(&facts).currency.code(), Some("CAD"));
        }
        assert_eq!(draft_with(&[(Field::Currency, json!("PCM"))]).currency.code(), None);
    }

    #[test]
    fn a_point_before_three_digits_is_read_as_the_currency_has_decimals() {
        let price = (Field::ListPrice, json!("350.500"));
        for (code, amount) in [("KWD", 350.5), ("OMR", 350.5), ("EUR", 350_500.0)] {
            let currency = (Field::Currency, json!(code));
            for facts in [[price.clone(), currency.clone()], [currency, price.clone()]] {
                assert_eq!(draft_with(&facts).property.list_price, Some(amount), "{code}");
            }
        }
        let text = draft_with(&[price.clone(), (Field::ListPrice, json!("KWD 350.500"))]);
        assert_eq!((text.property.list_price, text.currency.code()), (Some(350.5), Some("KWD")));
        let range = [
            (Field::PriceLow, json!("275.000")),
            (Field::PriceHigh, json!(400)),
            (Field::Currency, json!("BHD")),
        ];
        let range = draft_with(&range).property;
        assert_eq!((range.list_price_low, range.list_price_high), (Some(275.0), Some(400.0)));
        assert_eq!(draft_with(&[price]).property.list_price, Some(350_500.0));
    }

    #[test]
    fn a_number_and_its_text_are_one_price() {
        let draft = draft_with(&[
            (Field::ListPrice, json!(1250)),
            (Field::ListPrice, json!("€1,250 per month")),
            (Field::ListPrice, json!("£9,000")),
        ]);

        assert_eq!(draft.property.list_price, Some(1_250.0));
        assert_eq!(draft.currency.code(), Some("EUR"));
        assert_eq!(draft.property.rental_period, Some(RentalPeriod::Month));
    }

    #[test]
    fn after_on_request_a_small_bare_number_is_a_placeholder() {
        let on_request = (Field::ListPrice, json!("Price on application"));

        let placeholder = draft_with(&[on_request.clone(), (Field::ListPrice, json!(10))]);
        let real = draft_with(&[on_request, (Field::ListPrice, json!(425_000))]);

        assert_eq!(placeholder.property.list_price, None);
        assert_eq!(real.property.list_price, Some(425_000.0));
    }
}
