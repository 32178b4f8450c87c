//! Settings of the job queue.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::storage::job_queue::ClaimFilter;
use crate::storage::jobs::JobRow;
use crate::storage::micros;

/// How long at most a claimer that lost a job leaves it to others, after the job's pause.
const MAX_PRECEDENCE: Duration = Duration::from_secs(5);
/// The pause doubles at most this many times.
const MAX_DOUBLINGS: i64 = 16;

/// Settings of the queue, from the section `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSettings {
    /// The pause of a job after its worker was lost; it doubles with each further loss.
    pub retake: Duration,
    /// Waiting claims of one API key on this node; one more is refused.
    pub waiting_claims_per_key: usize,
    /// The same for one tenant.
    pub waiting_claims_per_tenant: usize,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { retake: Duration::from_secs(10), waiting_claims_per_key: 100, waiting_claims_per_tenant: 400 }
    }
}

impl JobSettings {
    /// When a job may be claimed again after its `losses`th lost worker.
    pub(super) fn not_before(&self, losses: i64, now: DateTime<Utc>) -> DateTime<Utc> {
        let doublings = (losses - 1).clamp(0, MAX_DOUBLINGS) as u32;
        let pause = TimeDelta::from_std(self.retake.saturating_mul(1 << doublings));
        pause.ok().and_then(|pause| now.checked_add_signed(pause)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// How long after its pause a job is left to claimers other than the one that lost it.
    pub(super) fn precedence(&self) -> TimeDelta {
        TimeDelta::from_std(self.retake.min(MAX_PRECEDENCE)).unwrap_or_default()
    }

    pub(super) fn claiming<'a>(&self, claimer: &'a str, now: DateTime<Utc>) -> ClaimFilter<'a> {
        ClaimFilter { claimer, now: micros(now), open_to_all_before: micros(now - self.precedence()) }
    }
}

/// Whether the job's pause is over for this claimer. The storage query has the same rule for rows.
pub(super) fn is_due(job: &JobRow, claiming: &ClaimFilter<'_>) -> bool {
    let Some(not_before) = job.not_before else { return true };
    let of_another = job.claimed_by.as_deref() != Some(claiming.claimer);
    not_before <= claiming.open_to_all_before || (of_another && not_before <= claiming.now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(losses: i64) -> i64 {
        let start = DateTime::UNIX_EPOCH;
        (JobSettings::default().not_before(losses, start) - start).num_seconds()
    }

    #[test]
    fn the_pause_doubles_with_every_loss() {
        assert_eq!([1, 2, 3].map(after), [10, 20, 40]);
        assert_eq!(after(i64::MAX), 10 << MAX_DOUBLINGS);
    }

    #[test]
    fn without_a_pause_nobody_has_precedence() {
        let settings = JobSettings { retake: Duration::ZERO, ..JobSettings::default() };

        assert_eq!(settings.not_before(2, DateTime::UNIX_EPOCH), DateTime::UNIX_EPOCH);
        assert_eq!(settings.precedence(), TimeDelta::zero());
    }
}
