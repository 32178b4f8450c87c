//! People: who they are, how they sign in, what ends their credentials. The one place where a credential becomes a
//! principal; passwords are hashed on a bounded bench and never kept.

pub mod api_keys;
pub mod audit;
pub mod authenticate;
pub mod bootstrap;
pub mod key_sets;
pub mod names;
pub mod password;
pub mod password_links;
pub mod platform;
pub mod refresh;
pub mod register;
pub mod sessions;
pub mod sign_in;
pub mod sweep;
pub mod tenants;
pub mod tickets;
pub mod tokens;
pub mod users;

mod cache;
mod fields;
mod made_tenant;
mod secrets;
mod standing;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::{Mutex, RwLock};

use self::key_sets::KeySets;
use self::standing::Accounts;
use self::tickets::Tickets;
use super::error::Result;
use super::op::Kernel;
use crate::auth::password::{Password, PasswordError, Passwords, Verdict};
use crate::auth::throttle::{Attempt, LoginThrottle, Wait};
use crate::auth::token::issuers::Issuers;
use crate::auth::token::keys::KeyRing;
use crate::auth::token::mint::Lifetime;
use crate::base::ids::TenantId;
use crate::cluster::once::Once;
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
    /// Where tickets wait; shared by the nodes of a cluster.
    pub once: Arc<dyn Once>,
}

/// Everything that turns credentials into principals. Owned by the composition root, one per node.
pub struct Identity {
    pub kernel: Kernel,
    pub settings: IdentitySettings,
    pub tickets: Tickets,
    passwords: Passwords,
    throttle: Mutex<LoginThrottle>,
    /// Replaced as a whole when keys are rotated.
    ring: RwLock<Arc<KeyRing>>,
    issuers: Issuers,
    pub key_sets: Arc<KeySets>,
    accounts: Accounts,
    password_checks: AtomicU64,
}

impl Identity {
    pub fn new(kernel: Kernel, settings: IdentitySettings, parts: IdentityParts) -> Self {
        Self {
            accounts: Accounts::new(&kernel),
            tickets: Tickets::new(parts.once, kernel.clock.clone(), kernel.entropy),
            kernel,
            settings,
            passwords: parts.passwords,
            throttle: Mutex::new(parts.throttle),
            ring: RwLock::new(Arc::new(parts.ring)),
            issuers: parts.issuers,
            key_sets: parts.key_sets,
            password_checks: AtomicU64::new(0),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.kernel.clock.now()
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
    pub fn believed_tenants(&self) -> Vec<TenantId> {
        self.accounts.tenants()
    }

    /// How often accounts were read from the store since the start, for the metrics.
    pub fn account_reads(&self) -> u64 {
        self.accounts.reads()
    }

    /// How often a credential was judged by what was known, and how often by what the store said.
    pub fn cache_counts(&self) -> (u64, u64) {
        (self.accounts.hits(), self.accounts.reads())
    }

    async fn verify(&self, stored: Option<&str>, typed: &Password) -> Result<Verdict> {
        self.password_checks.fetch_add(1, Ordering::Relaxed);
        self.passwords.verify_or_dummy(stored, typed).await.map_err(hashing_failed)
    }

    async fn hash(&self, password: &Password) -> Result<String> {
        self.passwords.hash(password).await.map_err(hashing_failed)
    }

    /// Lets an attempt at somebody's password through, or says how long to wait.
    fn attempt(&self, tenant: &str, username: &str, client: IpAddr) -> Result<Attempt> {
        let begun = self.throttle.lock().begin(tenant, username, client, self.now());
        begun.map_err(|Wait(wait)| {
            let seconds = wait.num_milliseconds().max(1).unsigned_abs().div_ceil(1000);
            let words = "Too many attempts to sign in; wait before the next one.";
            Problem::new(Code::RateLimited, words).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
        })
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
