//! A job's log as server-sent events: every stored line after the reader's cursor, then those that are added, then
//! `complete`. The feed's own messages about the job wake it up; what it sends is read from the store, so a lost
//! message costs a second, never a line.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};

use super::connect_request::ConnectRequest;
use super::connecting::Joined;
use super::connection_guard::ConnectionGuard;
use super::follower::Follower;
use super::log_join::join_log;
use super::sse::{Keepalive, closing_event, log_unreadable_event, retry_line, write_event};
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::jobs::logs::{self, LogCursor, LogQuery, LogStart};
use crate::domain::op::Op;
use crate::hub::{Closing, Item};
use crate::protocol::command::Subscribe;
use crate::protocol::filter::{Filter, JobFilter};
use crate::protocol::job::LogLine;
use crate::protocol::log_stream::{LogStreamEnd, LogStreamEvent, LogStreamLine};
use crate::protocol::message::{Gap, ServerMessage};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::websocket::encode::TextFrame;

/// Interval of reads without a wake-up: another node may have stored lines.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The log and the lines that the reader asks for.
pub struct LogStreamRequest {
    pub job: JobId,
    pub query: LogQuery,
    /// Where to begin, as resolved from `since`.
    pub begin: LogStart,
    /// The cursor that the reader gave.
    pub since: Option<String>,
    pub keepalive: Keepalive,
}

struct LogStream {
    guard: ConnectionGuard,
    follower: Follower,
    request: LogStreamRequest,
    cursor: LogCursor,
    /// Whether there may be lines that were not read.
    has_unread: bool,
}

enum State {
    Open(Box<LogStream>),
    Ended,
}

/// The body of the stream. It ends with `complete`, or like any other stream with a `problem` event.
pub async fn stream(
    joined: Joined,
    request: LogStreamRequest,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let Joined { guard, join_permit } = joined;
    let state = match join_log(&guard, join_permit, &connect_request(request.job)).await {
        Some(follower) => State::Open(Box::new(LogStream::new(guard, follower, request))),
        None => State::Ended,
    };
    stream::unfold((state, true), |(state, first)| async move {
        let State::Open(mut stream_state) = state else {
            return first.then(|| (Ok(log_unreadable_event()), (State::Ended, false)));
        };
        let mut text = if first { retry_line() } else { BytesMut::new() };
        let goes_on = stream_state.next(&mut text).await;
        stream_state.guard.connection.traffic.record_sent(1, text.len() as u64);
        let state = if goes_on { State::Open(stream_state) } else { State::Ended };
        Some((Ok(text.freeze()), (state, false)))
    })
}

/// The subscription that wakes the stream: the job's events and ephemeral log lines, without an inbox.
fn connect_request(job: JobId) -> ConnectRequest {
    let filter = Filter::Jobs(JobFilter { job_id: Some(job.0), spider_name: None, logs: true });
    let subscription = Subscribe { filter, key: None, since: None };
    ConnectRequest { since: None, subscriptions: vec![subscription], inbox: false }
}

impl LogStream {
    fn new(guard: ConnectionGuard, follower: Follower, request: LogStreamRequest) -> Self {
        let cursor = match request.begin {
            LogStart::From(place) => place,
            LogStart::Gap { newest: Some(newest), .. } => LogCursor::Line(newest),
            LogStart::Gap { newest: None, .. } | LogStart::AtEnd => LogCursor::Start,
        };
        Self { guard, follower, request, cursor, has_unread: false }
    }

    /// Writes what comes next, once there is something. False: the stream has ended.
    async fn next(&mut self, text: &mut BytesMut) -> bool {
        loop {
            if let Err(closing) = self.follower.mailbox().delivery_resumed().await {
                text.extend_from_slice(&closing_event(&closing, &self.guard.connection));
                return false;
            }
            if self.has_unread {
                match self.write_lines(text).await {
                    Ok(true) => return false,
                    Ok(false) if text.is_empty() => {}
                    Ok(false) => return true,
                    Err(problem) => {
                        text.extend_from_slice(&closing_event(&closing(&problem), &self.guard.connection));
                        return false;
                    }
                }
            }
            let woken = tokio::select! {
                woken = self.follower.next() => woken,
                () = self.guard.registry().clock().sleep(POLL_INTERVAL) => Ok(Vec::new()),
            };
            self.has_unread = true;
            match woken {
                Ok(items) => items.iter().for_each(|item| self.write_item(text, item)),
                Err(closing) => {
                    text.extend_from_slice(&closing_event(&closing, &self.guard.connection));
                    return false;
                }
            }
        }
    }

    /// Writes the connection's own messages; events of the job only wake the stream.
    fn write_item(&self, text: &mut BytesMut, item: &Item) {
        match item {
            Item::Message { kind, frame, ephemeral: false, .. } => {
                write_event(text, None, kind, frame);
                if *kind == "connection_established" {
                    self.write_gap(text);
                    self.write_keepalive(text);
                }
            }
            Item::Heartbeat(_) => self.write_keepalive(text),
            Item::Message { .. } | Item::Event(_) => {}
        }
    }

    fn write_gap(&self, text: &mut BytesMut) {
        let LogStart::Gap { reason, newest } = self.request.begin else { return };
        let gap = ServerMessage::Gap(Gap {
            subscription: "logs".to_owned(),
            key: None,
            from: crate::base::text::truncate(self.request.since.as_deref().unwrap_or_default(), 200)
                .to_owned(),
            to: newest.unwrap_or(0).to_string(),
            reason,
            resync_url: format!("/api/v1/jobs/{}/logs", self.request.job),
            own_jobs_url: None,
        });
        let id = newest.map(|id| id.to_string());
        write_event(text, id.as_deref(), gap.kind(), &TextFrame::new(&gap.to_json()));
    }

    /// Repeats the cursor of a quiet stream; 0 is before all lines.
    fn write_keepalive(&self, text: &mut BytesMut) {
        match self.cursor {
            LogCursor::Start => self.request.keepalive.write(text, 0),
            LogCursor::Line(id) => self.request.keepalive.write(text, id),
            LogCursor::Execution(id) => self.request.keepalive.write(text, format_args!("end.{id}")),
        }
    }

    /// Writes the lines that the store has by now. True: the job has ended, and `complete` was written.
    async fn write_lines(&mut self, text: &mut BytesMut) -> Result<bool> {
        let connection = &self.guard.connection;
        let op = Op::of_caller(
            &self.guard.registry().services,
            connection.principal(),
            connection.origin.clone(),
        )?;
        let read = logs::read_page(&op, self.request.job, self.cursor, self.request.query).await?;
        for line in read.lines {
            self.cursor = LogCursor::Line(line.id);
            let id = line.id.to_string();
            write(text, &id, &log(self.request.job, line));
        }
        self.has_unread = read.more;
        let Some(end) = read.end else { return Ok(false) };
        let complete = LogStreamEnd { job_id: self.request.job.0, status: end.status };
        write(text, &format!("end.{}", end.execution), &LogStreamEvent::Complete(complete));
        Ok(true)
    }
}

fn log(job: JobId, line: LogLine) -> LogStreamEvent {
    let LogLine { id, level, message, at } = line;
    LogStreamEvent::Log(LogStreamLine { id, job_id: job.0, level, message, at })
}

fn write(text: &mut BytesMut, id: &str, message: &LogStreamEvent) {
    write_event(text, Some(id), message.kind(), &TextFrame::new(&message.to_json()));
}

/// The job was removed, the role has changed, or the store cannot be read.
fn closing(problem: &Problem) -> Closing {
    let code = match problem.code {
        Code::Internal => CloseCode::Overloaded,
        _ => problem.code.row().close,
    };
    Closing { code, reason: problem.detail.clone().into_owned() }
}
