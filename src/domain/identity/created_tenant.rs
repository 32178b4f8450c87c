//! A created tenant: the answer to its creation, and that answer as stored for a retry. The admin's link is a
//! secret, so it is not stored: its secret is a fingerprint of the request's key, which only a node with the signing
//! keys can derive again.

use serde::{Deserialize, Serialize};

use super::password_links::{self, PasswordLink};
use super::platform_op::PlatformOp;
use super::{Identity, tenant_view, view};
use crate::auth::fingerprint::{FingerprintSet, KeyedFingerprint};
use crate::auth::secret::{MintedSecret, SecretKind};
use crate::base::lookalike::Skeletons;
use crate::domain::error::Result;
use crate::protocol::tenant::TenantCreated;
use crate::protocol::user::PasswordLinkView;
use crate::storage::tenants::TenantRow;
use crate::storage::users::UserRow;
use crate::storage::{micros, time};

/// Separates these fingerprints from others.
const PURPOSE: &str = "first admin's link";

/// A created tenant, with its admin and the admin's link, if one was requested.
pub struct CreatedTenant {
    pub row: TenantRow,
    /// There is no link if this answers a retry and the key that its secret was derived with is gone.
    pub admin: Option<(UserRow, Option<PasswordLink>)>,
}

impl CreatedTenant {
    /// The answer to its creation.
    pub fn into_view(self) -> Result<TenantCreated> {
        let (admin, link) = self.admin.unzip();
        let tenant = tenant_view::tenant(self.row)?;
        Ok(TenantCreated {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            is_active: tenant.is_active,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            admin: admin.map(view::user).transpose()?,
            password_link: link.flatten().map(PasswordLinkView::from),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredTenant {
    id: i64,
    slug: String,
    name: String,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
    admin: Option<StoredAdmin>,
}

/// An admin without a password.
#[derive(Serialize, Deserialize)]
struct StoredAdmin {
    id: i64,
    username: String,
    username_key: String,
    email: String,
    email_key: String,
    role: String,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
    link: Option<StoredLink>,
}

#[derive(Serialize, Deserialize)]
struct StoredLink {
    /// The id of the key that the secret was derived with.
    kid: String,
    expires_at: i64,
}

/// The fingerprints for the link's secret, so that a retry returns the same link; `None` without a key.
pub(super) fn fingerprints(identity: &Identity, op: &PlatformOp) -> Option<FingerprintSet> {
    op.idempotency()
        .map(|operation| identity.ring().keyed_fingerprints(identity.now(), PURPOSE, operation.key_digest()))
}

/// The secret of a new link.
pub(super) fn link_secret(identity: &Identity, fingerprints: Option<&FingerprintSet>) -> MintedSecret {
    match fingerprints {
        Some(marks) => secret_of(marks.newest()),
        None => SecretKind::PasswordLink.mint(identity.services.entropy),
    }
}

fn secret_of(fingerprint: &KeyedFingerprint) -> MintedSecret {
    SecretKind::PasswordLink.from_bytes(fingerprint.bytes())
}

impl StoredTenant {
    pub(super) fn of(made: &CreatedTenant, fingerprints: Option<&FingerprintSet>) -> Self {
        let row = made.row.clone();
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
            admin: made.admin.as_ref().map(|(user, link)| StoredAdmin::of(user, link.as_ref(), fingerprints)),
        }
    }

    /// The answer as it was given.
    pub(super) fn restore(self, identity: &Identity, op: &PlatformOp) -> CreatedTenant {
        let marks = fingerprints(identity, op);
        let admin = self.admin.map(|admin| admin.restore(self.id, identity, marks.as_ref()));
        let row = TenantRow {
            id: self.id,
            slug: self.slug,
            name: self.name,
            is_active: self.is_active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            // A new tenant has none of its own.
            quotas: None,
            removal: None,
        };
        CreatedTenant { row, admin }
    }
}

impl StoredAdmin {
    fn of(user: &UserRow, link: Option<&PasswordLink>, fingerprints: Option<&FingerprintSet>) -> Self {
        let user = user.clone();
        let link = fingerprints.zip(link).map(|(marks, link)| StoredLink {
            kid: marks.newest().kid().to_owned(),
            expires_at: micros(link.expires_at),
        });
        Self {
            id: user.id,
            username: user.username,
            username_key: user.username_key,
            email: user.email,
            email_key: user.email_key,
            role: user.role,
            is_active: user.is_active,
            created_at: user.created_at,
            updated_at: user.updated_at,
            link,
        }
    }

    fn restore(
        self,
        tenant_id: i64,
        identity: &Identity,
        fingerprints: Option<&FingerprintSet>,
    ) -> (UserRow, Option<PasswordLink>) {
        let link = fingerprints.zip(self.link).and_then(|(marks, link)| {
            let mark = marks.iter().find(|mark| mark.kid() == link.kid)?;
            password_links::build_link(identity, &secret_of(mark), time(link.expires_at)).ok()
        });
        let skeletons = Skeletons::of(&self.username);
        let user = UserRow {
            id: self.id,
            tenant_id,
            username_skeleton: skeletons.shown,
            key_skeleton: skeletons.key,
            key_clash: None,
            username: self.username,
            username_key: self.username_key,
            email: self.email,
            email_key: self.email_key,
            display_name: None,
            avatar_url: None,
            role: self.role,
            password_hash: None,
            is_active: self.is_active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_at: None,
        };
        (user, link)
    }
}
