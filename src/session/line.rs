//! The supervisor's line to a connection. A connection listens a moment after it has its seat: an end that is told in
//! between is kept, or nobody would tell it again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::hub::{Closing, Mailbox, Offer};

pub(super) struct Line(Mutex<State>);

enum State {
    /// Nobody listens yet; the end that was told meanwhile.
    Waiting(Option<Closing>),
    Open(Arc<Mailbox>),
}

impl Line {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Waiting(None)))
    }

    /// From now on the mailbox listens; it hears of an end that was told before.
    pub(super) fn open(&self, mailbox: &Arc<Mailbox>) {
        let mut state = self.0.lock();
        if let State::Waiting(Some(closing)) = &*state {
            mailbox.close(closing.clone());
        }
        *state = State::Open(Arc::clone(mailbox));
    }

    /// Tells the end; the first reason stands.
    pub(super) fn close(&self, closing: Closing) {
        match &mut *self.0.lock() {
            State::Waiting(first) => _ = first.get_or_insert(closing),
            State::Open(mailbox) => mailbox.close(closing),
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
            State::Waiting(first) => first.clone(),
            State::Open(mailbox) => mailbox.closing(),
        }
    }

    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        match &*self.0.lock() {
            State::Waiting(_) => None,
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
    fn an_open_line_passes_the_end_on() {
        let (line, mailbox) = (Line::new(), mailbox());

        line.open(&mailbox);
        assert_eq!(mailbox.closing(), None);
        line.close(closing(CloseCode::Restart));

        assert_eq!(mailbox.closing(), Some(closing(CloseCode::Restart)));
    }
}
