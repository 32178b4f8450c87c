//! A worker's batch of properties: its rows, and the server's result for each row.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::null_fields::NullFields;
use super::problem::{FieldError, PathSegment};
use super::property::PropertyInput;
use super::wire_id::WireId;

/// Rows in a batch at most.
pub const MAX_ITEMS: usize = 500;

/// One to 500 properties as a worker saw them.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct BatchRequest {
    /// The job that found them; its items and its summary of new properties count them.
    pub job_id: Option<WireId>,
    /// A bad row is answered with `error` and does not affect the others.
    #[oai(validator(min_items = 1, max_items = 500))]
    pub items: Vec<BatchItem>,
}

/// The results of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct BatchResult {
    /// Rows that were accepted, changed or not.
    pub accepted: i64,
    /// Rows that were bad.
    pub rejected: i64,
    /// One for each row, in the order of the request.
    pub results: Vec<BatchItemResult>,
    /// Fields that were sent as `null` and were left as they are, because the key is older than the rule that `null`
    /// empties a field; absent when there were none. `null_semantics` of the key changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nulls_ignored: Option<i64>,
    /// The position in the log after the batch; absent when nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// The result of one row.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct BatchItemResult {
    /// The index of the row in the request, from 0.
    pub index: i64,
    pub status: BatchItemStatus,
    /// Absent on an error, and when the row reports the removal of a listing that was never known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property_id: Option<i64>,
    /// Every bad field of the row, and what would be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The outcome of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum BatchItemStatus {
    Created,
    Changed,
    Unchanged,
    Removed,
    Error,
}

/// A row as it was sent. It is parsed separately from the others, so that one bad row does not refuse the request.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchItem(Value);

/// A row as far as it could be parsed: a property, or all bad fields.
pub type ParsedProperty = Result<PropertyInput, Vec<FieldError>>;

impl BatchItem {
    /// The row for `input`.
    pub fn of(input: &PropertyInput) -> Self {
        Self(input.to_json().unwrap_or_default())
    }
}

/// At most this many faults are reported per row: a row with thousands of unknown names costs no more to refuse.
const MOST_ERRORS: usize = 20;

/// A row that could not be parsed as a whole: its faults, and the property that its other fields make.
pub struct BadRow {
    pub errors: Vec<FieldError>,
    /// `None` when the row is no object.
    pub rest: Option<Box<PropertyInput>>,
}

/// Reads a JSON value as a property.
pub fn read(value: Value) -> ParsedProperty {
    read_or_explain(value).map_err(|bad| bad.errors)
}

/// The same; for a bad row it also returns the good fields, so that their rules can be checked as well.
pub fn read_or_explain(value: Value) -> Result<PropertyInput, BadRow> {
    let Value::Object(fields) = value else {
        let errors = vec![FieldError::in_body(&[], "type", "must be an object")];
        return Err(BadRow { errors, rest: None });
    };
    let nulls = NullFields::of(&fields);
    let has_objects = fields.iter().all(|(name, value)| !has_list_for_object(name, value));
    // The object is cloned only to name all faults, which a failed parse of the whole does not.
    let whole: Option<PropertyInput> =
        if has_objects { serde_json::from_value(Value::Object(fields.clone())).ok() } else { None };
    whole.map(|listing| PropertyInput { nulls, ..listing }).ok_or_else(|| {
        let (mut errors, mut good) = (Vec::new(), Map::new());
        for (name, value) in fields {
            if errors.len() == MOST_ERRORS {
                return BadRow { errors, rest: None };
            }
            if reads_alone(&name, value.clone()) {
                good.insert(name, value);
            } else {
                errors.push(explain(name));
            }
        }
        BadRow { errors, rest: serde_json::from_value(Value::Object(good)).ok().map(Box::new) }
    })
}

/// Whether a list stands in the place of an object: `serde` would read its items as the fields of the object.
fn has_list_for_object(name: &str, value: &Value) -> bool {
    match name {
        "address" | "attributes" => value.is_array(),
        "media" => value.as_array().is_some_and(|files| files.iter().any(Value::is_array)),
        _ => false,
    }
}

fn reads_alone(name: &str, value: Value) -> bool {
    if has_list_for_object(name, &value) {
        return false;
    }
    let alone = Map::from_iter([(name.to_owned(), value)]);
    serde_json::from_value::<PropertyInput>(Value::Object(alone)).is_ok()
}

fn explain(name: String) -> FieldError {
    let words = match name.as_str() {
        "source" | "listing_key" | "source_url" | "currency" | "property_type" | "living_area_units"
        | "lot_size_units" | "energy_rating" | "tenure" | "description" | "list_office_name"
        | "list_agent_name" => "must be text",
        "standard_status" => {
            "must be one of active, active_under_contract, canceled, closed, coming_soon, delete, expired, hold, \
             incomplete, pending and withdrawn"
        }
        "listing_type" => "must be one of sale and lease",
        "rental_period" => "must be one of month, week, day and year",
        "list_price"
        | "list_price_low"
        | "list_price_high"
        | "original_list_price"
        | "close_price"
        | "bathrooms_total"
        | "rooms_total"
        | "living_area"
        | "lot_size_area"
        | "stories"
        | "latitude"
        | "longitude" => "must be a number",
        "bedrooms_total" | "year_built" | "parking_total" => "must be a whole number",
        "address" => {
            "must be an object with no more than unparsed, street, city, state_or_province, postal_code and country, \
             each of them text"
        }
        "listed_at" | "closed_at" => {
            "must be a date and time as in RFC 3339, such as 2026-01-31T12:00:00Z, from the year 1 to 9999 in UTC"
        }
        "media" => {
            "must be a list of objects, each with no more than url, kind (one of photo, floor_plan, video, tour and \
             document) and caption"
        }
        "attributes" => "must be an object",
        "removed" => "must be true or false",
        _ => {
            return FieldError::in_body(
                &[PathSegment::Name(name)],
                "unknown_field",
                "is no field of a property",
            );
        }
    };
    FieldError::in_body(&[PathSegment::Name(name)], "type", words)
}

/// In the document a row is a [`PropertyInput`]; only its parsing is deferred.
impl Type for BatchItem {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        PropertyInput::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        PropertyInput::schema_ref()
    }

    fn register(registry: &mut Registry) {
        PropertyInput::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for BatchItem {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self(value.unwrap_or_default()))
    }
}

impl ToJSON for BatchItem {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::property::MediaKind;

    #[test]
    fn a_row_is_read_as_a_property() {
        let row = read(json!({"source": "s", "listing_key": "k", "list_price": 5, "property_type": null}));

        let row = row.unwrap();
        assert_eq!((row.list_price, row.property_type), (Some(5.0), None));
        assert_eq!(row.nulls, ["property_type"].into_iter().collect());
    }

    #[test]
    fn every_field_of_a_listing_has_its_own_words() {
        for name in NullFields::all().filter(|name| !name.contains('.')).chain(["removed"]) {
            let words = explain(name.to_owned()).msg;
            assert!(words.starts_with("must be "), "{name}: {words}");
        }
        for term in MediaKind::ALL {
            assert!(explain("media".to_owned()).msg.contains(term.name()), "{term:?}");
        }
        assert_eq!(explain("colour".to_owned()).kind, "unknown_field");
    }

    #[test]
    fn a_list_is_no_object() {
        for (name, value) in [
            ("address", json!([])),
            ("address", json!(["a", "b"])),
            ("address", json!([null, null, null, null, null, null])),
            ("media", json!([["https://homes.example/1.jpg", "photo", null]])),
            ("media", json!([{"url": "https://homes.example/1.jpg", "kind": "photo"}, []])),
            ("attributes", json!([])),
        ] {
            let row = Map::from_iter([("source".to_owned(), json!("s")), (name.to_owned(), value.clone())]);
            let bad = read_or_explain(Value::Object(row)).err().unwrap();

            let pointers: Vec<_> = bad.errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, [format!("/{name}")], "{value}");
            assert!(bad.errors[0].msg.contains("object"), "{value}");
            assert_eq!(bad.rest.unwrap().source.as_deref(), Some("s"), "{value}");
        }
        assert!(read(json!({"address": {}, "media": [], "attributes": {}})).is_ok());
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named() {
        let row = json!({
            "source": "s", "list_price": "5", "bedrooms_total": 2.5, "standard_status": "sold", "colour": "red",
            "address": {"town": "x"}, "listed_at": "yesterday", "listing_type": "swap", "media": [{"url": "u"}],
            "description": 7,
        });

        let mut bad: Vec<_> = read(row).unwrap_err().into_iter().map(|error| error.pointer).collect();
        bad.sort();

        let expected = [
            "/address",
            "/bedrooms_total",
            "/colour",
            "/description",
            "/list_price",
            "/listed_at",
            "/listing_type",
            "/media",
            "/standard_status",
        ];
        assert_eq!(bad, expected);
        assert!(read(json!([])).is_err());
        let bad = read_or_explain(json!({"source": "s", "colour": 1})).err().unwrap();
        assert_eq!(bad.rest.unwrap().source.as_deref(), Some("s"));
    }
}
