//! Narrows a user's API keys when their role is lowered: the keys lose the scopes that the role may not
//! grant, and a key without scopes is revoked. A higher role restores nothing.

use std::collections::BTreeSet;

use crate::auth::key_scope::{KeyScopes, Role};
use crate::base::ids::UserId;
use crate::domain::error::Result;
use crate::domain::op::{AuditEntry, Op};
use crate::protocol::problem::Problem;
use crate::storage::{TenantTx, api_keys, micros};

/// Removes what `role` may not grant from the user's keys, in the transaction that sets it. The user is locked.
pub(super) async fn narrow(op: &Op, tx: &TenantTx, user: UserId, role: Role) -> Result<()> {
    let now = micros(op.now());
    let (mut taken, mut narrowed, mut ended) = (BTreeSet::new(), 0, 0);
    // One statement for each distinct set of scopes, of which there are few, however many keys have it.
    for text in api_keys::scopes_of_user(tx, user).await? {
        let scopes: KeyScopes = text.parse().map_err(|_| unreadable())?;
        let left = scopes.grantable_by(role);
        if left == scopes {
            continue;
        }
        taken.extend(scopes.iter().filter(|scope| !left.contains(*scope)));
        if left.is_empty() {
            ended += api_keys::revoke_with_scopes(tx, user, &text, now).await?;
        } else {
            narrowed += api_keys::narrow(tx, user, &text, &left.to_string()).await?;
        }
    }
    if narrowed + ended == 0 {
        return Ok(());
    }
    let taken: Vec<String> = taken.iter().map(ToString::to_string).collect();
    let entry = AuditEntry {
        action: "api_keys.narrowed",
        target_kind: "user",
        target_id: user.to_string(),
        detail: Some(serde_json::json!({
            "role": role.name(), "taken": taken, "narrowed": narrowed, "revoked": ended,
        })),
    };
    op.audit(tx, entry).await
}

fn unreadable() -> Problem {
    tracing::error!("the scopes of an API key in the store are not readable");
    Problem::internal()
}
