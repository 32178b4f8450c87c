//! A job's state machine as a pure function: its state, an input, and the transition that follows. It writes
//! nothing and does not check leases: that a report comes from the lease's holder is checked before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::protocol::job::JobStatus;

/// Executions in a row that may lose their worker before the job fails.
pub const MAX_EXECUTIONS: i64 = 3;
/// Shortest interval between two progress events of a job: two a second.
pub const MIN_PROGRESS_INTERVAL: TimeDelta = TimeDelta::milliseconds(500);

/// A job's state, as far as the state machine needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobState {
    pub status: JobStatus,
    /// A worker holds its lease. A claimed job stays pending until its worker starts.
    pub leased: bool,
    pub cancel_requested: bool,
    pub attempt: i64,
    /// The attempt that a user requested last. Lost workers are counted from it, so a retry has all its
    /// executions again.
    pub first_attempt: i64,
    pub progress_sequence: i64,
    pub progress_told_at: Option<DateTime<Utc>>,
}

/// An input of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobInput {
    /// A worker claims it.
    Claim,
    /// From here on to `Release`: reports of the lease's holder.
    Start,
    Progress {
        sequence: i64,
    },
    Heartbeat,
    Complete {
        cancelled: bool,
    },
    Fail,
    /// The worker has to stop, and returns the job.
    Release,
    /// Requested by a user.
    Cancel,
    /// Requested by a user, too.
    Retry,
    /// The lease expired.
    LeaseEnd,
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The execution starts with this; its start is emitted before anything else.
    pub starts: bool,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// At most the lease is extended.
    Unchanged,
    /// A worker gets the lease.
    GrantLease,
    /// The figures are updated.
    RecordProgress(Emit),
    /// The worker learns of it by the answer to its next report.
    RequestCancel,
    /// A new execution waits for a worker.
    Enqueue,
    /// The same execution waits for another worker; no worker was lost.
    ReturnToQueue,
    End(Outcome),
}

/// When progress is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    Now,
    /// With other progress of the next half second.
    Merged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Failed,
    Cancelled,
    /// Failed, because every worker that took it was lost.
    WorkerLost,
}

/// Why an input is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The reporter no longer holds the lease, or never did.
    LeaseLost,
    /// It is not waiting for a worker.
    NotWaiting,
    /// It is finished.
    Finished,
    /// It is not finished.
    Unfinished,
}

impl JobState {
    /// The transition that follows from an input.
    pub fn advance(&self, input: JobInput, now: DateTime<Utc>) -> Result<Transition, TransitionError> {
        match self.status {
            JobStatus::Pending if !self.leased => while_waiting(input),
            JobStatus::Pending | JobStatus::Running => self.while_leased(input, now),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => when_finished(input),
        }
    }

    /// With a worker that has started (running) or not (pending).
    fn while_leased(&self, input: JobInput, now: DateTime<Utc>) -> Result<Transition, TransitionError> {
        let starts = self.status == JobStatus::Pending;
        let worked = |action| Ok(Transition { starts, action });
        match input {
            JobInput::Claim => Err(TransitionError::NotWaiting),
            JobInput::Start => worked(Action::Unchanged),
            JobInput::Progress { sequence } if sequence <= self.progress_sequence => {
                worked(Action::Unchanged)
            }
            JobInput::Progress { .. } => worked(Action::RecordProgress(self.emit(now))),
            // A worker may keep its lease alive while it still prepares.
            JobInput::Heartbeat => without_start(Action::Unchanged),
            JobInput::Complete { cancelled: true } => worked(Action::End(Outcome::Cancelled)),
            JobInput::Complete { cancelled: false } => worked(Action::End(Outcome::Completed)),
            JobInput::Fail => worked(Action::End(Outcome::Failed)),
            JobInput::Release if self.cancel_requested => without_start(Action::End(Outcome::Cancelled)),
            JobInput::Release => without_start(Action::ReturnToQueue),
            JobInput::Cancel if starts => without_start(Action::End(Outcome::Cancelled)),
            JobInput::Cancel if self.cancel_requested => without_start(Action::Unchanged),
            JobInput::Cancel => without_start(Action::RequestCancel),
            JobInput::Retry => Err(TransitionError::Unfinished),
            JobInput::LeaseEnd => without_start(self.on_lease_end()),
        }
    }

    fn emit(&self, now: DateTime<Utc>) -> Emit {
        // A time in the future means that the clock was set back: waiting for it would suppress progress.
        let soon = |told: DateTime<Utc>| (TimeDelta::zero()..MIN_PROGRESS_INTERVAL).contains(&(now - told));
        if self.progress_told_at.is_some_and(soon) { Emit::Merged } else { Emit::Now }
    }

    fn on_lease_end(&self) -> Action {
        if self.cancel_requested {
            Action::End(Outcome::Cancelled)
        } else if self.attempt - self.first_attempt + 1 >= MAX_EXECUTIONS {
            Action::End(Outcome::WorkerLost)
        } else {
            Action::Enqueue
        }
    }
}

fn without_start(action: Action) -> Result<Transition, TransitionError> {
    Ok(Transition { starts: false, action })
}

fn while_waiting(input: JobInput) -> Result<Transition, TransitionError> {
    match input {
        JobInput::Claim => without_start(Action::GrantLease),
        JobInput::Cancel => without_start(Action::End(Outcome::Cancelled)),
        JobInput::Retry => Err(TransitionError::Unfinished),
        JobInput::LeaseEnd => without_start(Action::Unchanged),
        JobInput::Start
        | JobInput::Progress { .. }
        | JobInput::Heartbeat
        | JobInput::Complete { .. }
        | JobInput::Fail
        | JobInput::Release => Err(TransitionError::LeaseLost),
    }
}

fn when_finished(input: JobInput) -> Result<Transition, TransitionError> {
    match input {
        JobInput::Claim => Err(TransitionError::NotWaiting),
        JobInput::Cancel => Err(TransitionError::Finished),
        JobInput::Retry => without_start(Action::Enqueue),
        JobInput::LeaseEnd => without_start(Action::Unchanged),
        JobInput::Start
        | JobInput::Progress { .. }
        | JobInput::Heartbeat
        | JobInput::Complete { .. }
        | JobInput::Fail
        | JobInput::Release => Err(TransitionError::LeaseLost),
    }
}

#[cfg(test)]
mod tests {
    //! Every status with every input.

    use super::*;

    const SEQUENCE: i64 = 5;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000, 0).unwrap()
    }

    fn job(status: JobStatus, leased: bool) -> JobState {
        JobState {
            status,
            leased,
            cancel_requested: false,
            attempt: 1,
            first_attempt: 1,
            progress_sequence: SEQUENCE,
            progress_told_at: None,
        }
    }

    fn inputs() -> Vec<(&'static str, JobInput)> {
        vec![
            ("claim", JobInput::Claim),
            ("start", JobInput::Start),
            ("progress", JobInput::Progress { sequence: SEQUENCE + 1 }),
            ("stale", JobInput::Progress { sequence: SEQUENCE }),
            ("heartbeat", JobInput::Heartbeat),
            ("complete", JobInput::Complete { cancelled: false }),
            ("stopped", JobInput::Complete { cancelled: true }),
            ("fail", JobInput::Fail),
            ("release", JobInput::Release),
            ("cancel", JobInput::Cancel),
            ("retry", JobInput::Retry),
            ("lease_end", JobInput::LeaseEnd),
        ]
    }

    fn describe(outcome: Result<Transition, TransitionError>) -> String {
        match outcome {
            Ok(Transition { starts, action }) => {
                let described = match action {
                    Action::Unchanged => "stay".to_owned(),
                    Action::GrantLease => "lease".to_owned(),
                    Action::RecordProgress(telling) => format!("tell {telling:?}"),
                    Action::RequestCancel => "ask to stop".to_owned(),
                    Action::Enqueue => "queue".to_owned(),
                    Action::ReturnToQueue => "give back".to_owned(),
                    Action::End(ending) => format!("end {ending:?}"),
                };
                if starts { format!("start, {described}") } else { described }
            }
            Err(refusal) => format!("no: {refusal:?}"),
        }
    }

    fn table(job: JobState) -> Vec<String> {
        inputs()
            .into_iter()
            .map(|(name, report)| format!("{name}: {}", describe(job.advance(report, now()))))
            .collect()
    }

    #[test]
    fn a_waiting_job_can_be_claimed_or_cancelled_and_takes_no_report() {
        let expected = [
            "claim: lease",
            "start: no: LeaseLost",
            "progress: no: LeaseLost",
            "stale: no: LeaseLost",
            "heartbeat: no: LeaseLost",
            "complete: no: LeaseLost",
            "stopped: no: LeaseLost",
            "fail: no: LeaseLost",
            "release: no: LeaseLost",
            "cancel: end Cancelled",
            "retry: no: Unfinished",
            "lease_end: stay",
        ];
        assert_eq!(table(job(JobStatus::Pending, false)), expected);
    }

    #[test]
    fn a_claimed_job_starts_with_the_first_report_of_work() {
        let expected = [
            "claim: no: NotWaiting",
            "start: start, stay",
            "progress: start, tell Now",
            "stale: start, stay",
            "heartbeat: stay",
            "complete: start, end Completed",
            "stopped: start, end Cancelled",
            "fail: start, end Failed",
            "release: give back",
            "cancel: end Cancelled",
            "retry: no: Unfinished",
            "lease_end: queue",
        ];
        assert_eq!(table(job(JobStatus::Pending, true)), expected);
    }

    #[test]
    fn a_running_job_goes_on_until_its_worker_ends_it() {
        let expected = [
            "claim: no: NotWaiting",
            "start: stay",
            "progress: tell Now",
            "stale: stay",
            "heartbeat: stay",
            "complete: end Completed",
            "stopped: end Cancelled",
            "fail: end Failed",
            "release: give back",
            "cancel: ask to stop",
            "retry: no: Unfinished",
            "lease_end: queue",
        ];
        assert_eq!(table(job(JobStatus::Running, true)), expected);
    }

    #[test]
    fn a_job_that_is_over_can_only_be_tried_again() {
        let expected = [
            "claim: no: NotWaiting",
            "start: no: LeaseLost",
            "progress: no: LeaseLost",
            "stale: no: LeaseLost",
            "heartbeat: no: LeaseLost",
            "complete: no: LeaseLost",
            "stopped: no: LeaseLost",
            "fail: no: LeaseLost",
            "release: no: LeaseLost",
            "cancel: no: Finished",
            "retry: queue",
            "lease_end: stay",
        ];
        for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
            assert!(status.is_terminal());
            assert_eq!(table(job(status, false)), expected);
        }
    }

    #[test]
    fn asking_twice_to_stop_changes_nothing_and_the_end_of_the_lease_then_cancels() {
        let job = JobState { cancel_requested: true, ..job(JobStatus::Running, true) };

        assert_eq!(describe(job.advance(JobInput::Cancel, now())), "stay");
        assert_eq!(describe(job.advance(JobInput::LeaseEnd, now())), "end Cancelled");
        assert_eq!(describe(job.advance(JobInput::Complete { cancelled: false }, now())), "end Completed");
    }

    #[test]
    fn the_third_lost_worker_since_a_person_asked_ends_the_job() {
        let attempts = |attempt, first_attempt| {
            let job = JobState { attempt, first_attempt, ..job(JobStatus::Running, true) };
            describe(job.advance(JobInput::LeaseEnd, now()))
        };

        assert_eq!([attempts(1, 1), attempts(2, 1), attempts(3, 1)], ["queue", "queue", "end WorkerLost"]);
        assert_eq!([attempts(4, 4), attempts(5, 4), attempts(6, 4)], ["queue", "queue", "end WorkerLost"]);
    }

    #[test]
    fn progress_is_emitted_at_most_every_half_second() {
        let emitted_ago = |ms| {
            let told = now() - TimeDelta::milliseconds(ms);
            let job = JobState { progress_told_at: Some(told), ..job(JobStatus::Running, true) };
            describe(job.advance(JobInput::Progress { sequence: 9 }, now()))
        };

        assert_eq!(
            [emitted_ago(0), emitted_ago(499), emitted_ago(500)],
            ["tell Merged", "tell Merged", "tell Now"]
        );
        assert_eq!(emitted_ago(-1), "tell Now", "the clock was set back");
    }
}
