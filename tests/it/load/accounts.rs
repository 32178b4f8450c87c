//! The accounts of two tenants, made through the command line, with tokens that outlive the test.

use super::node::Node;

pub const OPERATOR: &str = "oscar";
pub const PASSWORD: &str = "a nightingale sang in 1915";

/// A tenant's accounts by their tokens, and its worker's key, which is the admin's. The worker's jobs are the member's.
#[derive(Clone)]
pub struct TenantAccounts {
    pub slug: &'static str,
    pub admin: String,
    pub viewer: String,
    pub member: String,
    pub key: String,
}

#[derive(Clone)]
pub struct Accounts {
    pub tenants: Vec<TenantAccounts>,
}

impl Accounts {
    pub fn create(node: &Node) -> Self {
        let tenants = ["acme", "other"].map(|slug| create_tenant(node, slug)).to_vec();
        let words = ["user", "create", "--operator", "--username", OPERATOR, "--password-stdin"];
        node.subcommand(&words, &format!("{PASSWORD}\n"));
        Self { tenants }
    }
}

fn create_tenant(node: &Node, slug: &'static str) -> TenantAccounts {
    node.subcommand(&["tenant", "create", "--slug", slug, "--name", slug], "");
    let [admin, viewer, member] =
        [("ann", "admin"), ("vic", "viewer"), ("max", "member")].map(|(name, role)| {
            node.subcommand(&["user", "create", "--tenant", slug, "--username", name, "--role", role], "");
            node.subcommand(&["token", "mint", "--tenant", slug, "--username", name], "")
        });
    let scopes = "jobs:run,properties:write";
    let words =
        ["key", "create", "--tenant", slug, "--username", "ann", "--name", "worker", "--scopes", scopes];
    let key = node.subcommand(&words, "");
    TenantAccounts { slug, admin, viewer, member, key }
}
