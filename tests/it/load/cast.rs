//! The people of two tenants, made through the command line, with tokens that outlive the test.

use super::node::Node;

pub const OPERATOR: &str = "oscar";
pub const PASSWORD: &str = "a nightingale sang in 1915";

/// A tenant's people by their tokens, and its worker's key. The worker's jobs are the member's.
#[derive(Clone)]
pub struct Company {
    pub slug: &'static str,
    pub admin: String,
    pub viewer: String,
    pub member: String,
    pub key: String,
}

#[derive(Clone)]
pub struct Cast {
    pub companies: Vec<Company>,
}

impl Cast {
    pub fn of(node: &Node) -> Self {
        let companies = ["acme", "other"].map(|slug| company(node, slug)).to_vec();
        let words = ["user", "create", "--operator", "--username", OPERATOR, "--password-stdin"];
        node.verb(&words, &format!("{PASSWORD}\n"));
        Self { companies }
    }
}

fn company(node: &Node, slug: &'static str) -> Company {
    node.verb(&["tenant", "create", "--slug", slug, "--name", slug], "");
    let [admin, viewer, member] =
        [("ann", "admin"), ("vic", "viewer"), ("max", "member")].map(|(name, role)| {
            node.verb(&["user", "create", "--tenant", slug, "--username", name, "--role", role], "");
            node.verb(&["token", "mint", "--tenant", slug, "--username", name], "")
        });
    let scopes = "jobs:run,properties:write";
    let words =
        ["key", "create", "--tenant", slug, "--username", "max", "--name", "worker", "--scopes", scopes];
    let key = node.verb(&words, "");
    Company { slug, admin, viewer, member, key }
}
