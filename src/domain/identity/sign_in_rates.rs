//! Limits the sign-ins and refreshes of an account and of a tenant per minute: each of them leaves rows and
//! costs a signature, even with the right password.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::settings::IdentitySettings;
use crate::base::gcra::Rate;
use crate::base::ids::SessionId;
use crate::base::ip_prefix::IpPrefix;
use crate::cluster::rate_counters::{RateCounters, RateKey, RateLimit, RateSubject};
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};
use crate::storage::sessions::Owner;

/// Answers to a refresh token that is presented again at once, per minute and sign-in; they leave no row.
const REPEATS_PER_MINUTE: u64 = 600;

/// The rates of all nodes. Times must come from a steady clock.
pub(super) struct SignInRates {
    rates: Arc<dyn RateCounters>,
    /// Also of the account's sign-ins at one address, for a refusal before the password is hashed: it must not reveal
    /// to a stranger elsewhere that the account exists.
    of_account: Option<Rate>,
    of_tenant: Option<Rate>,
    of_repeats: Option<Rate>,
}

impl SignInRates {
    pub(super) fn new(settings: &IdentitySettings, rates: Arc<dyn RateCounters>) -> Self {
        let of_account = settings.sign_ins_per_account.map(Rate::per_minute);
        Self {
            rates,
            of_account,
            of_tenant: settings.sign_ins_per_tenant.map(Rate::per_minute),
            of_repeats: of_account.map(|_| Rate::per_minute(REPEATS_PER_MINUTE)),
        }
    }

    /// Fails for an address that has used up the account's rate, before its password costs anything.
    pub(super) async fn check_address(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        let Some(rate) = self.of_account else { return Ok(()) };
        let state = self.rates.peek(at_address(owner, client), rate, now).await;
        state.retry_after_secs.map_or(Ok(()), |seconds| Err(refusal("an account", seconds)))
    }

    /// Takes one sign-in with a right password.
    pub(super) async fn take_sign_in(&self, owner: Owner, client: IpAddr, now: DateTime<Utc>) -> Result<()> {
        if let Some(rate) = self.of_account {
            // A refusal here is that of the next attempt, before its password is hashed.
            let _ = self.rates.take(at_address(owner, client), rate, now).await;
        }
        self.take_refresh(owner, now).await
    }

    /// Takes one refresh.
    pub(super) async fn take_refresh(&self, owner: Owner, now: DateTime<Utc>) -> Result<()> {
        let account = match owner {
            Owner::User(_, user) => RateSubject::User(user),
            Owner::Operator(operator) => RateSubject::Operator(operator),
        };
        let account = RateKey { limit: RateLimit::AccountSignIns, subject: account };
        self.take(account, self.of_account, "an account", now).await?;
        let Some(tenant) = owner.tenant_id() else { return Ok(()) };
        let tenant = RateKey { limit: RateLimit::TenantSignIns, subject: RateSubject::Tenant(tenant) };
        self.take(tenant, self.of_tenant, "a tenant", now).await
    }

    /// Takes one more answer to a refresh token that was just used.
    pub(super) async fn take_repeat(&self, session: SessionId, now: DateTime<Utc>) -> Result<()> {
        let session = RateKey { limit: RateLimit::RefreshRepeats, subject: RateSubject::Session(session) };
        self.take(session, self.of_repeats, "an account", now).await
    }

    async fn take(
        &self,
        key: RateKey,
        rate: Option<Rate>,
        whose: &'static str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(rate) = rate else { return Ok(()) };
        let state = self.rates.take(key, rate, now).await;
        state.retry_after_secs.map_or(Ok(()), |seconds| Err(refusal(whose, seconds)))
    }
}

fn at_address(owner: Owner, client: IpAddr) -> RateKey {
    let address = IpPrefix::of(client);
    let subject = match owner {
        Owner::User(_, user) => RateSubject::UserAt(user, address),
        Owner::Operator(operator) => RateSubject::OperatorAt(operator, address),
    };
    RateKey { limit: RateLimit::AccountSignInsAtAddress, subject }
}

fn refusal(whose: &'static str, seconds: u64) -> Problem {
    let words = format!("That is more sign-ins and refreshes than {whose} may have in a minute; wait.");
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
