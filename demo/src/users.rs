//! The demo's users: an admin, a member and a viewer in each tenant, with passwords and access tokens to print, and
//! an API key. All are created anew for each demo, and valid for its own server only.

use std::net::SocketAddr;

use super::password::new_password;
use super::rest::{self, NewUser, RestClient};

/// The user name and the role of a tenant's first admin.
pub(crate) const ADMIN: &str = "admin";
const MEMBER: &str = "member";
const VIEWER: &str = "viewer";

/// A user with sign-in data.
pub(crate) struct DemoUser {
    /// The user name; the role has the same.
    pub(crate) name: &'static str,
    pub(crate) password: String,
    pub(crate) token: String,
}

/// All users of one tenant.
pub(crate) struct DemoUsers {
    pub(crate) admin: DemoUser,
    pub(crate) member: DemoUser,
    pub(crate) viewer: DemoUser,
    /// For an outside worker.
    pub(crate) key: String,
}

impl DemoUsers {
    /// Signs in as the admin that the tenant `slug` begins with, who adds the others and the key.
    pub(crate) async fn create(
        address: SocketAddr,
        slug: &str,
        admin_password: String,
    ) -> Result<Self, String> {
        let admin = DemoUser::sign_in(address, slug, ADMIN, admin_password).await?;
        let client = RestClient::new(address, &admin.token)?;
        let member = DemoUser::create(address, &client, slug, MEMBER).await?;
        let viewer = DemoUser::create(address, &client, slug, VIEWER).await?;
        let key = client.create_worker_key("a worker of the demo").await?;
        Ok(Self { admin, member, viewer, key })
    }

    pub(crate) fn all(&self) -> [&DemoUser; 3] {
        [&self.admin, &self.member, &self.viewer]
    }
}

impl DemoUser {
    async fn create(
        address: SocketAddr,
        admin: &RestClient,
        slug: &str,
        name: &'static str,
    ) -> Result<Self, String> {
        let password = new_password()?;
        // RFC 2606: a name under `.invalid` never exists. The server never shows such an address.
        let email = format!("{name}@{slug}.invalid");
        admin
            .create_user(&NewUser { username: name, email: &email, password: &password, role: name })
            .await?;
        Self::sign_in(address, slug, name, password).await
    }

    async fn sign_in(
        address: SocketAddr,
        slug: &str,
        name: &'static str,
        password: String,
    ) -> Result<Self, String> {
        let token = rest::sign_in(address, &format!("{slug}/{name}"), &password).await?;
        Ok(Self { name, password, token })
    }
}
