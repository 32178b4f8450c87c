//! Notifies a tenant's admins, once, of users with a name or address that became another's when keys were recomputed.

use super::error::Result;
use super::notifications;
use super::op::{Op, Services};
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::epoch_seconds;
use crate::base::ids::{TenantId, UserId};
use crate::protocol::event::Event;
use crate::protocol::message::{AdminNotification, Logged};
use crate::storage::users::{self, UserRow};

/// Users read at once.
const BATCH: u64 = 100;

/// Notifies of all clashes that have not been reported yet; returns how many there were.
pub async fn notify_admins(services: &Services) -> Result<u64> {
    let mut notified = 0;
    loop {
        let tx = services.db.system(SystemReason::Migration).read().await?;
        let users = users::find_unreported_clashes(&tx, BATCH).await?;
        drop(tx);
        if users.is_empty() {
            return Ok(notified);
        }
        for user in &users {
            notify_of(services, user).await?;
            notified += 1;
        }
    }
}

async fn notify_of(services: &Services, user: &UserRow) -> Result<()> {
    let op = Op::of_system(services, SystemReason::Migration, TenantId(user.tenant_id));
    let mut change = op.begin().await?;
    // Of several nodes that start concurrently, one notifies.
    if !users::record_clash_reported(&change.tx, UserId(user.id)).await? {
        return Ok(());
    }
    let message = AdminNotification {
        category: "admin".to_owned(),
        message: words(user),
        timestamp: epoch_seconds(op.now()),
        broadcast_id: None,
        sender_id: None,
        logged: Logged::default(),
    };
    notifications::notify(&op, &mut change, Event::AdminNotice { message }).await?;
    op.commit(change).await?;
    Ok(())
}

const UNTIL_RENAMED: &str = "both sign in as before, each with their own spelling, until one of them is given another \
                             `username` by PATCH /users/{user_id} or `lotline user rename`.";

fn words(user: &UserRow) -> String {
    let (fields, advice) = match user.key_clash.as_deref() {
        Some("email") => ("e-mail address", "give this user another address."),
        Some("username") => ("user name", UNTIL_RENAMED),
        _ => ("user name and e-mail address", UNTIL_RENAMED),
    };
    format!(
        "The {fields} of user {} ({}) is now the same as that of an older user, because case and spelling are compared as \
         Unicode has it: {advice}",
        user.id, user.username,
    )
}
