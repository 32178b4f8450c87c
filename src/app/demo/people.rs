//! The demo's users: an admin, a member and a viewer in each tenant, with passwords and access tokens to print, and an
//! API key. All are made anew for each demo, and good for nothing but its own server.

use secrecy::SecretString;

use crate::auth::role::{KeyScope, Role};
use crate::base::entropy::Entropy;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::identity::bootstrap::{self, KeyWish, Newcomer};

/// Characters of a password: 96 bits, short enough to be copied by hand.
const PASSWORD_CHARS: usize = 16;

/// Somebody who can sign in.
pub(super) struct Person {
    /// The user name is the role's.
    pub(super) role: Role,
    pub(super) password: String,
    pub(super) token: String,
}

/// Everybody of one tenant.
pub(super) struct People {
    pub(super) admin: Person,
    pub(super) member: Person,
    pub(super) viewer: Person,
    /// For an outside worker.
    pub(super) key: String,
}

impl People {
    /// Makes the tenant with all its users.
    pub(super) async fn settle(identity: &Identity, slug: &str, name: &str) -> Result<Self> {
        bootstrap::create_tenant(identity, slug, name).await?;
        let admin = Person::make(identity, slug, Role::Admin).await?;
        let member = Person::make(identity, slug, Role::Member).await?;
        let viewer = Person::make(identity, slug, Role::Viewer).await?;
        let scopes = KeyScope::ALL;
        let wish = KeyWish {
            username: Some(Role::Member.name()),
            name: "a worker of the demo",
            scopes: &scopes,
            expires_at: None,
        };
        let key = bootstrap::create_key(identity, slug, &wish).await?.text.expose().to_owned();
        Ok(Self { admin, member, viewer, key })
    }

    pub(super) fn all(&self) -> [&Person; 3] {
        [&self.admin, &self.member, &self.viewer]
    }
}

impl Person {
    async fn make(identity: &Identity, tenant: &str, role: Role) -> Result<Self> {
        let mut password = Entropy.token();
        password.truncate(PASSWORD_CHARS);
        let secret = SecretString::from(password.clone());
        let new = Newcomer { username: role.name(), email: None, role, password: Some(&secret) };
        bootstrap::create_user(identity, tenant, &new).await?;
        let token = bootstrap::mint_token(identity, tenant, role.name(), None).await?;
        Ok(Self { role, password, token: token.text.expose().to_owned() })
    }
}
