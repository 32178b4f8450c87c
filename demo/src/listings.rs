//! Compares the properties from the REST routes with the rows of the table, field by field.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::catalogue::Catalogue;
use super::compare::{current_price, dollars};
use super::site::facts::{Dialect, Facts};
use super::wire::{Address, Property, StandardStatus};

/// How `properties` differ from the site of `catalogue` on the day `on`. Empty if they are the same listings with the
/// same facts.
pub(crate) fn differences(catalogue: &Catalogue, on: NaiveDate, properties: &[Property]) -> Vec<String> {
    let mut by_key = BTreeMap::new();
    let mut found = Vec::new();
    for property in properties {
        if by_key.insert(property.listing_key.as_str(), property).is_some() {
            found.push(format!("{} is listed twice", property.listing_key));
        }
    }
    for facts in (0..catalogue.len()).filter_map(|row| Facts::of(catalogue, row, on)) {
        match by_key.remove(facts.listing_key.as_str()) {
            Some(property) => found.extend(fields(&facts, property)),
            None => found.push(format!("{} is not listed", facts.listing_key)),
        }
    }
    found.extend(by_key.keys().map(|key| format!("{key} is listed, and not on the site")));
    found
}

fn fields(facts: &Facts, property: &Property) -> Option<String> {
    let status = if facts.closed_on.is_some() { StandardStatus::Closed } else { StandardStatus::Active };
    let address = property.address.clone().unwrap_or_default();
    let Address { city, state_or_province, postal_code } = address;
    let same = [
        ("standard_status", property.standard_status == status),
        ("price", current_price(property).and_then(dollars) == Some(facts.price)),
        ("currency", property.currency.as_deref() == Some("USD")),
        ("bedrooms_total", property.bedrooms_total == Some(facts.bedrooms.into())),
        ("bathrooms_total", property.bathrooms_total == facts.known_bathrooms()),
        ("living_area", property.living_area == Some(facts.living_area_sqft.into())),
        ("lot_size_area", property.lot_size_area == facts.lot_size_sqft.map(Into::into)),
        ("year_built", property.year_built == facts.year_built.map(Into::into)),
        ("stories", property.stories == facts.stories),
        ("city", city == facts.city),
        ("state_or_province", state_or_province.as_deref() == Some(facts.state)),
        ("postal_code", postal_code == facts.zip),
        ("latitude", property.latitude == Some(facts.latitude)),
        ("longitude", property.longitude == Some(facts.longitude)),
    ];
    let off: Vec<&str> = same.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect();
    (!off.is_empty()).then(|| format!("{} differs in {}", facts.listing_key, off.join(", ")))
}

/// The number of `keys` in each dialect; a key that the table does not have is left out.
pub(crate) fn count_by_dialect<'a>(
    catalogue: &Catalogue,
    keys: impl Iterator<Item = &'a str>,
) -> BTreeMap<Dialect, u64> {
    let mut counts = BTreeMap::new();
    let distinct: BTreeSet<&str> = keys.collect();
    for row in distinct.into_iter().filter_map(|key| catalogue.position(key)) {
        *counts.entry(Dialect::of(row)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::data::sacramento;
    use super::super::virtual_date::START;
    use super::*;

    fn catalogue() -> Catalogue {
        Catalogue::Sacramento(Arc::new(sacramento().unwrap()))
    }

    fn property(facts: &Facts) -> Property {
        let address = Address {
            city: facts.city.clone(),
            state_or_province: Some(facts.state.to_owned()),
            postal_code: facts.zip.clone(),
        };
        Property {
            property_id: 1,
            listing_key: facts.listing_key.clone(),
            standard_status: StandardStatus::Active,
            list_price: Some(f64::from(facts.price.0)),
            close_price: None,
            currency: Some("USD".to_owned()),
            bedrooms_total: Some(facts.bedrooms.into()),
            bathrooms_total: facts.known_bathrooms(),
            living_area: Some(facts.living_area_sqft.into()),
            lot_size_area: None,
            year_built: None,
            stories: None,
            address: Some(address),
            latitude: Some(facts.latitude),
            longitude: Some(facts.longitude),
        }
    }

    fn properties(catalogue: &Catalogue) -> Vec<Property> {
        let facts = (0..catalogue.len()).filter_map(|row| Facts::of(catalogue, row, START));
        facts.map(|facts| property(&facts)).collect()
    }

    #[test]
    fn the_same_listings_do_not_differ() {
        let catalogue = catalogue();

        assert_eq!(differences(&catalogue, START, &properties(&catalogue)), Vec::<String>::new());
    }

    #[test]
    fn what_is_off_is_named_listing_by_listing() {
        let catalogue = catalogue();
        let mut properties = properties(&catalogue);
        let missing = properties.remove(0).listing_key;
        properties[0].list_price = Some(1.5);
        properties[0].stories = Some(2.0);
        let twice = Property { listing_key: "SAC-9999".to_owned(), ..properties[1].clone() };
        properties.extend([twice.clone(), twice]);

        let found = differences(&catalogue, START, &properties);

        assert_eq!(
            found,
            [
                "SAC-9999 is listed twice".to_owned(),
                format!("{missing} is not listed"),
                format!("{} differs in price, stories", properties[0].listing_key),
                "SAC-9999 is listed, and not on the site".to_owned(),
            ]
        );
    }

    #[test]
    fn dialects_are_counted_once_a_key() {
        let keys = ["SAC-0001", "SAC-0001", "SAC-0002", "SAC-0004", "SAC-9999"];

        let counts = count_by_dialect(&catalogue(), keys.into_iter());

        assert_eq!(counts, BTreeMap::from([(Dialect::JsonLd, 2), (Dialect::EmbeddedState, 1)]));
    }
}
