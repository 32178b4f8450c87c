//! A spider that begins every night.

use poem_openapi::types::Example;

use super::{JOB, after};
use crate::protocol::schedule::{Schedule, SpiderSchedule};

const CRON: &str = "30 3 * * *";
const TIMEZONE: &str = "Europe/Berlin";
const JITTER_SECS: i64 = 600;

impl Example for Schedule {
    fn example() -> Self {
        Self { cron: CRON.to_owned(), timezone: TIMEZONE.to_owned(), jitter: Some(JITTER_SECS) }
    }
}

impl Example for SpiderSchedule {
    fn example() -> Self {
        Self {
            cron: CRON.to_owned(),
            timezone: TIMEZONE.to_owned(),
            jitter: JITTER_SECS,
            next_run_at: Some(after(634)),
            last_run_at: Some(after(-806)),
            last_job_id: Some(JOB),
        }
    }
}
