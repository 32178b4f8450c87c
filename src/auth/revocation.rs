//! Notice that a credential has ended. A hint: the store is authoritative, and new requests are checked against it.

use std::sync::Arc;

use crate::auth::principal::Principal;
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::protocol::problem::CloseCode;

/// What was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One sign-in: log-out, or a refresh token used twice.
    Session(SessionId),
    /// Several sign-ins of one account in one message: newer ones evicted them.
    SomeSessions(Arc<[SessionId]>),
    /// All sign-ins of an operator, except possibly one.
    OperatorSessions { operator: OperatorId, except: Option<SessionId> },
    /// All sign-ins of a user, except possibly one: the password was changed, or the user ended them.
    UserSessions { tenant: TenantId, user: UserId, except: Option<SessionId> },
    /// A user was deactivated or removed; the keys that they made end with them.
    User { tenant: TenantId, user: UserId },
    /// New role or name, or active again: nothing ends, but cached data of the user and their keys is stale.
    UserChanged { tenant: TenantId, user: UserId },
    /// An API key was revoked.
    Key(KeyId),
    /// A tenant was suspended, resumed or removed.
    Tenant(TenantId),
}

/// The subject of a revocation. Connections and cached accounts are indexed by subject, so that the cost of a
/// revocation depends only on what it affects.
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
    /// Its subjects: it does not affect anything that has none of them.
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

    /// How it closes a connection of this principal; `None` when it does not affect it.
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
