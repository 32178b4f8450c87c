//! The fields of a property that a rule may read: those that one text can tell.

/// Sorted by name, for a binary search.
const FIELDS: &[&str] = &[
    "address.city",
    "address.country",
    "address.postal_code",
    "address.state_or_province",
    "address.street",
    "address.unparsed",
    "bathrooms_total",
    "bedrooms_total",
    "close_price",
    "closed_at",
    "currency",
    "description",
    "energy_rating",
    "latitude",
    "list_agent_name",
    "list_office_name",
    "list_price",
    "list_price_high",
    "list_price_low",
    "listed_at",
    "listing_key",
    "listing_type",
    "living_area",
    "living_area_units",
    "longitude",
    "lot_size_area",
    "lot_size_units",
    "original_list_price",
    "parking_total",
    "property_type",
    "rental_period",
    "rooms_total",
    "source_url",
    "standard_status",
    "stories",
    "tenure",
    "year_built",
];

/// The names that `fields` of a spider may have, sorted: wire names, `address.city` for the parts of the address.
/// Lists and free-form data (`media`, `attributes`) are not among them, nor is `source`, which is the site.
pub fn field_names() -> &'static [&'static str] {
    FIELDS
}

/// Whether a rule may read the field of this name.
pub(super) fn is_field(name: &str) -> bool {
    FIELDS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use poem_openapi::registry::{MetaSchemaRef, Registry};
    use poem_openapi::types::Type;

    use super::*;
    use crate::protocol::property::{Address, PropertyInput};

    fn properties<T: Type>() -> Vec<String> {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let MetaSchemaRef::Reference(name) = T::schema_ref() else { return Vec::new() };
        registry.schemas[&name].properties.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn every_field_of_a_property_that_one_text_can_tell_is_listed_sorted() {
        const OTHERS: [&str; 5] = ["source", "address", "media", "attributes", "removed"];
        let own = properties::<PropertyInput>().into_iter().filter(|name| !OTHERS.contains(&name.as_str()));
        let parts = properties::<Address>().into_iter().map(|part| format!("address.{part}"));
        let mut expected: Vec<String> = own.chain(parts).collect();
        expected.sort();

        assert_eq!(field_names(), expected);
        assert!(is_field("address.city") && !is_field("city") && !is_field("media"));
    }
}
