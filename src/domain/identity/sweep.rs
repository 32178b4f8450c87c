//! Forgetting sign-ins, refresh tokens and password links. The rule: a row goes a week after its own end of validity,
//! whether it was spent or just left. Until then a refresh token that comes back still ends its family, and after it every
//! one of them has long been refused for its age alone. A sign-in that was ended goes a day after with its tokens: there is
//! nothing left of it that could be ended, and an account that signs in and out all day leaves a day's rows.

use chrono::TimeDelta;

use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::storage::{micros, password_links, sessions};

/// How long a row outlives its validity.
const RETENTION: TimeDelta = TimeDelta::days(7);
/// How long a sign-in outlives its being ended.
const ENDED_RETENTION: TimeDelta = TimeDelta::days(1);
/// Rows removed in one transaction: writers never wait long.
const BATCH_ROWS: u64 = 500;

/// Removes what expired over a week ago; returns how many rows went.
pub async fn purge_expired(services: &Services) -> Result<u64> {
    let now = services.clock.now();
    let (before, ended_before) = (micros(now - RETENTION), micros(now - ENDED_RETENTION));
    let mut gone = 0;
    loop {
        let tx = services.db.system(SystemReason::Retention).begin().await?;
        // Tokens before their sessions: a session takes along what is left of its own, which then is little.
        let tokens = sessions::purge_refresh_tokens(&tx, before, BATCH_ROWS).await?;
        let sign_ins = if tokens < BATCH_ROWS {
            sessions::purge(&tx, before, ended_before, BATCH_ROWS).await?
        } else {
            0
        };
        let links = password_links::purge(&tx, before, BATCH_ROWS).await?;
        tx.commit().await?;
        gone += tokens + sign_ins + links;
        if [tokens, sign_ins, links].iter().all(|bite| *bite < BATCH_ROWS) {
            return Ok(gone);
        }
    }
}
