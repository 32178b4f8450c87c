//! The health of a spider: on how many pages its last jobs read each field.

use std::collections::BTreeMap;

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// How well the built-in crawler reads the sources of a spider.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct SpiderHealth {
    pub spider_name: String,
    /// The sources of its last jobs, at most 20; that of the latest job comes first. Empty for a spider of external
    /// workers, and before a job has read 20 pages of a source.
    pub sources: Vec<SourceHealth>,
}

/// One source over the last jobs.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct SourceHealth {
    /// The host of the pages.
    pub source: String,
    /// By field: the median of its share in the last ten jobs.
    pub medians: BTreeMap<String, f64>,
    /// The fields whose share fell below half of its median, and has not recovered since.
    pub drifting: Vec<String>,
    /// The last 50 jobs that read at least 20 pages of homes there, the latest first.
    pub jobs: Vec<JobCoverage>,
}

/// What one job read on the pages of a source.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct JobCoverage {
    pub job_id: i64,
    pub finished_at: String,
    /// Pages of homes that were read; a page that was answered as unchanged is not counted.
    pub pages: i64,
    /// By field: the share of those pages that had it, 0 to 1. A field that no page had is absent.
    pub fields: BTreeMap<String, f64>,
}
