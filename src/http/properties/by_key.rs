//! `PUT /properties/by-key/{source}/{listing_key}`.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::properties::{self, UpsertOutcome};
use crate::http::etag::tag_of;
use crate::http::router::BASE;
use crate::protocol::problem::Problem;
use crate::protocol::property::{Property, PropertyInput};

/// The property in its current state.
#[derive(Debug, ApiResponse)]
pub enum PutProperty {
    /// The property was known; it may have changed.
    #[oai(status = 200)]
    Known(
        Json<Property>,
        /// Identifies this state of the property.
        #[oai(header = "ETag")]
        String,
    ),
    /// The property is new.
    #[oai(status = 201)]
    Created(
        Json<Property>,
        /// Identifies this state of the property.
        #[oai(header = "ETag")]
        String,
        #[oai(header = "Location")] String,
    ),
}

pub(super) async fn put_by_key(
    op: &Op,
    source: String,
    listing_key: String,
    input: PropertyInput,
) -> Result<PutProperty, Problem> {
    let put = properties::put_by_key(op, source, listing_key, input).await?;
    let tag = tag_of(&put.property);
    Ok(match put.outcome {
        UpsertOutcome::Created => {
            let address = format!("{BASE}/properties/{}", put.property.property_id);
            PutProperty::Created(Json(put.property), tag, address)
        }
        UpsertOutcome::Changed | UpsertOutcome::Unchanged | UpsertOutcome::Removed => {
            PutProperty::Known(Json(put.property), tag)
        }
    })
}
