//! Continuing a sign-in. A refresh token serves once; when it comes a second time later, two parties hold it, and one of
//! them stole it: the whole sign-in ends. Its successor is derived from it with a server's key, so that tabs that woke up
//! together all get the same one, and no row is added for it.

use chrono::{DateTime, TimeDelta, Utc};

use super::audit::{Actor, entry};
use super::tokens::SignedIn;
use super::{Identity, secrets, standing};
use crate::auth::scope::SystemReason;
use crate::auth::secret::{MintedSecret, SecretKind, SecretText};
use crate::auth::token::mint::Subject;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::domain::revocation::Revocation;
use crate::protocol::problem::{Code, Problem};
use crate::storage::sessions::{self, Owner, RefreshTokenRow, SessionRow};
use crate::storage::standing as stored;
use crate::storage::{SystemTx, audit_log, micros, time};

/// How long after its first use a token may come again: two tabs that woke up together, an answer that was lost. On the
/// steady clock, so that a wall clock that is set back does not lengthen it.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// What keeps successors apart from other marks.
const PURPOSE: &str = "refresh token's successor";

/// Trades a refresh token for the next pair.
pub async fn refresh(identity: &Identity, token: &str, origin: &Origin) -> Result<SignedIn> {
    let hash = SecretKind::Refresh.parse(token).ok_or_else(Problem::invalid_token)?;
    let shown = Shown { text: token, hash: secrets::to_store(&hash) };
    match look_up(identity, &shown).await? {
        Seen::Answered(signed_in) => Ok(*signed_in),
        Seen::ToWrite => write(identity, &shown, origin).await,
    }
}

/// A refresh token as it was shown, and the hash that it is found by.
struct Shown<'a> {
    text: &'a str,
    hash: String,
}

/// A token's family: the sign-in and the token itself.
struct Family {
    token: RefreshTokenRow,
    session: SessionRow,
}

/// What a look without the writer came to.
enum Seen {
    Answered(Box<SignedIn>),
    ToWrite,
}

/// Looks on a reader first: what is unknown, over, or used a moment ago is answered without the one writer, which strangers
/// with made-up tokens would take from everybody.
async fn look_up(identity: &Identity, shown: &Shown<'_>) -> Result<Seen> {
    let tx = identity.kernel.db.system(SystemReason::SecretLookUp).read().await?;
    let token = sessions::find_refresh_token(&tx, &shown.hash).await?.ok_or_else(Problem::invalid_token)?;
    let session = sessions::find(&tx, SessionId(token.session_id)).await?;
    let family = Family { token, session: session.ok_or_else(Problem::invalid_token)? };
    match judge(&family, &Times::of(identity)) {
        Judgement::Refuse => Err(ended(&tx, &family.session).await?),
        Judgement::Replayed => Ok(Seen::ToWrite),
        Judgement::Continue => {
            let who = owner(&tx, &family.session, identity.latest()).await?;
            drop(tx);
            identity.rates.refresh(owner_of(&who), identity.kernel.clock.steady())?;
            Ok(Seen::ToWrite)
        }
        Judgement::Repeat => {
            let Some(next) = successor(identity, &tx, shown, &family).await? else {
                return Ok(Seen::ToWrite);
            };
            let who = owner(&tx, &family.session, identity.latest()).await?;
            drop(tx);
            identity.rates.repeat(SessionId(family.session.id), identity.kernel.clock.steady())?;
            Ok(Seen::Answered(Box::new(identity.signed_in(who, next)?)))
        }
    }
}

/// Does what there is to write, judged anew with the rows held: of two that come at once one rotates, the other sees it used.
async fn write(identity: &Identity, shown: &Shown<'_>, origin: &Origin) -> Result<SignedIn> {
    let tx = identity.kernel.db.system(SystemReason::SecretLookUp).begin().await?;
    let token = sessions::lock_refresh_token(&tx, &shown.hash).await?.ok_or_else(Problem::invalid_token)?;
    let session = sessions::lock(&tx, SessionId(token.session_id)).await?;
    let family = Family { token, session: session.ok_or_else(Problem::invalid_token)? };
    match judge(&family, &Times::of(identity)) {
        Judgement::Refuse => return Err(ended(&tx, &family.session).await?),
        Judgement::Replayed => return Err(end(identity, tx, &family.session, origin).await?),
        Judgement::Continue | Judgement::Repeat => {}
    }
    let who = owner(&tx, &family.session, identity.latest()).await?;
    // Another may have been faster. Where the key of the successor has left the ring meanwhile, there is a new one.
    if let Some(next) = successor(identity, &tx, shown, &family).await? {
        return identity.signed_in(who, next);
    }
    let session_id = SessionId(family.session.id);
    sessions::mark_used(&tx, family.token.id, micros(identity.kernel.clock.steady())).await?;
    let used_at = sessions::next_use(&tx, owner_of(&who), micros(identity.now())).await?;
    sessions::touch(&tx, session_id, used_at, micros(identity.session_end())).await?;
    let newest = candidates(identity, shown).next().ok_or_else(Problem::internal)?;
    let next = identity.add_refresh_token(&tx, &family.session, newest).await?;
    tx.commit().await?;
    identity.signed_in(who, next)
}

/// What follows the token under each key of the ring, the newest first: only who holds both the token and a key can tell.
fn candidates(identity: &Identity, shown: &Shown<'_>) -> impl Iterator<Item = MintedSecret> {
    let marks = identity.ring().marks(identity.now(), PURPOSE, shown.text.as_bytes());
    let minted: Vec<_> = marks.iter().map(|mark| SecretKind::Refresh.of_bytes(mark.bytes())).collect();
    minted.into_iter()
}

/// The successor that was given out. A rotation of keys in between is no matter: the one that it was derived with is still
/// in the ring.
async fn successor(
    identity: &Identity,
    tx: &SystemTx,
    shown: &Shown<'_>,
    family: &Family,
) -> Result<Option<SecretText>> {
    if family.token.used_at.is_none() {
        return Ok(None);
    }
    for candidate in candidates(identity, shown) {
        let row = sessions::find_refresh_token(tx, &secrets::to_store(&candidate.hash)).await?;
        if row.is_some_and(|row| row.session_id == family.session.id) {
            return Ok(Some(candidate.text));
        }
    }
    Ok(None)
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Continue,
    /// Used a moment ago.
    Repeat,
    Replayed,
    Refuse,
}

/// What a token is judged by.
struct Times {
    /// For how long ago it was used.
    steady: DateTime<Utc>,
    /// For whether it has ended.
    latest: DateTime<Utc>,
}

impl Times {
    fn of(identity: &Identity) -> Self {
        Self { steady: identity.kernel.clock.steady(), latest: identity.latest() }
    }
}

fn judge(Family { token, session }: &Family, times: &Times) -> Judgement {
    let ended = session.revoked_at.is_some() || time(session.expires_at) <= times.latest;
    if ended {
        return Judgement::Refuse;
    }
    let has_expired = time(token.expires_at) <= times.latest;
    match token.used_at.map(time) {
        // Nodes differ by moments, so a use may seem to come from just ahead; one from further ahead is from before a clock
        // was set back and the node restarted, and how long ago that was is not known.
        Some(used_at) if (times.steady - used_at).abs() > GRACE => Judgement::Replayed,
        // A token that was used and has expired since is still a sign of theft, so expiry is judged after use.
        Some(_) | None if has_expired => Judgement::Refuse,
        Some(_) => Judgement::Repeat,
        None => Judgement::Continue,
    }
}

/// Ends the family. The refusal is the answer; that the session ended must be kept all the same.
async fn end(identity: &Identity, tx: SystemTx, session: &SessionRow, origin: &Origin) -> Result<Problem> {
    let id = SessionId(session.id);
    let now = identity.now();
    if let Ok(who) = owner(&tx, session, identity.latest()).await {
        let entry = entry(Actor::of_subject(&who), "session.replayed", Some(id), origin, now);
        audit_log::insert_by_system(&tx, session.tenant_id.map(TenantId), entry).await?;
    }
    sessions::revoke(&tx, id, micros(now)).await?;
    tx.commit().await?;
    identity.kernel.revoked(Revocation::Session(id));
    tracing::warn!(session.id = %id, "a refresh token was used twice; its sign-in was ended");
    Ok(Problem::new(Code::SessionRevoked, "The refresh token was used before; the sign-in has ended."))
}

fn owner_of(who: &Subject) -> Owner {
    match who {
        Subject::User { tenant_id, user_id, .. } => Owner::User(*tenant_id, *user_id),
        Subject::Operator { operator_id, .. } => Owner::Operator(*operator_id),
    }
}

/// The refusal of a token that has ended: that its account is deactivated is told first, as signing in again would not help.
async fn ended(tx: &SystemTx, session: &SessionRow) -> Result<Problem> {
    let id = SessionId(session.id);
    let is_active = if session.operator_id.is_some() {
        stored::of_operator_session(tx, id).await?.is_none_or(|row| row.is_active)
    } else {
        stored::of_session(tx, id).await?.is_none_or(|row| row.user_is_active && row.tenant_is_active)
    };
    Ok(if is_active { Problem::invalid_token() } else { Problem::inactive_user() })
}

/// Whose session it is, as the store has them now.
async fn owner(tx: &SystemTx, session: &SessionRow, now: DateTime<Utc>) -> Result<Subject> {
    let session_id = SessionId(session.id);
    if session.operator_id.is_some() {
        let row = stored::of_operator_session(tx, session_id).await?.ok_or_else(Problem::invalid_token)?;
        if !row.is_active {
            return Err(Problem::inactive_user());
        }
        if !row.session_stands(micros(now)) {
            return Err(Problem::invalid_token());
        }
        let operator_id = OperatorId(row.operator_id);
        return Ok(Subject::Operator { operator_id, username: row.username, session_id });
    }
    let row = stored::of_session(tx, session_id).await?.ok_or_else(Problem::invalid_token)?;
    if !(row.user_is_active && row.tenant_is_active) {
        return Err(Problem::inactive_user());
    }
    if !row.session_stands(micros(now)) {
        return Err(Problem::invalid_token());
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
        let now = time(at(now));
        judge(&Family { token, session }, &Times { steady: now, latest: now })
    }

    #[test]
    fn a_token_serves_once_then_for_ten_seconds_more() {
        assert_eq!(judged(None, 999), Judgement::Continue);
        assert_eq!(judged(Some(5), 15), Judgement::Repeat);
        assert_eq!(judged(Some(5), 16), Judgement::Replayed);
    }

    #[test]
    fn a_use_from_far_ahead_is_no_grace() {
        assert_eq!(judged(Some(600), 599), Judgement::Repeat);
        assert_eq!(judged(Some(600), 589), Judgement::Replayed);
    }

    #[test]
    fn an_old_token_is_refused_and_a_used_old_one_is_a_theft() {
        assert_eq!(judged(None, 1000), Judgement::Refuse);
        assert_eq!(judged(Some(5), 1500), Judgement::Replayed);
        assert_eq!(judged(Some(5), 2000), Judgement::Refuse);
    }
}
