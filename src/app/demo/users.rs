//! The demo's users: an admin, a member and a viewer in each tenant, with passwords and access tokens to print, and
//! an API key. All are created anew for each demo, and valid for its own server only.

use secrecy::SecretString;

use crate::auth::key_scope::{KeyScope, Role};
use crate::base::entropy::Entropy;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::identity::bootstrap::{self, BootstrapKey, BootstrapUser};

/// Characters of a password: 96 bits, short enough to be typed.
const PASSWORD_CHARS: usize = 16;

/// A user with sign-in data.
pub(super) struct DemoUser {
    /// The user name is the role's.
    pub(super) role: Role,
    pub(super) password: String,
    pub(super) token: String,
}

/// All users of one tenant.
pub(super) struct DemoUsers {
    pub(super) admin: DemoUser,
    pub(super) member: DemoUser,
    pub(super) viewer: DemoUser,
    /// For an outside worker.
    pub(super) key: String,
}

impl DemoUsers {
    /// Creates the tenant with all its users.
    pub(super) async fn create(identity: &Identity, slug: &str, name: &str) -> Result<Self> {
        bootstrap::create_tenant(identity, slug, name).await?;
        let admin = DemoUser::create(identity, slug, Role::Admin).await?;
        let member = DemoUser::create(identity, slug, Role::Member).await?;
        let viewer = DemoUser::create(identity, slug, Role::Viewer).await?;
        let scopes = KeyScope::ALL;
        let new_key = BootstrapKey {
            username: Some(Role::Member.name()),
            name: "a worker of the demo",
            scopes: &scopes,
            expires_at: None,
        };
        let key = bootstrap::create_key(identity, slug, &new_key).await?.text.expose().to_owned();
        Ok(Self { admin, member, viewer, key })
    }

    pub(super) fn all(&self) -> [&DemoUser; 3] {
        [&self.admin, &self.member, &self.viewer]
    }
}

impl DemoUser {
    async fn create(identity: &Identity, tenant: &str, role: Role) -> Result<Self> {
        let mut password = Entropy.token();
        password.truncate(PASSWORD_CHARS);
        let secret = SecretString::from(password.clone());
        let new = BootstrapUser { username: role.name(), email: None, role, password: Some(&secret) };
        bootstrap::create_user(identity, tenant, &new).await?;
        let token = bootstrap::mint_token(identity, tenant, role.name(), None).await?;
        Ok(Self { role, password, token: token.text.expose().to_owned() })
    }
}
