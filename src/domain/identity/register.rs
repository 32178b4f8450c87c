//! Registration: a new tenant with its first admin. Off unless the configuration allows it.

use std::net::IpAddr;

use super::audit::{Actor, entry};
use super::platform_op::PlatformOp;
use super::tenants::{self, FirstAdminAccount, NewTenant, insert_first_admin};
use super::tokens::SignedIn;
use super::validation::FieldErrors;
use super::{Identity, known_addresses, login_name};
use crate::auth::key_scope::Role;
use crate::auth::password::{HashingParty, Password};
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::mint::Subject;
use crate::base::ids::{SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::storage::audit_log;
use crate::storage::sessions::Owner;

pub struct Registration {
    pub tenant: NewTenant,
    pub username: String,
    pub email: String,
    pub password: String,
    pub client: IpAddr,
}

/// Fails if registration is off; called before anything of a registration is read.
pub fn require_open(identity: &Identity) -> Result<()> {
    if identity.settings.registration {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "Registration is off; ask an operator for a tenant."))
}

/// Creates the tenant and its admin, and signs the admin in.
pub async fn register(identity: &Identity, new: &Registration, origin: &Origin) -> Result<SignedIn> {
    require_open(identity)?;
    let (faults, username, email, password) = checked(new);
    faults.into_result()?;
    login_name::refuse_mixed_scripts(&["username"], &username)?;
    let password = password.ok_or_else(Problem::internal)?;
    // Counted against the address and never refunded: each one costs a hash and leaves rows behind.
    identity.count_address(new.client)?;
    let hash = identity.hash(HashingParty::NoTenant, &password).await?;
    let mut op = PlatformOp::of_system(&identity.services, SystemReason::Registration);
    op.origin = origin.clone();
    let tx = op.begin().await?;
    let tenant = TenantId(tenants::insert(&op, &tx, &new.tenant).await?.id);
    let first = FirstAdminAccount { username: &username, email: &email, hash: Some(&hash) };
    let admin = insert_first_admin(&op, &tx, tenant, &first).await?;
    let session_id = SessionId::new(&identity.services.clock);
    let owner = Owner::User(tenant, UserId(admin.id));
    let begun = identity.begin_session(&tx, owner, session_id, origin).await?;
    known_addresses::remember(identity, &tx, owner, new.client).await?;
    let who = Subject::User {
        user_id: UserId(admin.id),
        tenant_id: tenant,
        username,
        role: Role::Admin,
        session_id,
    };
    let entry = entry(Actor::of_subject(&who), "tenant.registered", Some(session_id), origin, op.now());
    audit_log::insert_by_system(&tx, Some(tenant), entry).await?;
    tx.commit().await?;
    identity.issue_tokens(who, begun.refresh)
}

/// Every bad field of a registration.
pub fn validate(new: &Registration) -> Vec<FieldError> {
    checked(new).0.into_errors()
}

fn checked(new: &Registration) -> (FieldErrors, String, String, Option<Password>) {
    let mut faults = FieldErrors::default();
    tenants::check(&mut faults, &["tenant"], &new.tenant);
    let username = faults.username(&["username"], &new.username);
    let email = faults.email(&["email"], &new.email);
    let password = faults.password(&["password"], &new.password, &username);
    (faults, username, email, password)
}
