//! Properties.

mod export;
mod export_body;
mod filters;
mod refresh;
mod representation;
mod views;

#[cfg(test)]
mod tests;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;

pub use self::export::PropertyExportApi;
use self::filters::Filters;
pub use self::refresh::PropertyRefreshApi;
use self::representation::PropertyResponse;
use self::views::{BatchNotify, PutProperty};
use super::body::{Body, Many, PropertyBatch};
use super::caller::{Caller, ReadProperties, WriteProperties};
use super::comma_list::CommaList;
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::{JobId, PropertyId};
use crate::base::timestamp::Timestamp;
use crate::domain::properties::{self, Batch, Notify, Writer};
use crate::domain::viewing;
use crate::protocol::evidence::PropertyEvidence;
use crate::protocol::examples;
use crate::protocol::message::ViewersPayload;
use crate::protocol::problem::Problem;
use crate::protocol::property::{
    ListingType, PriceHistoryEntry, Property, PropertyInput, PropertySort, StandardStatus, ViewedProperty,
};
use crate::protocol::property_batch::BatchResult;

pub struct PropertiesApi;

#[OpenApi(tag = "Tag::Properties")]
impl PropertiesApi {
    /// Search properties
    ///
    /// All filters must match; a property that lacks what a filter compares does not. They mean the same as the fields
    /// of the same names in a filter of `property_updates`. `status`, `standard_status`, `listing_type`, `currency` and
    /// `source` take several values, separated by commas, of which one must match. The latest change comes first unless
    /// `sort` says otherwise; properties without the sorted value come last.
    #[oai(path = "/properties", method = "get", operation_id = "list_properties")]
    #[expect(clippy::too_many_arguments, reason = "each filter is a documented parameter of its own")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadProperties>,
        /// One city, compared case-insensitively: a comma belongs to its name.
        #[oai(validator(min_length = 1, max_length = 100))]
        city: Query<Option<String>>,
        status: Query<CommaList<StandardStatus>>,
        /// Only properties in one of these states. The same as `status`; give one of the two.
        standard_status: Query<CommaList<StandardStatus>>,
        /// Only properties for sale or to let.
        listing_type: Query<CommaList<ListingType>>,
        /// Codes of ISO 4217, separated by commas; `none` means properties without a currency. Without this filter
        /// prices of all currencies are compared by their numbers.
        currency: Query<CommaList<String>>,
        /// One type, compared case-insensitively with `property_type` as a whole.
        #[oai(validator(min_length = 1, max_length = 100))]
        property_type: Query<Option<String>>,
        /// Major units, whatever the property's currency; compared with the current price: `close_price` once closed,
        /// else `list_price`. The bound itself is included.
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000000")))]
        price_min: Query<Option<f64>>,
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000000")))] price_max: Query<
            Option<f64>,
        >,
        #[oai(validator(minimum(value = "0"), maximum(value = "10000")))] bedrooms_min: Query<Option<i64>>,
        /// `west,south,east,north` in degrees; west beyond east crosses the antimeridian.
        #[oai(validator(max_length = 200))]
        bbox: Query<Option<String>>,
        /// At most ten words that must all occur in address, type or key, case-insensitively.
        #[oai(validator(max_length = 200))]
        q: Query<Option<String>>,
        /// RFC 3339: only properties that were created, changed or removed at that time or later.
        updated_since: Query<Option<Timestamp>>,
        /// Sources, separated by commas.
        source: Query<CommaList<String>>,
        /// Only properties that this job saw.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        job_id: Query<Option<i64>>,
        /// Also properties that their source no longer has.
        include_removed: Query<Option<bool>>,
        sort: Query<Option<PropertySort>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Property>, Problem> {
        let query = Filters {
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
        let query = query.into_query()?;
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = properties::list::list(&caller.op, query, sort.0.unwrap_or_default(), page).await?;
        Ok(listed(request, page))
    }

    /// Read a property
    ///
    /// Also one that its source no longer has (`removed`). With `Accept: application/ld+json` the answer is a
    /// `RealEstateListing` of schema.org in JSON-LD, of what is known.
    #[oai(path = "/properties/:property_id", method = "get", operation_id = "get_property")]
    async fn get(
        &self,
        request: &Request,
        caller: Caller<ReadProperties>,
        property_id: Path<i64>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<PropertyResponse, Problem> {
        let property = properties::read::get(&caller.op, PropertyId(property_id.0)).await?;
        Ok(PropertyResponse::of(property, request.headers(), if_none_match.0.as_deref()))
    }

    /// List the prices and statuses that a property had
    ///
    /// Newest first: the first row is the current state, the last row the state when the property was first seen.
    #[oai(
        path = "/properties/:property_id/price-history",
        method = "get",
        operation_id = "list_price_history"
    )]
    async fn price_history(
        &self,
        request: &Request,
        caller: Caller<ReadProperties>,
        property_id: Path<i64>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<PriceHistoryEntry>, Problem> {
        let id = PropertyId(property_id.0);
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = properties::read::price_history(&caller.op, id, page).await?;
        Ok(listed(request, page))
    }

    /// Read where the values of a property came from
    ///
    /// For each field that the built-in crawler has read: what of the page it was read from, where in that, by which rule
    /// of the spider, and when. A property that a worker has reported since has no fields here: its values are the
    /// worker's.
    #[oai(path = "/properties/:property_id/evidence", method = "get", operation_id = "get_property_evidence")]
    async fn evidence(
        &self,
        caller: Caller<ReadProperties>,
        property_id: Path<i64>,
    ) -> Result<Json<PropertyEvidence>, Problem> {
        Ok(Json(properties::evidence::of(&caller.op, PropertyId(property_id.0)).await?))
    }

    /// List the viewers of a property
    ///
    /// The users of the tenant that have it on the screen now, as their sockets report with `viewing`: how many, and
    /// the first 20 of them.
    #[oai(path = "/properties/:property_id/viewers", method = "get", operation_id = "get_property_viewers")]
    async fn viewers(
        &self,
        caller: Caller<ReadProperties>,
        property_id: Path<i64>,
    ) -> Result<Json<ViewersPayload>, Problem> {
        Ok(Json(viewing::viewers_of(&caller.op, PropertyId(property_id.0)).await?))
    }

    /// List the properties that have viewers
    ///
    /// Properties that users have on the screen now, in the order of their ids.
    #[oai(path = "/viewing", method = "get", operation_id = "list_viewing")]
    async fn viewing(
        &self,
        request: &Request,
        caller: Caller<ReadProperties>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<ViewedProperty>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, viewing::list(&caller.op, page)?))
    }

    /// Put a property under its source's key
    ///
    /// What the body leaves out keeps its stored value.
    #[oai(
        path = "/properties/by-key/:source/:listing_key",
        method = "put",
        operation_id = "put_property_by_key"
    )]
    async fn put_by_key(
        &self,
        caller: Caller<WriteProperties>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        #[oai(example = "examples::source")] source: Path<String>,
        #[oai(example = "examples::listing_key")] listing_key: Path<String>,
        body: Body<PropertyInput>,
    ) -> Result<Replayable<PutProperty>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let put = properties::put_by_key(&op, source.0, listing_key.0, body.0).await?;
        Ok(Replayable::new(op.idempotency(), PutProperty::from(put)))
    }

    /// Put a batch of properties
    ///
    /// One to 500 rows in one transaction. A bad row is answered with its error and does not affect the others; rows
    /// of one key are applied in their order.
    #[oai(
        path = "/properties/batch",
        method = "post",
        operation_id = "upsert_properties",
        tag = "Tag::Workers"
    )]
    async fn upsert(
        &self,
        caller: Caller<WriteProperties>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader<Many>,
        /// `summary`: new properties are announced only by the summary, for a first import.
        notify: Query<Option<BatchNotify>>,
        body: PropertyBatch,
    ) -> Result<Replayable<Json<BatchResult>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let batch = Batch {
            job_id: body.job_id.map(|id| JobId(id.0)),
            items: body.into_properties(),
            notify: notify.0.map_or(Notify::Each, Notify::from),
            writer: Writer::Worker,
        };
        let result = properties::upsert_batch(&op, batch).await?;
        Ok(Replayable::new(op.idempotency(), Json(result)))
    }
}
