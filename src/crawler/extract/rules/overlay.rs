//! Puts what rules told over what the layers told: the rules know the site.

use super::super::draft::Draft;
use super::super::extraction::Origin;
use super::super::values::CurrencyHint;
use crate::protocol::property::{ListingType, RentalPeriod};

/// `home` with every value of `told` in the place of its own.
pub(in crate::crawler::extract) fn over(told: Draft, home: Draft) -> Draft {
    if told.origins.is_empty() && !told.no_price {
        return home;
    }
    let names: Vec<&'static str> = told.origins.keys().copied().collect();
    let is_told = |name: &str| names.contains(&name);
    let is_on_request = told.no_price && !told.has_asking_price();
    let rules = told.clone();
    let mut home = home;
    if is_told("address.street") {
        // It is the number of another spelling of the street.
        home.house_number = None;
    }
    let terms = PriceTerms::of(&home);
    let in_list = home.in_list;
    let mut whole = told;
    whole.merge_from(home);
    whole.in_list = in_list;
    terms.add_to(&mut whole);
    if is_told("standard_status") {
        whole.property.standard_status = rules.property.standard_status;
        whole.sold_flag = None;
    }
    if is_told("property_type") {
        whole.property.property_type.clone_from(&rules.property.property_type);
    }
    if is_told("bathrooms_total") {
        (whole.full_baths, whole.half_baths) = (None, None);
    }
    if rules.has_asking_price() {
        // The price of a rule is an offer, whatever else the page holds.
        whole.is_record = false;
    }
    if is_on_request {
        let property = &mut whole.property;
        (property.list_price, property.list_price_low, property.list_price_high) = (None, None, None);
    }
    for name in names {
        whole.disagreements.remove(name);
        if let Some(origin) = rules.origins.get(name) {
            whole.origins.insert(name, origin.clone());
        }
    }
    whole
}

/// What a layer tells beside its price, in fields of their own. Two layers with different prices tell of different
/// things; a rule corrects the number, and the terms are those of the same home.
struct PriceTerms {
    listing_type: Option<(ListingType, Option<Origin>)>,
    rental_period: Option<(RentalPeriod, Option<Origin>)>,
    currency: Option<(CurrencyHint, Option<Origin>)>,
}

impl PriceTerms {
    fn of(home: &Draft) -> Self {
        let origin = |name: &str| home.origins.get(name).cloned();
        let price = origin("list_price").or_else(|| origin("list_price_low"));
        // What the price's own text told goes with the number.
        let is_own = |name: &str| price.is_none() || origin(name) != price;
        let (kind, period) = (home.property.listing_type, home.property.rental_period);
        Self {
            listing_type: kind.filter(|_| is_own("listing_type")).map(|kind| (kind, origin("listing_type"))),
            rental_period: period
                .filter(|_| is_own("rental_period"))
                .map(|period| (period, origin("rental_period"))),
            currency: home.has_stated_currency.then(|| (home.currency, origin("currency"))),
        }
    }

    fn add_to(self, whole: &mut Draft) {
        let mut learned = Vec::new();
        if let Some((kind, origin)) = self.listing_type
            && whole.property.listing_type.is_none()
        {
            whole.property.listing_type = Some(kind);
            learned.push(("listing_type", origin));
        }
        if let Some((period, origin)) = self.rental_period
            && whole.property.rental_period.is_none()
        {
            whole.property.rental_period = Some(period);
            learned.push(("rental_period", origin));
        }
        if let Some((currency, origin)) = self.currency
            && whole.currency == CurrencyHint::None
        {
            (whole.currency, whole.has_stated_currency) = (currency, true);
            learned.push(("currency", origin));
        }
        for (name, origin) in learned {
            if let Some(origin) = origin {
                whole.origins.insert(name, origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::draft::At;
    use super::super::super::extraction::Layer;
    use super::super::super::field::Field;
    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::protocol::property::StandardStatus;

    fn draft(layer: Layer, facts: &[(Field, Value)]) -> Draft {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let mut draft = Draft::new(layer);
        for (field, value) in facts {
            draft.set(*field, value, &At { base: &base, budget: &budget, fragment: layer.name() });
        }
        draft
    }

    fn ruled(told: &[(Field, Value)], home: &[(Field, Value)]) -> Draft {
        over(draft(Layer::Rule, told), draft(Layer::JsonLd, home))
    }

    #[test]
    fn a_rule_wins_and_what_it_leaves_open_stays() {
        let home = ruled(
            &[(Field::Bedrooms, json!(4)), (Field::City, json!("Oldenburg"))],
            &[
                (Field::Bedrooms, json!(3)),
                (Field::City, json!("Bremen")),
                (Field::Street, json!("Oak Street 1")),
                (Field::YearBuilt, json!(1950)),
            ],
        );

        let address = home.property.address.as_ref().unwrap();
        assert_eq!((home.property.bedrooms_total, home.property.year_built), (Some(4), Some(1950)));
        assert_eq!(
            (address.city.as_deref(), address.street.as_deref()),
            (Some("Oldenburg"), Some("Oak Street 1"))
        );
        assert_eq!(home.origins["bedrooms_total"].layer, Layer::Rule);
        assert_eq!(home.origins["year_built"].layer, Layer::JsonLd);
        assert!(home.disagreements.is_empty(), "a rule is no doubt");
    }

    #[test]
    fn a_status_of_a_rule_stands_whatever_says_more() {
        let home = ruled(
            &[(Field::Status, json!("active")), (Field::PropertyType, json!("house"))],
            &[
                (Field::Status, json!("sold")),
                (Field::SoldFlag, json!(true)),
                (Field::PropertyType, json!("Single Family Residence")),
            ],
        );

        assert_eq!(home.property.standard_status, Some(StandardStatus::Active));
        assert_eq!((home.sold_flag, home.origins["standard_status"].layer), (None, Layer::Rule));
        assert_eq!(home.origins["property_type"].layer, Layer::Rule);
    }

    #[test]
    fn bathrooms_of_a_rule_are_not_mixed_with_halves_of_a_layer() {
        let home =
            ruled(&[(Field::Baths, json!(3))], &[(Field::FullBaths, json!(2)), (Field::HalfBaths, json!(1))]);

        assert_eq!((home.baths, home.full_baths, home.half_baths), (Some(3.0), None, None));
    }

    #[test]
    fn on_request_by_a_rule_is_no_price() {
        let home = ruled(
            &[(Field::ListPrice, json!("Price on application"))],
            &[(Field::ListPrice, json!(425_000))],
        );

        assert_eq!(home.property.list_price, None);
    }

    #[test]
    fn the_terms_of_a_price_that_a_rule_corrects_stay() {
        let home = ruled(
            &[(Field::ListPrice, json!(1_250))],
            &[(Field::ListPrice, json!(1.25)), (Field::Currency, json!("EUR"))],
        );

        assert_eq!(home.property.list_price, Some(1_250.0));
        assert_eq!(home.currency.code(), Some("EUR"));
        assert!(home.disagreements.is_empty());
    }

    #[test]
    fn without_a_rule_the_home_stays_as_it_is() {
        let home = ruled(&[], &[(Field::Bedrooms, json!(3))]);

        assert_eq!((home.layer, home.property.bedrooms_total), (Layer::JsonLd, Some(3)));
    }
}
