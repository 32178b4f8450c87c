//! Continuing a sign-in. A refresh token serves once; when it comes a second time later, two parties hold it, and one of
//! them stole it: the whole sign-in ends.

use chrono::{DateTime, TimeDelta, Utc};

use super::audit::{Actor, entry};
use super::tokens::SignedIn;
use super::{Identity, secrets, standing};
use crate::auth::scope::SystemReason;
use crate::auth::secret::SecretKind;
use crate::auth::token::mint::Subject;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::domain::revocation::Revocation;
use crate::protocol::problem::{Code, Problem};
use crate::storage::sessions::{self, RefreshTokenRow, SessionRow};
use crate::storage::standing as stored;
use crate::storage::{SystemTx, audit_log, micros, time};

/// How long after its first use a token may come again: two tabs that woke up together, an answer that was lost.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// Trades a refresh token for the next pair.
pub async fn refresh(identity: &Identity, token: &str, origin: &Origin) -> Result<SignedIn> {
    let hash = SecretKind::Refresh.parse(token).ok_or_else(Problem::invalid_token)?;
    let now = identity.now();
    let tx = identity.kernel.db.system(SystemReason::SecretLookUp).begin().await?;
    let token = sessions::lock_refresh_token(&tx, &secrets::to_store(&hash)).await?;
    let token = token.ok_or_else(Problem::invalid_token)?;
    let session =
        sessions::lock(&tx, SessionId(token.session_id)).await?.ok_or_else(Problem::invalid_token)?;
    match judge(&token, &session, now) {
        Judgement::Refuse => return Err(Problem::invalid_token()),
        Judgement::Replayed => return Err(end(identity, tx, &session, origin).await?),
        Judgement::Continue => {}
    }
    let who = owner(&tx, &session, now).await?;
    sessions::mark_used(&tx, token.id, micros(now)).await?;
    sessions::touch(&tx, SessionId(session.id), micros(now), micros(identity.session_end(now))).await?;
    let next = identity.add_refresh_token(&tx, &session).await?;
    tx.commit().await?;
    identity.signed_in(who, next)
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Continue,
    Replayed,
    Refuse,
}

fn judge(token: &RefreshTokenRow, session: &SessionRow, now: DateTime<Utc>) -> Judgement {
    let ended = session.revoked_at.is_some() || time(session.expires_at) <= now;
    if ended {
        return Judgement::Refuse;
    }
    match token.used_at.map(time) {
        Some(used_at) if now - used_at > GRACE => Judgement::Replayed,
        // A token that was used and has expired since is still a sign of theft, so expiry is judged after use.
        Some(_) | None if time(token.expires_at) <= now => Judgement::Refuse,
        Some(_) | None => Judgement::Continue,
    }
}

/// Ends the family. The refusal is the answer; that the session ended must be kept all the same.
async fn end(identity: &Identity, tx: SystemTx, session: &SessionRow, origin: &Origin) -> Result<Problem> {
    let id = SessionId(session.id);
    let now = identity.now();
    if let Ok(who) = owner(&tx, session, now).await {
        let entry = entry(Actor::of_subject(&who), "session.replayed", Some(id), origin, now);
        audit_log::insert_by_system(&tx, session.tenant_id.map(TenantId), entry).await?;
    }
    sessions::revoke(&tx, id, micros(now)).await?;
    tx.commit().await?;
    identity.kernel.revoked(Revocation::Session(id));
    tracing::warn!(session.id = %id, "a refresh token was used twice; its sign-in was ended");
    Ok(Problem::new(Code::SessionRevoked, "The refresh token was used before; the sign-in has ended."))
}

/// Whose session it is, as the store has them now.
async fn owner(tx: &SystemTx, session: &SessionRow, now: DateTime<Utc>) -> Result<Subject> {
    let session_id = SessionId(session.id);
    if session.operator_id.is_some() {
        let row = stored::of_operator_session(tx, session_id, micros(now)).await?;
        let row = row.ok_or_else(Problem::invalid_token)?;
        if !row.is_active {
            return Err(Problem::inactive_user());
        }
        let operator_id = OperatorId(row.operator_id);
        return Ok(Subject::Operator { operator_id, username: row.username, session_id });
    }
    let row = stored::of_session(tx, session_id, micros(now)).await?.ok_or_else(Problem::invalid_token)?;
    if !(row.user_is_active && row.tenant_is_active) {
        return Err(Problem::inactive_user());
    }
    Ok(Subject::User {
        user_id: UserId(row.user_id),
        tenant_id: TenantId(row.tenant_id),
        role: standing::role(&row.role)?,
        username: row.username,
        session_id,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> i64 {
        1_790_000_000_000_000 + seconds * 1_000_000
    }

    fn judged(used_at: Option<i64>, now: i64) -> Judgement {
        let id = Uuid::from_u128(1);
        let token = RefreshTokenRow {
            id: 1,
            tenant_id: Some(1),
            session_id: id,
            secret_hash: String::new(),
            created_at: at(0),
            expires_at: at(1000),
            used_at: used_at.map(at),
        };
        let session = SessionRow {
            id,
            tenant_id: Some(1),
            user_id: Some(1),
            operator_id: None,
            user_agent: None,
            address: None,
            created_at: at(0),
            last_used_at: at(0),
            expires_at: at(2000),
            revoked_at: None,
        };
        judge(&token, &session, time(at(now)))
    }

    #[test]
    fn a_token_serves_once_then_for_ten_seconds_more() {
        assert_eq!(judged(None, 999), Judgement::Continue);
        assert_eq!(judged(Some(5), 15), Judgement::Continue);
        assert_eq!(judged(Some(5), 16), Judgement::Replayed);
    }

    #[test]
    fn an_old_token_is_refused_and_a_used_old_one_is_a_theft() {
        assert_eq!(judged(None, 1000), Judgement::Refuse);
        assert_eq!(judged(Some(5), 1500), Judgement::Replayed);
        assert_eq!(judged(Some(5), 2000), Judgement::Refuse);
    }
}
