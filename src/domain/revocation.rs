//! Word that a credential no longer holds. A passing hint: the store has the truth, and every new request asks it.

use std::sync::Arc;

use crate::auth::principal::Principal;
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::protocol::problem::CloseCode;

/// What has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One sign-in: log-out, or a refresh token used twice.
    Session(SessionId),
    /// Some sign-ins of one account, in one word: they made room for newer ones.
    SomeSessions(Arc<[SessionId]>),
    /// All sign-ins of an operator, but perhaps one.
    OperatorSessions { operator: OperatorId, except: Option<SessionId> },
    /// All sign-ins of a user, but perhaps one: the password was changed, or the user ended them.
    UserSessions { tenant: TenantId, user: UserId, except: Option<SessionId> },
    /// A user was deactivated or removed; the keys that they made end with them.
    User { tenant: TenantId, user: UserId },
    /// A user has another role or name, or may come back: nothing ends, but what was known of them and their keys is old.
    UserChanged { tenant: TenantId, user: UserId },
    /// An API key was revoked.
    Key(KeyId),
    /// A tenant was suspended.
    Tenant(TenantId),
}

/// What a revocation is about. Connections and cached accounts are indexed by their subjects, so that a revocation costs
/// what it concerns and no walk over everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RevocationSubject {
    Session(SessionId),
    /// The user, and the keys that the user made.
    User(TenantId, UserId),
    Key(KeyId),
    Tenant(TenantId),
    Operator(OperatorId),
}

impl RevocationSubject {
    /// The subjects that a principal's credential depends on.
    pub fn of(principal: &Principal) -> impl Iterator<Item = Self> + use<> {
        let subjects = match principal {
            Principal::User(user) => [
                user.session_id().map(Self::Session),
                Some(Self::User(user.tenant_id(), user.user_id())),
                Some(Self::Tenant(user.tenant_id())),
            ],
            Principal::Key(key) => [
                Some(Self::Key(key.key_id())),
                Some(Self::User(key.tenant_id(), key.made_by())),
                Some(Self::Tenant(key.tenant_id())),
            ],
            Principal::Operator(operator) => [
                Some(Self::Session(operator.session_id())),
                Some(Self::Operator(operator.operator_id())),
                None,
            ],
        };
        subjects.into_iter().flatten()
    }
}

impl Revocation {
    /// What it is about: it concerns nothing that has none of these subjects.
    pub fn subjects(&self) -> Vec<RevocationSubject> {
        match self {
            Self::Session(session) => vec![RevocationSubject::Session(*session)],
            Self::SomeSessions(some) => some.iter().copied().map(RevocationSubject::Session).collect(),
            Self::UserSessions { tenant, user, .. }
            | Self::User { tenant, user }
            | Self::UserChanged { tenant, user } => vec![RevocationSubject::User(*tenant, *user)],
            Self::OperatorSessions { operator, .. } => vec![RevocationSubject::Operator(*operator)],
            Self::Key(key) => vec![RevocationSubject::Key(*key)],
            Self::Tenant(tenant) => vec![RevocationSubject::Tenant(*tenant)],
        }
    }

    /// How it ends a connection of this principal; `None` when it does not concern it.
    pub fn close_reason_for(
        &self,
        tenant_id: TenantId,
        principal: &Principal,
    ) -> Option<(CloseCode, &'static str)> {
        let is_user = |user: &UserId, tenant: &TenantId| {
            *tenant == tenant_id && principal.user_id().as_ref() == Some(user)
        };
        let is_of = |user: &UserId, tenant: &TenantId| {
            *tenant == tenant_id && principal.owner_id().as_ref() == Some(user)
        };
        match self {
            Self::Session(session) if principal.session_id() == Some(*session) => {
                Some((CloseCode::SessionRevoked, "session revoked"))
            }
            Self::SomeSessions(some) if principal.session_id().is_some_and(|own| some.contains(&own)) => {
                Some((CloseCode::SessionRevoked, "session revoked"))
            }
            Self::UserSessions { tenant, user, except } if is_user(user, tenant) => {
                let spared = except.is_some() && principal.session_id() == *except;
                (!spared).then_some((CloseCode::SessionRevoked, "session revoked"))
            }
            Self::User { tenant, user } if is_of(user, tenant) => {
                Some((CloseCode::Forbidden, "User not found or inactive"))
            }
            Self::Key(key) if principal.key_id() == Some(*key) => {
                Some((CloseCode::SessionRevoked, "key revoked"))
            }
            Self::Tenant(tenant) if *tenant == tenant_id => Some((CloseCode::Forbidden, "tenant suspended")),
            Self::OperatorSessions { operator, except } if matches!(principal, Principal::Operator(own) if own.operator_id() == *operator) =>
            {
                let spared = except.is_some() && principal.session_id() == *except;
                (!spared).then_some((CloseCode::SessionRevoked, "session revoked"))
            }
            Self::OperatorSessions { .. }
            | Self::SomeSessions(_)
            | Self::Session(_)
            | Self::UserSessions { .. }
            | Self::User { .. }
            | Self::UserChanged { .. }
            | Self::Key(_)
            | Self::Tenant(_) => None,
        }
    }
}
