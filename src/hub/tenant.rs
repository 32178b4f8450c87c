//! One tenant's lists on this node. Everything happens under one lock, so deliveries, answers and changes of interest
//! have an order. Offering to a mailbox never waits for its reader.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::mailbox::Mailbox;
use super::mailbox::{Closing, ControlMessage, Item};
use super::sequencer::Sequencer;
use crate::base::ids::UserId;
use crate::protocol::envelope::Envelope;
use crate::protocol::message::ServerMessage;
use crate::protocol::position::Position;
use crate::protocol::routing::{Ephemeral, Routing, Topic};
use crate::protocol::subscription::Interest;
use crate::protocol::websocket::encode::TextFrame;

#[derive(Default)]
pub(super) struct TenantHub {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sequencer: Sequencer,
    mailboxes: usize,
    /// The last change of membership that was delivered, or where delivery began.
    memberships_changed_at: i64,
    topics: HashMap<Topic, Vec<Arc<Mailbox>>>,
    /// Users that have joined or left a room since the last call for them; each once.
    membership_changes: HashSet<UserId>,
}

/// What was queued when a gate was shut, and the position at that time.
pub struct DrainedQueue {
    pub queued: Vec<Item>,
    pub position: Position,
}

impl TenantHub {
    pub(super) fn join(&self, mailbox: &Arc<Mailbox>) {
        let mut state = self.state.lock();
        state.mailboxes += 1;
        let topics = mailbox.with_interest(|interest| interest.topics());
        state.subscribe(mailbox, &topics);
    }

    /// Whether that was the last one.
    pub(super) fn leave(&self, mailbox: &Arc<Mailbox>) -> bool {
        let mut state = self.state.lock();
        let topics = mailbox.with_interest(|interest| interest.topics());
        state.unsubscribe(mailbox, &topics);
        state.mailboxes = state.mailboxes.saturating_sub(1);
        state.mailboxes == 0
    }

    pub(super) fn start_at(&self, position: Position) -> bool {
        let mut state = self.state.lock();
        if state.sequencer.cursor().is_none() {
            state.memberships_changed_at = position.seq;
        }
        state.sequencer.start_at(position);
        state.deliver()
    }

    pub(super) fn memberships_unchanged_since(&self, read_at: Position) -> bool {
        let state = self.state.lock();
        let same_log = state.sequencer.cursor().is_some_and(|cursor| cursor.epoch == read_at.epoch);
        same_log && state.memberships_changed_at <= read_at.seq
    }

    pub(super) fn reset(&self) {
        self.state.lock().sequencer.reset();
    }

    /// Delivers committed events. The lock is passed on between two of them: others wait for one event, not for a
    /// batch.
    pub(super) fn publish_committed(&self, envelopes: &[Arc<Envelope>]) -> bool {
        let mut state = self.state.lock();
        envelopes.iter().for_each(|envelope| state.sequencer.accept(envelope));
        loop {
            if !state.deliver_next() {
                return state.sequencer.has_gap();
            }
            MutexGuard::unlock_fair(state);
            state = self.state.lock();
        }
    }

    /// Number of readers.
    pub(super) fn readers(&self) -> usize {
        self.state.lock().mailboxes
    }

    pub(super) fn skip_to(&self, upto: i64, closing: &Closing) -> bool {
        let mut state = self.state.lock();
        if state.sequencer.cursor().is_none_or(|cursor| cursor.seq >= upto) {
            return state.sequencer.has_gap();
        }
        // Closed first: from then on a mailbox takes nothing, so no reader gets what follows without what is missing.
        state.topics.values().flatten().for_each(|mailbox| mailbox.close(closing.clone()));
        state.sequencer.skip_to(upto);
        state.deliver()
    }

    pub(super) fn publish_ephemeral(&self, ephemeral: &Ephemeral, kind: &'static str, frame: &TextFrame) {
        let state = self.state.lock();
        for mailbox in state.topics.get(&ephemeral.topic()).into_iter().flatten() {
            mailbox.publish_ephemeral(ephemeral, kind, frame);
        }
    }

    /// Sends each mailbox of a list what `render` makes of its interest.
    pub(super) fn publish_ephemeral_to_topic(
        &self,
        topic: Topic,
        mut render: impl FnMut(&Interest) -> Option<(&'static str, TextFrame)>,
    ) {
        let state = self.state.lock();
        for mailbox in state.topics.get(&topic).into_iter().flatten() {
            if let Some((kind, frame)) = mailbox.with_interest(|interest| render(interest)) {
                mailbox.push_ephemeral(kind, frame);
            }
        }
    }

    /// Sends each mailbox that is on any of the lists, once, what `render` makes of its interest.
    pub(super) fn publish_ephemeral_to_topics(
        &self,
        topics: impl IntoIterator<Item = Topic>,
        mut render: impl FnMut(&Interest) -> Vec<(&'static str, TextFrame)>,
    ) {
        let state = self.state.lock();
        let mut served = HashSet::new();
        for mailbox in topics.into_iter().filter_map(|topic| state.topics.get(&topic)).flatten() {
            if served.insert(Arc::as_ptr(mailbox)) {
                let frames = mailbox.with_interest(|interest| render(interest));
                frames.into_iter().for_each(|(kind, frame)| mailbox.push_ephemeral(kind, frame));
            }
        }
    }

    pub(super) fn take_membership_changes(&self) -> Vec<UserId> {
        std::mem::take(&mut self.state.lock().membership_changes).into_iter().collect()
    }

    /// Applies a replayed event that changes what the reader may see.
    pub(super) fn apply_membership(&self, mailbox: &Arc<Mailbox>, envelope: &Envelope) {
        self.state.lock().apply_membership(mailbox, envelope);
    }

    pub(super) fn answer(&self, mailbox: &Mailbox, message: impl FnOnce(Position) -> ServerMessage) {
        let state = self.state.lock();
        if let Some(position) = state.position_for(mailbox) {
            mailbox.offer(ControlMessage::answer(&message(position), position));
        }
    }

    pub(super) fn send_heartbeat(&self, mailbox: &Mailbox) {
        let state = self.state.lock();
        if let Some(position) = state.position_for(mailbox) {
            mailbox.offer(ControlMessage::heartbeat(position));
        }
    }

    pub(super) fn update_interest(
        &self,
        mailbox: &Arc<Mailbox>,
        change: impl FnOnce(&mut Interest, Position) -> Option<ServerMessage>,
    ) {
        let mut state = self.state.lock();
        let Some(position) = state.position_for(mailbox) else { return };
        let (before, answer, after, other_reader) = mailbox.with_interest(|interest| {
            let (before, reader) = (interest.topics(), interest.reader);
            let answer = change(interest, position);
            (before, answer, interest.topics(), interest.reader != reader)
        });
        // What was queued for an admin is not for the member that the admin has become.
        if other_reader {
            mailbox.drop_invisible();
        }
        if let Some(answer) = answer {
            mailbox.offer(ControlMessage::answer(&answer, position));
        }
        if before != after {
            state.unsubscribe(mailbox, &before);
            state.subscribe(mailbox, &after);
        }
    }

    pub(super) fn shut_gate(&self, mailbox: &Mailbox) -> Option<DrainedQueue> {
        let state = self.state.lock();
        let position = state.position_for(mailbox)?;
        Some(DrainedQueue { queued: mailbox.shut_gate(), position })
    }

    pub(super) fn cursor(&self) -> Option<Position> {
        self.state.lock().sequencer.cursor()
    }

    pub(super) fn has_gap(&self) -> bool {
        self.state.lock().sequencer.has_gap()
    }
}

impl State {
    /// Delivers everything that is next in sequence; returns whether something is missing after that.
    fn deliver(&mut self) -> bool {
        while self.deliver_next() {}
        self.sequencer.has_gap()
    }

    /// Delivers the event that is next in sequence, if it is there.
    fn deliver_next(&mut self) -> bool {
        let Some(envelope) = self.sequencer.next() else { return false };
        // A mailbox on both lists takes the event once: it knows the last sequence number that it got.
        for topic in envelope.routing.topics().into_iter().flatten() {
            for mailbox in self.topics.get(&topic).into_iter().flatten() {
                mailbox.deliver(&envelope);
            }
        }
        if let Routing::Membership { user, .. } = &envelope.routing {
            self.memberships_changed_at = envelope.seq();
            self.membership_changes.insert(*user);
            let theirs = self.topics.get(&Topic::User(*user)).cloned().unwrap_or_default();
            theirs.iter().for_each(|mailbox| self.apply_membership(mailbox, &envelope));
        }
        true
    }

    /// Adds a mailbox to the list of a room that its reader has joined, or removes it. The reader's interest has the
    /// room already when the event was delivered, or replayed, before.
    fn apply_membership(&mut self, mailbox: &Arc<Mailbox>, envelope: &Envelope) {
        let Routing::Membership { room, .. } = envelope.routing else { return };
        let member = mailbox.with_interest(|interest| {
            interest.apply_membership(&envelope.routing, envelope.seq());
            interest.rooms.has(room)
        });
        let topic = [Topic::Room(room)];
        self.unsubscribe(mailbox, &topic);
        if member {
            self.subscribe(mailbox, &topic);
        }
    }

    /// The position that answers to this mailbox carry.
    fn position_for(&self, mailbox: &Mailbox) -> Option<Position> {
        self.sequencer.cursor().map(|cursor| mailbox.position_for(cursor))
    }

    fn subscribe(&mut self, mailbox: &Arc<Mailbox>, topics: &[Topic]) {
        for topic in topics {
            self.topics.entry(*topic).or_default().push(Arc::clone(mailbox));
        }
    }

    fn unsubscribe(&mut self, mailbox: &Arc<Mailbox>, topics: &[Topic]) {
        for topic in topics {
            let Some(list) = self.topics.get_mut(topic) else { continue };
            if let Some(index) = list.iter().position(|listed| Arc::ptr_eq(listed, mailbox)) {
                list.swap_remove(index);
            }
            if list.is_empty() {
                self.topics.remove(topic);
            }
        }
    }
}
