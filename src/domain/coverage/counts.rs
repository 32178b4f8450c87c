//! The counts of one job and source, as the crawler reports them and as they are stored.

use std::collections::BTreeMap;

use crate::storage::job_coverage::CoverageRow;

/// Pages of a source that a job must have read: of fewer, chance decides.
pub(super) const MIN_PAGES: i64 = 20;

/// What a job read on the pages of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCoverage {
    pub source: String,
    /// Pages of homes that were read. An answer that a page is unchanged is none.
    pub pages: i64,
    /// The number of those pages by field, with the field's name on the wire (`address.city`).
    pub fields: BTreeMap<String, i64>,
}

impl SourceCoverage {
    /// The share of the pages that had the field, 0 to 1.
    pub(super) fn share(&self, field: &str) -> f64 {
        share(&self.fields, field, self.pages)
    }
}

/// The same as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KeptCoverage {
    pub(super) job_id: i64,
    /// Microseconds since the epoch.
    pub(super) finished_at: i64,
    pub(super) pages: i64,
    pub(super) fields: BTreeMap<String, i64>,
    /// The fields that fell and have not recovered since, with their median before the fall.
    pub(super) low: BTreeMap<String, f64>,
}

impl KeptCoverage {
    /// JSON that was broken by hand counts as empty.
    pub(super) fn of(row: CoverageRow) -> Self {
        let low = row.low.as_deref().and_then(|json| serde_json::from_str(json).ok());
        Self {
            job_id: row.job_id,
            finished_at: row.finished_at,
            pages: row.pages,
            fields: serde_json::from_str(&row.fields).unwrap_or_default(),
            low: low.unwrap_or_default(),
        }
    }

    pub(super) fn share(&self, field: &str) -> f64 {
        share(&self.fields, field, self.pages)
    }
}

fn share(fields: &BTreeMap<String, i64>, field: &str, pages: i64) -> f64 {
    let count = fields.get(field).copied().unwrap_or(0);
    if pages > 0 { count as f64 / pages as f64 } else { 0.0 }
}
