//! Admits password attempts: at once, after a delay, or not yet.

use std::net::IpAddr;

use chrono::TimeDelta;
use parking_lot::Mutex;

use super::Identity;
use crate::auth::throttle::{Attempt, ClientHistory, LoginThrottle, Wait};
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};

/// An attempt at the password of an account, which need not exist.
pub(super) struct PasswordAttempt<'a> {
    /// Tenant and name as they were typed.
    pub(super) tenant: &'a str,
    pub(super) username: &'a str,
    pub(super) client: IpAddr,
    pub(super) acquaintance: ClientHistory,
}

impl Identity {
    /// Admits an attempt, perhaps after a delay, or returns how long to wait.
    pub(super) async fn begin_attempt(&self, of: &PasswordAttempt<'_>) -> Result<Attempt> {
        let now = self.services.clock.steady();
        let begun = self.throttle.lock().begin(of.tenant, of.username, of.client, of.acquaintance, now);
        let attempt = begun.map_err(too_many)?;
        if let Ok(delay) = attempt.delay.to_std()
            && attempt.delay > TimeDelta::zero()
        {
            let _delayed = DelayGuard { throttle: &self.throttle, attempt: &attempt };
            self.services.clock.sleep(delay).await;
        }
        Ok(attempt)
    }

    /// Counts work that costs as much as an attempt and is none, for the address alone.
    pub(super) fn count_address(&self, client: IpAddr) -> Result<()> {
        self.throttle.lock().count_address(client, self.services.clock.steady()).map_err(too_many)
    }
}

/// An attempt that is being delayed; dropping it frees its slot, also when the caller disconnects.
struct DelayGuard<'a> {
    throttle: &'a Mutex<LoginThrottle>,
    attempt: &'a Attempt,
}

impl Drop for DelayGuard<'_> {
    fn drop(&mut self) {
        self.throttle.lock().finish_delay(self.attempt);
    }
}

fn too_many(Wait(wait): Wait) -> Problem {
    let seconds = wait.num_milliseconds().max(1).unsigned_abs().div_ceil(1000);
    let words = "Too many attempts to sign in; wait before the next one.";
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
