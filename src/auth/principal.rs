//! The verified caller. A principal exists only after its credential was verified and compared with the store
//! (`authenticate.rs`): fields are private and the constructors stay inside `auth`.

use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};

use super::key_scope::{KeyScopes, Role};
use super::tenant_scope::TenantScope;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person of a tenant.
    User(UserPrincipal),
    /// An API key of a tenant: a worker or a program.
    Key(KeyPrincipal),
    /// A platform account, which has no tenant and therefore no scope.
    Operator(OperatorPrincipal),
}

impl Principal {
    /// The tenant that the caller's work is bound to; none for an operator.
    pub fn scope(&self) -> Option<TenantScope> {
        match self {
            Self::User(user) => Some(user.scope),
            Self::Key(key) => Some(key.scope),
            Self::Operator(_) => None,
        }
    }

    /// The user that calls; `None` for a key, even though a user created it.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user.user_id),
            Self::Key(_) | Self::Operator(_) => None,
        }
    }

    /// The user that owns what this caller creates: for a key, its creator.
    pub fn owner_id(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user.user_id),
            Self::Key(key) => Some(key.made_by),
            Self::Operator(_) => None,
        }
    }

    /// The key that calls.
    pub fn key_id(&self) -> Option<KeyId> {
        match self {
            Self::Key(key) => Some(key.key_id),
            Self::User(_) | Self::Operator(_) => None,
        }
    }

    /// The sign-in that the credential belongs to; foreign tokens and keys have none.
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::User(user) => user.session_id,
            Self::Operator(operator) => Some(operator.session_id),
            Self::Key(_) => None,
        }
    }
}

/// A person of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPrincipal {
    pub(in crate::auth) scope: TenantScope,
    pub(in crate::auth) user_id: UserId,
    pub(in crate::auth) username: String,
    pub(in crate::auth) role: Role,
    pub(in crate::auth) session_id: Option<SessionId>,
}

impl UserPrincipal {
    /// The tenant that the person belongs to, as proof.
    pub fn scope(&self) -> TenantScope {
        self.scope
    }

    pub fn tenant_id(&self) -> TenantId {
        self.scope.tenant_id()
    }

    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    pub fn username(&self) -> &str {
        &self.username
    }

    /// The role that the store had when the principal was made: a token's own claim is never used.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The sign-in; none for a foreign token.
    pub fn session_id(&self) -> Option<SessionId> {
        self.session_id
    }
}

/// An API key of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrincipal {
    pub(in crate::auth) scope: TenantScope,
    pub(in crate::auth) key_id: KeyId,
    pub(in crate::auth) made_by: UserId,
    pub(in crate::auth) scopes: KeyScopes,
}

impl KeyPrincipal {
    /// The tenant that the key belongs to, as proof.
    pub fn scope(&self) -> TenantScope {
        self.scope
    }

    pub fn tenant_id(&self) -> TenantId {
        self.scope.tenant_id()
    }

    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The user that created the key and owns the jobs that it creates.
    pub fn made_by(&self) -> UserId {
        self.made_by
    }

    pub fn scopes(&self) -> &KeyScopes {
        &self.scopes
    }
}

/// A platform account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorPrincipal {
    pub(in crate::auth) operator_id: OperatorId,
    pub(in crate::auth) username: String,
    pub(in crate::auth) session_id: SessionId,
}

impl OperatorPrincipal {
    pub fn operator_id(&self) -> OperatorId {
        self.operator_id
    }

    pub fn username(&self) -> &str {
        &self.username
    }

    pub fn session_id(&self) -> SessionId {
        self.session_id
    }
}

/// Principals for the unit tests of every layer; in production only `authenticate` makes one.
#[cfg(test)]
pub(crate) mod sample {
    use uuid::Uuid;

    use super::*;
    use crate::auth::key_scope::KeyScope;

    pub(crate) const TENANT: TenantId = TenantId(1);
    pub(crate) const USER: UserId = UserId(41);

    pub(crate) fn user(role: Role) -> Principal {
        user_of(TENANT, USER, role)
    }

    pub(crate) fn user_of(tenant_id: TenantId, user_id: UserId, role: Role) -> Principal {
        Principal::User(UserPrincipal {
            scope: TenantScope::of_principal(tenant_id),
            user_id,
            username: "ann".into(),
            role,
            session_id: Some(SessionId(Uuid::nil())),
        })
    }

    pub(crate) fn key(scopes: &[KeyScope]) -> Principal {
        key_of(TENANT, USER, scopes)
    }

    pub(crate) fn key_of(tenant_id: TenantId, made_by: UserId, scopes: &[KeyScope]) -> Principal {
        Principal::Key(KeyPrincipal {
            scope: TenantScope::of_principal(tenant_id),
            // One key per creator, so that two workers of a test differ.
            key_id: KeyId(Uuid::from_u128(u128::from(made_by.0.unsigned_abs()))),
            made_by,
            scopes: scopes.iter().copied().collect(),
        })
    }

    pub(crate) fn operator() -> Principal {
        Principal::Operator(OperatorPrincipal {
            operator_id: OperatorId(9),
            username: "root".into(),
            session_id: SessionId(Uuid::nil()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::KeyScope;

    #[test]
    fn a_key_is_no_user_but_acts_for_its_creator() {
        let key = sample::key(&[KeyScope::JobsRun]);

        assert_eq!(key.user_id(), None);
        assert_eq!(key.owner_id(), Some(sample::USER));
        assert_eq!(key.session_id(), None);
    }

    #[test]
    fn an_operator_has_no_tenant() {
        let operator = sample::operator();

        assert_eq!(operator.scope(), None);
        assert_eq!(operator.owner_id(), None);
    }
}
