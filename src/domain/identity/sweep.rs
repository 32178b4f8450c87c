//! Forgetting sign-ins, refresh tokens and password links. The rule: a row goes a week after its own end of validity,
//! whether it was spent or just left. Until then a refresh token that comes back still ends its family, and after it every
//! one of them has long been refused for its age alone. A sign-in that was ended goes a day after with its tokens: there is
//! nothing left of it that could be ended, and an account that signs in and out all day leaves a day's rows.

use chrono::TimeDelta;

use crate::auth::scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Kernel;
use crate::storage::{micros, password_links, sessions};

/// How long a row outlives its validity.
const KEPT: TimeDelta = TimeDelta::days(7);
/// How long a sign-in outlives its being ended.
const ENDED_KEPT: TimeDelta = TimeDelta::days(1);
/// Rows removed in one transaction: writers never wait long.
const BITE: u64 = 500;

/// Removes what expired over a week ago; returns how many rows went.
pub async fn forget_expired(kernel: &Kernel) -> Result<u64> {
    let now = kernel.clock.now();
    let (before, ended_before) = (micros(now - KEPT), micros(now - ENDED_KEPT));
    let mut gone = 0;
    loop {
        let tx = kernel.db.system(SystemReason::Retention).begin().await?;
        // Tokens before their sessions: a session takes along what is left of its own, which then is little.
        let tokens = sessions::forget_refresh_tokens(&tx, before, BITE).await?;
        let sign_ins =
            if tokens < BITE { sessions::forget(&tx, before, ended_before, BITE).await? } else { 0 };
        let links = password_links::forget(&tx, before, BITE).await?;
        tx.commit().await?;
        gone += tokens + sign_ins + links;
        if [tokens, sign_ins, links].iter().all(|bite| *bite < BITE) {
            return Ok(gone);
        }
    }
}
