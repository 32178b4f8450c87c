//! Turns a verified credential into a principal: compares the claims of the credential with the records that the
//! caller of this module loaded. Authority comes from the store alone; the credential only says which records to
//! load.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::key_scope::{KeyScopes, Role};
use super::principal::{KeyPrincipal, OperatorPrincipal, Principal, UserPrincipal};
use super::secret::{PresentedKey, SecretHash};
use super::tenant_scope::TenantScope;
use super::token::verified::{ForeignSubject, VerifiedForeign, VerifiedOperator, VerifiedUser};
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::base::normalize;

/// Why a valid credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The user, tenant, session or key is unknown, ended or belongs to another: reported like a bad token.
    #[error("the credential names nothing that is there")]
    Unknown,
    /// Known, but deactivated: the user or the whole tenant.
    #[error("the account or its tenant is deactivated")]
    Inactive,
}

/// Whether an account may be used. All users of a suspended tenant are inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Active,
    Inactive,
}

/// A loaded user, with the tenant's part of its state.
#[derive(Clone, Debug)]
pub struct UserRecord {
    pub user_id: UserId,
    pub tenant_id: TenantId,
    pub tenant_slug: String,
    pub username: String,
    pub role: Role,
    pub state: AccountState,
}

/// A loaded sign-in. One that was ended, or that began before its owner's last change of password, is not loaded at
/// all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRecord<Owner> {
    pub session_id: SessionId,
    pub owner: Owner,
}

/// A loaded operator.
#[derive(Clone, Debug)]
pub struct OperatorRecord {
    pub operator_id: OperatorId,
    pub username: String,
    pub state: AccountState,
}

/// A loaded API key. A revoked key is not loaded at all.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub key_id: KeyId,
    pub tenant_id: TenantId,
    pub made_by: UserId,
    pub scopes: KeyScopes,
    pub hash: SecretHash,
    pub expires_at: Option<DateTime<Utc>>,
    pub state: AccountState,
}

/// Our own token of a user, with the user and the live session that it names.
pub fn user(
    token: &VerifiedUser,
    record: &UserRecord,
    session: SessionRecord<UserId>,
) -> Result<Principal, CredentialError> {
    let same = record.user_id == token.user_id() && record.tenant_id == token.tenant_id();
    let live = session.session_id == token.session_id() && session.owner == record.user_id;
    if same && live { active_user(record, Some(session.session_id)) } else { Err(CredentialError::Unknown) }
}

/// The error for a user without a live sign-in. Deactivation has precedence: it ends all sign-ins, and another
/// sign-in would not help.
pub fn missing_session_error(record: &UserRecord) -> CredentialError {
    match record.state {
        AccountState::Inactive => CredentialError::Inactive,
        AccountState::Active => CredentialError::Unknown,
    }
}

/// A foreign token, with the user found for its subject in one of the issuer's tenants.
pub fn foreign(token: &VerifiedForeign, record: &UserRecord) -> Result<Principal, CredentialError> {
    let named = match token.subject() {
        // Case matters here, unlike at a sign-in: an issuer may have both an account `ann` and another one `ANN`.
        ForeignSubject::Username(username) => normalize::name(username) == record.username,
        ForeignSubject::UserId(user_id) => *user_id == record.user_id,
    };
    if named && token.tenants().contains(&record.tenant_slug) {
        active_user(record, None)
    } else {
        Err(CredentialError::Unknown)
    }
}

/// Our own token of an operator.
pub fn operator(
    token: &VerifiedOperator,
    record: &OperatorRecord,
    session: SessionRecord<OperatorId>,
) -> Result<Principal, CredentialError> {
    active_operator(record, session, token.operator_id(), token.session_id())
}

/// An admitted operator, checked against the current record.
pub fn refresh_operator(
    principal: &OperatorPrincipal,
    record: &OperatorRecord,
    session: SessionRecord<OperatorId>,
) -> Result<Principal, CredentialError> {
    active_operator(record, session, principal.operator_id, principal.session_id)
}

fn active_operator(
    record: &OperatorRecord,
    session: SessionRecord<OperatorId>,
    operator_id: OperatorId,
    session_id: SessionId,
) -> Result<Principal, CredentialError> {
    let live = session.session_id == session_id && session.owner == operator_id;
    if record.operator_id != operator_id || !live {
        return Err(CredentialError::Unknown);
    }
    if record.state == AccountState::Inactive {
        return Err(CredentialError::Inactive);
    }
    Ok(Principal::Operator(OperatorPrincipal {
        operator_id: record.operator_id,
        username: record.username.clone(),
        session_id: session.session_id,
    }))
}

/// A presented API key, with the row that its id names.
pub fn key(
    presented: &PresentedKey,
    record: &KeyRecord,
    now: DateTime<Utc>,
) -> Result<Principal, CredentialError> {
    let matches = presented.key_id() == record.key_id && presented.matches(&record.hash);
    if matches { active_key(record, now) } else { Err(CredentialError::Unknown) }
}

/// The principal after a change of its user: the same user with the current role.
pub fn refresh_user(principal: &UserPrincipal, record: &UserRecord) -> Result<Principal, CredentialError> {
    let same = record.user_id == principal.user_id && record.tenant_id == principal.tenant_id();
    if same { active_user(record, principal.session_id) } else { Err(CredentialError::Unknown) }
}

/// An admitted key, checked against its current row.
pub fn refresh_key(record: &KeyRecord, now: DateTime<Utc>) -> Result<Principal, CredentialError> {
    active_key(record, now)
}

/// What a single-use ticket grants. It carries no authority: user, session or key are loaded and checked again when
/// it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketGrant {
    tenant_id: TenantId,
    holder: TicketHolder,
    /// When the connection that it opens must end: no later than the credential that it was made with.
    ends_at: DateTime<Utc>,
}

/// The user or key that the ticket was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketHolder {
    User { user_id: UserId, session_id: Option<SessionId> },
    Key { key_id: KeyId },
}

/// The user or key that a ticket counts against, whatever sign-in it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TicketOwner {
    User(UserId),
    Key(KeyId),
}

impl TicketGrant {
    /// A ticket for `principal`, with a credential that ends at `ends_at`; `None` for an operator, which opens no sockets.
    pub fn of(principal: &Principal, ends_at: DateTime<Utc>) -> Option<Self> {
        let (tenant_id, holder) = match principal {
            Principal::User(user) => {
                let holder = TicketHolder::User { user_id: user.user_id, session_id: user.session_id };
                (user.tenant_id(), holder)
            }
            Principal::Key(key) => (key.tenant_id(), TicketHolder::Key { key_id: key.key_id }),
            Principal::Operator(_) => return None,
        };
        Some(Self { tenant_id, holder, ends_at })
    }

    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The records to load.
    pub fn holder(&self) -> TicketHolder {
        self.holder
    }

    pub fn owner(&self) -> TicketOwner {
        match self.holder {
            TicketHolder::User { user_id, .. } => TicketOwner::User(user_id),
            TicketHolder::Key { key_id } => TicketOwner::Key(key_id),
        }
    }

    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// The same grant with another end: a newer credential extended the connection that it opened.
    #[must_use]
    pub fn with_end(self, ends_at: DateTime<Utc>) -> Self {
        Self { ends_at, ..self }
    }

    /// Admits a user's ticket. A ticket that was made under a session needs that session alive.
    pub fn authenticate_user(
        &self,
        record: &UserRecord,
        session: Option<SessionRecord<UserId>>,
        now: DateTime<Utc>,
    ) -> Result<Principal, CredentialError> {
        let TicketHolder::User { user_id, session_id } = self.holder else {
            return Err(CredentialError::Unknown);
        };
        let same = record.user_id == user_id && record.tenant_id == self.tenant_id;
        let wanted = session_id.map(|session_id| SessionRecord { session_id, owner: user_id });
        let live = wanted.is_none() || wanted == session;
        if !same || now >= self.ends_at {
            return Err(CredentialError::Unknown);
        }
        if live { active_user(record, session_id) } else { Err(missing_session_error(record)) }
    }

    /// Admits a key's ticket.
    pub fn authenticate_key(
        &self,
        record: &KeyRecord,
        now: DateTime<Utc>,
    ) -> Result<Principal, CredentialError> {
        let TicketHolder::Key { key_id } = self.holder else { return Err(CredentialError::Unknown) };
        let same = record.key_id == key_id && record.tenant_id == self.tenant_id;
        if same && now < self.ends_at { active_key(record, now) } else { Err(CredentialError::Unknown) }
    }
}

fn active_user(record: &UserRecord, session_id: Option<SessionId>) -> Result<Principal, CredentialError> {
    if record.state == AccountState::Inactive {
        return Err(CredentialError::Inactive);
    }
    Ok(Principal::User(UserPrincipal {
        scope: TenantScope::of_principal(record.tenant_id),
        user_id: record.user_id,
        username: record.username.clone(),
        role: record.role,
        session_id,
    }))
}

fn active_key(record: &KeyRecord, now: DateTime<Utc>) -> Result<Principal, CredentialError> {
    if record.expires_at.is_some_and(|end| end <= now) {
        return Err(CredentialError::Unknown);
    }
    if record.state == AccountState::Inactive {
        return Err(CredentialError::Inactive);
    }
    Ok(Principal::Key(KeyPrincipal {
        scope: TenantScope::of_principal(record.tenant_id),
        key_id: record.key_id,
        made_by: record.made_by,
        scopes: record.scopes.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::auth::key_scope::KeyScope;
    use crate::auth::secret::mint_api_key;
    use crate::auth::token::verified::CommonClaims;
    use crate::base::entropy::Entropy;

    const SESSION: SessionId = SessionId(Uuid::from_u128(5));
    const LIVE: SessionRecord<UserId> = SessionRecord { session_id: SESSION, owner: UserId(41) };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn own() -> CommonClaims {
        CommonClaims {
            session_id: SESSION,
            username: "ann".into(),
            jti: "j".into(),
            issued_at: now(),
            expires_at: now() + TimeDelta::minutes(15),
        }
    }

    fn token() -> VerifiedUser {
        VerifiedUser { own: own(), user_id: UserId(41), tenant_id: TenantId(7), role: Role::Admin }
    }

    fn ann() -> UserRecord {
        UserRecord {
            user_id: UserId(41),
            tenant_id: TenantId(7),
            tenant_slug: "acme".into(),
            username: "ann".into(),
            role: Role::Viewer,
            state: AccountState::Active,
        }
    }

    fn foreign_token(subject: ForeignSubject) -> VerifiedForeign {
        let tenants = ["acme".to_owned()].into();
        VerifiedForeign { issuer: "old".into(), subject, tenants, expires_at: now() }
    }

    #[test]
    fn the_stores_role_counts_and_not_the_tokens() {
        let Ok(Principal::User(ann)) = user(&token(), &ann(), LIVE) else { unreachable!("refused") };

        assert_eq!(ann.role(), Role::Viewer);
        assert_eq!((ann.tenant_id(), ann.session_id()), (TenantId(7), Some(SESSION)));
    }

    #[test]
    fn a_token_authenticates_no_other_user_tenant_or_session() {
        let other_user = UserRecord { user_id: UserId(42), ..ann() };
        let other_tenant = UserRecord { tenant_id: TenantId(8), ..ann() };
        let other_session = SessionRecord { session_id: SessionId(Uuid::from_u128(6)), ..LIVE };
        let stolen_session = SessionRecord { owner: UserId(42), ..LIVE };

        assert_eq!(user(&token(), &other_user, LIVE), Err(CredentialError::Unknown));
        assert_eq!(user(&token(), &other_tenant, LIVE), Err(CredentialError::Unknown));
        assert_eq!(user(&token(), &ann(), other_session), Err(CredentialError::Unknown));
        assert_eq!(user(&token(), &ann(), stolen_session), Err(CredentialError::Unknown));
    }

    #[test]
    fn an_inactive_user_is_distinguished_from_an_unknown_one() {
        let inactive = UserRecord { state: AccountState::Inactive, ..ann() };

        assert_eq!(user(&token(), &inactive, LIVE), Err(CredentialError::Inactive));
    }

    #[test]
    fn a_foreign_token_authenticates_its_subject_in_its_tenants_only() {
        let by_name = foreign_token(ForeignSubject::Username("ann".into()));
        let by_id = foreign_token(ForeignSubject::UserId(UserId(41)));
        let elsewhere = UserRecord { tenant_slug: "beta".into(), ..ann() };
        let bob = UserRecord { username: "bob".into(), user_id: UserId(42), ..ann() };

        let in_capitals = foreign_token(ForeignSubject::Username("ANN".into()));

        assert_eq!(foreign(&in_capitals, &ann()), Err(CredentialError::Unknown));
        for token in [by_name, by_id] {
            assert_eq!(foreign(&token, &ann()).map(|principal| principal.session_id()), Ok(None));
            assert_eq!(foreign(&token, &elsewhere), Err(CredentialError::Unknown));
            assert_eq!(foreign(&token, &bob), Err(CredentialError::Unknown));
        }
    }

    #[test]
    fn an_operator_needs_a_live_session_of_its_own() {
        let token = VerifiedOperator { own: own(), operator_id: OperatorId(41) };
        let root = OperatorRecord {
            operator_id: OperatorId(41),
            username: "root".into(),
            state: AccountState::Active,
        };
        let live = SessionRecord { session_id: SESSION, owner: OperatorId(41) };
        let inactive = OperatorRecord { state: AccountState::Inactive, ..root.clone() };

        assert!(matches!(operator(&token, &root, live), Ok(Principal::Operator(_))));
        let other = SessionRecord { owner: OperatorId(1), ..live };
        assert_eq!(operator(&token, &root, other), Err(CredentialError::Unknown));
        assert_eq!(operator(&token, &inactive, live), Err(CredentialError::Inactive));
    }

    fn key_record(hash: SecretHash) -> KeyRecord {
        KeyRecord {
            key_id: KeyId(Uuid::from_u128(3)),
            tenant_id: TenantId(7),
            made_by: UserId(41),
            scopes: [KeyScope::JobsRun].into_iter().collect(),
            hash,
            expires_at: Some(now() + TimeDelta::seconds(1)),
            state: AccountState::Active,
        }
    }

    #[test]
    fn a_key_is_accepted_with_its_own_secret_until_it_expires() {
        let (mine, other) = (
            mint_api_key(KeyId(Uuid::from_u128(3)), Entropy),
            mint_api_key(KeyId(Uuid::from_u128(3)), Entropy),
        );
        let shown = PresentedKey::parse(mine.text.expose()).unwrap();
        let facts = key_record(mine.hash);

        assert!(matches!(key(&shown, &facts, now()), Ok(Principal::Key(_))));
        assert_eq!(key(&shown, &key_record(other.hash), now()), Err(CredentialError::Unknown));
        assert_eq!(key(&shown, &facts, now() + TimeDelta::seconds(1)), Err(CredentialError::Unknown));
        let suspended = KeyRecord { state: AccountState::Inactive, ..facts };
        assert_eq!(key(&shown, &suspended, now()), Err(CredentialError::Inactive));
    }

    #[test]
    fn a_changed_role_takes_effect_on_refresh() {
        let Ok(Principal::User(before)) = user(&token(), &ann(), LIVE) else { unreachable!("refused") };
        let promoted = UserRecord { role: Role::Admin, ..ann() };

        let Ok(Principal::User(after)) = refresh_user(&before, &promoted) else { unreachable!("refused") };

        assert_eq!((after.role(), after.session_id()), (Role::Admin, Some(SESSION)));
        let gone = UserRecord { state: AccountState::Inactive, ..ann() };
        assert_eq!(refresh_user(&before, &gone), Err(CredentialError::Inactive));
    }

    #[test]
    fn a_ticket_needs_its_session_alive_and_ends_with_its_credential() {
        let principal = user(&token(), &ann(), LIVE).unwrap();
        let grant = TicketGrant::of(&principal, now() + TimeDelta::minutes(1)).unwrap();
        let kept: TicketGrant = serde_json::from_str(&serde_json::to_string(&grant).unwrap()).unwrap();

        assert_eq!(kept.authenticate_user(&ann(), Some(LIVE), now()), Ok(principal));
        assert_eq!(kept.authenticate_user(&ann(), None, now()), Err(CredentialError::Unknown));
        assert_eq!(
            kept.authenticate_user(&ann(), Some(LIVE), grant.ends_at()),
            Err(CredentialError::Unknown)
        );
        let other = UserRecord { tenant_id: TenantId(8), ..ann() };
        assert_eq!(kept.authenticate_user(&other, Some(LIVE), now()), Err(CredentialError::Unknown));
    }

    #[test]
    fn a_keys_ticket_authenticates_the_key_alone() {
        let facts = key_record(mint_api_key(KeyId(Uuid::from_u128(3)), Entropy).hash);
        let principal = active_key(&facts, now()).unwrap();
        let grant = TicketGrant::of(&principal, now() + TimeDelta::hours(24)).unwrap();

        assert_eq!(grant.authenticate_key(&facts, now()), Ok(principal));
        assert_eq!(
            grant.authenticate_key(&facts, now() + TimeDelta::seconds(1)),
            Err(CredentialError::Unknown)
        );
        assert_eq!(grant.authenticate_user(&ann(), Some(LIVE), now()), Err(CredentialError::Unknown));
    }
}
