//! A job's life as a pure rule: where it stands, what is reported or asked, and the step that follows. It writes
//! nothing and does not know whose lease it is: that a report comes from the lease's holder is checked before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::protocol::job::JobStatus;

/// Executions that may go silent in a row before the job is given up.
pub const MAX_EXECUTIONS: i64 = 3;
/// The least time between two progress events of a job: two a second.
pub const MIN_PROGRESS_INTERVAL: TimeDelta = TimeDelta::milliseconds(500);

/// Where a job stands, as far as the rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobState {
    pub status: JobStatus,
    /// A worker holds it. A claimed job stays pending until its worker begins.
    pub leased: bool,
    pub cancel_requested: bool,
    pub attempt: i64,
    /// The attempt that a person asked for last. Lost workers are counted from there, so a retry has all its
    /// executions before it again.
    pub first_attempt: i64,
    pub progress_sequence: i64,
    pub progress_told_at: Option<DateTime<Utc>>,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobInput {
    /// A worker wants it.
    Claim,
    /// From here the lease's holder speaks.
    Start,
    Progress {
        sequence: i64,
    },
    Heartbeat,
    Complete {
        cancelled: bool,
    },
    Fail,
    /// The worker must go and gives the job back.
    Release,
    /// A person wants it to stop.
    Cancel,
    /// A person wants it to run again.
    Retry,
    /// The lease ran out.
    LeaseEnd,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The execution begins with this, and that is told before anything else.
    pub starts: bool,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing more than a longer lease, where there is one.
    Unchanged,
    /// It is the worker's.
    GrantLease,
    /// The figures move on.
    RecordProgress(Emit),
    /// The worker learns with its next report that it shall stop.
    RequestCancel,
    /// A new execution waits for a worker.
    Enqueue,
    /// The same execution waits for another worker, and nobody was lost.
    ReturnToQueue,
    End(Outcome),
}

/// When progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    Now,
    /// With what comes within the next half second.
    Merged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Failed,
    Cancelled,
    /// Failed, because every worker that took it went silent.
    WorkerLost,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The reporter holds it no longer, or never did.
    LeaseLost,
    /// It is not waiting for a worker.
    NotWaiting,
    /// It is over.
    Finished,
    /// It is not over.
    Unfinished,
}

impl JobState {
    /// The step that follows from a report.
    pub fn advance(&self, input: JobInput, now: DateTime<Utc>) -> Result<Transition, TransitionError> {
        match self.status {
            JobStatus::Pending if !self.leased => while_waiting(input),
            JobStatus::Pending | JobStatus::Running => self.while_leased(input, now),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => when_finished(input),
        }
    }

    /// With a worker, who has begun (running) or not (pending).
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
        // A time to come means that the clock was set back: then waiting for it would silence the job.
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
#[path = "job_tests.rs"]
mod tests;
