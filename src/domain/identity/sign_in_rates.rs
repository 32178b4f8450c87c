//! How often an account and a tenant may sign in and refresh in a minute: each time leaves rows and costs a signature, also
//! when the password is right.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::IdentitySettings;
use crate::base::address::AddressBlock;
use crate::base::ids::{SessionId, TenantId};
use crate::domain::error::Result;
use crate::domain::limits::rates::Rates;
use crate::protocol::problem::{Code, Problem};
use crate::storage::sessions::Owner;

/// A refresh token that comes again at once leaves no row: so many a minute and sign-in are answered.
const REPEATS_PER_MINUTE: u64 = 600;

/// What was taken of late. Times are to come from a steady clock.
pub(super) struct SignInRates {
    accounts: Rates<Owner>,
    /// The account's sign-ins at one address, for a refusal before the password is hashed: it must not tell a stranger
    /// elsewhere that the account exists.
    at_address: Rates<(Owner, AddressBlock)>,
    tenants: Rates<TenantId>,
    repeats: Rates<SessionId>,
}

impl SignInRates {
    pub(super) fn new(settings: &IdentitySettings) -> Self {
        let of_account = settings.sign_ins_per_account;
        Self {
            accounts: Rates::per_minute(of_account),
            at_address: Rates::per_minute(of_account),
            tenants: Rates::per_minute(settings.sign_ins_per_tenant),
            repeats: Rates::per_minute(of_account.map(|_| REPEATS_PER_MINUTE)),
        }
    }

    /// Refuses an address that has used the account's rate up already, before its password costs anything.
    pub(super) fn refuse_spent(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        let place = (owner, AddressBlock::of(client));
        self.at_address.spent(&place, now).map_or(Ok(()), |seconds| Err(refusal("an account", seconds)))
    }

    /// Takes one sign-in with a right password.
    pub(super) fn sign_in(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        let _ = self.at_address.take((owner, AddressBlock::of(client)), now);
        self.refresh(owner, now)
    }

    /// Takes one refresh.
    pub(super) fn refresh(&self, owner: Owner, now: DateTime<Utc>) -> Result<()> {
        let level = self.accounts.take(owner, now);
        if let Some(seconds) = level.and_then(|level| level.refused_for_secs) {
            return Err(refusal("an account", seconds));
        }
        let level = owner.tenant_id().and_then(|tenant| self.tenants.take(tenant, now));
        if let Some(seconds) = level.and_then(|level| level.refused_for_secs) {
            return Err(refusal("a tenant", seconds));
        }
        Ok(())
    }

    /// Takes one more answer to a refresh token that was used a moment ago.
    pub(super) fn repeat(&self, session: SessionId, now: DateTime<Utc>) -> Result<()> {
        let level = self.repeats.take(session, now);
        let refused_for = level.and_then(|level| level.refused_for_secs);
        refused_for.map_or(Ok(()), |seconds| Err(refusal("an account", seconds)))
    }
}

fn refusal(whose: &'static str, seconds: u64) -> Problem {
    let words = format!("That is more sign-ins and refreshes than {whose} may have in a minute; wait.");
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
