//! Which fields of a listing were sent as an explicit `null`. Parsing makes `null` and an absent field alike, and a
//! report may mean different things by them: `null` empties a field, an absent one leaves it.

use serde_json::{Map, Value};

/// The fields that can be `null`, by their names on the wire; of `removed`, `null` says nothing.
const FIELDS: [&str; 35] = [
    "source",
    "listing_key",
    "source_url",
    "standard_status",
    "listing_type",
    "rental_period",
    "list_price",
    "list_price_low",
    "list_price_high",
    "original_list_price",
    "close_price",
    "currency",
    "property_type",
    "bedrooms_total",
    "bathrooms_total",
    "rooms_total",
    "living_area",
    "living_area_units",
    "lot_size_area",
    "lot_size_units",
    "year_built",
    "stories",
    "parking_total",
    "energy_rating",
    "tenure",
    "address",
    "latitude",
    "longitude",
    "listed_at",
    "closed_at",
    "description",
    "media",
    "list_office_name",
    "list_agent_name",
    "attributes",
];

/// Fields that every listing has: `null` for one of them is an error.
pub const NEVER_EMPTY: [&str; 3] = ["source", "listing_key", "standard_status"];

/// The parts of `address`, by their names and by their paths.
const ADDRESS_PARTS: [(&str, &str); 6] = [
    ("unparsed", "address.unparsed"),
    ("street", "address.street"),
    ("city", "address.city"),
    ("state_or_province", "address.state_or_province"),
    ("postal_code", "address.postal_code"),
    ("country", "address.country"),
];

/// Whether `null` empties the field of this name.
pub fn can_be_emptied(name: &str) -> bool {
    FIELDS.contains(&name) && !NEVER_EMPTY.contains(&name)
}

/// The names of the fields that are `null`; a part of the address as `address.city`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NullFields(Vec<&'static str>);

impl NullFields {
    /// The `null` fields of a listing as it was sent.
    pub fn of(listing: &Map<String, Value>) -> Self {
        let of = |name: &str| FIELDS.into_iter().find(|field| *field == name);
        let nulls = listing.iter().filter(|(_, value)| value.is_null()).filter_map(|(name, _)| of(name));
        let mut found: Vec<&'static str> = nulls.collect();
        if let Some(Value::Object(address)) = listing.get("address") {
            let parts =
                ADDRESS_PARTS.into_iter().filter(|(name, _)| address.get(*name) == Some(&Value::Null));
            found.extend(parts.map(|(_, path)| path));
        }
        Self(found)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all fields that can be `null`.
    pub fn all() -> impl Iterator<Item = &'static str> {
        FIELDS.into_iter().chain(ADDRESS_PARTS.into_iter().map(|(_, path)| path))
    }
}

impl FromIterator<&'static str> for NullFields {
    fn from_iter<I: IntoIterator<Item = &'static str>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(listing: &Value) -> NullFields {
        NullFields::of(listing.as_object().unwrap())
    }

    #[test]
    fn known_fields_that_are_null_are_found_and_no_others() {
        let listing = json!({
            "list_price": null, "currency": "EUR", "colour": null, "removed": null,
            "address": {"city": null, "street": "1 Elm Street", "planet": null},
            "attributes": {"list_agent_name": null},
        });

        let found = of(&listing);

        assert_eq!(found, ["list_price", "address.city"].into_iter().collect());
        assert!(found.has("address.city") && !found.has("address") && !found.has("currency"));
        assert_eq!((found.len(), of(&json!({})).is_empty()), (2, true));
        assert!(of(&json!({"address": null})).has("address"));
    }
}
