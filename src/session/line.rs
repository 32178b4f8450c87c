//! The supervisor's line to a connection. A connection listens a moment after it has its seat: an end that is told in
//! between is kept, or nobody would tell it again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::hub::{Closing, Mailbox, Offer};

pub(super) struct Line(Mutex<State>);

enum State {
    /// No mailbox is attached yet; the end that was told meanwhile. Boxed: it is rare, and every connection has a line.
    Waiting(Option<Box<Closing>>),
    /// The same, and delivery is held.
    WaitingHeld(Option<Box<Closing>>),
    Open(Arc<Mailbox>),
}

impl Line {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Waiting(None)))
    }

    /// From now on the mailbox listens; it hears of an end that was told before.
    pub(super) fn open(&self, mailbox: &Arc<Mailbox>) {
        let mut state = self.0.lock();
        if let State::WaitingHeld(_) = &*state {
            mailbox.hold();
        }
        if let State::Waiting(Some(closing)) | State::WaitingHeld(Some(closing)) = &*state {
            mailbox.close(Closing::clone(closing));
        }
        *state = State::Open(Arc::clone(mailbox));
    }

    /// Tells the end; the first reason stands.
    pub(super) fn close(&self, closing: Closing) {
        match &mut *self.0.lock() {
            State::Waiting(first) | State::WaitingHeld(first) => {
                _ = first.get_or_insert_with(|| Box::new(closing));
            }
            State::Open(mailbox) => mailbox.close(closing),
        }
    }

    /// Nothing more is delivered until [`Line::release`].
    pub(super) fn hold(&self) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Waiting(first) => *state = State::WaitingHeld(first.take()),
            State::WaitingHeld(_) => {}
            State::Open(mailbox) => mailbox.hold(),
        }
    }

    pub(super) fn release(&self) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Waiting(_) => {}
            State::WaitingHeld(first) => *state = State::Waiting(first.take()),
            State::Open(mailbox) => mailbox.release(),
        }
    }

    /// Says something; before anybody listens it is lost.
    pub(super) fn offer(&self, offer: Offer) {
        if let Some(mailbox) = self.mailbox() {
            mailbox.offer(offer);
        }
    }

    /// The end that was told, if one was.
    pub(super) fn closing(&self) -> Option<Closing> {
        match &*self.0.lock() {
            State::Waiting(first) | State::WaitingHeld(first) => first.as_deref().cloned(),
            State::Open(mailbox) => mailbox.closing(),
        }
    }

    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        match &*self.0.lock() {
            State::Waiting(_) | State::WaitingHeld(_) => None,
            State::Open(mailbox) => Some(Arc::clone(mailbox)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::CloseCode;
    use crate::protocol::subscription::{Interest, Reader};

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(Interest::new(Reader::unconnected(None, None), None), 1_000))
    }

    fn closing(code: CloseCode) -> Closing {
        Closing { code, reason: String::new() }
    }

    #[test]
    fn an_end_that_was_told_before_anybody_listened_is_heard() {
        let (line, mailbox) = (Line::new(), mailbox());

        line.close(closing(CloseCode::SessionRevoked));
        line.close(closing(CloseCode::Restart));
        line.open(&mailbox);

        assert_eq!(mailbox.closing(), Some(closing(CloseCode::SessionRevoked)));
    }

    #[test]
    fn a_hold_that_was_told_before_anybody_listened_holds_until_it_is_released() {
        for released in [false, true] {
            let (line, mailbox) = (Line::new(), mailbox());

            line.hold();
            line.open(&mailbox);
            assert!(mailbox.is_held());
            line.release();
            line.hold();
            if released {
                line.release();
            }

            assert_eq!(mailbox.is_held(), !released);
        }
    }

    #[test]
    fn an_open_line_passes_the_end_on() {
        let (line, mailbox) = (Line::new(), mailbox());

        line.open(&mailbox);
        assert_eq!(mailbox.closing(), None);
        line.close(closing(CloseCode::Restart));

        assert_eq!(mailbox.closing(), Some(closing(CloseCode::Restart)));
    }
}
