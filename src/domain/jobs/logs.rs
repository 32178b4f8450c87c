//! Lines of a job's log: stored, then published to the readers that follow the job.

use super::validation::{FieldErrors, field_step};
use super::{get, view};
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId};
use crate::base::page::{Page, PageRequest};
use crate::base::timestamp::Timestamp;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{LogLevel, LogLine};
use crate::protocol::message::{JobLog, ServerMessage};
use crate::protocol::problem::{FieldError, Problem, join_errors};
use crate::protocol::routing::Ephemeral;
use crate::protocol::worker::{AppendLogsResult, LogLineResult, LogLineStatus, NewLogLine, ParsedLogLine};
use crate::storage::job_logs::{self, LogFilter};
use crate::storage::jobs::{self, JobRow};
use crate::storage::micros;

/// Maximum lines of one call.
pub const MAX_LINES: usize = 1_000;
/// Maximum bytes of a line. Even with every byte escaped, a line fits a message.
const MAX_LINE_BYTES: usize = 8 * 1024;
/// Bytes of lines in one message, so that with its header it stays below the 64 KiB that a socket accepts.
const MESSAGE_BYTES: usize = 60 * 1024;

/// Filters of log lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogQuery {
    /// Exactly this level.
    pub level: Option<LogLevel>,
    /// This level and more severe ones.
    pub min_level: Option<LogLevel>,
    pub execution_id: Option<ExecutionId>,
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
    let lines: Vec<ParsedLogLine> = lines.into_iter().map(|line| line.and_then(validate)).collect();
    let results: Vec<LogLineResult> = (0..).zip(&lines).map(|(index, line)| result(index, line)).collect();
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

fn result(index: i64, line: &ParsedLogLine) -> LogLineResult {
    match line {
        Ok(_) => LogLineResult { index, status: LogLineStatus::Stored, error: None },
        Err(errors) => {
            LogLineResult { index, status: LogLineStatus::Error, error: Some(join_errors(errors)) }
        }
    }
}

/// Validates a line.
fn validate(line: NewLogLine) -> ParsedLogLine {
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

/// Lines in the order of arrival; the sort key is the line's id.
pub async fn list(op: &Op, id: JobId, query: LogQuery, page: PageRequest<i64>) -> Result<Page<LogLine, i64>> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    get::find(&tx, id).await?;
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
pub(super) fn levels(query: LogQuery) -> Option<Vec<&'static str>> {
    if query.level.is_none() && query.min_level.is_none() {
        return Some(Vec::new());
    }
    let wanted = |level: &LogLevel| {
        query.level.is_none_or(|only| *level == only) && query.min_level.is_none_or(|least| *level >= least)
    };
    let levels: Vec<_> = LogLevel::ALL.into_iter().filter(wanted).map(LogLevel::name).collect();
    (!levels.is_empty()).then_some(levels)
}

/// Publishes the lines in as many messages as their size requires.
pub(super) fn publish_ephemeral(op: &Op, job: &JobRow, lines: &[LogLine]) {
    if lines.is_empty() {
        return;
    }
    let routing = Ephemeral::JobLog { job_id: JobId(job.id), spider: job.spider_name.clone() };
    for lines in split_into_messages(lines) {
        let message = ServerMessage::JobLog(JobLog { job_id: job.id, lines: lines.to_vec() });
        op.services.hub.publish_ephemeral(op.scope.tenant_id(), &routing, &message);
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
}
