//! A stream of live figures, once a second as the event `stats`. It follows no log: it has no ids and no resume.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};

use super::connecting::Joined;
use super::connection_guard::ConnectionGuard;
use super::log_join::connection_established;
use super::role_change::close_reason;
use super::sse::{closing_event, log_unreadable_event, retry_line, write_event};
use super::tenant_stats::load_tenant_stats;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog;
use crate::hub::{Closing, Item, Mailbox};
use crate::protocol::problem::Problem;
use crate::protocol::stats::Stats;
use crate::protocol::websocket::encode::TextFrame;

/// Interval between two events.
const INTERVAL: Duration = Duration::from_secs(1);

struct StatsStream {
    guard: ConnectionGuard,
    mailbox: Arc<Mailbox>,
}

enum State {
    First(Box<StatsStream>),
    Then(Box<StatsStream>),
    Ended,
}

/// The body of the stream. It ends like any other stream, with a `problem` event.
pub fn stream_stats(joined: Joined) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let Joined { guard, .. } = joined;
    let mailbox = guard.connection.attach_control_mailbox(guard.registry().settings.queue_bytes);
    let stream_state = StatsStream { guard, mailbox };
    stream::unfold(State::First(Box::new(stream_state)), |state| async move {
        let (text, state) = match state {
            State::First(stream) => match stream.first_chunk().await {
                Some(text) => (text, State::Then(stream)),
                None => (log_unreadable_event(), State::Ended),
            },
            State::Then(stream) => match stream.next().await {
                Ok(text) => (text, State::Then(stream)),
                Err(end) => (end, State::Ended),
            },
            State::Ended => return None,
        };
        Some((Ok(text), state))
    })
}

impl StatsStream {
    /// `connection_established`, and the first figures. `None`: the store cannot be read.
    async fn first_chunk(&self) -> Option<Bytes> {
        let head =
            eventlog::head(&self.guard.registry().services.db, &self.guard.connection.scope).await.ok()?;
        let hello = connection_established(self.guard.registry(), &self.guard.connection, head.position());
        let mut text = retry_line();
        write_event(&mut text, None, hello.kind(), &TextFrame::new(&hello.to_json()));
        text.extend_from_slice(&self.render_stats().await.ok()?);
        Some(self.record_sent(text.freeze(), 2))
    }

    /// Messages for the connection itself, or the figures of the next second. The error is the stream's end.
    async fn next(&self) -> Result<Bytes, Bytes> {
        self.mailbox
            .delivery_resumed()
            .await
            .map_err(|closing| closing_event(&closing, &self.guard.connection))?;
        let taken = tokio::select! {
            taken = self.mailbox.take() => taken,
            () = self.guard.registry().clock().sleep(INTERVAL) => {
                self.mailbox.delivery_resumed().await.map_err(|closing| closing_event(&closing, &self.guard.connection))?;
                let figures = self.render_stats().await.map_err(|problem| self.end(&problem))?;
                return Ok(self.record_sent(figures, 1));
            }
        };
        let items = taken.map_err(|closing| closing_event(&closing, &self.guard.connection))?;
        let mut text = BytesMut::new();
        for item in &items {
            // A heartbeat is not written: the figures keep the connection alive.
            if let Item::Message { kind, frame, .. } = item {
                write_event(&mut text, None, kind, frame);
            }
        }
        Ok(self.record_sent(text.freeze(), items.len() as u64))
    }

    /// The end of the stream after figures could not be read: because of the store, or because the caller's role does
    /// not allow them any more.
    fn end(&self, problem: &Problem) -> Bytes {
        match close_reason(&self.guard.connection, problem) {
            Some((code, reason)) => {
                self.guard.connection.close(code, reason);
                closing_event(&Closing { code, reason: reason.to_owned() }, &self.guard.connection)
            }
            None => log_unreadable_event(),
        }
    }

    async fn render_stats(&self) -> Result<Bytes> {
        let connection = &self.guard.connection;
        // The principal of now: its role may have changed since the stream began.
        let op = Op::of_caller(
            &self.guard.registry().services,
            connection.principal(),
            connection.origin.clone(),
        )?;
        let stats = Stats::Tenant(load_tenant_stats(self.guard.registry(), &op).await?);
        let mut text = BytesMut::new();
        write_event(&mut text, None, "stats", &TextFrame::new(&stats.to_json()));
        Ok(text.freeze())
    }

    fn record_sent(&self, text: Bytes, frames: u64) -> Bytes {
        self.guard.connection.traffic.record_sent(frames, text.len() as u64);
        text
    }
}
