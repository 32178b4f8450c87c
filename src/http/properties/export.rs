//! `GET /properties/export`: all properties that match, as one stream.

use poem::http::{HeaderName, header};
use poem::{IntoResponse, Response};
use poem_openapi::param::Query;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, OpenApi};
use serde_json::Value;

use super::export_body::{RowFormat, body};
use super::filters::{Filters, bad_parameter};
use super::representation::text_header;
use crate::base::ids::PropertyId;
use crate::base::timestamp::Timestamp;
use crate::domain::properties::export::{self, Export};
use crate::http::caller::{Caller, ReadProperties};
use crate::http::comma_list::CommaList;
use crate::http::tags::Tag;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::property::{ListingType, Property, StandardStatus};
use crate::protocol::property_record::{COLUMNS, cells};

/// The position from which to follow, as in the body.
const POSITION: HeaderName = HeaderName::from_static("lotline-position");
const CSV: &str = "text/csv; charset=utf-8; header=present";
const NDJSON: &str = "application/x-ndjson";

pub struct PropertyExportApi;

#[OpenApi(tag = "Tag::Properties")]
impl PropertyExportApi {
    /// Export properties
    ///
    /// Every property that matches, in the order of ids, as a stream of any length. The filters are those of the list.
    /// `Lotline-Position` is where to follow from: the events of `property_updates` after it, applied to the rows, give
    /// the present state, whatever changed meanwhile. NDJSON has it in the first line (`{"position": …}`), and ends
    /// with `{"complete": true, "rows": …}`. CSV is RFC 4180 with the names of the columns, parts as `address.city`,
    /// `media` and `attributes` as JSON text, and the position as the last column. An export that is cut off is
    /// continued with `after`; then follow from the position of the first part. It takes at most an hour; two of a
    /// tenant run at once.
    #[oai(path = "/properties/export", method = "get", operation_id = "export_properties")]
    #[expect(clippy::too_many_arguments, reason = "each filter is a documented parameter of its own")]
    async fn export(
        &self,
        caller: Caller<ReadProperties>,
        /// How the rows are written.
        format: Query<ExportFormat>,
        /// Only properties with an id above this one: the last `property_id` of an export that was cut off.
        #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
        after: Query<Option<i64>>,
        /// With `format=csv`: a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe
        /// before it, so that a spreadsheet does not take it for a formula.
        excel: Query<Option<bool>>,
        /// One city, compared case-insensitively: a comma belongs to its name.
        #[oai(validator(min_length = 1, max_length = 100))]
        city: Query<Option<String>>,
        /// Only properties in one of these states.
        status: Query<CommaList<StandardStatus>>,
        /// Only properties in one of these states. The same as `status`; give one of the two.
        standard_status: Query<CommaList<StandardStatus>>,
        /// Only properties for sale or to let.
        listing_type: Query<CommaList<ListingType>>,
        /// Codes of ISO 4217, separated by commas; `none` means properties without a currency.
        currency: Query<CommaList<String>>,
        /// One type, compared case-insensitively with `property_type` as a whole.
        #[oai(validator(min_length = 1, max_length = 100))]
        property_type: Query<Option<String>>,
        /// At least this current price, in major units.
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000000")))]
        price_min: Query<Option<f64>>,
        /// At most this current price, in major units.
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000000")))]
        price_max: Query<Option<f64>>,
        #[oai(validator(minimum(value = "0"), maximum(value = "10000")))] bedrooms_min: Query<Option<i64>>,
        /// `west,south,east,north` in degrees; west beyond east crosses the antimeridian.
        #[oai(validator(max_length = 200))]
        bbox: Query<Option<String>>,
        /// At most ten words that must all occur in address, type or key, case-insensitively.
        #[oai(validator(max_length = 200))]
        q: Query<Option<String>>,
        /// RFC 3339: only properties that were created, changed or removed at that time or later.
        updated_since: Query<Option<Timestamp>>,
        /// Only properties of one of these sources, separated by commas.
        source: Query<CommaList<String>>,
        /// Only properties that this job saw.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        job_id: Query<Option<i64>>,
        /// Also properties that their source no longer has.
        include_removed: Query<Option<bool>>,
    ) -> Result<ExportResponse, Problem> {
        let row_format = row_format(format.0, excel.0.unwrap_or_default())?;
        let filters = Filters {
            city: city.0,
            status: status.0.0,
            standard_status: standard_status.0.0,
            listing_type: listing_type.0.0,
            currency: currency.0.0,
            property_type: property_type.0,
            price_min: price_min.0,
            price_max: price_max.0,
            bedrooms_min: bedrooms_min.0,
            bbox: bbox.0,
            q: q.0,
            updated_since: updated_since.0,
            source: source.0.0,
            job_id: job_id.0,
            include_removed: include_removed.0,
        };
        let export = export::begin(&caller.op, filters.into_query()?, after.0.map(PropertyId)).await?;
        Ok(ExportResponse::of(export, format.0, row_format))
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Comma-separated values (RFC 4180), with a first line of names.
    Csv,
    /// An object of JSON in each line.
    Ndjson,
}

impl ExportFormat {
    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => CSV,
            Self::Ndjson => NDJSON,
        }
    }

    fn attachment(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"properties.csv\"",
            Self::Ndjson => "attachment; filename=\"properties.ndjson\"",
        }
    }
}

fn row_format(format: ExportFormat, excel: bool) -> Result<RowFormat, Problem> {
    match (format, excel) {
        (ExportFormat::Csv, true) => Ok(RowFormat::CsvForSpreadsheet),
        (ExportFormat::Csv, false) => Ok(RowFormat::Csv),
        (ExportFormat::Ndjson, false) => Ok(RowFormat::Ndjson),
        (ExportFormat::Ndjson, true) => {
            Err(bad_parameter("excel", "conflict", "is for `format=csv` only; leave it out"))
        }
    }
}

/// The rows, produced while they are read.
pub struct ExportResponse(Response);

impl ExportResponse {
    fn of(export: Export, format: ExportFormat, row_format: RowFormat) -> Self {
        let response = Response::builder()
            .header(POSITION, export.position().to_string())
            .header(header::CONTENT_TYPE, format.media_type())
            .header(header::CONTENT_DISPOSITION, format.attachment())
            .header(header::CACHE_CONTROL, "private, no-store")
            .body(body(export, row_format));
        Self(response)
    }
}

impl IntoResponse for ExportResponse {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for ExportResponse {
    fn meta() -> MetaResponses {
        let text = |content_type, description, example: String| {
            let example = Some(Value::from(example));
            let schema = MetaSchema { example, description: Some(description), ..MetaSchema::new("string") };
            MetaMediaType { content_type, schema: MetaSchemaRef::Inline(Box::new(schema)) }
        };
        let content = vec![
            text("text/csv", "Records with the columns that the first line names.", csv_example()),
            text(NDJSON, "The position, a property a line, and the end.", ndjson_example()),
        ];
        let position =
            text_header("Lotline-Position", "The position to follow from: events after it come later.");
        let attachment = text_header("Content-Disposition", "Always an attachment.");
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The properties that match.",
                status: Some(200),
                status_range: None,
                content,
                headers: vec![position, attachment],
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

/// A home of which little is known, so that a line stays short.
fn short_example() -> Property {
    Property { description: None, media: None, attributes: None, ..Property::example() }
}

fn csv_example() -> String {
    let home = short_example();
    let values = cells(&home).map(|cell| cell.plain().to_owned());
    format!("{},position\r\n{},{}\r\n", COLUMNS.join(","), values.join(","), examples::position())
}

fn ndjson_example() -> String {
    let head = serde_json::json!({ "position": examples::position() });
    let end = serde_json::json!({ "complete": true, "rows": 1 });
    // A property always serialises.
    let row = serde_json::to_string(&short_example()).unwrap_or_default();
    format!("{head}\n{row}\n{end}\n")
}
