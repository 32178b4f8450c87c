//! Refreshes a sign-in. A refresh token is used once; if it is presented again later, two parties hold it,
//! and one of them stole it: the whole sign-in ends. Its successor is derived from it with a server's key, so
//! that browser tabs that refresh at the same time all get the same one, and no row is added for it.

use chrono::{DateTime, TimeDelta, Utc};

use super::audit::{Actor, entry};
use super::tokens::SignedIn;
use super::{Identity, accounts, secret_hash};
use crate::auth::revocation::Revocation;
use crate::auth::secret::{MintedSecret, SecretKind, SecretText};
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::mint::Subject;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::protocol::problem::{Code, Problem};
use crate::storage::credential_lookup as stored;
use crate::storage::sessions::{self, Owner, RefreshTokenRow, SessionRow};
use crate::storage::{SystemTx, audit_log, micros, time};

/// How long after its first use a token may be presented again: by two tabs at once, or after a lost answer.
/// On the steady clock, so that setting the wall clock back does not lengthen it.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// Separates the fingerprints of successors from others.
const PURPOSE: &str = "refresh token's successor";

/// Exchanges a refresh token for the next pair.
pub async fn refresh(identity: &Identity, token: &str, origin: &Origin) -> Result<SignedIn> {
    let hash = SecretKind::Refresh.parse(token).ok_or_else(Problem::invalid_token)?;
    let presented = PresentedToken { text: token, hash: secret_hash::to_store(&hash) };
    match look_up(identity, &presented).await? {
        LookupResult::Repeated(signed_in) => Ok(*signed_in),
        LookupResult::NeedsWrite => rotate(identity, &presented, origin).await,
    }
}

/// A refresh token as presented, and the hash that it is found by.
struct PresentedToken<'a> {
    text: &'a str,
    hash: String,
}

/// A token's family: the sign-in and the token itself.
struct Family {
    token: RefreshTokenRow,
    session: SessionRow,
}

/// The result of a lookup without a write transaction.
enum LookupResult {
    Repeated(Box<SignedIn>),
    NeedsWrite,
}

/// Looks the token up in a read transaction first: unknown, expired and just used tokens are answered without
/// the single writer, which strangers with made-up tokens could otherwise take from all users.
async fn look_up(identity: &Identity, presented: &PresentedToken<'_>) -> Result<LookupResult> {
    let tx = identity.services.db.system(SystemReason::SecretLookup).read().await?;
    let token =
        sessions::find_refresh_token(&tx, &presented.hash).await?.ok_or_else(Problem::invalid_token)?;
    let session = sessions::find(&tx, SessionId(token.session_id)).await?;
    let family = Family { token, session: session.ok_or_else(Problem::invalid_token)? };
    match decide(&family, &Times::of(identity)) {
        RefreshDecision::Refuse => Err(ended_problem(&tx, &family.session).await?),
        RefreshDecision::Replayed => Ok(LookupResult::NeedsWrite),
        RefreshDecision::Continue => {
            let who = load_subject(&tx, &family.session, identity.latest()).await?;
            drop(tx);
            identity.rates.take_refresh(owner_of(&who), identity.services.clock.steady()).await?;
            Ok(LookupResult::NeedsWrite)
        }
        RefreshDecision::Repeat => {
            let Some(next) = successor(identity, &tx, presented, &family).await? else {
                return Ok(LookupResult::NeedsWrite);
            };
            let who = load_subject(&tx, &family.session, identity.latest()).await?;
            drop(tx);
            identity
                .rates
                .take_repeat(SessionId(family.session.id), identity.services.clock.steady())
                .await?;
            Ok(LookupResult::Repeated(Box::new(identity.issue_tokens(who, next)?)))
        }
    }
}

/// Does what needs writing, decided anew with the rows locked: of two at once one rotates, the other sees it used.
async fn rotate(identity: &Identity, presented: &PresentedToken<'_>, origin: &Origin) -> Result<SignedIn> {
    let tx = identity.services.db.system(SystemReason::SecretLookup).begin().await?;
    let token =
        sessions::lock_refresh_token(&tx, &presented.hash).await?.ok_or_else(Problem::invalid_token)?;
    let session = sessions::lock(&tx, SessionId(token.session_id)).await?;
    let family = Family { token, session: session.ok_or_else(Problem::invalid_token)? };
    match decide(&family, &Times::of(identity)) {
        RefreshDecision::Refuse => return Err(ended_problem(&tx, &family.session).await?),
        RefreshDecision::Replayed => return Err(revoke_family(identity, tx, &family.session, origin).await?),
        RefreshDecision::Continue | RefreshDecision::Repeat => {}
    }
    let who = load_subject(&tx, &family.session, identity.latest()).await?;
    // Another request may have rotated first. If the successor's key has left the ring meanwhile, there is a new one.
    if let Some(next) = successor(identity, &tx, presented, &family).await? {
        return identity.issue_tokens(who, next);
    }
    let session_id = SessionId(family.session.id);
    sessions::mark_used(&tx, family.token.id, micros(identity.services.clock.steady())).await?;
    let used_at = sessions::next_use(&tx, owner_of(&who), micros(identity.now())).await?;
    sessions::touch(&tx, session_id, used_at, micros(identity.session_end())).await?;
    let newest = candidates(identity, presented).next().ok_or_else(Problem::internal)?;
    let next = identity.add_refresh_token(&tx, &family.session, newest).await?;
    tx.commit().await?;
    identity.issue_tokens(who, next)
}

/// The successors of the token, one for each key of the ring, newest key first. They need the token and a key.
fn candidates(identity: &Identity, presented: &PresentedToken<'_>) -> impl Iterator<Item = MintedSecret> {
    let fingerprints = identity.ring().keyed_fingerprints(identity.now(), PURPOSE, presented.text.as_bytes());
    let minted: Vec<_> =
        fingerprints.iter().map(|mark| SecretKind::Refresh.from_bytes(mark.bytes())).collect();
    minted.into_iter()
}

/// The issued successor. It is found after a rotation of keys too, as long as its key is still in the ring.
async fn successor(
    identity: &Identity,
    tx: &SystemTx,
    presented: &PresentedToken<'_>,
    family: &Family,
) -> Result<Option<SecretText>> {
    if family.token.used_at.is_none() {
        return Ok(None);
    }
    for candidate in candidates(identity, presented) {
        let row = sessions::find_refresh_token(tx, &secret_hash::to_store(&candidate.hash)).await?;
        if row.is_some_and(|row| row.session_id == family.session.id) {
            return Ok(Some(candidate.text));
        }
    }
    Ok(None)
}

#[derive(Debug, PartialEq, Eq)]
enum RefreshDecision {
    Continue,
    /// Used within the grace period.
    Repeat,
    Replayed,
    Refuse,
}

/// The times that a token is checked against.
struct Times {
    /// To measure how long ago it was used.
    steady: DateTime<Utc>,
    /// To check whether it has ended.
    latest: DateTime<Utc>,
}

impl Times {
    fn of(identity: &Identity) -> Self {
        Self { steady: identity.services.clock.steady(), latest: identity.latest() }
    }
}

fn decide(Family { token, session }: &Family, times: &Times) -> RefreshDecision {
    let ended = session.revoked_at.is_some() || time(session.expires_at) <= times.latest;
    if ended {
        return RefreshDecision::Refuse;
    }
    let has_expired = time(token.expires_at) <= times.latest;
    match token.used_at.map(time) {
        // The clocks of nodes differ slightly, so a use may seem to lie just ahead. One further ahead is from
        // before a clock was set back and the node restarted; its age is unknown.
        Some(used_at) if (times.steady - used_at).abs() > GRACE => RefreshDecision::Replayed,
        // A token that was used and has expired since is still a sign of theft, so expiry is checked after use.
        Some(_) | None if has_expired => RefreshDecision::Refuse,
        Some(_) => RefreshDecision::Repeat,
        None => RefreshDecision::Continue,
    }
}

/// Ends the family. The refusal is returned as a value, because the end of the session must be committed.
async fn revoke_family(
    identity: &Identity,
    tx: SystemTx,
    session: &SessionRow,
    origin: &Origin,
) -> Result<Problem> {
    let id = SessionId(session.id);
    let now = identity.now();
    if let Ok(who) = load_subject(&tx, session, identity.latest()).await {
        let entry = entry(Actor::of_subject(&who), "session.replayed", Some(id), origin, now);
        audit_log::insert_by_system(&tx, session.tenant_id.map(TenantId), entry).await?;
    }
    sessions::revoke(&tx, id, micros(now)).await?;
    tx.commit().await?;
    identity.services.publish_revocation(Revocation::Session(id));
    tracing::warn!(session.id = %id, "a refresh token was used twice; its sign-in was ended");
    Ok(Problem::new(Code::SessionRevoked, "The refresh token was used before; the sign-in has ended."))
}

fn owner_of(who: &Subject) -> Owner {
    match who {
        Subject::User { tenant_id, user_id, .. } => Owner::User(*tenant_id, *user_id),
        Subject::Operator { operator_id, .. } => Owner::Operator(*operator_id),
    }
}

/// The error for a token that has ended. A deactivated account is reported first: signing in again would not help.
async fn ended_problem(tx: &SystemTx, session: &SessionRow) -> Result<Problem> {
    let id = SessionId(session.id);
    let is_active = if session.operator_id.is_some() {
        stored::of_operator_session(tx, id).await?.is_none_or(|row| row.is_active)
    } else {
        stored::of_session(tx, id).await?.is_none_or(|row| row.user_is_active && row.tenant_is_active)
    };
    Ok(if is_active { Problem::invalid_token() } else { Problem::inactive_user() })
}

/// The owner of a session, as the store has it now.
async fn load_subject(tx: &SystemTx, session: &SessionRow, now: DateTime<Utc>) -> Result<Subject> {
    let session_id = SessionId(session.id);
    if session.operator_id.is_some() {
        let row = stored::of_operator_session(tx, session_id).await?.ok_or_else(Problem::invalid_token)?;
        if !row.is_active {
            return Err(Problem::inactive_user());
        }
        if !row.is_session_active(micros(now)) {
            return Err(Problem::invalid_token());
        }
        let operator_id = OperatorId(row.operator_id);
        return Ok(Subject::Operator { operator_id, username: row.username, session_id });
    }
    let row = stored::of_session(tx, session_id).await?.ok_or_else(Problem::invalid_token)?;
    if !(row.user_is_active && row.tenant_is_active) {
        return Err(Problem::inactive_user());
    }
    if !row.is_session_active(micros(now)) {
        return Err(Problem::invalid_token());
    }
    Ok(Subject::User {
        user_id: UserId(row.user_id),
        tenant_id: TenantId(row.tenant_id),
        role: accounts::role(&row.role)?,
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

    fn decided(used_at: Option<i64>, now: i64) -> RefreshDecision {
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
        let now = time(at(now));
        decide(&Family { token, session }, &Times { steady: now, latest: now })
    }

    #[test]
    fn a_token_serves_once_then_for_ten_seconds_more() {
        assert_eq!(decided(None, 999), RefreshDecision::Continue);
        assert_eq!(decided(Some(5), 15), RefreshDecision::Repeat);
        assert_eq!(decided(Some(5), 16), RefreshDecision::Replayed);
    }

    #[test]
    fn a_use_from_far_ahead_is_no_grace() {
        assert_eq!(decided(Some(600), 599), RefreshDecision::Repeat);
        assert_eq!(decided(Some(600), 589), RefreshDecision::Replayed);
    }

    #[test]
    fn an_old_token_is_refused_and_a_used_old_one_is_a_theft() {
        assert_eq!(decided(None, 1000), RefreshDecision::Refuse);
        assert_eq!(decided(Some(5), 1500), RefreshDecision::Replayed);
        assert_eq!(decided(Some(5), 2000), RefreshDecision::Refuse);
    }
}
