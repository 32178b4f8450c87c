//! A reported row: a listing as it was parsed and, from the built-in crawler, why it is removed.

use super::origins::Origins;
use crate::protocol::property::RemovalReason;
use crate::protocol::property_batch::ParsedProperty;
use crate::storage::properties::Writer;

/// A removal and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    pub reason: RemovalReason,
    /// Of a duplicate: the id of the property that stays.
    pub same_as: Option<i64>,
}

impl Removal {
    /// The removal of a row with `removed` and no reason: of the crawler's, its page is gone.
    pub(super) fn reported_by(writer: Writer) -> Self {
        let reason = match writer {
            Writer::Crawler => RemovalReason::Gone,
            Writer::Worker => RemovalReason::Worker,
        };
        Self { reason, same_as: None }
    }
}

/// The visit of a page that a row was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageVisit {
    /// When the page was fetched, in microseconds since the epoch.
    pub fetched_at: i64,
    pub reading: PageReading,
}

/// Whether a page was read as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageReading {
    First,
    /// It was kept and is read again. That is no sighting of its listing, and changes nothing that a later visit or a
    /// worker wrote.
    Again,
}

/// One reported row.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedRow {
    pub property: ParsedProperty,
    /// Removes the listing, whatever else the row has.
    pub removal: Option<Removal>,
    /// Where the built-in crawler read the fields; empty for a worker's row.
    pub origins: Origins,
    /// The visit that the built-in crawler read it from.
    pub visit: Option<PageVisit>,
}

impl From<ParsedProperty> for ReportedRow {
    fn from(property: ParsedProperty) -> Self {
        Self { property, removal: None, origins: Origins::new(), visit: None }
    }
}
