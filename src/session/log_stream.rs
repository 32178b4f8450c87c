//! A job's log as server-sent events: every stored line behind the reader's place, then those that are added, then
//! `complete`. What wakes it are the feed's own messages about the job; what it sends it reads from the store, so a
//! message that was lost costs a second, never a line.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};

use super::commands::join;
use super::follower::Follower;
use super::seating::Seat;
use super::sse::{Keepalive, end, event, retry, unreadable};
use super::supervisor::Sessions;
use super::wish::Wish;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::jobs::follow_log::{self, Begin, LogPlace};
use crate::domain::jobs::logs::LogQuery;
use crate::domain::op::Op;
use crate::hub::{Closing, Item};
use crate::protocol::command::Subscribe;
use crate::protocol::job::LogLine;
use crate::protocol::log_stream::{Complete, Log, LogEvent};
use crate::protocol::message::{Gap, ServerMessage};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::subscription::{Filter, JobFilter};
use crate::protocol::websocket::encode::TextFrame;

/// How often the store is looked at where nothing woke the stream: another node may have stored the lines.
const EVERY: Duration = Duration::from_secs(1);

/// Which log, and which of its lines.
pub struct LogWish {
    pub job: JobId,
    pub query: LogQuery,
    /// What the reader was judged to want.
    pub begin: Begin,
    /// The place that the reader named.
    pub since: Option<String>,
    pub keepalive: Keepalive,
}

struct Telling {
    sessions: Arc<Sessions>,
    seat: Seat,
    follower: Follower,
    wish: LogWish,
    place: LogPlace,
    /// Whether lines may be there that were not read.
    behind: bool,
}

enum State {
    Telling(Box<Telling>),
    Ended,
}

/// The body of the stream. It ends with `complete`, or by the same rules as any other, with a `problem` event then.
pub async fn stream(
    sessions: &Arc<Sessions>,
    seat: Seat,
    wish: LogWish,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let state = match join(sessions, &seat.connection, &about(wish.job)).await {
        Some(follower) => State::Telling(Box::new(Telling::new(sessions, seat, follower, wish))),
        None => State::Ended,
    };
    stream::unfold((state, true), |(state, first)| async move {
        let State::Telling(mut telling) = state else {
            return first.then(|| (Ok(unreadable()), (State::Ended, false)));
        };
        let mut text = if first { retry() } else { BytesMut::new() };
        let goes_on = telling.next(&mut text).await;
        telling.seat.connection.traffic.gives(1, text.len() as u64);
        let state = if goes_on { State::Telling(telling) } else { State::Ended };
        Some((Ok(text.freeze()), (state, false)))
    })
}

/// What wakes the stream: the job's events and its passing lines. No inbox: nothing of it belongs here.
fn about(job: JobId) -> Wish {
    let filter = Filter::Jobs(JobFilter { job_id: Some(job.0), spider_name: None, logs: true });
    let subscription = Subscribe { filter, key: None, since: None };
    Wish { since: None, subscriptions: vec![subscription], inbox: false }
}

impl Telling {
    fn new(sessions: &Arc<Sessions>, seat: Seat, follower: Follower, wish: LogWish) -> Self {
        let place = match wish.begin {
            Begin::From(place) => place,
            Begin::Gap { newest: Some(newest), .. } => LogPlace::Line(newest),
            Begin::Gap { newest: None, .. } | Begin::Over => LogPlace::Start,
        };
        Self { sessions: Arc::clone(sessions), seat, follower, wish, place, behind: false }
    }

    /// Writes what comes next, once there is something. False: it was the end.
    async fn next(&mut self, text: &mut BytesMut) -> bool {
        loop {
            if let Err(closing) = self.follower.mailbox().released().await {
                text.extend_from_slice(&end(&closing, &self.seat.connection));
                return false;
            }
            if self.behind {
                match self.lines(text).await {
                    Ok(true) => return false,
                    Ok(false) if text.is_empty() => {}
                    Ok(false) => return true,
                    Err(problem) => {
                        text.extend_from_slice(&end(&closing(&problem), &self.seat.connection));
                        return false;
                    }
                }
            }
            let woken = tokio::select! {
                woken = self.follower.next() => woken,
                () = self.sessions.clock().sleep(EVERY) => Ok(Vec::new()),
            };
            self.behind = true;
            match woken {
                Ok(items) => items.iter().for_each(|item| self.say(text, item)),
                Err(closing) => {
                    text.extend_from_slice(&end(&closing, &self.seat.connection));
                    return false;
                }
            }
        }
    }

    /// What the connection itself is told; of the job only that something happened.
    fn say(&self, text: &mut BytesMut, item: &Item) {
        match item {
            Item::Message { kind, frame, passing: false, .. } => {
                event(text, None, kind, frame);
                if *kind == "connection_established" {
                    self.say_gap(text);
                    self.sign_of_life(text);
                }
            }
            Item::Beat(_) => self.sign_of_life(text),
            Item::Message { .. } | Item::Event(_) => {}
        }
    }

    fn say_gap(&self, text: &mut BytesMut) {
        let Begin::Gap { reason, newest } = self.wish.begin else { return };
        let gap = ServerMessage::Gap(Gap {
            subscription: "logs".to_owned(),
            key: None,
            from: crate::base::text::cut(self.wish.since.as_deref().unwrap_or_default(), 200).to_owned(),
            to: newest.unwrap_or(0).to_string(),
            reason,
            resync_url: format!("/api/v1/jobs/{}/logs", self.wish.job),
            own_jobs_url: None,
        });
        let id = newest.map(|id| id.to_string());
        event(text, id.as_deref(), gap.kind(), &TextFrame::new(&gap.to_json()));
    }

    /// Keeps a quiet stream's place; 0 stands before all lines.
    fn sign_of_life(&self, text: &mut BytesMut) {
        match self.place {
            LogPlace::Start => self.wish.keepalive.write(text, 0),
            LogPlace::Line(id) => self.wish.keepalive.write(text, id),
            LogPlace::Execution(id) => self.wish.keepalive.write(text, format_args!("end.{id}")),
        }
    }

    /// Writes the lines that the store has by now. True: the job is over, and that was said.
    async fn lines(&mut self, text: &mut BytesMut) -> Result<bool> {
        let connection = &self.seat.connection;
        let op = Op::of_caller(&self.sessions.kernel, connection.principal(), connection.origin.clone())?;
        let read = follow_log::read(&op, self.wish.job, self.place, self.wish.query).await?;
        for line in read.lines {
            self.place = LogPlace::Line(line.id);
            let id = line.id.to_string();
            write(text, &id, &log(self.wish.job, line));
        }
        self.behind = read.more;
        let Some(end) = read.end else { return Ok(false) };
        let complete = Complete { job_id: self.wish.job.0, status: end.status };
        write(text, &format!("end.{}", end.execution), &LogEvent::Complete(complete));
        Ok(true)
    }
}

fn log(job: JobId, line: LogLine) -> LogEvent {
    let LogLine { id, level, message, at } = line;
    LogEvent::Log(Log { id, job_id: job.0, level, message, at })
}

fn write(text: &mut BytesMut, id: &str, told: &LogEvent) {
    event(text, Some(id), told.kind(), &TextFrame::new(&told.to_json()));
}

/// The job was removed, the role was changed, or the store cannot be read.
fn closing(problem: &Problem) -> Closing {
    let code = match problem.code {
        Code::Internal => CloseCode::Overloaded,
        _ => problem.code.row().close,
    };
    Closing { code, reason: problem.detail.clone().into_owned() }
}
