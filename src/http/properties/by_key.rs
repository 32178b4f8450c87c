//! `PUT /properties/by-key/{source}/{listing_key}`.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::properties::{self, Outcome};
use crate::protocol::problem::Problem;
use crate::protocol::property::{Property, PropertyInput};

/// The property as it stands now.
#[derive(Debug, ApiResponse)]
pub enum PutProperty {
    /// The property was known; it may have changed.
    #[oai(status = 200)]
    Known(Json<Property>),
    /// The property is new.
    #[oai(status = 201)]
    Created(Json<Property>),
}

pub(super) async fn put_by_key(
    op: &Op,
    source: String,
    listing_key: String,
    input: PropertyInput,
) -> Result<PutProperty, Problem> {
    let put = properties::put_by_key(op, source, listing_key, input).await?;
    Ok(match put.outcome {
        Outcome::Created => PutProperty::Created(Json(put.property)),
        Outcome::Changed | Outcome::Unchanged | Outcome::Removed => PutProperty::Known(Json(put.property)),
    })
}
