//! Settings of accounts and credentials.

use chrono::TimeDelta;

use crate::auth::token::mint::Lifetime;

/// Configuration of accounts and credentials.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    pub access_ttl: Lifetime,
    /// Lifetime of a sign-in that is not refreshed.
    pub refresh_ttl: TimeDelta,
    pub password_link_ttl: TimeDelta,
    /// Whether anyone may register a tenant of their own.
    pub registration: bool,
    /// The tenant in which a bare user name is looked up.
    pub default_tenant: Option<String>,
    /// Concurrent sign-ins of one account; a new one beyond the limit evicts the least recently used one.
    pub sessions_per_account: u64,
    /// Sign-ins and refreshes of one account per minute; `None`: no limit.
    pub sign_ins_per_account: Option<u64>,
    /// The same for all accounts of a tenant; `None`: no limit.
    pub sign_ins_per_tenant: Option<u64>,
    /// Public URL of the server without a trailing slash; password links begin with it. None: not known, so
    /// no links are made.
    pub public_url: Option<String>,
}
