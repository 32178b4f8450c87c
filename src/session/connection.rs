//! One live connection, as shared with other tasks: its principal, its expiry, and the channel to its mailbox.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::connection_limits::{Carrier, ConnectionPermit};
use super::control_channel::ControlChannel;
use super::traffic::Traffic;
use crate::auth::principal::Principal;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{ConnectionId, SessionId, UserId};
use crate::domain::identity::authenticate::Authenticated;
use crate::domain::identity::stream_tickets::StreamTicketGuard;
use crate::domain::op::{Origin, Services};
use crate::hub::{Closing, ControlMessage, Mailbox};
use crate::protocol::message::ServerMessage;
use crate::protocol::problem::CloseCode;
use crate::protocol::reader::Reader;
use crate::protocol::subscription::Interest;

/// One live connection, as the supervisor sees it.
pub struct Connection {
    pub id: ConnectionId,
    pub scope: TenantScope,
    /// Changes with the user's role, and when the client refreshes its token.
    pub(super) principal: Mutex<Principal>,
    pub carrier: Carrier,
    pub origin: Origin,
    pub opened_at: DateTime<Utc>,
    /// What it has taken of the limits.
    pub(super) permit: ConnectionPermit,
    pub(super) control: ControlChannel,
    /// By the steady clock, as is `last_heartbeat_at`.
    pub(super) last_activity_at: AtomicI64,
    pub(super) last_heartbeat_at: AtomicI64,
    pub(super) expires_at: AtomicI64,
    /// The second of the steady clock since which a message or frame of the client is unfinished; 0: none is.
    pub(super) unfinished_since: AtomicU32,
    pub(super) expiry_warned: AtomicBool,
    /// Milliseconds that the client is asked to wait before it reconnects; 0: not asked.
    pub(super) retry_after_ms: AtomicU64,
    /// The ticket that opened a stream, which it may reconnect with. Boxed: sockets have none.
    pub(super) ticket: OnceLock<Box<StreamTicketGuard>>,
    pub traffic: Traffic,
}

impl Connection {
    pub(super) fn new(
        services: &Services,
        caller: Authenticated,
        scope: TenantScope,
        origin: Origin,
        permit: ConnectionPermit,
    ) -> Self {
        let (clock, metrics) = (&services.clock, &services.metrics);
        let (carrier, steady) = (permit.carrier(), clock.steady().timestamp_micros());
        let tenant = metrics.tenants.of(scope.tenant_id());
        Self {
            id: permit.id(),
            scope,
            principal: Mutex::new(caller.principal),
            carrier,
            origin,
            opened_at: clock.now(),
            permit,
            control: ControlChannel::new(),
            last_activity_at: AtomicI64::new(steady),
            last_heartbeat_at: AtomicI64::new(steady),
            expires_at: AtomicI64::new(caller.expires_at.timestamp_micros()),
            unfinished_since: AtomicU32::new(0),
            expiry_warned: AtomicBool::new(false),
            retry_after_ms: AtomicU64::new(0),
            ticket: OnceLock::new(),
            traffic: Traffic::new(Arc::clone(metrics), tenant, carrier.into()),
        }
    }

    /// Records activity of the client, at a time by the steady clock.
    pub fn record_activity(&self, steady: DateTime<Utc>) {
        self.last_activity_at.store(steady.timestamp_micros(), Ordering::Relaxed);
    }

    /// Records that a message is unfinished, begun `at` this time unless an earlier one is recorded. `anew`: the
    /// earlier one has ended.
    pub(super) fn record_unfinished(&self, at: Option<DateTime<Utc>>, anew: bool) {
        let since = at.map_or(0, |at| u32::try_from(at.timestamp()).unwrap_or(u32::MAX));
        if since == 0 || anew || self.unfinished_since.load(Ordering::Relaxed) == 0 {
            self.unfinished_since.store(since, Ordering::Relaxed);
        }
    }

    /// From now on the supervisor reaches the client through this mailbox.
    pub fn attach(&self, mailbox: &Arc<Mailbox>) {
        self.control.attach(mailbox);
    }

    /// Extends the connection to the expiry of a newer token.
    pub fn extend(&self, expires_at: DateTime<Utc>) {
        self.expires_at.store(expires_at.timestamp_micros(), Ordering::Relaxed);
        self.expiry_warned.store(false, Ordering::Relaxed);
        if let Some(ticket) = self.ticket.get() {
            ticket.extend(expires_at);
        }
    }

    /// The mailbox that the connection reads from, once it is attached.
    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        self.control.mailbox()
    }

    /// Closes the connection once what is queued has been sent.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.control.close(Closing { code, reason: reason.to_owned() });
    }

    /// Pauses delivery until [`Connection::resume_delivery`]; a close is still delivered.
    pub(super) fn pause_delivery(&self) {
        self.control.pause_delivery();
    }

    /// Resumes delivery with what has waited.
    pub(super) fn resume_delivery(&self) {
        self.control.resume_delivery();
    }

    /// The requested close, if there is one.
    pub(super) fn closing(&self) -> Option<Closing> {
        self.control.closing()
    }

    /// The principal of the connection, with its current permissions.
    pub fn principal(&self) -> Principal {
        self.principal.lock().clone()
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.principal.lock().user_id()
    }

    pub fn session_id(&self) -> Option<SessionId> {
        self.principal.lock().session_id()
    }

    /// Bytes that wait for the reader, here and in its carrier, and the number of dropped ephemeral messages.
    pub fn backlog(&self) -> (usize, u64) {
        let (queued, dropped) =
            self.control.mailbox().map_or((0, 0), |mailbox| (mailbox.queued_bytes(), mailbox.dropped()));
        (queued + self.traffic.unwritten(), dropped)
    }

    /// Bytes that are held for the connection: what waits for its reader, and what the reader asked for.
    pub fn held_bytes(&self) -> usize {
        self.control.mailbox().map_or(0, |mailbox| mailbox.held_bytes()) + self.traffic.unwritten()
    }

    /// How many events the reader is behind `head`.
    pub fn lag(&self, head: i64) -> u64 {
        self.control.mailbox().map_or(0, |mailbox| self.traffic.lag(&mailbox, head))
    }

    /// The time of the last activity.
    pub fn last_activity_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.last_activity_at.load(Ordering::Relaxed))
            .unwrap_or(self.opened_at)
    }

    /// The code that it was closed with; 1000 when the client closed it.
    pub(super) fn close_code(&self) -> CloseCode {
        self.control.closing().map_or(CloseCode::Normal, |closing| closing.code)
    }

    /// Keeps the ticket that opened the stream for as long as the stream has its slot.
    pub(super) fn store_ticket(&self, ticket: StreamTicketGuard) {
        // A stream begins once; a second ticket is released here.
        let _ = self.ticket.set(Box::new(ticket));
    }

    pub(super) fn release_ticket(&self) {
        if let Some(ticket) = self.ticket.get() {
            ticket.release();
        }
    }

    /// Sets how long the client is to wait before it reconnects.
    pub(super) fn set_retry_after(&self, away_ms: u64) {
        self.retry_after_ms.store(away_ms, Ordering::Relaxed);
    }

    /// How long the client is to wait before it reconnects, if that was set.
    pub(super) fn retry_after_ms(&self) -> Option<u64> {
        Some(self.retry_after_ms.load(Ordering::Relaxed)).filter(|advised| *advised > 0)
    }

    pub(super) fn offer(&self, message: &ServerMessage) {
        self.control.offer(ControlMessage::control(message));
    }

    /// Attaches a mailbox for a connection that follows nothing: only control messages and the close arrive there.
    pub(super) fn attach_control_mailbox(&self, queue_bytes: usize) -> Arc<Mailbox> {
        let interest = Interest::new(Reader::unconnected(None, None), None);
        let mailbox = Arc::new(Mailbox::new(interest, queue_bytes));
        // A mailbox that nothing was put into has lost nothing, so the gate opens.
        let _ = mailbox.open_gate(0);
        self.attach(&mailbox);
        mailbox
    }
}
