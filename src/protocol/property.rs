//! A property on the wire, in RESO Data Dictionary 2.0 names written in snake_case. Prices are major units.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::timestamp::Timestamp;

/// RESO `StandardStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
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

/// One listing as a worker or the crawler saw it. Absent fields are unknown and leave the stored value unchanged.
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
    /// Major units of `currency`.
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_price: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_list_price: Option<f64>,
    #[oai(validator(minimum(value = "0")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_price: Option<f64>,
    /// ISO 4217; `USD` when absent on a property that is new.
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
    /// Any other data of the source; at most 16 KiB as JSON. Replaced as a whole when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Value>>,
    /// True: the source no longer has the listing; all other fields but its key are ignored then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
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
    /// Major units of `currency`, like every price here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_list_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_price: Option<f64>,
    pub currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bedrooms_total: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bathrooms_total: Option<f64>,
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
    pub currency: String,
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
    use super::*;

    #[test]
    fn a_status_has_one_name_on_the_wire_and_in_the_store() {
        for status in StandardStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(StandardStatus::parse(status.name()), Some(status));
        }
    }
}
