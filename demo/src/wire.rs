//! What the demo reads of the server's messages and answers, in the names of the API documents. Fields that it does
//! not compare are left out.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// A crawl job's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct JobId(pub(crate) i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the job is over.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) job_id: JobId,
    pub(crate) status: JobStatus,
    pub(crate) pages_crawled: u64,
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) stats: Value,
}

/// A listing that was accepted for a job.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) property_id: i64,
    pub(crate) status: String,
}

/// RESO `StandardStatus`. The demo's sites show two of them; any other is a fault that a check names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandardStatus {
    Active,
    Closed,
    #[serde(untagged)]
    Other(String),
}

impl StandardStatus {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Closed => "closed",
            Self::Other(name) => name,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Property {
    pub(crate) property_id: i64,
    pub(crate) listing_key: String,
    pub(crate) standard_status: StandardStatus,
    #[serde(default)]
    pub(crate) list_price: Option<f64>,
    #[serde(default)]
    pub(crate) close_price: Option<f64>,
    #[serde(default)]
    pub(crate) currency: Option<String>,
    #[serde(default)]
    pub(crate) bedrooms_total: Option<i64>,
    #[serde(default)]
    pub(crate) bathrooms_total: Option<f64>,
    #[serde(default)]
    pub(crate) living_area: Option<f64>,
    #[serde(default)]
    pub(crate) lot_size_area: Option<f64>,
    #[serde(default)]
    pub(crate) year_built: Option<i64>,
    #[serde(default)]
    pub(crate) stories: Option<f64>,
    #[serde(default)]
    pub(crate) address: Option<Address>,
    #[serde(default)]
    pub(crate) latitude: Option<f64>,
    #[serde(default)]
    pub(crate) longitude: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    pub(crate) city: Option<String>,
    #[serde(default)]
    pub(crate) state_or_province: Option<String>,
    #[serde(default)]
    pub(crate) postal_code: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_that_the_sites_do_not_show_keeps_its_name() {
        let of = |name: &str| serde_json::from_value::<StandardStatus>(json!(name)).unwrap();

        assert_eq!((of("active"), of("closed")), (StandardStatus::Active, StandardStatus::Closed));
        assert_eq!(of("coming_soon").name(), "coming_soon");
        assert!(serde_json::from_value::<StandardStatus>(json!(7)).is_err());
    }

    #[test]
    fn the_names_of_a_jobs_status_are_those_that_are_read() {
        use JobStatus::{Cancelled, Completed, Failed, Pending, Running};
        for status in [Pending, Running, Completed, Failed, Cancelled] {
            assert_eq!(serde_json::from_value::<JobStatus>(json!(status.name())).unwrap(), status);
        }
    }
}
