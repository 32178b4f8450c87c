//! Reads a job's log to its end, from any position in it.

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

/// A reader's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogCursor {
    Start,
    /// After this line.
    Line(i64),
    /// After the end of this execution: the lines of later ones are new.
    Execution(ExecutionId),
}

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStart {
    From(LogCursor),
    /// The reader has received the end, and the job was not retried since.
    AtEnd,
    /// The reader's position is not in the log (any more); reading starts after `newest`, or at the start if
    /// there is no line.
    Gap {
        reason: GapReason,
        newest: Option<i64>,
    },
}

/// A page of the log.
#[derive(Clone, Debug)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// More lines are available.
    pub more: bool,
    /// The job's end, after the last line.
    pub end: Option<LogEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    pub status: JobStatus,
    pub execution: ExecutionId,
}

impl LogCursor {
    /// Parses the id of a stream event; `None` if it is not one.
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

/// Checks where a reader wants to resume; at the start without `since`.
pub async fn resolve_start(op: &Op, id: JobId, since: Option<&str>) -> Result<LogStart> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    let job = get::find(&tx, id).await?;
    let reason = match since.map(LogCursor::parse) {
        None | Some(Some(LogCursor::Start)) => return Ok(LogStart::From(LogCursor::Start)),
        Some(Some(LogCursor::Execution(execution))) => {
            let newest = job.execution_id.unwrap_or(0);
            return Ok(if execution.0 > newest {
                gap(&tx, id, GapReason::Future).await?
            } else if execution.0 == newest && view::status(&job)?.is_terminal() {
                LogStart::AtEnd
            } else {
                LogStart::From(LogCursor::Execution(execution))
            });
        }
        Some(Some(LogCursor::Line(line))) => {
            if job_logs::has(&tx, id, line).await? {
                return Ok(LogStart::From(LogCursor::Line(line)));
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

async fn gap(tx: &TenantTx, id: JobId, reason: GapReason) -> Result<LogStart> {
    Ok(LogStart::Gap { reason, newest: job_logs::newest(tx, id).await? })
}

/// The next lines after `cursor`.
pub async fn read_page(op: &Op, id: JobId, cursor: LogCursor, query: LogQuery) -> Result<LogPage> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    // The job before its lines: if the job is finished, every line was stored before this read.
    let job = get::find(&tx, id).await?;
    let (after, after_execution) = match cursor {
        LogCursor::Start => (None, None),
        LogCursor::Line(line) => (Some(line), None),
        LogCursor::Execution(execution) => (None, Some(execution)),
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
    let end = (!more && status.is_terminal()).then_some(LogEnd { status, execution });
    let lines = rows.into_iter().map(view::line).collect::<Result<_>>()?;
    Ok(LogPage { lines, more, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_line_or_the_end_of_an_execution() {
        assert_eq!(LogCursor::parse("12"), Some(LogCursor::Line(12)));
        assert_eq!(LogCursor::parse("0"), Some(LogCursor::Start));
        assert_eq!(LogCursor::parse("end.7"), Some(LogCursor::Execution(ExecutionId(7))));
        for text in ["", "end.", "end.x", "-1", "end.-1", "1.5", "99999999999999999999", "01abc"] {
            assert_eq!(LogCursor::parse(text), None, "{text}");
        }
    }
}
