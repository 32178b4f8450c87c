//! Limits the sign-ins and refreshes of an account and of a tenant per minute: each of them leaves rows and
//! costs a signature, even with the right password.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::settings::IdentitySettings;
use crate::base::ids::{SessionId, TenantId};
use crate::base::ip_prefix::IpPrefix;
use crate::domain::error::Result;
use crate::domain::limits::rate_limiter::RateLimiter;
use crate::protocol::problem::{Code, Problem};
use crate::storage::sessions::Owner;

/// Answers to a refresh token that is presented again at once, per minute and sign-in; they leave no row.
const REPEATS_PER_MINUTE: u64 = 600;

/// Recent usage. Times must come from a steady clock.
pub(super) struct SignInRates {
    accounts: RateLimiter<Owner>,
    /// The account's sign-ins at one address, for a refusal before the password is hashed: it must not reveal
    /// to a stranger elsewhere that the account exists.
    at_address: RateLimiter<(Owner, IpPrefix)>,
    tenants: RateLimiter<TenantId>,
    repeats: RateLimiter<SessionId>,
}

impl SignInRates {
    pub(super) fn new(settings: &IdentitySettings) -> Self {
        let of_account = settings.sign_ins_per_account;
        Self {
            accounts: RateLimiter::per_minute(of_account),
            at_address: RateLimiter::per_minute(of_account),
            tenants: RateLimiter::per_minute(settings.sign_ins_per_tenant),
            repeats: RateLimiter::per_minute(of_account.map(|_| REPEATS_PER_MINUTE)),
        }
    }

    /// Fails for an address that has used up the account's rate, before its password costs anything.
    pub(super) fn check_address(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        let key = (owner, IpPrefix::of(client));
        self.at_address
            .refused_for_secs(&key, now)
            .map_or(Ok(()), |seconds| Err(refusal("an account", seconds)))
    }

    /// Takes one sign-in with a right password.
    pub(super) fn take_sign_in(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        let _ = self.at_address.take((owner, IpPrefix::of(client)), now);
        self.take_refresh(owner, now)
    }

    /// Takes one refresh.
    pub(super) fn take_refresh(&self, owner: Owner, now: DateTime<Utc>) -> Result<()> {
        let level = self.accounts.take(owner, now);
        if let Some(seconds) = level.and_then(|level| level.retry_after_secs) {
            return Err(refusal("an account", seconds));
        }
        let level = owner.tenant_id().and_then(|tenant| self.tenants.take(tenant, now));
        if let Some(seconds) = level.and_then(|level| level.retry_after_secs) {
            return Err(refusal("a tenant", seconds));
        }
        Ok(())
    }

    /// Takes one more answer to a refresh token that was just used.
    pub(super) fn take_repeat(&self, session: SessionId, now: DateTime<Utc>) -> Result<()> {
        let level = self.repeats.take(session, now);
        let refused_for = level.and_then(|level| level.retry_after_secs);
        refused_for.map_or(Ok(()), |seconds| Err(refusal("an account", seconds)))
    }
}

fn refusal(whose: &'static str, seconds: u64) -> Problem {
    let words = format!("That is more sign-ins and refreshes than {whose} may have in a minute; wait.");
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
