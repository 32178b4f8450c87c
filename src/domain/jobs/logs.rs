//! A job's log: its lines are stored, then published to the readers that follow the job. A reader reads
//! pages, or follows the log to its end from any position in it.

use super::validation::{FieldErrors, field_step};
use super::{read, view};
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId};
use crate::base::page::{Page, PageRequest};
use crate::base::timestamp::Timestamp;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{JobStatus, LogLevel, LogLine};
use crate::protocol::message::{GapReason, JobLog, ServerMessage};
use crate::protocol::problem::{FieldError, Problem, join_errors};
use crate::protocol::routing::Ephemeral;
use crate::protocol::worker::{AppendLogsResult, LogLineResult, LogLineStatus, NewLogLine, ParsedLogLine};
use crate::storage::job_logs::{self, LogFilter};
use crate::storage::jobs::{self, JobRow};
use crate::storage::{TenantTx, micros};

/// Maximum lines of one call.
pub const MAX_LINES: usize = 1_000;
/// Maximum bytes of a line. Even with every byte escaped, a line fits a message.
const MAX_LINE_BYTES: usize = 8 * 1024;
/// Bytes of lines in one message, so that with its header it stays below the 64 KiB that a socket accepts.
const MESSAGE_BYTES: usize = 60 * 1024;
/// Lines that are read at once by a reader that follows.
const PAGE_LINES: u64 = 200;

/// Filters of log lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogQuery {
    /// Exactly this level.
    pub level: Option<LogLevel>,
    /// This level and more severe ones.
    pub min_level: Option<LogLevel>,
    pub execution_id: Option<ExecutionId>,
}

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

/// Adds lines to the log of a job's current execution. No lease is needed: log lines may come late, and from a helper
/// of the worker.
pub async fn append(op: &Op, id: JobId, lines: Vec<NewLogLine>) -> Result<AppendLogsResult> {
    append_rows(op, id, lines.into_iter().map(Ok).collect()).await
}

/// The same for lines of which some are invalid: these are reported in `results`, and the others are stored.
pub async fn append_rows(op: &Op, id: JobId, lines: Vec<ParsedLogLine>) -> Result<AppendLogsResult> {
    op.require(Permission::WriteLogs)?;
    let mut faults = FieldErrors::default();
    faults.require((1..=MAX_LINES).contains(&lines.len()), "lines", "items", "must have 1 to 1,000 lines");
    faults.into_result()?;
    let change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    // Locked: a reader that resumes after a line must not miss an earlier one that is stored later.
    let job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    let lines: Vec<ParsedLogLine> = lines.into_iter().map(|line| line.and_then(validate_line)).collect();
    let results: Vec<LogLineResult> =
        (0..).zip(&lines).map(|(index, line)| line_result(index, line)).collect();
    let now = op.now();
    let new = lines.into_iter().flatten().map(|line| job_logs::NewLogLine {
        level: line.level.name(),
        message: line.message,
        at: micros(line.at.map_or(now, Timestamp::utc)),
    });
    let lines = store(op, &change, id, job.execution_id.map(ExecutionId), new.collect()).await?;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (stored, rejected) = (count(lines.len()), count(results.len() - lines.len()));
    let answer = op.commit_idempotent(change, |_| Ok(AppendLogsResult { stored, rejected, results })).await?;
    publish_ephemeral(op, &job, &lines);
    Ok(answer)
}

fn line_result(index: i64, line: &ParsedLogLine) -> LogLineResult {
    match line {
        Ok(_) => LogLineResult { index, status: LogLineStatus::Stored, error: None },
        Err(errors) => {
            LogLineResult { index, status: LogLineStatus::Error, error: Some(join_errors(errors)) }
        }
    }
}

/// Validates a line.
fn validate_line(line: NewLogLine) -> ParsedLogLine {
    if line.message.len() <= MAX_LINE_BYTES && !line.message.contains('\0') {
        return Ok(line);
    }
    let words = "must be at most 8 KiB of text without NUL";
    Err(vec![FieldError::in_body(&[field_step("message")], "length", words)])
}

/// Stores lines in the change's own transaction; the caller holds the job's row, and publishes them after the commit.
pub(super) async fn store(
    op: &Op,
    change: &EventTx,
    id: JobId,
    execution: Option<ExecutionId>,
    new: Vec<job_logs::NewLogLine>,
) -> Result<Vec<LogLine>> {
    let rows = job_logs::insert(&change.tx, id, execution, new, micros(op.now())).await?;
    rows.into_iter().map(view::line).collect()
}

/// Publishes the lines in as many messages as their size requires.
pub(super) fn publish_ephemeral(op: &Op, job: &JobRow, lines: &[LogLine]) {
    if lines.is_empty() {
        return;
    }
    let routing = Ephemeral::JobLog { job_id: JobId(job.id), spider: job.spider_name.clone() };
    for lines in split_into_messages(lines) {
        let message = ServerMessage::JobLog(JobLog { job_id: job.id, lines: lines.to_vec() });
        op.services.publisher.publish_ephemeral(op.scope.tenant_id(), routing.clone(), message);
    }
}

fn split_into_messages(lines: &[LogLine]) -> Vec<&[LogLine]> {
    let mut messages = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, line) in lines.iter().enumerate() {
        // Lines are strings and numbers, which always serialise; the comma counts.
        let size = serde_json::to_vec(line).map_or(0, |json| json.len() + 1);
        if bytes + size > MESSAGE_BYTES && index > start {
            messages.push(&lines[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    messages.push(&lines[start..]);
    messages
}

/// Lines in the order of arrival; the sort key is the line's id.
pub async fn list(op: &Op, id: JobId, query: LogQuery, page: PageRequest<i64>) -> Result<Page<LogLine, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    read::find(&tx, id).await?;
    let Some(levels) = levels(query) else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let filter = LogFilter { levels, execution: query.execution_id, after_execution: None };
    let rows = job_logs::list(&tx, id, &filter, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let rows = page.rows.into_iter().map(view::line).collect::<Result<_>>()?;
    Ok(Page { rows, next: page.next })
}

/// The requested levels, empty if all are; `None` if no level matches both filters.
fn levels(query: LogQuery) -> Option<Vec<&'static str>> {
    if query.level.is_none() && query.min_level.is_none() {
        return Some(Vec::new());
    }
    let wanted = |level: &LogLevel| {
        query.level.is_none_or(|only| *level == only) && query.min_level.is_none_or(|least| *level >= least)
    };
    let levels: Vec<_> = LogLevel::ALL.into_iter().filter(wanted).map(LogLevel::name).collect();
    (!levels.is_empty()).then_some(levels)
}

/// Checks where a reader wants to resume; at the start without `since`.
pub async fn resolve_start(op: &Op, id: JobId, since: Option<&str>) -> Result<LogStart> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    let job = read::find(&tx, id).await?;
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
    let job = read::find(&tx, id).await?;
    let (after, after_execution) = match cursor {
        LogCursor::Start => (None, None),
        LogCursor::Line(line) => (Some(line), None),
        LogCursor::Execution(execution) => (None, Some(execution)),
    };
    let mut rows = match levels(query) {
        Some(levels) => {
            let filter = LogFilter { levels, execution: query.execution_id, after_execution };
            job_logs::list(&tx, id, &filter, after, PAGE_LINES + 1).await?
        }
        None => Vec::new(),
    };
    let more = rows.len() as u64 > PAGE_LINES;
    rows.truncate(PAGE_LINES as usize);
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
    fn lines_are_split_into_messages_that_a_socket_carries() {
        let line = |id| LogLine {
            id,
            level: LogLevel::Info,
            message: "\u{1}".repeat(MAX_LINE_BYTES),
            at: "1970-01-01T00:00:00.000Z".to_owned(),
        };
        let lines: Vec<_> = (0..5).map(line).collect();

        let messages = split_into_messages(&lines);

        assert_eq!(messages.len(), 5);
        for lines in messages {
            let message = ServerMessage::JobLog(JobLog { job_id: i64::MAX, lines: lines.to_vec() });
            assert!(message.to_json().len() < 64 * 1024);
        }
    }

    #[test]
    fn the_two_level_filters_narrow_each_other() {
        let levels = |level, min_level| levels(LogQuery { level, min_level, execution_id: None });

        assert_eq!(levels(None, None), Some(vec![]));
        assert_eq!(levels(Some(LogLevel::Info), None), Some(vec!["info"]));
        assert_eq!(levels(None, Some(LogLevel::Error)), Some(vec!["error", "critical"]));
        assert_eq!(levels(Some(LogLevel::Info), Some(LogLevel::Error)), None);
    }

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
