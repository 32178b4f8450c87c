//! A job's life as a pure rule: where it stands, what is reported or asked, and the step that follows. It writes
//! nothing and does not know whose lease it is: that a report comes from the lease's holder is checked before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::protocol::job::JobStatus;

/// Executions that may go silent in a row before the job is given up.
pub const EXECUTIONS_IN_ALL: i64 = 3;
/// The least time between two progress events of a job: two a second.
pub const PROGRESS_SPACING: TimeDelta = TimeDelta::milliseconds(500);

/// Where a job stands, as far as the rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
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
pub enum Report {
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
pub struct Step {
    /// The execution begins with this, and that is told before anything else.
    pub starts: bool,
    pub turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing more than a longer lease, where there is one.
    Stay,
    /// It is the worker's.
    Lease,
    /// The figures move on.
    Advance(Telling),
    /// The worker learns with its next report that it shall stop.
    AskToStop,
    /// A new execution waits for a worker.
    Queue,
    /// The same execution waits for another worker, and nobody was lost.
    GiveBack,
    End(Ending),
}

/// When progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    Now,
    /// With what comes within the next half second.
    Merged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
    /// Failed, because every worker that took it went silent.
    WorkerLost,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The reporter holds it no longer, or never did.
    LeaseLost,
    /// It is not waiting for a worker.
    NotWaiting,
    /// It is over.
    Finished,
    /// It is not over.
    Unfinished,
}

impl Job {
    /// The step that follows from a report.
    pub fn advance(&self, report: Report, now: DateTime<Utc>) -> Result<Step, Refusal> {
        match self.status {
            JobStatus::Pending if !self.leased => waiting(report),
            JobStatus::Pending | JobStatus::Running => self.held(report, now),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => over(report),
        }
    }

    /// With a worker, who has begun (running) or not (pending).
    fn held(&self, report: Report, now: DateTime<Utc>) -> Result<Step, Refusal> {
        let starts = self.status == JobStatus::Pending;
        let worked = |turn| Ok(Step { starts, turn });
        match report {
            Report::Claim => Err(Refusal::NotWaiting),
            Report::Start => worked(Turn::Stay),
            Report::Progress { sequence } if sequence <= self.progress_sequence => worked(Turn::Stay),
            Report::Progress { .. } => worked(Turn::Advance(self.telling(now))),
            // A worker may keep its lease alive while it still prepares.
            Report::Heartbeat => only(Turn::Stay),
            Report::Complete { cancelled: true } => worked(Turn::End(Ending::Cancelled)),
            Report::Complete { cancelled: false } => worked(Turn::End(Ending::Completed)),
            Report::Fail => worked(Turn::End(Ending::Failed)),
            Report::Release if self.cancel_requested => only(Turn::End(Ending::Cancelled)),
            Report::Release => only(Turn::GiveBack),
            Report::Cancel if starts => only(Turn::End(Ending::Cancelled)),
            Report::Cancel if self.cancel_requested => only(Turn::Stay),
            Report::Cancel => only(Turn::AskToStop),
            Report::Retry => Err(Refusal::Unfinished),
            Report::LeaseEnd => only(self.without_worker()),
        }
    }

    fn telling(&self, now: DateTime<Utc>) -> Telling {
        // A time to come means that the clock was set back: then waiting for it would silence the job.
        let soon = |told: DateTime<Utc>| (TimeDelta::zero()..PROGRESS_SPACING).contains(&(now - told));
        if self.progress_told_at.is_some_and(soon) { Telling::Merged } else { Telling::Now }
    }

    fn without_worker(&self) -> Turn {
        if self.cancel_requested {
            Turn::End(Ending::Cancelled)
        } else if self.attempt - self.first_attempt + 1 >= EXECUTIONS_IN_ALL {
            Turn::End(Ending::WorkerLost)
        } else {
            Turn::Queue
        }
    }
}

fn only(turn: Turn) -> Result<Step, Refusal> {
    Ok(Step { starts: false, turn })
}

fn waiting(report: Report) -> Result<Step, Refusal> {
    match report {
        Report::Claim => only(Turn::Lease),
        Report::Cancel => only(Turn::End(Ending::Cancelled)),
        Report::Retry => Err(Refusal::Unfinished),
        Report::LeaseEnd => only(Turn::Stay),
        Report::Start
        | Report::Progress { .. }
        | Report::Heartbeat
        | Report::Complete { .. }
        | Report::Fail
        | Report::Release => Err(Refusal::LeaseLost),
    }
}

fn over(report: Report) -> Result<Step, Refusal> {
    match report {
        Report::Claim => Err(Refusal::NotWaiting),
        Report::Cancel => Err(Refusal::Finished),
        Report::Retry => only(Turn::Queue),
        Report::LeaseEnd => only(Turn::Stay),
        Report::Start
        | Report::Progress { .. }
        | Report::Heartbeat
        | Report::Complete { .. }
        | Report::Fail
        | Report::Release => Err(Refusal::LeaseLost),
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
