//! The filters of properties as parameters: the same for the list and for the export.

use crate::base::ids::JobId;
use crate::base::timestamp::Timestamp;
use crate::domain::properties::list::PropertyQuery;
use crate::http::validation::{BOX_WORDS, CURRENCY_WORDS};
use crate::protocol::bounding_box::BoundingBox;
use crate::protocol::currency_choice::CurrencyChoice;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::property::{ListingType, StandardStatus};

/// The parameters as they were given.
pub(super) struct Filters {
    pub(super) city: Option<String>,
    pub(super) status: Vec<StandardStatus>,
    /// Means the same as `status`.
    pub(super) standard_status: Vec<StandardStatus>,
    pub(super) listing_type: Vec<ListingType>,
    pub(super) currency: Vec<String>,
    pub(super) property_type: Option<String>,
    pub(super) price_min: Option<f64>,
    pub(super) price_max: Option<f64>,
    pub(super) bedrooms_min: Option<i64>,
    pub(super) bbox: Option<String>,
    pub(super) q: Option<String>,
    pub(super) updated_since: Option<Timestamp>,
    pub(super) source: Vec<String>,
    pub(super) job_id: Option<i64>,
    pub(super) include_removed: Option<bool>,
}

impl Filters {
    /// Reads them as a query.
    pub(super) fn into_query(self) -> Result<PropertyQuery, Problem> {
        Ok(PropertyQuery {
            statuses: one_of_two(self.status, self.standard_status)?,
            listing_types: distinct(self.listing_type),
            currencies: read_currencies(&self.currency)?,
            bbox: read_box(self.bbox.as_deref())?,
            sources: distinct(self.source),
            city: self.city,
            property_type: self.property_type,
            price_min: self.price_min,
            price_max: self.price_max,
            bedrooms_min: self.bedrooms_min,
            q: self.q,
            updated_since: self.updated_since.map(Timestamp::utc),
            job_id: self.job_id.map(JobId),
            include_removed: self.include_removed.unwrap_or_default(),
        })
    }
}

/// Reads the parameter `bbox`.
fn read_box(text: Option<&str>) -> Result<Option<BoundingBox>, Problem> {
    let refused = || bad_parameter("bbox", "format", BOX_WORDS);
    text.map(|text| BoundingBox::parse(text).ok_or_else(refused)).transpose()
}

/// Reads the parameter `currency`.
fn read_currencies(texts: &[String]) -> Result<Vec<CurrencyChoice>, Problem> {
    let codes: Option<Vec<CurrencyChoice>> = texts.iter().map(|code| CurrencyChoice::parse(code)).collect();
    codes.map(distinct).ok_or_else(|| bad_parameter("currency", "enum", CURRENCY_WORDS))
}

/// `status` and `standard_status` mean the same.
fn one_of_two(
    status: Vec<StandardStatus>,
    standard_status: Vec<StandardStatus>,
) -> Result<Vec<StandardStatus>, Problem> {
    match (status.is_empty(), standard_status.is_empty()) {
        (false, false) => {
            let words = "means the same as `status`: give one of them";
            Err(bad_parameter("standard_status", "conflict", words))
        }
        (true, _) => Ok(distinct(standard_status)),
        (false, true) => Ok(distinct(status)),
    }
}

/// Each value once.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// The refusal of a parameter of the query.
pub(super) fn bad_parameter(name: &str, kind: &str, words: &str) -> Problem {
    let place = [PathSegment::Name(name.to_owned())];
    Problem::validation(vec![FieldError::in_parameter("query", &place, kind, words)])
}
