//! The alert for a crawl on which too many known listings seem to be gone at once to be believed.

use crate::base::clock::epoch_seconds;
use crate::domain::error::Result;
use crate::domain::jobs::lease::{self, Lease};
use crate::domain::jobs::state::JobInput;
use crate::domain::notifications::notify;
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, Severity, SystemAlert};

/// Listings that a crawl did not remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassRemoval {
    pub source: String,
    /// Known pages that seem to be gone.
    pub pages: usize,
    /// Known pages that were visited.
    pub visited: usize,
    /// Some of their addresses.
    pub sample: Vec<String>,
}

/// Alerts the owner of the job and the admins. Only the lease's holder may.
pub async fn alert_mass_removal(op: &Op, lease: &Lease<'_>, removal: &MassRemoval) -> Result<()> {
    let mut change = op.begin().await?;
    let (job, _) = lease::require(op, &change, lease, JobInput::Heartbeat).await?;
    let message = SystemAlert {
        severity: Severity::Warning,
        category: "mass_removal".to_owned(),
        message: format!("Job {} ({}): {}", job.id, job.spider_name, removal.words()),
        job_id: Some(job.id),
        timestamp: epoch_seconds(op.now()),
        logged: Logged::default(),
    };
    notify(op, &mut change, Event::Alert { concerns: job.owner(), message }).await?;
    op.commit(change).await?;
    Ok(())
}

impl MassRemoval {
    /// What happened, for the alert and for the job's log.
    pub fn words(&self) -> String {
        let Self { source, pages, visited, sample } = self;
        format!(
            "{pages} of {visited} known pages of {source} seem to be gone at once; no listing of them was removed. \
             Some of them: {}",
            sample.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alert_names_source_count_and_sample() {
        let removal = MassRemoval {
            source: "homes.example".to_owned(),
            pages: 6,
            visited: 20,
            sample: vec!["https://homes.example/h/1".to_owned(), "https://homes.example/h/2".to_owned()],
        };

        assert_eq!(
            removal.words(),
            "6 of 20 known pages of homes.example seem to be gone at once; no listing of them was removed. Some of \
             them: https://homes.example/h/1 https://homes.example/h/2"
        );
    }
}
