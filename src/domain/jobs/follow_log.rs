//! Reading a job's log to its end, from any place in it.

use super::logs::{LogQuery, levels};
use super::{get, view};
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::job::{JobStatus, LogLine};
use crate::protocol::message::GapReason;
use crate::storage::TenantTx;
use crate::storage::job_logs::{self, LogFilter};

/// Lines that are read at once.
const PAGE: u64 = 200;

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPlace {
    Start,
    /// Behind this line.
    Line(i64),
    /// Behind the end of this execution: the lines of later ones are new.
    Execution(ExecutionId),
}

/// How reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    From(LogPlace),
    /// The reader has had the end, and nothing has been tried since.
    Over,
    /// The reader's place is not in the log (any more); what comes now begins behind `newest`, or at the start while
    /// there is no line.
    Gap {
        reason: GapReason,
        newest: Option<i64>,
    },
}

/// A part of the log.
#[derive(Clone, Debug)]
pub struct Read {
    pub lines: Vec<LogLine>,
    /// More lines are there already.
    pub more: bool,
    /// The job's end, behind the last line.
    pub end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub status: JobStatus,
    pub execution: ExecutionId,
}

impl LogPlace {
    /// Reads the id of an event of the stream; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let id = |digits: &str| digits.parse().ok().filter(|id| *id >= 0);
        match text.strip_prefix("end.") {
            Some(execution) => Some(Self::Execution(ExecutionId(id(execution)?))),
            None => Some(match id(text)? {
                0 => Self::Start,
                line => Self::Line(line),
            }),
        }
    }
}

/// Judges where a reader wants to go on; at the start without `since`.
pub async fn begin(op: &Op, id: JobId, since: Option<&str>) -> Result<Begin> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    let job = get::find(&tx, id).await?;
    let reason = match since.map(LogPlace::parse) {
        None | Some(Some(LogPlace::Start)) => return Ok(Begin::From(LogPlace::Start)),
        Some(Some(LogPlace::Execution(execution))) => {
            let newest = job.execution_id.unwrap_or(0);
            return Ok(if execution.0 > newest {
                gap(&tx, id, GapReason::Future).await?
            } else if execution.0 == newest && view::status(&job)?.is_terminal() {
                Begin::Over
            } else {
                Begin::From(LogPlace::Execution(execution))
            });
        }
        Some(Some(LogPlace::Line(line))) => {
            if job_logs::has(&tx, id, line).await? {
                return Ok(Begin::From(LogPlace::Line(line)));
            }
            match job_logs::newest(&tx, id).await? {
                Some(newest) if line > newest => GapReason::Future,
                _ => GapReason::Trimmed,
            }
        }
        Some(None) => GapReason::Malformed,
    };
    gap(&tx, id, reason).await
}

async fn gap(tx: &TenantTx, id: JobId, reason: GapReason) -> Result<Begin> {
    Ok(Begin::Gap { reason, newest: job_logs::newest(tx, id).await? })
}

/// The next lines behind `place`.
pub async fn read(op: &Op, id: JobId, place: LogPlace, query: LogQuery) -> Result<Read> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    // The job before its lines: of a job that is over, every line was stored before this read.
    let job = get::find(&tx, id).await?;
    let (after, after_execution) = match place {
        LogPlace::Start => (None, None),
        LogPlace::Line(line) => (Some(line), None),
        LogPlace::Execution(execution) => (None, Some(execution)),
    };
    let mut rows = match levels(query) {
        Some(levels) => {
            let filter = LogFilter { levels, execution: query.execution_id, after_execution };
            job_logs::list(&tx, id, &filter, after, PAGE + 1).await?
        }
        None => Vec::new(),
    };
    let more = rows.len() as u64 > PAGE;
    rows.truncate(PAGE as usize);
    let status = view::status(&job)?;
    let execution = ExecutionId(job.execution_id.unwrap_or(0));
    let end = (!more && status.is_terminal()).then_some(End { status, execution });
    let lines = rows.into_iter().map(view::line).collect::<Result<_>>()?;
    Ok(Read { lines, more, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_or_the_end_of_an_execution() {
        assert_eq!(LogPlace::parse("12"), Some(LogPlace::Line(12)));
        assert_eq!(LogPlace::parse("0"), Some(LogPlace::Start));
        assert_eq!(LogPlace::parse("end.7"), Some(LogPlace::Execution(ExecutionId(7))));
        for text in ["", "end.", "end.x", "-1", "end.-1", "1.5", "99999999999999999999", "01abc"] {
            assert_eq!(LogPlace::parse(text), None, "{text}");
        }
    }
}
