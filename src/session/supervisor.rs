//! Knows every live connection of this node: its seat, its signs of life, the end of its token. One look a second over
//! all of them stands in for three timers each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, AdmissionSettings, Place};
use super::line::Line;
use super::node::Node;
use super::room::{Full, Room};
use super::seats::{Carrier, Holder, SeatLimits, Seats};
use super::stats::StatsCache;
use super::status::StatusCache;
use super::traffic::Traffic;
use crate::auth::principal::Principal;
use crate::auth::scope::TenantScope;
use crate::base::address::AddressBlock;
use crate::base::clock::Clock;
use crate::base::ids::{ConnectionId, SessionId, TenantId, UserId};
use crate::domain::identity::Identity;
use crate::domain::identity::authenticate::Admitted;
use crate::domain::limits::quota::Quota;
use crate::domain::limits::used_up;
use crate::domain::op::{Kernel, Origin};
use crate::domain::revocation::Revocation;
use crate::hub::{Closing, Mailbox, Offer};
use crate::protocol::message::{ServerMessage, TokenExpiring};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::subscription::{Interest, Reader};

/// How often the connections are looked over.
const ROUND: Duration = Duration::from_secs(1);
/// How long a silent connection has to answer when its seat is wanted.
const PROBE: Duration = Duration::from_secs(1);
/// When whoever found no room may look again.
const ROOM_RETRY_SECS: u32 = 5;
/// How long before the end of its token a client is told.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::seconds(60);

/// What the configuration says of connections.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    pub seats: SeatLimits,
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
    /// How many may begin at once.
    pub admission: AdmissionSettings,
}

/// One live connection, as the supervisor sees it.
pub struct Connection {
    pub id: ConnectionId,
    pub scope: TenantScope,
    /// Changes with the user's role, and with the token that the connection goes on by.
    principal: Mutex<Principal>,
    pub carrier: Carrier,
    pub origin: Origin,
    pub opened_at: DateTime<Utc>,
    holder: Holder,
    line: Line,
    /// By the steady clock, as `beaten_at`.
    heard_at: AtomicI64,
    beaten_at: AtomicI64,
    expires_at: AtomicI64,
    warned: AtomicBool,
    seated: AtomicBool,
    /// Milliseconds that the client was told to stay away after its end; 0: it was not told.
    away_ms: AtomicU64,
    place: Mutex<Option<Place>>,
    pub traffic: Traffic,
}

/// A seat that is held: dropping it gives the seat back and forgets the connection.
pub struct Seat {
    sessions: Arc<Sessions>,
    pub connection: Arc<Connection>,
    _counted: CountedIn,
}

/// A connection's part in the counts of its tenant and address; dropping it counts the connection out.
struct CountedIn {
    sessions: Arc<Sessions>,
    tenant_id: TenantId,
    address: Option<AddressBlock>,
}

impl Drop for CountedIn {
    fn drop(&mut self) {
        self.sessions.room.leave(self.tenant_id, self.address);
    }
}

/// Every live connection of this node, and what they run on.
pub struct Sessions {
    pub kernel: Kernel,
    pub identity: Arc<Identity>,
    pub settings: SessionSettings,
    pub(super) status: StatusCache,
    pub(super) stats: StatsCache,
    pub node: Node,
    /// Connections run on this; it is awaited at the end.
    pub tasks: TaskTracker,
    seats: Seats,
    room: Room,
    live: Mutex<HashMap<ConnectionId, Arc<Connection>>>,
    /// How many may begin at once.
    pub admission: Admission,
    /// Told when the last connection goes.
    emptied: Notify,
    leaving: AtomicBool,
    stopping: CancellationToken,
    /// The database's history that the connections' positions are of.
    history: AtomicI64,
}

impl Sessions {
    pub fn new(kernel: Kernel, identity: Arc<Identity>, settings: SessionSettings) -> Arc<Self> {
        let history = AtomicI64::new(kernel.db.history());
        let sessions = Arc::new(Self {
            history,
            admission: Admission::new(settings.admission, &kernel.clock, kernel.entropy),
            node: Node::new(kernel.clock.now()),
            kernel,
            identity,
            status: StatusCache::default(),
            stats: StatsCache::default(),
            settings,
            tasks: TaskTracker::new(),
            seats: Seats::new(settings.seats),
            room: Room::default(),
            live: Mutex::default(),
            emptied: Notify::new(),
            leaving: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        });
        let live = Arc::downgrade(&sessions);
        sessions.kernel.enforce_with(move |word| {
            if let Some(sessions) = live.upgrade() {
                sessions.revoke(word.clone());
            }
        });
        sessions
    }

    /// Gives the caller a seat, or says why not. At the limit the silent connections are probed first.
    pub async fn admit(
        self: &Arc<Self>,
        admitted: Admitted,
        carrier: Carrier,
        origin: Origin,
    ) -> Result<Seat, Problem> {
        self.refuse_when_stopping()?;
        let (Some(scope), Some(holder)) = (admitted.principal.scope(), holder(&admitted.principal)) else {
            return Err(Problem::new(
                Code::Forbidden,
                "Operators have no tenant; sign in as one of its users.",
            ));
        };
        self.check_pace(scope.tenant_id())?;
        let counted = self.count_in(scope.tenant_id(), &origin)?;
        if !self.seats.take(holder, carrier) {
            self.free_silent(holder, carrier).await;
            if !self.seats.take(holder, carrier) {
                return Err(Problem::new(Code::TooManyConnections, "Too many connections").retry_after(5));
            }
        }
        let seat = self.seat(admitted, scope, holder, carrier, origin, counted);
        // A word that the credential has ended may have come since it was looked at, a second ago where a silent
        // connection was probed, and found nobody in this seat yet. From now on it finds the connection.
        self.identity.still_admits(&seat.connection.principal()).await?;
        Ok(seat)
    }

    /// Refuses newcomers of a node that goes down, their return spread like that of those who are sent away.
    pub fn refuse_when_stopping(&self) -> Result<(), Problem> {
        if !self.stopping.is_cancelled() {
            return Ok(());
        }
        let spread = self.settings.reconnect_spread.as_secs().max(1);
        let seconds = u32::try_from(1 + self.kernel.entropy.below(spread)).unwrap_or(1);
        let words = "The server is restarting; connect again.";
        Err(Problem::new(Code::Unavailable, words).retry_after(seconds))
    }

    /// How many may come in a second.
    fn check_pace(&self, tenant_id: TenantId) -> Result<(), Problem> {
        let quota = Quota::ConnectsPerSecond;
        let level = self.kernel.limits.take(tenant_id, quota, self.kernel.clock.now());
        match level.and_then(|level| Some((level.per_second, level.refused_for_secs?))) {
            Some((most, seconds)) => Err(used_up(quota, most, seconds)),
            None => Ok(()),
        }
    }

    /// Counts the newcomer in, where the tenant and the address have room for one more.
    fn count_in(self: &Arc<Self>, tenant_id: TenantId, origin: &Origin) -> Result<CountedIn, Problem> {
        let address: Option<IpAddr> = origin.address.as_deref().and_then(|text| text.parse().ok());
        let address = address.map(AddressBlock::of);
        let (limits, now) = (&self.kernel.limits, self.kernel.clock.now());
        let of_tenant = |held: usize| limits.may_hold(tenant_id, Quota::Connections, held as u64, now);
        match self.room.enter(tenant_id, address, of_tenant, self.settings.of_address) {
            Ok(()) => Ok(CountedIn { sessions: Arc::clone(self), tenant_id, address }),
            Err(Full::Address) => {
                let words = "Your address has all the connections that it may have.";
                Err(Problem::new(Code::RateLimited, words).retry_after(ROOM_RETRY_SECS))
            }
            Err(Full::Tenant) => {
                let most = limits.limit(tenant_id, Quota::Connections).unwrap_or_default();
                Err(used_up(Quota::Connections, most, u64::from(ROOM_RETRY_SECS)))
            }
        }
    }

    fn seat(
        self: &Arc<Self>,
        admitted: Admitted,
        scope: TenantScope,
        holder: Holder,
        carrier: Carrier,
        origin: Origin,
        counted: CountedIn,
    ) -> Seat {
        let now = self.kernel.clock.now();
        let metrics = &self.kernel.metrics;
        metrics.opened.of(carrier.into()).one();
        let tenant = metrics.tenants.of(scope.tenant_id());
        let connection = Arc::new(Connection {
            id: ConnectionId::new(&self.kernel.clock),
            scope,
            principal: Mutex::new(admitted.principal),
            carrier,
            origin,
            opened_at: now,
            holder,
            line: Line::new(),
            heard_at: AtomicI64::new(self.steady_micros()),
            beaten_at: AtomicI64::new(self.steady_micros()),
            expires_at: AtomicI64::new(admitted.expires_at.timestamp_micros()),
            warned: AtomicBool::new(false),
            seated: AtomicBool::new(true),
            away_ms: AtomicU64::new(0),
            place: Mutex::default(),
            traffic: Traffic::new(Arc::clone(metrics), tenant, carrier.into()),
        });
        self.live.lock().insert(connection.id, Arc::clone(&connection));
        // Everybody may have been sent away since the newcomer was let in.
        if self.stopping.is_cancelled() {
            connection.close(CloseCode::Restart, "restart;retry_after=1");
        }
        Seat { sessions: Arc::clone(self), connection, _counted: counted }
    }

    /// Probes a holder's connections that have missed a heartbeat, and ends those that do not answer.
    async fn free_silent(&self, holder: Holder, carrier: Carrier) {
        let silent_since = self.steady_micros() - self.settings.heartbeat.as_micros() as i64;
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

    /// Positions of before a restore or a change of server do not hold: everybody resumes, and is told of the gap.
    fn notice_another_history(&self) {
        let found = self.kernel.db.history();
        if self.history.swap(found, Ordering::Relaxed) != found {
            tracing::warn!("the database was restored or replaced; all connections have to resume");
            // Ended first, so that no open mailbox takes an event of the new log; and once more, because whoever joined in
            // between may have begun where the old one stood.
            self.end_all_for_doubt();
            self.kernel.hub.forget_places();
            self.end_all_for_doubt();
        }
    }

    fn round(&self) {
        self.notice_another_history();
        let (now, steady) = (self.micros(), self.steady_micros());
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
            if one.carrier != Carrier::Stream && steady - one.heard_at.load(Ordering::Relaxed) > 2 * heartbeat
            {
                one.close(CloseCode::Idle, "no sign of life for two heartbeats");
            } else if steady - one.beaten_at.load(Ordering::Relaxed) >= every {
                self.beat(&one);
            }
        }
    }

    fn beat(&self, one: &Connection) {
        one.beaten_at.store(self.steady_micros(), Ordering::Relaxed);
        if let Some(mailbox) = one.line.mailbox() {
            self.kernel.hub.beat(&one.scope, &mailbox);
        }
    }

    /// Ends what a revocation speaks of.
    pub fn revoke(&self, revocation: Revocation) {
        for one in self.connections(|_| true) {
            if let Some((code, reason)) = revocation.ends(one.scope.tenant_id(), &one.principal()) {
                one.close(code, reason);
            }
        }
    }

    fn end_all_for_doubt(&self) {
        for one in self.connections(|_| true) {
            one.close(CloseCode::Restart, "restart;retry_after=1");
        }
    }

    /// From now on the node says that it is not ready; everything else goes on.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Waits until no connection is left.
    pub(super) async fn all_gone(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.live.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Every connection of the node.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.connections(|_| true)
    }

    /// The connections of a tenant.
    pub fn of_tenant(&self, tenant_id: TenantId) -> Vec<Arc<Connection>> {
        self.connections(|one| one.scope.tenant_id() == tenant_id)
    }

    /// How many connections a tenant has.
    pub fn count_of_tenant(&self, tenant_id: TenantId) -> usize {
        self.room.of_tenant(tenant_id)
    }

    /// How many connections a principal holds, and how many the tenant does.
    pub fn counts(&self, tenant_id: TenantId, principal: &Principal) -> (usize, usize) {
        let of_caller = holder(principal).map_or(0, |holder| self.seats.count(holder));
        (of_caller, self.room.of_tenant(tenant_id))
    }

    pub fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.live.lock().get(&id).cloned()
    }

    /// Cancelled once the node goes down: whatever waits for its own sake ends with it.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether the node will not be there much longer.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.stopping.is_cancelled()
    }

    pub fn clock(&self) -> &Clock {
        &self.kernel.clock
    }

    pub(super) fn connections(&self, which: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
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

    fn steady_micros(&self) -> i64 {
        self.kernel.clock.steady().timestamp_micros()
    }
}

impl Connection {
    /// Notes a sign of life, at a time by the steady clock.
    pub fn heard(&self, steady: DateTime<Utc>) {
        self.heard_at.store(steady.timestamp_micros(), Ordering::Relaxed);
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

    /// The mailbox that the connection reads from, once it does.
    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        self.line.mailbox()
    }

    /// Goes on as `now`, unless it is not `before` any more: somebody else was faster, and has to be heard first.
    pub(super) fn replace_principal(&self, before: &Principal, now: &Principal) -> bool {
        let mut held = self.principal.lock();
        let unchanged = *held == *before;
        if unchanged {
            *held = now.clone();
        }
        unchanged
    }

    /// Ends the connection once what is queued has gone out.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.line.close(Closing { code, reason: reason.to_owned() });
    }

    /// Who connected, with the authority that the connection has at this moment.
    pub fn principal(&self) -> Principal {
        self.principal.lock().clone()
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.principal.lock().user_id()
    }

    pub fn session_id(&self) -> Option<SessionId> {
        self.principal.lock().session_id()
    }

    /// Bytes that wait for the reader, here and in its carrier, and passing messages that were dropped.
    pub fn backlog(&self) -> (usize, u64) {
        let (queued, dropped) =
            self.line.mailbox().map_or((0, 0), |mailbox| (mailbox.queued_bytes(), mailbox.dropped()));
        (queued + self.traffic.unwritten(), dropped)
    }

    /// How many events the reader is behind `head`.
    pub fn lag(&self, head: i64) -> u64 {
        self.line.mailbox().map_or(0, |mailbox| self.traffic.lag(&mailbox, head))
    }

    /// The last sign of life.
    pub fn last_heard_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.heard_at.load(Ordering::Relaxed)).unwrap_or(self.opened_at)
    }

    /// The code that it was ended with; 1000 when the client went.
    fn end_code(&self) -> CloseCode {
        self.line.closing().map_or(CloseCode::Normal, |closing| closing.code)
    }

    /// Keeps the place among those who begin, for the session to take along.
    pub fn hold(&self, place: Place) {
        *self.place.lock() = Some(place);
    }

    pub(super) fn take_place(&self) -> Option<Place> {
        self.place.lock().take()
    }

    /// Notes how long the client is to stay away after its end.
    pub(super) fn advise(&self, away_ms: u64) {
        self.away_ms.store(away_ms, Ordering::Relaxed);
    }

    /// How long the client is to stay away, when it was told.
    pub(super) fn advised_ms(&self) -> Option<u64> {
        Some(self.away_ms.load(Ordering::Relaxed)).filter(|advised| *advised > 0)
    }

    pub(super) fn offer(&self, message: &ServerMessage) {
        self.line.offer(Offer::control(message));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.traffic.ends(connection.line.mailbox().as_deref());
        self.sessions.kernel.metrics.closed.of(connection.end_code()).one();
        self.sessions.unseat(&self.connection);
        let mut live = self.sessions.live.lock();
        live.remove(&self.connection.id);
        if live.is_empty() {
            self.sessions.emptied.notify_waiters();
        }
    }
}

/// A mailbox for a connection that follows nothing: only its end arrives there.
pub(super) fn quiet_mailbox(sessions: &Sessions, connection: &Connection) -> Arc<Mailbox> {
    let reader = Reader { user: None, role: None };
    let interest = Interest { reader, inbox_after: None, subscriptions: Vec::new() };
    let mailbox = Arc::new(Mailbox::new(interest, sessions.settings.queue_bytes));
    // A mailbox that nothing was put into has lost nothing.
    let _ = mailbox.open(0);
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
