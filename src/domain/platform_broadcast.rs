//! Broadcasts of an operator to all tenants: stored first, then written to each tenant once, also after a crash.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::broadcast::check_text;
use super::error::Result;
use super::idempotency::Begin;
use super::identity::platform_op::PlatformOp;
use super::notifications;
use super::op::{AuditEntry, Op, Services};
use crate::auth::permission::Permission;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::{BroadcastId, NotificationId, TenantId};
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, SystemNotification};
use crate::protocol::routing::Audience;
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::notifications as notification_rows;
use crate::storage::platform_broadcasts::{self, NewPlatformBroadcast, PlatformBroadcastRow};
use crate::storage::{micros, tenants, time};

/// Tenants written between two updates of the stored progress.
const PAGE: u64 = 100;

/// Stores the broadcast; [`flush`] writes it to the tenants.
pub async fn send(
    op: &PlatformOp,
    message: &str,
    category: Option<&str>,
    start_time: Option<DateTime<Utc>>,
) -> Result<BroadcastId> {
    op.require(Permission::BroadcastAll)?;
    check_text(message, category)?;
    // Stored once; `flush` ensures that each tenant gets it once.
    let tx = match op.begin_idempotent().await? {
        Begin::Execute(tx) => tx,
        Begin::Replay(id) => return Ok(id),
    };
    let id = BroadcastId::new(&op.services.clock);
    let now = micros(op.now());
    let start_time = start_time.map_or(now, micros);
    let (sent_by, sender_name) = op.operator().unzip();
    let new = NewPlatformBroadcast { id, message, category, start_time, now, sent_by, sender_name };
    platform_broadcasts::insert(&tx, new).await?;
    let entry = AuditEntry {
        action: "broadcast.sent",
        target_kind: "broadcast",
        target_id: id.to_string(),
        detail: None,
    };
    op.audit(&tx, None, entry).await?;
    op.commit_idempotent(tx, &id).await?;
    Ok(id)
}

/// Writes stored broadcasts to the tenants that do not have them yet; returns the number of writes.
pub async fn flush(services: &Services) -> Result<u64> {
    let mut written = 0;
    loop {
        let tx = services.db.system(SystemReason::PlatformBroadcast).read().await?;
        let Some(row) = platform_broadcasts::unfinished(&tx).await? else { return Ok(written) };
        let page = tenants::list(&tx, Some(row.after_tenant), PAGE).await?;
        drop(tx);
        for tenant in page.iter().filter(|tenant| tenant.is_active) {
            written += u64::from(deliver(services, TenantId(tenant.id), &row).await?);
            reach(Failpoint::PlatformBroadcast);
        }
        let tx = services.db.system(SystemReason::PlatformBroadcast).begin().await?;
        let id = BroadcastId(row.id);
        match page.last() {
            Some(last) => platform_broadcasts::advance(&tx, id, TenantId(last.id)).await?,
            None => platform_broadcasts::finish(&tx, id, micros(services.clock.now())).await?,
        }
        tx.commit().await?;
    }
}

/// Writes it to one tenant unless it is there: a crash may have prevented the update of the progress.
async fn deliver(services: &Services, tenant: TenantId, row: &PlatformBroadcastRow) -> Result<bool> {
    let op = Op::of_system(services, SystemReason::PlatformBroadcast, tenant);
    let notification_id = notification_id(row, tenant);
    let mut change = op.begin().await?;
    if notification_rows::find(&change.tx, notification_id).await?.is_some() {
        return Ok(false);
    }
    let message = SystemNotification {
        category: row.category.clone().unwrap_or_else(|| "general".to_owned()),
        message: row.message.clone(),
        start_time: rfc3339(time(row.start_time)),
        timestamp: epoch_seconds(op.now()),
        broadcast_id: row.id.to_string(),
        sender_id: None,
        logged: Logged::default(),
    };
    let event = Event::Broadcast { audience: Audience::Everyone, message };
    notifications::notify_as(&op, &mut change, event, notification_id).await?;
    audit_log::insert(&change.tx, entry(row, op.now())).await?;
    op.commit(change).await?;
    Ok(true)
}

/// The entry of the broadcast in the tenant's own audit log, with the sender.
fn entry(row: &PlatformBroadcastRow, now: DateTime<Utc>) -> NewAuditEntry {
    NewAuditEntry {
        at: micros(now),
        actor_kind: if row.sent_by.is_some() { "operator" } else { "system" },
        actor_id: row.sent_by.map(|id| id.to_string()),
        actor_name: row.sender_name.clone(),
        action: "broadcast.sent",
        target_kind: Some("broadcast"),
        target_id: Some(row.id.to_string()),
        detail: Some(serde_json::json!({ "audience": "all_tenants" }).to_string()),
        address: None,
        request_id: None,
    }
}

/// The notification's id in this tenant: always the same for the same broadcast (UUIDv8, RFC 9562).
fn notification_id(row: &PlatformBroadcastRow, tenant: TenantId) -> NotificationId {
    let digest =
        Sha256::new().chain_update(row.id.as_bytes()).chain_update(tenant.0.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    NotificationId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::World;
    use crate::eventlog;

    async fn bodies(services: &Services, tenant: TenantId) -> Vec<String> {
        let op = Op::of_system(services, SystemReason::Demo, tenant);
        let page = eventlog::read_after(&services.db, &op.scope, 0, 100).await.unwrap();
        page.envelopes.iter().map(|one| String::from_utf8_lossy(&one.frame.payload()).into_owned()).collect()
    }

    #[tokio::test]
    async fn every_tenant_gets_it_once_also_when_the_note_of_it_was_lost() {
        let world = World::new().await;
        let other = world.another_tenant().await;
        let op = PlatformOp::of_system(&world.services, SystemReason::Demo);
        let id = send(&op, "Maintenance", Some("maintenance"), None).await.unwrap();

        // A crash before the update of the progress: the first tenant has it, the progress names no tenant.
        let tx = world.services.db.system(SystemReason::Demo).read().await.unwrap();
        let row = platform_broadcasts::unfinished(&tx).await.unwrap().unwrap();
        drop(tx);
        assert!(deliver(&world.services, world.tenant, &row).await.unwrap());

        assert_eq!(flush(&world.services).await.unwrap(), 1);
        assert_eq!(flush(&world.services).await.unwrap(), 0);
        for tenant in [world.tenant, other] {
            let told = bodies(&world.services, tenant).await;
            assert_eq!(told.iter().filter(|body| body.contains(&id.to_string())).count(), 1, "{told:?}");
        }
    }
}
