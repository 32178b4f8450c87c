//! Gives a caller a seat, or says why not: the pace of newcomers, the room of tenant and address, the caller's own
//! seats. Dropping the seat gives all of it back.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::admission::Gate;
use super::connection::Connection;
use super::line::Line;
use super::room::Full;
use super::seats::{Carrier, Holder};
use super::supervisor::Sessions;
use super::traffic::Traffic;
use crate::auth::principal::Principal;
use crate::auth::scope::TenantScope;
use crate::base::address::AddressBlock;
use crate::base::ids::{ConnectionId, TenantId};
use crate::domain::identity::authenticate::{Admitted, Credential, KeyPatience, NotAdmitted};
use crate::domain::limits::quota::Quota;
use crate::domain::limits::used_up;
use crate::domain::op::Origin;
use crate::protocol::problem::{CloseCode, Code, Problem};

/// How long a silent connection has to answer when its seat is wanted.
const PROBE: Duration = Duration::from_secs(1);
/// When a client that found no room may try again.
const ROOM_RETRY_SECS: u32 = 5;

/// A seat that is held: dropping it gives the seat back and forgets the connection.
pub struct Seat {
    pub connection: Arc<Connection>,
    counted: CountedIn,
}

impl Seat {
    /// Where the seat is one.
    pub(super) fn sessions(&self) -> &Arc<Sessions> {
        &self.counted.sessions
    }
}

/// What a seat is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Any,
    Echo,
}

/// A connection's part in the counts of its tenant and address; dropping it counts the connection out.
struct CountedIn {
    sessions: Arc<Sessions>,
    tenant_id: TenantId,
    address: Option<AddressBlock>,
}

impl Sessions {
    /// Gives the caller a seat, or says why not. At the limit the silent connections are probed first.
    pub async fn admit(
        self: &Arc<Self>,
        admitted: Admitted,
        carrier: Carrier,
        origin: Origin,
    ) -> Result<Seat, Problem> {
        self.admit_for(admitted, carrier, Purpose::Any, origin).await
    }

    /// The same for a socket at the echo, of which each caller has one at most.
    pub async fn admit_to_echo(
        self: &Arc<Self>,
        admitted: Admitted,
        origin: Origin,
    ) -> Result<Seat, Problem> {
        self.admit_for(admitted, Carrier::Socket, Purpose::Echo, origin).await
    }

    async fn admit_for(
        self: &Arc<Self>,
        admitted: Admitted,
        carrier: Carrier,
        purpose: Purpose,
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
        if self.take_seat(holder, carrier, purpose).is_err() {
            self.free_silent(holder, carrier).await;
            self.take_seat(holder, carrier, purpose)?;
        }
        let seat = self.seat(admitted, scope, holder, carrier, origin, counted);
        seat.connection.echoes.store(purpose == Purpose::Echo, Ordering::Relaxed);
        // A word that the credential has ended may have come since it was looked at, a second ago where a silent
        // connection was probed, and found nobody in this seat yet. From now on it finds the connection.
        self.identity.still_admits(&seat.connection.principal()).await?;
        Ok(seat)
    }

    /// Who shows this credential, behind a gate that lets only so many be looked at at once. A caller that waits for the
    /// keys of a foreign issuer holds no place meanwhile: an issuer that does not answer delays no other caller.
    pub async fn authenticate(&self, gate: &Gate, credential: Credential<'_>) -> Result<Admitted, Problem> {
        let place = gate.enter().await?;
        let judged = self.identity.judge(credential, KeyPatience::AskForKeys).await;
        drop(place);
        let fetch = match judged {
            Ok(admitted) => return Ok(admitted),
            Err(NotAdmitted::Refused(problem)) => return Err(problem),
            Err(NotAdmitted::KeysPending(fetch)) => fetch,
        };
        self.identity.await_keys(fetch).await?;
        let _place = gate.enter().await?;
        self.identity.judge_now(credential).await
    }

    fn take_seat(&self, holder: Holder, carrier: Carrier, purpose: Purpose) -> Result<(), Problem> {
        let full = |words: &'static str| Problem::new(Code::TooManyConnections, words).retry_after(5);
        if !self.seats.take(holder, carrier) {
            return Err(full("Too many connections"));
        }
        if purpose == Purpose::Echo && !self.seats.take_echo(holder) {
            self.seats.give_back(holder, carrier);
            return Err(full("Too many connections: one at a time on /ws/echo"));
        }
        Ok(())
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
            Err(Full::Places) => {
                let words = "The server has hardly any place left, and your tenant has most of those that are taken; try again later.";
                Err(Problem::new(Code::Unavailable, words).retry_after(ROOM_RETRY_SECS))
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
            unfinished_since: AtomicU32::new(0),
            warned: AtomicBool::new(false),
            seated: AtomicBool::new(true),
            echoes: AtomicBool::new(false),
            away_ms: AtomicU64::new(0),
            place: Mutex::default(),
            ticket: OnceLock::new(),
            traffic: Traffic::new(Arc::clone(metrics), tenant, carrier.into()),
        });
        self.registry.insert(&connection);
        // Everybody may have been sent away since the newcomer was let in.
        if self.stopping.is_cancelled() {
            connection.close(CloseCode::Restart, "restart;retry_after=1");
        }
        Seat { connection, counted }
    }

    /// Probes a holder's connections that have missed a heartbeat, and ends those that do not answer.
    async fn free_silent(&self, holder: Holder, carrier: Carrier) {
        let silent_since = self.steady_micros() - self.settings.heartbeat.as_micros() as i64;
        let mut silent = self.registry.of(holder.subject());
        silent.retain(|one| {
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

    fn unseat(&self, connection: &Connection) {
        if connection.seated.swap(false, Ordering::Relaxed) {
            self.seats.give_back(connection.holder, connection.carrier);
        }
        if connection.echoes.swap(false, Ordering::Relaxed) {
            self.seats.give_back_echo(connection.holder);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (sessions, connection) = (self.sessions(), &self.connection);
        connection.traffic.ends(connection.line.mailbox().as_deref());
        sessions.kernel.metrics.closed.of(connection.end_code()).one();
        sessions.unseat(connection);
        connection.release_ticket();
        if sessions.registry.remove(connection) {
            sessions.emptied.notify_waiters();
        }
    }
}

impl Drop for CountedIn {
    fn drop(&mut self) {
        self.sessions.room.leave(self.tenant_id, self.address);
    }
}

/// Whose seats a principal takes; an operator has none.
pub(super) fn holder(principal: &Principal) -> Option<Holder> {
    match principal {
        Principal::User(user) => Some(Holder::User(user.tenant_id(), user.user_id())),
        Principal::Key(key) => Some(Holder::Key(key.tenant_id(), key.key_id())),
        Principal::Operator(_) => None,
    }
}
