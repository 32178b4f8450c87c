//! One-time links with which a user sets a password. An admin passes them on, so that no mail is needed.

use chrono::{DateTime, Utc};

use super::{Identity, secret_hash};
use crate::auth::permission::Permission;
use crate::auth::secret::{MintedSecret, SecretKind};
use crate::base::ids::{TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::{AuditEntry, Op};
use crate::protocol::problem::{Code, Problem};
use crate::storage::password_links::{self, NewPasswordLink};
use crate::storage::{SystemTx, micros, users};

/// A created link; it is shown only once.
pub struct PasswordLink {
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

/// Creates a link for a user. Older links of the user become invalid.
pub async fn create(identity: &Identity, op: &Op, user: UserId) -> Result<PasswordLink> {
    op.require(Permission::ManageUsers)?;
    require_public_url(identity)?;
    let change = op.begin().await?;
    let row = users::lock(&change.tx, user).await?.ok_or_else(Problem::not_found)?;
    if !row.is_active {
        return Err(Problem::new(Code::Conflict, "The user is deactivated; activate them first."));
    }
    let now = op.now();
    let minted = mint(identity, SecretKind::PasswordLink.mint(identity.services.entropy))?;
    password_links::spend_all(&change.tx, user, micros(now)).await?;
    let created_by = op.principal().and_then(|principal| principal.owner_id());
    password_links::insert(&change.tx, &minted.row(user, created_by)).await?;
    let entry = AuditEntry {
        action: "password_link.created",
        target_kind: "user",
        target_id: user.to_string(),
        detail: None,
    };
    op.audit(&change.tx, entry).await?;
    op.commit(change).await?;
    Ok(minted.link)
}

/// A link for a tenant's first admin, in the transaction that creates the tenant.
pub(super) async fn create_in(
    identity: &Identity,
    tx: &SystemTx,
    tenant: TenantId,
    user: UserId,
    secret: MintedSecret,
) -> Result<PasswordLink> {
    let minted = mint(identity, secret)?;
    password_links::insert_in(tx, tenant, &minted.row(user, None)).await?;
    Ok(minted.link)
}

/// A link and its stored form.
struct Minted {
    link: PasswordLink,
    hash: String,
    now: DateTime<Utc>,
}

fn mint(identity: &Identity, secret: MintedSecret) -> Result<Minted> {
    let now = identity.now();
    let link = build_link(identity, &secret, identity.latest() + identity.settings.password_link_ttl)?;
    Ok(Minted { link, hash: secret_hash::to_store(&secret.hash), now })
}

/// Fails if no link can be made; called before anything is stored that needs a link.
pub fn require_public_url(identity: &Identity) -> Result<()> {
    public_url(identity).map(|_| ())
}

fn public_url(identity: &Identity) -> Result<&str> {
    let words =
        "No link can be made: the server does not know the address that people open. Set server.public_url.";
    identity.settings.public_url.as_deref().ok_or_else(|| Problem::new(Code::Conflict, words))
}

/// The link that carries a secret.
pub(super) fn build_link(
    identity: &Identity,
    secret: &MintedSecret,
    expires_at: DateTime<Utc>,
) -> Result<PasswordLink> {
    // In the fragment: it is never sent to a server, and so is in no log.
    let url = format!("{}/set-password#token={}", public_url(identity)?, secret.text.expose());
    Ok(PasswordLink { url, expires_at })
}

impl Minted {
    fn row(&self, user: UserId, created_by: Option<UserId>) -> NewPasswordLink<'_> {
        NewPasswordLink {
            user,
            secret_hash: &self.hash,
            created_by,
            now: micros(self.now),
            expires_at: micros(self.link.expires_at),
        }
    }
}
