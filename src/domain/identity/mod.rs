//! People: who they are, how they sign in, what ends their credentials. The one place where a credential becomes a
//! principal; passwords are hashed on a bounded bench and never kept.

pub mod api_keys;
pub mod audit;
pub mod authenticate;
pub mod bootstrap;
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
pub mod tenants;
pub mod tickets;
pub mod tokens;
pub mod users;

mod accounts;
mod attempts;
mod cache;
mod create_tenant_replay;
mod key_scopes;
mod known_addresses;
mod secret_hash;
mod sign_in_rates;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod validation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::{Mutex, RwLock};

use self::accounts::Accounts;
use self::failed_sign_ins::FailedSignIns;
use self::key_sets::KeySets;
use self::sign_in_rates::SignInRates;
use self::tickets::{TicketParts, Tickets};
use super::error::Result;
use super::op::Services;
use crate::auth::password::{HashingParty, Password, PasswordCheck, PasswordError, Passwords};
use crate::auth::throttle::LoginThrottle;
use crate::auth::token::issuers::Issuers;
use crate::auth::token::key_ring::KeyRing;
use crate::auth::token::mint::Lifetime;
use crate::base::ids::TenantId;
use crate::protocol::problem::{Code, Problem};

/// What the configuration says of people and their credentials.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    pub access_ttl: Lifetime,
    /// How long a sign-in lasts that is not continued.
    pub refresh_ttl: TimeDelta,
    pub password_link_ttl: TimeDelta,
    /// Whether anybody may make a tenant of their own.
    pub registration: bool,
    /// The tenant that a bare user name is looked for in.
    pub default_tenant: Option<String>,
    /// Sign-ins of one account that stand at once; the one that was used longest ago makes room for a new one.
    pub sessions_per_account: u64,
    /// Sign-ins and refreshes of one account in a minute; `None`: no limit.
    pub sign_ins_per_account: Option<u64>,
    /// The same of all accounts of a tenant; `None`: no limit.
    pub sign_ins_per_tenant: Option<u64>,
    /// Where people reach the server, without a slash at the end: password links begin with it. None: not known, so no
    /// links are made.
    pub public_url: Option<String>,
}

/// What identity is made from.
pub struct IdentityParts {
    pub passwords: Passwords,
    pub throttle: LoginThrottle,
    pub ring: KeyRing,
    pub issuers: Issuers,
    /// What fetches the keys of issuers that publish them.
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
    /// Replaced as a whole when keys are rotated; shared with the tickets, which are signed with the same keys.
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
            rates: SignInRates::new(&settings),
            failed_sign_ins: FailedSignIns::default(),
            services: services,
            settings,
            passwords: parts.passwords,
            throttle: Mutex::new(parts.throttle),
            ring,
            issuers: parts.issuers,
            key_sets: parts.key_sets,
            password_checks: AtomicU64::new(0),
        }
    }

    /// The date and time as people and tokens are told them. Spans are measured on the steady clock, and what ends at a
    /// time that is stored is set and judged by [`Identity::latest`]: a clock that is set back lengthens neither.
    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// What the ends of sign-ins, refresh tokens and links are set and judged by.
    pub(super) fn latest(&self) -> DateTime<Utc> {
        self.services.clock.latest()
    }

    /// The keys that sign and verify at this moment.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read())
    }

    /// Whose tokens are believed.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Goes on with other keys; tokens of keys that are gone end at once.
    pub fn replace_ring(&self, ring: KeyRing) {
        *self.ring.write() = Arc::new(ring);
    }

    /// How many passwords were compared since the start, for the metrics: names that do not exist count alike.
    pub fn password_checks(&self) -> u64 {
        self.password_checks.load(Ordering::Relaxed)
    }

    /// Tenants with accounts that were read a short while ago and are believed.
    pub fn cached_tenants(&self) -> Vec<TenantId> {
        self.accounts.cached_tenants()
    }

    /// Takes in the revocations that were told meanwhile, before too many wait.
    pub fn drain_revocations(&self) {
        self.accounts.drain_revocations();
    }

    /// Revocations were missed: no account is believed any more before the store was asked again, once for each when it
    /// is next needed.
    pub fn invalidate_accounts(&self) {
        self.accounts.invalidate_all();
    }

    /// How often accounts were read from the store since the start, for the metrics.
    pub fn account_reads(&self) -> u64 {
        self.accounts.reads()
    }

    /// How often a credential was judged by what was known, and how often by what the store said.
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
