//! The size limits of one request's body, and the bytes that it reserves of the budget until the request is over,
//! however it ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::budget::{BodyBudget, BudgetOwner};
use super::response_budget::{self, Refusable};
use crate::auth::principal::Principal;
use crate::base::clock::Clock;
use crate::base::ip_prefix::IpPrefix;
use crate::http::client_ip;
use crate::protocol::problem::Problem;

/// The response header of an answer that was given before, under the same idempotency key.
pub(in crate::http) const REPLAYED: &str = "Idempotent-Replayed";

/// Bytes in the body of a caller without a credential.
pub const ANONYMOUS_BYTES: usize = 16 * 1024;

/// Bytes that a parsed value may take beyond the body's own: its free-form part is bounded, and small values may cost
/// a multiple of their text.
const PARSED_FACTOR: usize = 15;
const PARSED_MOST: usize = 256 * 1024;

/// How large bodies may be, and how fast they must arrive.
#[derive(Clone, Copy, Debug)]
pub struct BodySettings {
    pub body_bytes: usize,
    pub batch_bytes: usize,
    /// Of all bodies together, in memory at once.
    pub in_flight_bytes: usize,
    /// A body must be complete after this time, unless it arrives at [`super::read::LEAST_RATE`] on average.
    pub read_timeout: Duration,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            batch_bytes: 8 * 1024 * 1024,
            in_flight_bytes: 256 * 1024 * 1024,
            read_timeout: Duration::from_secs(30),
        }
    }
}

/// The kinds of bodies, by their limit.
pub trait BodySize: Send + Sync + 'static {
    fn max_bytes(settings: &BodySettings) -> usize;
}

/// A body with a single object.
#[derive(Clone, Copy, Debug)]
pub struct Single;

/// A body that carries many rows.
#[derive(Clone, Copy, Debug)]
pub struct Many;

impl BodySize for Single {
    fn max_bytes(settings: &BodySettings) -> usize {
        settings.body_bytes
    }
}

impl BodySize for Many {
    fn max_bytes(settings: &BodySettings) -> usize {
        settings.batch_bytes
    }
}

/// One request's body; [`BodyBudgetLayer`] adds it to the request's data.
#[derive(Clone)]
pub struct BodyReservation(Arc<ReservationInner>);

struct ReservationInner {
    budget: Arc<BodyBudget>,
    settings: BodySettings,
    clock: Clock,
    address: Option<IpPrefix>,
    /// Set once the caller is authenticated.
    owner: OnceLock<BudgetOwner>,
    charged: Mutex<Option<(BudgetOwner, usize)>>,
    /// A body that was read before it is parsed.
    buffered: OnceLock<Bytes>,
}

impl BodyReservation {
    pub(in crate::http) fn of(request: &Request) -> Option<&Self> {
        request.data()
    }

    /// Sets the owner after authentication. Refuses a caller with more unread answers than its share.
    pub fn set_owner(request: &Request, principal: &Principal) -> Result<(), Problem> {
        let Some(account) = Self::of(request) else { return Ok(()) };
        let owner =
            principal.scope().map_or(BudgetOwner::Operators, |scope| BudgetOwner::Tenant(scope.tenant_id()));
        // A request has one caller; the first one set remains.
        let _ = account.0.owner.set(owner);
        account.0.budget.check(owner)
    }

    fn owner(&self) -> BudgetOwner {
        self.0.owner.get().copied().unwrap_or(BudgetOwner::Anonymous(self.0.address))
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.0.owner.get().is_none()
    }

    /// Bytes that this body may have.
    pub(super) fn max_bytes<S: BodySize>(&self) -> usize {
        let most = S::max_bytes(&self.0.settings);
        if self.is_anonymous() { most.min(ANONYMOUS_BYTES) } else { most }
    }

    pub(super) fn read_timeout(&self) -> (&Clock, Duration) {
        (&self.0.clock, self.0.settings.read_timeout)
    }

    /// Counts bytes that are about to be allocated. They are released with the request.
    pub fn charge(&self, bytes: usize) -> Result<(), Problem> {
        let mut charged = self.0.charged.lock();
        let (holder, before) = charged.unwrap_or((self.owner(), 0));
        self.0.budget.acquire(holder, bytes)?;
        *charged = Some((holder, before + bytes));
        Ok(())
    }

    /// Counts the parsed size of a body of `length` bytes.
    pub(super) fn charge_parsed(&self, length: usize) -> Result<(), Problem> {
        self.charge(length + length.saturating_mul(PARSED_FACTOR).min(PARSED_MOST))
    }

    /// Buffers a body for the extractor that parses it.
    pub(in crate::http) fn buffer(&self, body: Bytes) {
        let _ = self.0.buffered.set(body);
    }

    pub(super) fn buffered(&self) -> Option<&Bytes> {
        self.0.buffered.get()
    }
}

impl Drop for ReservationInner {
    fn drop(&mut self) {
        if let Some((holder, bytes)) = self.charged.get_mut().take() {
            self.budget.release(holder, bytes);
        }
    }
}

/// Gives every request a reservation for its body.
#[derive(Clone)]
pub struct BodyBudgetLayer {
    budget: Arc<BodyBudget>,
    settings: BodySettings,
    clock: Clock,
}

pub struct BodyBudgetEndpoint<E> {
    inner: E,
    layer: BodyBudgetLayer,
}

impl BodyBudgetLayer {
    pub fn new(settings: BodySettings, clock: Clock) -> Self {
        Self { budget: Arc::new(BodyBudget::new(settings.in_flight_bytes)), settings, clock }
    }

    /// The budget, for metrics and tests.
    pub fn budget(&self) -> Arc<BodyBudget> {
        Arc::clone(&self.budget)
    }
}

impl<E: Endpoint> Middleware<E> for BodyBudgetLayer {
    type Output = BodyBudgetEndpoint<E>;

    fn transform(&self, inner: E) -> BodyBudgetEndpoint<E> {
        BodyBudgetEndpoint { inner, layer: self.clone() }
    }
}

impl<E: Endpoint> Endpoint for BodyBudgetEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let account = BodyReservation(Arc::new(ReservationInner {
            budget: Arc::clone(&self.layer.budget),
            settings: self.layer.settings,
            clock: self.layer.clock.clone(),
            address: client_ip::address(&request).map(IpPrefix::of),
            owner: OnceLock::new(),
            charged: Mutex::default(),
            buffered: OnceLock::new(),
        }));
        request.set_data(account.clone());
        let is_safe = request.method().is_safe();
        let response = self.inner.call(request).await.map(IntoResponse::into_response)?;
        if account.is_anonymous() {
            // Answers to anonymous callers are shared by all of them.
            return Ok(response);
        }
        // A replayed change can be requested again.
        let refusable = match is_safe || response.headers().contains_key(REPLAYED) {
            true => Refusable::Yes,
            false => Refusable::No,
        };
        Ok(response_budget::charge(&account.0.budget, account.owner(), response, refusable)?)
    }
}
