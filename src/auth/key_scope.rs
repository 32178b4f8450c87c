//! The closed sets that authority is granted by: roles of users (the wire names them), scopes of API keys.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::protocol::role::{Role, UnknownRole};

/// One thing that an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyScope {
    #[serde(rename = "jobs:run")]
    JobsRun,
    #[serde(rename = "properties:write")]
    PropertiesWrite,
    #[serde(rename = "logs:write")]
    LogsWrite,
    #[serde(rename = "events:read")]
    EventsRead,
}

impl KeyScope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::JobsRun, Self::PropertiesWrite, Self::LogsWrite, Self::EventsRead];

    /// The scope's name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JobsRun => "jobs:run",
            Self::PropertiesWrite => "properties:write",
            Self::LogsWrite => "logs:write",
            Self::EventsRead => "events:read",
        }
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not a scope of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's scope is one of jobs:run, properties:write, logs:write, events:read")]
pub struct UnknownKeyScope;

impl FromStr for KeyScope {
    type Err = UnknownKeyScope;

    fn from_str(text: &str) -> Result<Self, UnknownKeyScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(UnknownKeyScope)
    }
}

/// The scopes of one key. As text, in the store, they are separated by single spaces and in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyScopes(BTreeSet<KeyScope>);

impl KeyScopes {
    /// Whether the key has `scope`.
    pub fn contains(&self, scope: KeyScope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether the key has no scope at all, and therefore no permission.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes that `role` may grant.
    #[must_use]
    pub fn grantable_by(&self, role: Role) -> Self {
        self.iter().filter(|scope| scope.min_granting_role() <= role).collect()
    }

    /// The scopes, in the order of [`KeyScope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = KeyScope> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<KeyScope> for KeyScopes {
    fn from_iter<I: IntoIterator<Item = KeyScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for KeyScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl FromStr for KeyScopes {
    type Err = UnknownKeyScope;

    fn from_str(text: &str) -> Result<Self, UnknownKeyScope> {
        text.split(' ').filter(|name| !name.is_empty()).map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_json() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.to_string());
        }
        for scope in KeyScope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.to_string());
        }
    }

    #[test]
    fn an_operator_is_not_a_role_and_case_matters() {
        for text in ["operator", "Admin", "admin ", "", "owner"] {
            assert_eq!(text.parse::<Role>(), Err(UnknownRole));
        }
        for text in ["jobs", "jobs:RUN", "*", ""] {
            assert_eq!(text.parse::<KeyScope>(), Err(UnknownKeyScope));
        }
    }

    #[test]
    fn scopes_survive_the_store() {
        let scopes: KeyScopes = [KeyScope::EventsRead, KeyScope::JobsRun].into_iter().collect();

        assert_eq!(scopes.to_string(), "jobs:run events:read");
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
        assert_eq!("".parse(), Ok(KeyScopes::default()));
        assert_eq!("jobs:run root".parse::<KeyScopes>(), Err(UnknownKeyScope));
    }
}
