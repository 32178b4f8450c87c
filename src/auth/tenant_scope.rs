//! The tenant that a piece of work is bound to. A scope is proof, not a parameter: it is made from a verified
//! principal or, with a stated reason, for the system's own work. There is no other way to get one.

use crate::base::ids::TenantId;

/// Proof that the current work may access this tenant, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantScope {
    tenant_id: TenantId,
}

impl TenantScope {
    /// For `auth` alone: the tenant of a principal that was just verified.
    pub(in crate::auth) const fn of_principal(tenant_id: TenantId) -> Self {
        Self { tenant_id }
    }

    /// For work that no caller requested, or that happens before a caller is known. The reason is written where the
    /// scope is made, so that a search for [`SystemReason`] lists all code that acts without a principal.
    pub const fn for_system(_reason: SystemReason, tenant_id: TenantId) -> Self {
        Self { tenant_id }
    }

    /// The tenant.
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }
}

/// Why work is done without a principal. Also required to use the system connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemReason {
    /// A password is checked and a sign-in begun.
    Login,
    /// A refresh token or a one-time link is looked up before its owner is known.
    SecretLookup,
    /// An access token, ticket or key is matched with its row.
    CredentialLookup,
    /// A new tenant signs up.
    Registration,
    /// The account, sessions or work of an operator, which has no tenant.
    Operator,
    /// A broadcast is written to each tenant in turn.
    PlatformBroadcast,
    /// Leases that ran out are taken back.
    LeaseSweep,
    /// The heads of the logs are compared.
    HeadPoll,
    /// Merged progress and summaries are written periodically.
    MergedWrite,
    /// Rows past their retention are removed.
    Retention,
    /// The builtin crawler claims and runs jobs.
    Crawl,
    /// Jobs are polled for all waiting claims of a node.
    JobPoll,
    /// Abandoned uploads are removed.
    UploadSweep,
    /// The rooms of users that connected or disconnected are looked up.
    Presence,
    /// Readiness, version and metrics.
    Health,
    /// The schema is changed.
    Migration,
    /// The first tenant and user are created.
    Bootstrap,
    /// The demo fills itself with data.
    Demo,
    /// A subcommand, run with access to the database's address.
    CommandLine,
    /// A backup is written or restored.
    Backup,
    /// A tenant is removed.
    TenantRemoval,
    /// Quotas are read, and tenants notified that one is nearly used up.
    Quota,
    /// Jobs are started by the schedules of spiders.
    Schedule,
}

impl SystemReason {
    /// The reason's name, for logs and for the application name of a database connection.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SecretLookup => "secret_look_up",
            Self::CredentialLookup => "credential_look_up",
            Self::Registration => "registration",
            Self::Operator => "operator",
            Self::PlatformBroadcast => "platform_broadcast",
            Self::LeaseSweep => "lease_sweep",
            Self::HeadPoll => "head_poll",
            Self::MergedWrite => "merged_write",
            Self::Retention => "retention",
            Self::Crawl => "crawl",
            Self::JobPoll => "job_look",
            Self::UploadSweep => "upload_sweep",
            Self::Presence => "presence",
            Self::Health => "health",
            Self::Migration => "migration",
            Self::Bootstrap => "bootstrap",
            Self::Demo => "demo",
            Self::CommandLine => "command_line",
            Self::Backup => "backup",
            Self::TenantRemoval => "tenant_removal",
            Self::Quota => "quota",
            Self::Schedule => "schedule",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_shows_the_tenant_it_was_made_for() {
        let scope = TenantScope::for_system(SystemReason::LeaseSweep, TenantId(7));

        assert_eq!(scope.tenant_id(), TenantId(7));
        assert_ne!(scope, TenantScope::of_principal(TenantId(8)));
    }
}
