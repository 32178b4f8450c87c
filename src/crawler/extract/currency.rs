//! The currency of a listing's prices: what the page says of it, and never more.

use super::draft::Draft;
use super::extraction::{Layer, Origin};
use super::html::PageFacts;
use super::values::{self, CurrencyHint};
use crate::protocol::property::PropertyInput;

/// A currency, and whether it is only the stated country's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownCurrency {
    /// ISO 4217.
    pub(super) code: Option<String>,
    pub(super) is_inferred: bool,
    /// Where it is from, unless the draft's own data say it.
    pub(super) origin: Option<Origin>,
}

/// The currency that the listing's own data state, or else the page's data about the product, the visible price of the
/// same amount, or the only currency of the stated country.
pub(super) fn currency_of(draft: &Draft, facts: &PageFacts) -> KnownCurrency {
    if prices(&draft.property).next().is_none() {
        return KnownCurrency::default();
    }
    let country = country_of(&draft.property);
    if let Some(code) = resolve(draft.currency, country) {
        return KnownCurrency { code: Some(code), ..KnownCurrency::default() };
    }
    let shown = |fragment: &str, code| KnownCurrency {
        code: Some(code),
        is_inferred: false,
        origin: Some(Origin { layer: Layer::Html, fragment: fragment.to_owned() }),
    };
    if let Some(code) = resolve(facts.meta_currency, country) {
        return shown("meta", code);
    }
    if let Some(code) = visible_currency(&draft.property, facts, country) {
        return shown("visible price", code);
    }
    // A sign that is not understood is another currency than the country's, or it would be.
    let inferred =
        country.filter(|_| draft.currency == CurrencyHint::None).and_then(values::only_currency_of);
    KnownCurrency {
        is_inferred: inferred.is_some(),
        origin: inferred.and_then(|_| draft.origins.get("address.country").cloned()),
        code: inferred.map(str::to_owned),
    }
}

fn resolve(hint: CurrencyHint, country: Option<&str>) -> Option<String> {
    hint.resolve(country).map(str::to_owned)
}

/// The stated country as ISO 3166-1 alpha-2.
fn country_of(property: &PropertyInput) -> Option<&'static str> {
    property.address.as_ref()?.country.as_deref().and_then(values::country_code)
}

fn visible_currency(property: &PropertyInput, facts: &PageFacts, country: Option<&str>) -> Option<String> {
    let is_shown = |shown: f64| prices(property).any(|price| (price - shown).abs() < 0.5);
    let mut hints = facts.visible_prices.iter().filter(|(shown, _)| is_shown(*shown));
    hints.find_map(|(_, hint)| resolve(*hint, country))
}

fn prices(property: &PropertyInput) -> impl Iterator<Item = f64> {
    [
        property.list_price,
        property.list_price_low,
        property.list_price_high,
        property.close_price,
        property.original_list_price,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::field::Field;

    const EUR: CurrencyHint = CurrencyHint::Code(*b"EUR");

    fn known(price: Value, country: Option<&str>, facts: &PageFacts) -> (Option<String>, bool) {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let at = At { base: &base, budget: &budget, fragment: "" };
        let mut draft = Draft::new(Layer::JsonLd);
        draft.set(Field::ListPrice, &price, &at);
        if let Some(country) = country {
            draft.set(Field::Country, &json!(country), &at);
        }
        let currency = currency_of(&draft, facts);
        (currency.code, currency.is_inferred)
    }

    fn code(price: Value, country: Option<&str>, facts: &PageFacts) -> Option<String> {
        known(price, country, facts).0
    }

    #[test]
    fn the_prices_own_text_comes_first() {
        let facts = PageFacts { meta_currency: EUR, ..PageFacts::default() };

        assert_eq!(code(json!("£5,000"), Some("DE"), &facts).as_deref(), Some("GBP"));
        assert_eq!(code(json!("3 295 000 kr"), Some("SE"), &PageFacts::default()).as_deref(), Some("SEK"));
        assert_eq!(code(json!("3 295 000 kr"), Some("Norge"), &PageFacts::default()).as_deref(), Some("NOK"));
    }

    #[test]
    fn meta_data_and_the_visible_price_of_the_same_amount_tell_it() {
        let meta = PageFacts { meta_currency: EUR, ..PageFacts::default() };
        let visible = |amount| PageFacts { visible_prices: vec![(amount, EUR)], ..PageFacts::default() };

        assert_eq!(code(json!(5000), None, &meta).as_deref(), Some("EUR"));
        assert_eq!(code(json!(5000), None, &visible(5_000.0)).as_deref(), Some("EUR"));
        assert_eq!(code(json!(5000), None, &visible(6_000.0)), None);
    }

    #[test]
    fn the_only_currency_of_a_stated_country_is_inferred() {
        let facts = PageFacts::default();

        assert_eq!(known(json!(5000), Some("GB"), &facts), (Some("GBP".to_owned()), true));
        assert_eq!(known(json!(5000), None, &facts), (None, false));
        assert_eq!(known(json!("POA"), Some("GB"), &facts), (None, false));
    }
}
