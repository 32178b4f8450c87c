//! The contents of a verified token. Fields are private, so that a value of these types proves that a signature was
//! checked; it is still a claim about the past, which `authenticate` compares with the current records.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::auth::key_scope::Role;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};

/// A token with a valid signature, times, issuer and audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Our own token of a person.
    User(VerifiedUser),
    /// Our own token of an operator.
    Operator(VerifiedOperator),
    /// A token of an existing back end.
    Foreign(VerifiedForeign),
}

impl Verified {
    /// When the token ends, without leeway.
    pub fn expires_at(&self) -> DateTime<Utc> {
        match self {
            Self::User(user) => user.own.expires_at,
            Self::Operator(operator) => operator.own.expires_at,
            Self::Foreign(foreign) => foreign.expires_at,
        }
    }
}

/// The claims that all of our own tokens have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::auth) struct CommonClaims {
    pub(in crate::auth) session_id: SessionId,
    pub(in crate::auth) username: String,
    pub(in crate::auth) jti: String,
    pub(in crate::auth) issued_at: DateTime<Utc>,
    pub(in crate::auth) expires_at: DateTime<Utc>,
}

macro_rules! own_accessors {
    ($name:ident) => {
        impl $name {
            /// The sign-in that the token belongs to.
            pub fn session_id(&self) -> SessionId {
                self.own.session_id
            }

            /// The user name at the time of signing; it may have changed since.
            pub fn username(&self) -> &str {
                &self.own.username
            }

            /// The token's own id, which unlike the token may be logged.
            pub fn jti(&self) -> &str {
                &self.own.jti
            }

            pub fn issued_at(&self) -> DateTime<Utc> {
                self.own.issued_at
            }

            pub fn expires_at(&self) -> DateTime<Utc> {
                self.own.expires_at
            }
        }
    };
}

/// Our own token of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedUser {
    pub(in crate::auth) own: CommonClaims,
    pub(in crate::auth) user_id: UserId,
    pub(in crate::auth) tenant_id: TenantId,
    pub(in crate::auth) role: Role,
}

own_accessors!(VerifiedUser);

impl VerifiedUser {
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The role at the time of signing. Nothing is decided by it: the stored role is.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// Our own token of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedOperator {
    pub(in crate::auth) own: CommonClaims,
    pub(in crate::auth) operator_id: OperatorId,
}

own_accessors!(VerifiedOperator);

impl VerifiedOperator {
    pub fn operator_id(&self) -> OperatorId {
        self.operator_id
    }
}

/// The user that a foreign token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignSubject {
    Username(String),
    UserId(UserId),
}

/// A token of an existing back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedForeign {
    pub(in crate::auth) issuer: Arc<str>,
    pub(in crate::auth) subject: ForeignSubject,
    pub(in crate::auth) tenants: Arc<[String]>,
    pub(in crate::auth) expires_at: DateTime<Utc>,
}

impl VerifiedForeign {
    /// The issuer's name in the configuration.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn subject(&self) -> &ForeignSubject {
        &self.subject
    }

    /// Slugs of the only tenants in which the subject may be looked up.
    pub fn tenants(&self) -> &[String] {
        &self.tenants
    }

    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}
