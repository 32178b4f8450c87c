//! The supervisor's channel to a connection. A connection attaches its mailbox shortly after it is registered: a
//! close that is requested in between is stored, since it would not be requested again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::hub::{Closing, ControlMessage, Mailbox};

pub(super) struct ControlChannel(Mutex<State>);

enum State {
    /// No mailbox is attached; a close requested meanwhile. Boxed: it is rare, and every connection has a channel.
    Detached(Option<Box<Closing>>),
    /// The same, and delivery is paused.
    DetachedPaused(Option<Box<Closing>>),
    Attached(Arc<Mailbox>),
}

impl ControlChannel {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Detached(None)))
    }

    /// Attaches the mailbox and applies an earlier pause or close.
    pub(super) fn attach(&self, mailbox: &Arc<Mailbox>) {
        let mut state = self.0.lock();
        if let State::DetachedPaused(_) = &*state {
            mailbox.pause_delivery();
        }
        if let State::Detached(Some(closing)) | State::DetachedPaused(Some(closing)) = &*state {
            mailbox.close(Closing::clone(closing));
        }
        *state = State::Attached(Arc::clone(mailbox));
    }

    /// Requests the close; the first reason is kept.
    pub(super) fn close(&self, closing: Closing) {
        match &mut *self.0.lock() {
            State::Detached(first) | State::DetachedPaused(first) => {
                _ = first.get_or_insert_with(|| Box::new(closing));
            }
            State::Attached(mailbox) => mailbox.close(closing),
        }
    }

    /// Pauses delivery until [`ControlChannel::resume_delivery`].
    pub(super) fn pause_delivery(&self) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Detached(first) => *state = State::DetachedPaused(first.take()),
            State::DetachedPaused(_) => {}
            State::Attached(mailbox) => mailbox.pause_delivery(),
        }
    }

    pub(super) fn resume_delivery(&self) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Detached(_) => {}
            State::DetachedPaused(first) => *state = State::Detached(first.take()),
            State::Attached(mailbox) => mailbox.resume_delivery(),
        }
    }

    /// Sends a message; dropped while no mailbox is attached.
    pub(super) fn offer(&self, offer: ControlMessage) {
        if let Some(mailbox) = self.mailbox() {
            mailbox.offer(offer);
        }
    }

    /// The requested close, if there is one.
    pub(super) fn closing(&self) -> Option<Closing> {
        match &*self.0.lock() {
            State::Detached(first) | State::DetachedPaused(first) => first.as_deref().cloned(),
            State::Attached(mailbox) => mailbox.closing(),
        }
    }

    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        match &*self.0.lock() {
            State::Detached(_) | State::DetachedPaused(_) => None,
            State::Attached(mailbox) => Some(Arc::clone(mailbox)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::CloseCode;
    use crate::protocol::reader::Reader;
    use crate::protocol::subscription::Interest;

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(Interest::new(Reader::unconnected(None, None), None), 1_000))
    }

    fn closing(code: CloseCode) -> Closing {
        Closing { code, reason: String::new() }
    }

    #[test]
    fn a_close_before_the_mailbox_is_attached_is_applied_on_attach() {
        let (line, mailbox) = (ControlChannel::new(), mailbox());

        line.close(closing(CloseCode::SessionRevoked));
        line.close(closing(CloseCode::Restart));
        line.attach(&mailbox);

        assert_eq!(mailbox.closing(), Some(closing(CloseCode::SessionRevoked)));
    }

    #[test]
    fn a_pause_before_the_mailbox_is_attached_lasts_until_it_is_resumed() {
        for released in [false, true] {
            let (line, mailbox) = (ControlChannel::new(), mailbox());

            line.pause_delivery();
            line.attach(&mailbox);
            assert!(mailbox.is_delivery_paused());
            line.resume_delivery();
            line.pause_delivery();
            if released {
                line.resume_delivery();
            }

            assert_eq!(mailbox.is_delivery_paused(), !released);
        }
    }

    #[test]
    fn an_attached_channel_forwards_the_close() {
        let (line, mailbox) = (ControlChannel::new(), mailbox());

        line.attach(&mailbox);
        assert_eq!(mailbox.closing(), None);
        line.close(closing(CloseCode::Restart));

        assert_eq!(mailbox.closing(), Some(closing(CloseCode::Restart)));
    }
}
