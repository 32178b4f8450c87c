//! The outgoing queue of one reader: bounded in bytes, with a gate that a replay keeps shut.
//!
//! When it is full: progress of one job collapses to the latest, then ephemeral messages are dropped and counted,
//! then the reader is closed as a slow consumer (4503) and resumes from its position. While the gate is shut the
//! reader is not to blame: the queued events are dropped and the replay continues from the log.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::base::ids::JobId;
use crate::protocol::envelope::Envelope;
use crate::protocol::message::ServerMessage;
use crate::protocol::position::Position;
use crate::protocol::problem::CloseCode;
use crate::protocol::reader::Reader;
use crate::protocol::routing::Ephemeral;
use crate::protocol::subscription::{Interest, Subscription};
use crate::protocol::websocket::encode::TextFrame;

/// Bytes counted for a heartbeat: about a quiet stream's `id:` line.
const HEARTBEAT_BYTES: usize = 32;

/// One outgoing message.
#[derive(Clone, Debug)]
pub enum Item {
    /// An event of the log.
    Event(Arc<Envelope>),
    /// Anything else; `position` when it carries one.
    Message { kind: &'static str, frame: TextFrame, position: Option<Position>, ephemeral: bool },
    /// A heartbeat with the position of a quiet connection: a ping on a socket, a block of only `id:` on a stream.
    Heartbeat(Position),
}

impl Item {
    /// A message of the connection itself.
    pub fn control(message: &ServerMessage, position: Option<Position>) -> Self {
        let frame = TextFrame::new(&message.to_json());
        Self::Message { kind: message.kind(), frame, position, ephemeral: false }
    }

    /// Moves what was queued behind a shut gate after the events that a replay sent meanwhile: it then carries the
    /// replay's position. A client that resumed from an older one would get those events twice.
    fn move_behind(&mut self, replayed: i64) {
        match self {
            Self::Message { frame, position: Some(position), .. } if position.seq < replayed => {
                let later = Position { seq: replayed, ..*position };
                *frame =
                    frame.with_text(|text| text.replace(&position_field(*position), &position_field(later)));
                *position = later;
            }
            Self::Heartbeat(position) => position.seq = position.seq.max(replayed),
            Self::Event(_) | Self::Message { .. } => {}
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Event(envelope) => envelope.frame.frame().len(),
            Self::Message { frame, .. } => frame.frame().len(),
            Self::Heartbeat(_) => HEARTBEAT_BYTES,
        }
    }

    fn is_ephemeral(&self) -> bool {
        match self {
            Self::Event(_) => false,
            Self::Message { ephemeral: passing, .. } => *passing,
            Self::Heartbeat(_) => true,
        }
    }

    /// Whether this reader may see it.
    pub fn is_for(&self, reader: Reader) -> bool {
        match self {
            Self::Event(envelope) => reader.may_see(&envelope.routing),
            Self::Message { .. } | Self::Heartbeat(_) => true,
        }
    }

    fn collapses(&self) -> Option<JobId> {
        match self {
            Self::Event(envelope) => envelope.routing.collapse_key(),
            Self::Message { .. } | Self::Heartbeat(_) => None,
        }
    }
}

/// The position field of a message, as JSON. No text in a message contains it: quotes are escaped there.
fn position_field(position: Position) -> String {
    format!("\"position\":\"{position}\"")
}

/// An item to be queued.
pub struct ControlMessage(Item);

impl ControlMessage {
    /// An answer that comes after every event up to `position`.
    pub fn answer(message: &ServerMessage, position: Position) -> Self {
        Self(Item::control(message, Some(position)))
    }

    pub(super) fn heartbeat(position: Position) -> Self {
        Self(Item::Heartbeat(position))
    }

    /// A message about the connection, without a position.
    pub fn control(message: &ServerMessage) -> Self {
        Self(Item::control(message, None))
    }
}

/// Why a connection is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    pub code: CloseCode,
    pub reason: String,
}

impl Closing {
    /// The client did nothing wrong and should reconnect at once, from its position.
    pub fn to_resume() -> Self {
        Self { code: CloseCode::Restart, reason: "restart;retry_after=1".to_owned() }
    }
}

/// Queued events had to be dropped: the replay continues from the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflowed;

pub struct Mailbox {
    max_bytes: usize,
    state: Mutex<State>,
    ready: Notify,
}

struct State {
    interest: Interest,
    queue: VecDeque<Item>,
    bytes: usize,
    last_seq: i64,
    /// The last event replayed behind a shut gate.
    replayed: i64,
    gate_shut: bool,
    gate_overflowed: bool,
    /// It is unknown at the moment whether the reader may see anything: nothing is taken.
    delivery_paused: bool,
    /// Bytes that the reader keeps outside the queue: subscriptions that wait for their replay.
    extra_bytes: usize,
    dropped: u64,
    closing: Option<Closing>,
}

impl Mailbox {
    /// A mailbox of at most `max_bytes`, its gate shut.
    pub fn new(interest: Interest, max_bytes: usize) -> Self {
        let state = State {
            interest,
            queue: VecDeque::new(),
            bytes: 0,
            last_seq: 0,
            replayed: 0,
            gate_shut: true,
            gate_overflowed: false,
            delivery_paused: false,
            extra_bytes: 0,
            dropped: 0,
            closing: None,
        };
        Self { max_bytes, state: Mutex::new(state), ready: Notify::new() }
    }

    /// Queues a message of the connection itself.
    pub fn offer(&self, offer: ControlMessage) {
        self.push(offer.0, &mut self.state.lock());
    }

    pub(super) fn deliver(&self, envelope: &Arc<Envelope>) {
        let mut state = self.state.lock();
        if envelope.seq() > state.last_seq {
            state.last_seq = envelope.seq();
            state.interest.apply_membership(&envelope.routing, envelope.seq());
            if state.interest.matches(&envelope.routing, envelope.seq()) {
                self.push(Item::Event(Arc::clone(envelope)), &mut state);
            }
        }
    }

    pub(super) fn publish_ephemeral(&self, ephemeral: &Ephemeral, kind: &'static str, frame: &TextFrame) {
        let mut state = self.state.lock();
        if state.interest.matches_ephemeral(ephemeral) {
            let item = Item::Message { kind, frame: frame.clone(), position: None, ephemeral: true };
            self.push(item, &mut state);
        }
    }

    pub(super) fn push_ephemeral(&self, kind: &'static str, frame: TextFrame) {
        let item = Item::Message { kind, frame, position: None, ephemeral: true };
        self.push(item, &mut self.state.lock());
    }

    /// Closes the connection once what is queued has been taken; the first reason is kept.
    pub fn close(&self, closing: Closing) {
        let mut state = self.state.lock();
        if state.closing.is_none() {
            state.closing = Some(closing);
            self.ready.notify_one();
        }
    }

    /// Everything that is queued; waits until there is something. The error comes after the last item.
    pub async fn take(&self) -> Result<Vec<Item>, Closing> {
        loop {
            if let Some(taken) = self.try_take() {
                return taken;
            }
            // notify_one stores a permit when no task waits, so nothing that comes between is missed.
            self.ready.notified().await;
        }
    }

    /// Like [`Mailbox::take`], at once; `None` when nothing is queued.
    pub fn try_take(&self) -> Option<Result<Vec<Item>, Closing>> {
        let mut state = self.state.lock();
        // A close while delivery is paused does not wait behind the queue: the reader may not see what is queued.
        if !state.gate_shut && !state.delivery_paused && !state.queue.is_empty() {
            state.bytes = 0;
            // The buffer goes with its items: a quiet connection keeps no room for a past burst.
            return Some(Ok(std::mem::take(&mut state.queue).into()));
        }
        state.closing.clone().map(Err)
    }

    /// Pauses delivery while it is unknown what the reader may see; [`Mailbox::resume_delivery`] resumes it.
    pub fn pause_delivery(&self) {
        self.state.lock().delivery_paused = true;
    }

    /// Resumes delivery.
    pub fn resume_delivery(&self) {
        if std::mem::take(&mut self.state.lock().delivery_paused) {
            self.ready.notify_one();
        }
    }

    /// Waits while delivery is paused; the error is a close that is requested meanwhile.
    pub async fn delivery_resumed(&self) -> Result<(), Closing> {
        loop {
            {
                let state = self.state.lock();
                if !state.delivery_paused {
                    return Ok(());
                }
                if let Some(closing) = &state.closing {
                    return Err(closing.clone());
                }
            }
            self.ready.notified().await;
        }
    }

    /// Whether delivery is paused.
    pub fn is_delivery_paused(&self) -> bool {
        self.state.lock().delivery_paused
    }

    /// Why the connection is to end, also while the gate is shut.
    pub fn closing(&self) -> Option<Closing> {
        self.state.lock().closing.clone()
    }

    /// Waits for the end, also while the gate is shut.
    pub async fn closed(&self) -> Closing {
        loop {
            if let Some(closing) = self.closing() {
                return closing;
            }
            self.ready.notified().await;
        }
    }

    /// What may still be sent when the connection ends behind a shut gate: messages without a position. The rest
    /// belongs after events that were not sent, and is dropped.
    pub fn drain_control(&self) -> Vec<Item> {
        let mut state = self.state.lock();
        state.bytes = 0;
        let queue = std::mem::take(&mut state.queue).into_iter();
        queue.filter(|item| matches!(item, Item::Message { position: None, ephemeral: false, .. })).collect()
    }

    /// Opens the gate. The replay has sent every event up to `replayed`, so queued ones up to there are dropped, and
    /// so are those that the hub has yet to deliver; the rest is ready to be taken. Fails when events had to be
    /// dropped meanwhile: then the gate stays shut and the caller continues to read from the log, which has them.
    pub fn open_gate(&self, replayed: i64) -> Result<(), Overflowed> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.gate_overflowed) {
            return Err(Overflowed);
        }
        state.queue.retain(|item| match item {
            Item::Event(envelope) => envelope.seq() > replayed,
            Item::Message { .. } | Item::Heartbeat(_) => true,
        });
        state.queue.iter_mut().for_each(|item| item.move_behind(replayed));
        // An event is in the log before the hub receives it: a replay may be ahead of the hub.
        state.last_seq = state.last_seq.max(replayed);
        state.gate_shut = false;
        state.recount();
        self.ready.notify_one();
        Ok(())
    }

    /// The reader's position when the hub's is `hub`: later, when a replay was ahead of the hub.
    pub(super) fn position_for(&self, hub: Position) -> Position {
        Position { seq: hub.seq.max(self.state.lock().last_seq), ..hub }
    }

    pub(super) fn shut_gate(&self) -> Vec<Item> {
        let mut state = self.state.lock();
        state.gate_shut = true;
        state.gate_overflowed = false;
        state.bytes = 0;
        std::mem::take(&mut state.queue).into()
    }

    /// Reads or changes the reader's interest. [`super::Hub::update_interest`] makes changes, with the lists.
    pub fn with_interest<T>(&self, look: impl FnOnce(&mut Interest) -> T) -> T {
        look(&mut self.state.lock().interest)
    }

    /// Drops queued items that the reader may not see any more.
    pub(super) fn drop_invisible(&self) {
        let mut state = self.state.lock();
        let reader = state.interest.reader;
        state.queue.retain(|item| item.is_for(reader));
        state.recount();
    }

    /// Ephemeral messages that were dropped because the reader was slow.
    pub fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }

    /// Bytes in the queue.
    pub fn queued_bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Sets how many bytes the reader keeps outside the queue.
    pub fn set_extra_bytes(&self, bytes: usize) {
        self.state.lock().extra_bytes = bytes;
    }

    /// Bytes kept for this reader: the queue, and all that it asked for.
    pub fn held_bytes(&self) -> usize {
        let state = self.state.lock();
        let wanted: usize = state.interest.subscriptions.iter().map(Subscription::held_bytes).sum();
        state.bytes + state.extra_bytes + wanted
    }

    /// Whether the reader was too slow and is closed for that.
    pub fn has_overflowed(&self) -> bool {
        self.closing().is_some_and(|closing| closing.code == CloseCode::SlowConsumer)
    }

    /// Records how far a replay has come.
    pub fn set_replayed(&self, seq: i64) {
        self.state.lock().replayed = seq;
    }

    /// The last event before those that are queued, or that a replay has still to send; `None` when there are none.
    pub fn backlog_after(&self) -> Option<i64> {
        let state = self.state.lock();
        if state.gate_shut {
            return Some(state.replayed);
        }
        let first = state.queue.iter().find_map(|item| match item {
            Item::Event(envelope) => Some(envelope.seq()),
            Item::Message { .. } | Item::Heartbeat(_) => None,
        });
        first.map(|seq| seq - 1)
    }

    fn push(&self, item: Item, state: &mut State) {
        if state.closing.is_some() {
            return;
        }
        state.bytes += item.bytes();
        state.queue.push_back(item);
        if state.bytes > self.max_bytes {
            state.shed(self.max_bytes);
        }
        self.ready.notify_one();
    }
}

impl State {
    /// Sheds load when the mailbox is full, in the order that the module's documentation gives.
    fn shed(&mut self, most_bytes: usize) {
        self.collapse_progress();
        if self.bytes > most_bytes {
            self.drop_ephemeral();
        }
        if self.bytes <= most_bytes {
            return;
        }
        if self.gate_shut {
            self.queue.retain(|item| !matches!(item, Item::Event(_)));
            self.gate_overflowed = true;
            self.recount();
            if self.bytes <= most_bytes {
                return;
            }
        }
        self.queue.clear();
        self.bytes = 0;
        self.closing = Some(Closing { code: CloseCode::SlowConsumer, reason: "slow consumer".to_owned() });
    }

    /// Keeps only the latest progress of each job, at its own place in the queue.
    fn collapse_progress(&mut self) {
        let mut seen = HashSet::new();
        let kept =
            self.queue.drain(..).rev().filter(|item| item.collapses().is_none_or(|job| seen.insert(job)));
        let kept: Vec<Item> = kept.collect();
        self.queue.extend(kept.into_iter().rev());
        self.recount();
    }

    fn drop_ephemeral(&mut self) {
        let before = self.queue.len();
        self.queue.retain(|item| !item.is_ephemeral());
        self.dropped += (before - self.queue.len()) as u64;
        self.recount();
    }

    fn recount(&mut self) {
        self.bytes = self.queue.iter().map(Item::bytes).sum();
    }
}
