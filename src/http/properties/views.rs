//! What the operations of properties take and answer beyond the types of the protocol.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum};

use crate::domain::properties::{Notify, PutResult, UpsertOutcome};
use crate::http::base::BASE;
use crate::http::etag::tag_of;
use crate::protocol::property::Property;

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

impl From<PutResult> for PutProperty {
    fn from(put: PutResult) -> Self {
        let tag = tag_of(&put.property);
        match put.outcome {
            UpsertOutcome::Created => {
                let address = format!("{BASE}/properties/{}", put.property.property_id);
                Self::Created(Json(put.property), tag, address)
            }
            UpsertOutcome::Changed | UpsertOutcome::Unchanged | UpsertOutcome::Removed => {
                Self::Known(Json(put.property), tag)
            }
        }
    }
}

/// Which events announce new properties.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum BatchNotify {
    /// Each of them, and the summary.
    Each,
    /// The summary only.
    Summary,
}

impl From<BatchNotify> for Notify {
    fn from(notify: BatchNotify) -> Self {
        match notify {
            BatchNotify::Each => Self::Each,
            BatchNotify::Summary => Self::Summary,
        }
    }
}
