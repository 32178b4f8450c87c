//! Deletes sign-ins, refresh tokens and password links a week after their own expiry, whether they were used
//! or not. Until then a refresh token that is presented again still ends its family; after it, all of the
//! family have long been refused for their age alone. An ended sign-in is deleted with its tokens after a
//! day: nothing of it is left to end, and an account that signs in and out all day leaves one day's rows.

use chrono::TimeDelta;

use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::storage::{micros, password_links, sessions};

/// How long a row is kept after its expiry.
const RETENTION: TimeDelta = TimeDelta::days(7);
/// How long a sign-in is kept after it was ended.
const ENDED_RETENTION: TimeDelta = TimeDelta::days(1);
/// Rows deleted in one transaction, so that writers never wait long.
const BATCH_ROWS: u64 = 500;

/// Deletes what is past its retention; returns the number of rows.
pub async fn purge_expired(services: &Services) -> Result<u64> {
    let now = services.clock.now();
    let (before, ended_before) = (micros(now - RETENTION), micros(now - ENDED_RETENTION));
    let mut gone = 0;
    loop {
        let tx = services.db.system(SystemReason::Retention).begin().await?;
        // Tokens before their sessions: a session takes its remaining tokens along, which are few by then.
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
