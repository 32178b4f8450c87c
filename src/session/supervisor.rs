//! Knows every live connection of this node: its seat, its signs of life, the end of its token. One look a second over
//! all of them stands in for three timers each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line::Line;
use super::seats::{Carrier, Holder, SeatLimits, Seats};
use super::status::StatusCache;
use crate::auth::principal::Principal;
use crate::auth::scope::TenantScope;
use crate::base::clock::Clock;
use crate::base::ids::{ConnectionId, SessionId, TenantId, UserId};
use crate::domain::identity::Identity;
use crate::domain::identity::authenticate::Admitted;
use crate::domain::op::{Kernel, Origin};
use crate::domain::revocation::Revocation;
use crate::hub::{Closing, Mailbox, Offer};
use crate::protocol::message::{GoingAway, ServerMessage, TokenExpiring};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::subscription::{Interest, Reader};

/// How often the connections are looked over.
const ROUND: Duration = Duration::from_secs(1);
/// How long a silent connection has to answer when its seat is wanted.
const PROBE: Duration = Duration::from_secs(1);
/// How long before the end of its token a client is told.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::seconds(60);

/// What the configuration says of connections.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    pub seats: SeatLimits,
    /// Connections of one tenant at most, when there is a limit.
    pub of_tenant: Option<usize>,
    /// Connections from one client address at most, when there is a limit.
    pub of_address: Option<usize>,
    /// Subscriptions of one socket at most.
    pub subscriptions: usize,
    /// Bytes that may wait for a reader.
    pub queue_bytes: usize,
    /// Largest message of a client.
    pub message_bytes: usize,
    /// Largest message on the echo socket.
    pub echo_message_bytes: usize,
    /// Messages a second that a client may send.
    pub messages_per_second: u32,
    /// Between two pings; a peer silent for two of these is dropped.
    pub heartbeat: Duration,
    /// Between two signs of life on a stream.
    pub stream_heartbeat: Duration,
    /// Over how long a restart spreads its clients' return.
    pub reconnect_spread: Duration,
}

/// One live connection, as the supervisor sees it.
pub struct Connection {
    pub id: ConnectionId,
    pub scope: TenantScope,
    principal: Principal,
    pub carrier: Carrier,
    pub origin: Origin,
    pub opened_at: DateTime<Utc>,
    holder: Holder,
    line: Line,
    heard_at: AtomicI64,
    beaten_at: AtomicI64,
    expires_at: AtomicI64,
    warned: AtomicBool,
    seated: AtomicBool,
    pub messages_in: AtomicU64,
}

/// A seat that is held: dropping it gives the seat back and forgets the connection.
pub struct Seat {
    sessions: Arc<Sessions>,
    pub connection: Arc<Connection>,
}

/// Every live connection of this node, and what they run on.
pub struct Sessions {
    pub kernel: Kernel,
    pub identity: Arc<Identity>,
    pub settings: SessionSettings,
    pub(super) status: StatusCache,
    /// Connections run on this; it is awaited at the end.
    pub tasks: TaskTracker,
    seats: Seats,
    live: Mutex<HashMap<ConnectionId, Arc<Connection>>>,
    stopping: CancellationToken,
}

impl Sessions {
    pub fn new(kernel: Kernel, identity: Arc<Identity>, settings: SessionSettings) -> Arc<Self> {
        Arc::new(Self {
            kernel,
            identity,
            status: StatusCache::default(),
            settings,
            tasks: TaskTracker::new(),
            seats: Seats::new(settings.seats),
            live: Mutex::default(),
            stopping: CancellationToken::new(),
        })
    }

    /// Gives the caller a seat, or says why not. At the limit the silent connections are probed first.
    pub async fn admit(
        self: &Arc<Self>,
        admitted: Admitted,
        carrier: Carrier,
        origin: Origin,
    ) -> Result<Seat, Problem> {
        if self.stopping.is_cancelled() {
            let words = "The server is restarting; connect again.";
            return Err(Problem::new(Code::Unavailable, words).retry_after(1));
        }
        let (Some(scope), Some(holder)) = (admitted.principal.scope(), holder(&admitted.principal)) else {
            return Err(Problem::new(
                Code::Forbidden,
                "Operators have no tenant; sign in as one of its users.",
            ));
        };
        self.check_room(scope.tenant_id(), &origin)?;
        if !self.seats.take(holder, carrier) {
            self.free_silent(holder, carrier).await;
            if !self.seats.take(holder, carrier) {
                return Err(Problem::new(Code::TooManyConnections, "Too many connections").retry_after(5));
            }
        }
        Ok(self.seat(admitted, scope, holder, carrier, origin))
    }

    /// The limits that are off unless the configuration sets them.
    fn check_room(&self, tenant_id: TenantId, origin: &Origin) -> Result<(), Problem> {
        let SessionSettings { of_tenant, of_address, .. } = self.settings;
        if of_tenant.is_none() && of_address.is_none() {
            return Ok(());
        }
        let live = self.live.lock();
        let in_tenant = live.values().filter(|one| one.scope.tenant_id() == tenant_id).count();
        let at_address = live.values().filter(|one| one.origin.address == origin.address).count();
        drop(live);
        let refuse = |words: &'static str| Err(Problem::new(Code::RateLimited, words).retry_after(5));
        match (of_tenant, of_address) {
            (Some(most), _) if in_tenant >= most => {
                refuse("The tenant has all the connections that it may have.")
            }
            (_, Some(most)) if at_address >= most => {
                refuse("Your address has all the connections that it may have.")
            }
            _ => Ok(()),
        }
    }

    fn seat(
        self: &Arc<Self>,
        admitted: Admitted,
        scope: TenantScope,
        holder: Holder,
        carrier: Carrier,
        origin: Origin,
    ) -> Seat {
        let now = self.kernel.clock.now();
        let connection = Arc::new(Connection {
            id: ConnectionId::new(&self.kernel.clock),
            scope,
            principal: admitted.principal,
            carrier,
            origin,
            opened_at: now,
            holder,
            line: Line::new(),
            heard_at: AtomicI64::new(now.timestamp_micros()),
            beaten_at: AtomicI64::new(now.timestamp_micros()),
            expires_at: AtomicI64::new(admitted.expires_at.timestamp_micros()),
            warned: AtomicBool::new(false),
            seated: AtomicBool::new(true),
            messages_in: AtomicU64::new(0),
        });
        self.live.lock().insert(connection.id, Arc::clone(&connection));
        // Everybody may have been sent away since the newcomer was let in.
        if self.stopping.is_cancelled() {
            connection.close(CloseCode::Restart, "restart;retry_after=1");
        }
        Seat { sessions: Arc::clone(self), connection }
    }

    /// Probes a holder's connections that have missed a heartbeat, and ends those that do not answer.
    async fn free_silent(&self, holder: Holder, carrier: Carrier) {
        let silent_since = self.micros() - self.settings.heartbeat.as_micros() as i64;
        let silent: Vec<_> = self.connections(|one| {
            one.holder == holder
                && one.carrier == carrier
                && one.heard_at.load(Ordering::Relaxed) < silent_since
        });
        if silent.is_empty() {
            return;
        }
        silent.iter().for_each(|one| self.beat(one));
        self.kernel.clock.sleep(PROBE).await;
        for one in silent {
            if one.heard_at.load(Ordering::Relaxed) < silent_since {
                one.close(CloseCode::Idle, "no sign of life");
                self.unseat(&one);
            }
        }
    }

    /// Looks over all connections once a second until `stop`.
    pub async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        let mut revocations = self.kernel.revocations.subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.kernel.clock.sleep(ROUND) => self.round(),
                revoked = revocations.recv() => match revoked {
                    Ok(revocation) => self.revoke(revocation),
                    // The channel is shorter than a burst: nothing may be missed, so everybody is looked up anew.
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => self.end_all_for_doubt(),
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                },
            }
        }
    }

    fn round(&self) {
        let now = self.micros();
        let heartbeat = self.settings.heartbeat.as_micros() as i64;
        for one in self.connections(|_| true) {
            let expires_at = one.expires_at.load(Ordering::Relaxed);
            if now >= expires_at {
                one.close(CloseCode::Unauthenticated, "token expired");
            } else if now >= expires_at - EXPIRY_NOTICE.num_microseconds().unwrap_or(0)
                && !one.warned.swap(true, Ordering::Relaxed)
            {
                let expires_in = (expires_at - now) / 1_000_000;
                one.offer(&ServerMessage::TokenExpiring(TokenExpiring { expires_in }));
            }
            let every = match one.carrier {
                Carrier::Stream => self.settings.stream_heartbeat.as_micros() as i64,
                Carrier::Socket | Carrier::Upload => heartbeat,
            };
            if one.carrier != Carrier::Stream && now - one.heard_at.load(Ordering::Relaxed) > 2 * heartbeat {
                one.close(CloseCode::Idle, "no sign of life for two heartbeats");
            } else if now - one.beaten_at.load(Ordering::Relaxed) >= every {
                self.beat(&one);
            }
        }
    }

    fn beat(&self, one: &Connection) {
        one.beaten_at.store(self.micros(), Ordering::Relaxed);
        if let Some(mailbox) = one.line.mailbox() {
            self.kernel.hub.beat(&one.scope, &mailbox);
        }
    }

    /// Ends what a revocation speaks of.
    pub fn revoke(&self, revocation: Revocation) {
        for one in self.connections(|_| true) {
            if let Some((code, reason)) = revocation.ends(one.scope.tenant_id(), &one.principal) {
                one.close(code, reason);
            }
        }
    }

    fn end_all_for_doubt(&self) {
        for one in self.connections(|_| true) {
            one.close(CloseCode::Restart, "restart;retry_after=1");
        }
    }

    /// Refuses newcomers and sends everybody away, their return spread over the configured time.
    pub fn send_away(&self) {
        self.stopping.cancel();
        let spread = self.settings.reconnect_spread.as_millis() as u64;
        for one in self.connections(|_| true) {
            let reconnect_after_ms = self.kernel.entropy.below(spread.max(1));
            one.offer(&ServerMessage::GoingAway(GoingAway { reconnect_after_ms }));
            one.close(CloseCode::Restart, &format!("restart;retry_after={}", spread.div_ceil(1000)));
        }
        self.tasks.close();
    }

    /// The connections of a tenant.
    pub fn of_tenant(&self, tenant_id: TenantId) -> Vec<Arc<Connection>> {
        self.connections(|one| one.scope.tenant_id() == tenant_id)
    }

    /// How many connections a principal holds, and how many the tenant does.
    pub fn counts(&self, tenant_id: TenantId, principal: &Principal) -> (usize, usize) {
        let of_caller = holder(principal).map_or(0, |holder| self.seats.count(holder));
        let live = self.live.lock();
        (of_caller, live.values().filter(|one| one.scope.tenant_id() == tenant_id).count())
    }

    pub fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.live.lock().get(&id).cloned()
    }

    /// Whether the node is leaving.
    /// Cancelled once the node goes down: whatever waits for its own sake ends with it.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    pub fn clock(&self) -> &Clock {
        &self.kernel.clock
    }

    fn connections(&self, which: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        self.live.lock().values().filter(|one| which(one)).cloned().collect()
    }

    fn unseat(&self, connection: &Connection) {
        if connection.seated.swap(false, Ordering::Relaxed) {
            self.seats.give_back(connection.holder, connection.carrier);
        }
    }

    fn micros(&self) -> i64 {
        self.kernel.clock.now().timestamp_micros()
    }
}

impl Connection {
    /// Notes a sign of life.
    pub fn heard(&self, now: DateTime<Utc>) {
        self.heard_at.store(now.timestamp_micros(), Ordering::Relaxed);
    }

    /// From now on the supervisor speaks to the client through this mailbox.
    pub fn attach(&self, mailbox: &Arc<Mailbox>) {
        self.line.open(mailbox);
    }

    /// Goes on with a newer token.
    pub fn extend(&self, expires_at: DateTime<Utc>) {
        self.expires_at.store(expires_at.timestamp_micros(), Ordering::Relaxed);
        self.warned.store(false, Ordering::Relaxed);
    }

    /// Ends the connection once what is queued has gone out.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.line.close(Closing { code, reason: reason.to_owned() });
    }

    /// Who connected, with the authority that the connection has at this moment.
    pub fn principal(&self) -> Principal {
        self.principal.clone()
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.principal.user_id()
    }

    pub fn session_id(&self) -> Option<SessionId> {
        self.principal.session_id()
    }

    /// Bytes that wait for the reader, and passing messages that were dropped.
    pub fn backlog(&self) -> (usize, u64) {
        self.line.mailbox().map_or((0, 0), |mailbox| (mailbox.queued_bytes(), mailbox.dropped()))
    }

    fn offer(&self, message: &ServerMessage) {
        self.line.offer(Offer::control(message));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.unseat(&self.connection);
        self.sessions.live.lock().remove(&self.connection.id);
    }
}

/// A mailbox for a connection that follows nothing: only its end arrives there.
pub(super) fn quiet_mailbox(sessions: &Sessions, connection: &Connection) -> Arc<Mailbox> {
    let interest = Interest::new(Reader::unconnected(None, None), None);
    let mailbox = Arc::new(Mailbox::new(interest, sessions.settings.queue_bytes));
    connection.attach(&mailbox);
    mailbox
}

fn holder(principal: &Principal) -> Option<Holder> {
    match principal {
        Principal::User(user) => Some(Holder::User(user.tenant_id(), user.user_id())),
        Principal::Key(key) => Some(Holder::Key(key.tenant_id(), key.key_id())),
        Principal::Operator(_) => None,
    }
}
