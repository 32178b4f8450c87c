//! Accounts: their data, sign-in, and the end of their credentials. The only place where a credential becomes
//! a principal; concurrent password hashing is bounded, and passwords are never stored.

pub mod api_keys;
pub mod audit;
pub mod authenticate;
pub mod bootstrap;
pub mod created_tenant;
pub mod failed_sign_ins;
pub mod key_sets;
pub mod login_name;
pub mod password;
pub mod password_links;
pub mod platform_op;
pub mod refresh;
pub mod register;
pub mod sessions;
pub mod sign_in;
pub mod stream_tickets;
pub mod sweep;
pub(super) mod tenant_view;
pub mod tenants;
pub mod tickets;
pub mod tokens;
pub mod users;

mod accounts;
mod attempts;
mod cache;
mod failure_windows;
mod key_scopes;
mod known_addresses;
mod placeholder_email;
mod secret_hash;
mod settings;
mod sign_in_rates;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod validation;
mod view;

pub use settings::IdentitySettings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

use self::accounts::Accounts;
use self::failure_windows::FailedSignIns;
use self::key_sets::KeySets;
use self::sign_in_rates::SignInRates;
use self::tickets::{TicketParts, Tickets};
use super::error::Result;
use super::op::Services;
use crate::auth::password::{HashingParty, Password, PasswordCheck, PasswordError, Passwords};
use crate::auth::throttle::LoginThrottle;
use crate::auth::token::issuers::Issuers;
use crate::auth::token::key_ring::KeyRing;
use crate::base::ids::TenantId;
use crate::protocol::problem::{Code, Problem};

/// The parts that identity is built from.
pub struct IdentityParts {
    pub passwords: Passwords,
    pub throttle: LoginThrottle,
    pub ring: KeyRing,
    pub issuers: Issuers,
    /// Fetches the keys of issuers that publish them.
    pub key_sets: Arc<KeySets>,
    pub tickets: TicketParts,
}

/// Everything that turns credentials into principals. Owned by the composition root, one per node.
pub struct Identity {
    pub services: Services,
    pub settings: IdentitySettings,
    pub tickets: Tickets,
    passwords: Passwords,
    throttle: Mutex<LoginThrottle>,
    rates: SignInRates,
    failed_sign_ins: FailedSignIns,
    /// Replaced as a whole on key rotation; shared with the tickets, which are signed with the same keys.
    ring: Arc<RwLock<Arc<KeyRing>>>,
    issuers: Issuers,
    pub key_sets: Arc<KeySets>,
    accounts: Accounts,
    password_checks: AtomicU64,
}

impl Identity {
    pub fn new(services: Services, settings: IdentitySettings, parts: IdentityParts) -> Self {
        let ring = Arc::new(RwLock::new(Arc::new(parts.ring)));
        Self {
            accounts: Accounts::new(&services),
            tickets: Tickets::new(parts.tickets, Arc::clone(&ring), services.clock.clone(), services.entropy),
            rates: SignInRates::new(&settings, Arc::clone(&services.rates)),
            failed_sign_ins: FailedSignIns::default(),
            services,
            settings,
            passwords: parts.passwords,
            throttle: Mutex::new(parts.throttle),
            ring,
            issuers: parts.issuers,
            key_sets: parts.key_sets,
            password_checks: AtomicU64::new(0),
        }
    }

    /// The date and time that people and tokens get. Durations are measured on the steady clock, and stored
    /// expiry times are set and checked by [`Identity::latest`]: setting the clock back lengthens neither.
    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// The time by which the expiry of sign-ins, refresh tokens and links is set and checked.
    pub(super) fn latest(&self) -> DateTime<Utc> {
        self.services.clock.latest()
    }

    /// The keys that sign and verify at this moment.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read())
    }

    /// The issuers of accepted tokens.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Replaces the keys; tokens of removed keys become invalid at once.
    pub fn replace_ring(&self, ring: KeyRing) {
        *self.ring.write() = Arc::new(ring);
    }

    /// Password comparisons since the start, for the metrics; unknown names count as well.
    pub fn password_checks(&self) -> u64 {
        self.password_checks.load(Ordering::Relaxed)
    }

    /// Tenants with accounts in the cache.
    pub fn cached_tenants(&self) -> Vec<TenantId> {
        self.accounts.cached_tenants()
    }

    /// Drains pending revocations before the channel overflows.
    pub fn drain_revocations(&self) {
        self.accounts.drain_revocations();
    }

    /// Revocations were missed: invalidates all cached accounts; each is read from the store again when next
    /// needed.
    pub fn invalidate_accounts(&self) {
        self.accounts.invalidate_all();
    }

    /// Account reads from the store since the start, for the metrics.
    pub fn account_reads(&self) -> u64 {
        self.accounts.reads()
    }

    /// Credential checks that the cache answered, and those that read from the store.
    pub fn cache_counts(&self) -> (u64, u64) {
        (self.accounts.hits(), self.accounts.reads())
    }

    async fn verify(
        &self,
        party: HashingParty,
        stored: Option<&str>,
        typed: &Password,
    ) -> Result<PasswordCheck> {
        self.password_checks.fetch_add(1, Ordering::Relaxed);
        self.passwords.verify_or_dummy(party, stored, typed).await.map_err(hashing_failed)
    }

    async fn hash(&self, party: HashingParty, password: &Password) -> Result<String> {
        self.passwords.hash(party, password).await.map_err(hashing_failed)
    }
}

fn hashing_failed(error: PasswordError) -> Problem {
    match error {
        PasswordError::Busy => {
            Problem::new(Code::Unavailable, "Too many people are signing in; try again in a moment.")
                .retry_after(1)
        }
        PasswordError::BadHash | PasswordError::Cost | PasswordError::Ended => {
            tracing::error!(%error, "a password could not be hashed or compared");
            Problem::internal()
        }
    }
}
