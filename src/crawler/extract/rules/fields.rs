//! What the names of a rule's fields mean to the extractor.

use super::super::field::{AreaUnit, Field, KeyRank};

/// A field that a rule may read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) field: Field,
    /// The names under which a value of it may be kept: the text of a price may be a range, or that of a sale.
    pub(super) names: &'static [&'static str],
    /// Whether the text of another field may tell it along: a price's text tells the currency. Its own rule wins.
    pub(super) is_told_along: bool,
}

/// The field of this wire name.
pub(super) fn target(name: &str) -> Option<Target> {
    use Field::*;
    let (field, names): (Field, &'static [&'static str]) = match name {
        "listing_key" => (Key(KeyRank::Listing), &["listing_key", "source_url"]),
        "source_url" => (Url, &["source_url"]),
        "standard_status" => (Status, &["standard_status"]),
        "listing_type" => (ListingType, &["listing_type"]),
        "rental_period" => (RentalPeriod, &["rental_period"]),
        "list_price" => (ListPrice, &["list_price", "list_price_low", "close_price"]),
        "list_price_low" => (PriceLow, &["list_price_low"]),
        "list_price_high" => (PriceHigh, &["list_price_high"]),
        "original_list_price" => (OriginalListPrice, &["original_list_price"]),
        "close_price" => (ClosePrice, &["close_price"]),
        "currency" => (Currency, &["currency"]),
        "property_type" => (PropertyType, &["property_type"]),
        "bedrooms_total" => (Bedrooms, &["bedrooms_total", "rooms_total"]),
        "rooms_total" => (Rooms, &["rooms_total", "bedrooms_total"]),
        "bathrooms_total" => (Baths, &["bathrooms_total"]),
        "living_area" => (LivingArea(AreaUnit::Unknown), &["living_area"]),
        "living_area_units" => (LivingAreaUnits, &["living_area_units"]),
        "lot_size_area" => (LotSize(AreaUnit::Unknown), &["lot_size_area"]),
        "lot_size_units" => (LotSizeUnits, &["lot_size_units"]),
        "year_built" => (YearBuilt, &["year_built"]),
        "stories" => (Stories, &["stories"]),
        "parking_total" => (Parking, &["parking_total"]),
        "energy_rating" => (EnergyRating, &["energy_rating"]),
        "tenure" => (Tenure, &["tenure"]),
        "address.unparsed" => (Unparsed, &["address.unparsed"]),
        "address.street" => (Street, &["address.street"]),
        "address.city" => (City, &["address.city"]),
        "address.state_or_province" => (State, &["address.state_or_province"]),
        "address.postal_code" => (PostalCode, &["address.postal_code"]),
        "address.country" => (Country, &["address.country"]),
        "latitude" => (Latitude, &["latitude"]),
        "longitude" => (Longitude, &["longitude"]),
        "listed_at" => (ListedAt, &["listed_at"]),
        "closed_at" => (ClosedAt, &["closed_at"]),
        "description" => (Description, &["description"]),
        "list_office_name" => (OfficeName, &["list_office_name"]),
        "list_agent_name" => (AgentName, &["list_agent_name"]),
        _ => return None,
    };
    let is_told_along =
        matches!(field, ListingType | RentalPeriod | Currency | LivingAreaUnits | LotSizeUnits);
    Some(Target { field, names, is_told_along })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::field_names;

    #[test]
    fn every_field_that_a_rule_may_name_is_known() {
        for name in field_names() {
            let target = target(name);

            assert!(target.is_some_and(|target| target.names.contains(name)), "{name}");
        }
        assert!(target("media").is_none() && target("city").is_none());
    }
}
