//! A property on the wire, in RESO Data Dictionary 2.0 names written in snake_case. Prices are major units.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::null_fields::NullFields;
pub use super::property_terms::{ListingType, MediaKind, RemovalReason, RentalPeriod};
use crate::base::timestamp::Timestamp;

/// RESO `StandardStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StandardStatus {
    Active,
    ActiveUnderContract,
    Canceled,
    Closed,
    ComingSoon,
    Delete,
    Expired,
    Hold,
    Incomplete,
    Pending,
    Withdrawn,
}

impl StandardStatus {
    pub const ALL: [Self; 11] = [
        Self::Active,
        Self::ActiveUnderContract,
        Self::Canceled,
        Self::Closed,
        Self::ComingSoon,
        Self::Delete,
        Self::Expired,
        Self::Hold,
        Self::Incomplete,
        Self::Pending,
        Self::Withdrawn,
    ];

    /// The status on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ActiveUnderContract => "active_under_contract",
            Self::Canceled => "canceled",
            Self::Closed => "closed",
            Self::ComingSoon => "coming_soon",
            Self::Delete => "delete",
            Self::Expired => "expired",
            Self::Hold => "hold",
            Self::Incomplete => "incomplete",
            Self::Pending => "pending",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Parses the wire form; `None` when it is not a status.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == text)
    }
}

/// A postal address; every part may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address as the source writes it.
    #[oai(validator(max_length = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unparsed: Option<String>,
    #[oai(validator(max_length = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    #[oai(validator(max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[oai(validator(max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_or_province: Option<String>,
    #[oai(validator(max_length = 20))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, or the source's own term.
    #[oai(validator(max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// A file that shows the home.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Where the file is: absolute, http or https.
    #[oai(validator(max_length = 2000))]
    pub url: String,
    pub kind: MediaKind,
    /// What the source says of it.
    #[oai(validator(max_length = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// One listing as a worker or the crawler saw it. Absent fields are unknown and leave the stored value unchanged; `null`
/// empties a field.
#[derive(Clone, Debug, Default, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
#[serde(default, deny_unknown_fields)]
pub struct PropertyInput {
    /// Where the listing was seen; with `listing_key` it names the property.
    #[oai(validator(min_length = 1, max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The source's own key of the listing (RESO `ListingKey`).
    #[oai(validator(min_length = 1, max_length = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listing_key: Option<String>,
    /// The page of the listing, absolute, http or https.
    #[oai(validator(max_length = 2000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_status: Option<StandardStatus>,
    /// For sale or to let.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listing_type: Option<ListingType>,
    /// What the price of a lease is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rental_period: Option<RentalPeriod>,
    /// Major units of `currency`, with no more decimals than that has (two where it is not known).
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_price: Option<f64>,
    /// Of a range of prices, which has no `list_price`; not above `list_price_high`.
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_price_low: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_price_high: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_list_price: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_price: Option<f64>,
    /// ISO 4217; absent where it is not known. Two prices compare if both have the same currency, or neither has one.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[oai(validator(max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property_type: Option<String>,
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bedrooms_total: Option<i64>,
    /// Halves are allowed: 2.5.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bathrooms_total: Option<f64>,
    /// Rooms, which are not bedrooms; halves are allowed.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms_total: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub living_area: Option<f64>,
    #[oai(validator(max_length = 30))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub living_area_units: Option<String>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_size_area: Option<f64>,
    #[oai(validator(max_length = 30))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_size_units: Option<String>,
    #[oai(validator(minimum(value = "0"), maximum(value = "9999")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year_built: Option<i64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stories: Option<f64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parking_total: Option<i64>,
    #[oai(validator(max_length = 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_rating: Option<String>,
    #[oai(validator(max_length = 50))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// WGS84 degrees.
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[oai(validator(minimum(value = "-180"), maximum(value = "180")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// When the listing came on the market, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<Timestamp>,
    /// When the sale closed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The text of the listing, without markup; at most 8 KiB as UTF-8.
    #[oai(validator(max_length = 8192))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pictures and other files, in the order of the source. Replaced as a whole when given.
    #[oai(validator(max_items = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<Media>>,
    #[oai(validator(max_length = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_office_name: Option<String>,
    #[oai(validator(max_length = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_agent_name: Option<String>,
    /// Any other data of the source; at most 16 KiB as JSON. Replaced as a whole when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Value>>,
    /// True: the source no longer has the listing; all other fields but its key are ignored then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
    /// The fields that were sent as `null`. Filled by the readers of requests.
    #[oai(skip)]
    #[serde(skip)]
    pub nulls: NullFields,
}

/// One property as the server stores it. Unknown fields are absent.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Property {
    pub property_id: i64,
    pub source: String,
    pub listing_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    pub standard_status: StandardStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing_type: Option<ListingType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rental_period: Option<RentalPeriod>,
    /// Major units of `currency`, like every price here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price_low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price_high: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_list_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bedrooms_total: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bathrooms_total: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms_total: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub living_area: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub living_area_units: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_size_area: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_size_units: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year_built: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stories: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parking_total: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_rating: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// RFC 3339 in UTC with milliseconds, like every time here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_changed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    pub first_seen_at: String,
    pub last_seen_at: String,
    pub updated_at: String,
    /// True once the source no longer has the listing.
    pub removed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<Media>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_office_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_agent_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Value>>,
}

/// A property that users have on the screen, with their number.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct ViewedProperty {
    pub property_id: i64,
    /// Users, regardless of how many tabs each has open.
    pub count: i64,
}

/// A price or a status that a property had from a time on, until the next row's.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct PriceHistoryEntry {
    /// The current price at that time, in major units of `currency`; absent while none was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    pub standard_status: StandardStatus,
    /// RFC 3339.
    pub observed_at: String,
}

/// How a list of properties is sorted. Properties without the value come last in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize, Deserialize)]
pub enum PropertySort {
    #[oai(rename = "updated_at")]
    UpdatedAt,
    /// The latest change first.
    #[default]
    #[oai(rename = "-updated_at")]
    UpdatedAtDescending,
    /// By the number of major units, whatever the currency.
    #[oai(rename = "price")]
    Price,
    #[oai(rename = "-price")]
    PriceDescending,
    #[oai(rename = "listed_at")]
    ListedAt,
    #[oai(rename = "-listed_at")]
    ListedAtDescending,
    #[oai(rename = "property_id")]
    PropertyId,
    #[oai(rename = "-property_id")]
    PropertyIdDescending,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use poem_openapi::registry::Registry;
    use poem_openapi::types::Type;

    use super::*;

    /// The names of the fields of `T` in the document.
    fn fields<T: Type>() -> BTreeSet<String> {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let schema = &registry.schemas[&*T::name()];
        schema.properties.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn every_field_of_a_listing_but_removed_can_be_null() {
        let mut expected = fields::<PropertyInput>();
        assert!(expected.remove("removed"), "and the fields that were null are no field of the document");
        expected.extend(fields::<Address>().into_iter().map(|part| format!("address.{part}")));

        assert_eq!(NullFields::all().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn a_status_has_one_name_on_the_wire_and_in_the_store() {
        for status in StandardStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(StandardStatus::parse(status.name()), Some(status));
        }
    }
}
