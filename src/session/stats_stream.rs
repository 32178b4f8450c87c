//! A stream of live figures, once a second as the event `stats`. It follows no log: it has no ids and nothing to resume.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};

use super::commands::established;
use super::connection::quiet_mailbox;
use super::seating::Seat;
use super::sse::{end, event, retry, unreadable};
use super::stats::of_tenant;
use super::supervisor::Sessions;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog;
use crate::hub::{Item, Mailbox};
use crate::protocol::stats::Stats;
use crate::protocol::websocket::encode::TextFrame;

/// Between two events.
const EVERY: Duration = Duration::from_secs(1);

struct Telling {
    sessions: Arc<Sessions>,
    seat: Seat,
    op: Op,
    mailbox: Arc<Mailbox>,
}

enum State {
    First(Box<Telling>),
    Then(Box<Telling>),
    Ended,
}

/// The body of the stream. It ends by the same rules as any other, with a `problem` event then.
pub fn stats(
    sessions: &Arc<Sessions>,
    seat: Seat,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>> {
    let connection = &seat.connection;
    let op = Op::of_caller(&sessions.kernel, connection.principal(), connection.origin.clone())?;
    let mailbox = quiet_mailbox(sessions, connection);
    let telling = Telling { sessions: Arc::clone(sessions), seat, op, mailbox };
    Ok(stream::unfold(State::First(Box::new(telling)), |state| async move {
        let (text, state) = match state {
            State::First(telling) => match telling.hello().await {
                Some(text) => (text, State::Then(telling)),
                None => (unreadable(), State::Ended),
            },
            State::Then(telling) => match telling.next().await {
                Ok(text) => (text, State::Then(telling)),
                Err(end) => (end, State::Ended),
            },
            State::Ended => return None,
        };
        Some((Ok(text), state))
    }))
}

impl Telling {
    /// `connection_established`, and the first figures. `None`: the store cannot be read.
    async fn hello(&self) -> Option<Bytes> {
        let head = eventlog::head(&self.sessions.kernel.db, &self.op.scope).await.ok()?;
        let hello = established(&self.sessions, &self.seat.connection, head.position());
        let mut text = retry();
        event(&mut text, None, hello.kind(), &TextFrame::new(&hello.to_json()));
        text.extend_from_slice(&self.figures().await.ok()?);
        Some(self.counted(text.freeze(), 2))
    }

    /// What the connection itself is told, or the figures of the next second. The error is the stream's end.
    async fn next(&self) -> Result<Bytes, Bytes> {
        self.mailbox.released().await.map_err(|closing| end(&closing, &self.seat.connection))?;
        let taken = tokio::select! {
            taken = self.mailbox.take() => taken,
            () = self.sessions.clock().sleep(EVERY) => {
                self.mailbox.released().await.map_err(|closing| end(&closing, &self.seat.connection))?;
                let figures = self.figures().await.map_err(|_| unreadable())?;
                return Ok(self.counted(figures, 1));
            }
        };
        let items = taken.map_err(|closing| end(&closing, &self.seat.connection))?;
        let mut text = BytesMut::new();
        for item in &items {
            // A beat needs no word of its own: the figures are a sign of life.
            if let Item::Message { kind, frame, .. } = item {
                event(&mut text, None, kind, frame);
            }
        }
        Ok(self.counted(text.freeze(), items.len() as u64))
    }

    async fn figures(&self) -> Result<Bytes> {
        let stats = Stats::Tenant(of_tenant(&self.sessions, &self.op).await?);
        let mut text = BytesMut::new();
        event(&mut text, None, "stats", &TextFrame::new(&stats.to_json()));
        Ok(text.freeze())
    }

    fn counted(&self, text: Bytes, frames: u64) -> Bytes {
        self.seat.connection.traffic.gives(frames, text.len() as u64);
        text
    }
}
