//! When the server starts jobs of a spider by itself: as a request states it, and as the spider shows it.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// The longest `jitter`, in seconds.
pub const MAX_JITTER_SECS: i64 = 3_600;

/// When the server starts jobs of a spider.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct Schedule {
    /// Five fields: minute, hour, day of month, month, day of week. Each is `*`, or numbers, ranges and steps (`*/15`,
    /// `8-18/2`) with commas; months and days of the week also by their English names (`JAN`, `MON`). If both days are
    /// restricted, either suffices. No seconds, no years.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub cron: String,
    /// The IANA time zone of the wall clock that `cron` speaks of, such as `Europe/Berlin`.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub timezone: String,
    /// Seconds by which each run is delayed at most; drawn once for each run, and less than the time to the next one. 0
    /// when absent.
    #[oai(validator(minimum(value = "0"), maximum(value = "3600")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<i64>,
}

/// The schedule of a spider, with its last and its next run.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct SpiderSchedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// An IANA time zone.
    pub timezone: String,
    /// Seconds by which each run is delayed at most.
    pub jitter: i64,
    /// When the next job is started, its delay included. Absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<String>,
    /// When the schedule last started a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at: Option<String>,
    /// The job that the schedule started last, which may have been removed for its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_job_id: Option<i64>,
}
