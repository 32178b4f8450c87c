//! Trims the logs: events past the configured age, number or bytes are deleted, oldest first. A reader that resumes
//! from before them receives a gap.

use chrono::TimeDelta;

use super::error::Result;
use super::limits::quota::Quota;
use super::op::{Op, Services};
use crate::auth::tenant_scope::SystemReason;
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::TenantId;
use crate::protocol::problem::Code;
use crate::storage::events::{self, Bounds};
use crate::storage::{micros, tenants};

/// What is kept of a log.
#[derive(Clone, Copy, Debug)]
pub struct LogRetention {
    pub age: TimeDelta,
    pub events: i64,
    /// `None`: any number.
    pub bytes: Option<i64>,
}

/// Tenants read in one query.
const PAGE: u64 = 200;

/// Trims every tenant's log; returns how many events were deleted.
pub async fn trim_logs(services: &Services, retention: LogRetention) -> Result<i64> {
    let mut gone = 0;
    let mut after = None;
    loop {
        let tx = services.db.system(SystemReason::Retention).read().await?;
        let page = tenants::list(&tx, after, PAGE).await?;
        drop(tx);
        for tenant in page.iter().filter(|tenant| tenant.removal.is_none()) {
            // It may be removed at this moment, and the others' logs have to be trimmed all the same.
            match trim_log(services, TenantId(tenant.id), retention).await {
                Ok(trimmed) => gone += trimmed,
                Err(problem) if problem.code != Code::Internal => return Err(problem),
                Err(problem) => {
                    tracing::warn!(%problem, tenant.id, "a log could not be trimmed; it is tried again");
                }
            }
        }
        match page.last() {
            Some(last) if page.len() as u64 == PAGE => after = Some(last.id),
            _ => return Ok(gone),
        }
    }
}

/// Trims one log in small transactions, so that its writers never wait for long.
async fn trim_log(services: &Services, tenant_id: TenantId, retention: LogRetention) -> Result<i64> {
    let op = Op::of_system(services, SystemReason::Retention, tenant_id);
    let before = micros(op.now() - retention.age);
    let keep = match services.limits.override_for(tenant_id, Quota::HistoryEvents) {
        None => retention.events,
        // By age alone; half of the range, because a head is added to it.
        Some(0) => i64::MAX / 2,
        Some(events) => i64::try_from(events).unwrap_or(i64::MAX / 2),
    };
    let bounds = Bounds { before, events: keep, bytes: retention.bytes };
    let mut gone = 0;
    loop {
        let change = op.begin().await?;
        let trimmed = events::trim(&change.tx, bounds).await?;
        if trimmed > 0 {
            reach(Failpoint::Trim);
        }
        op.commit(change).await?;
        gone += trimmed;
        if trimmed < events::TRIM_AT_ONCE {
            return Ok(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::Role;
    use crate::domain::broadcast::{self, NewBroadcast};
    use crate::domain::testing::World;
    use crate::eventlog::{self, Since};
    use crate::protocol::message::GapReason;
    use crate::protocol::routing::Audience;

    async fn send_broadcast(op: &Op, words: &str) -> String {
        let new = NewBroadcast {
            message: words.to_owned(),
            category: None,
            audience: Audience::Everyone,
            start_time: None,
        };
        broadcast::send(op, new).await.unwrap().position.to_string()
    }

    #[tokio::test]
    async fn old_events_go_and_a_position_before_them_is_a_gap() {
        let world = World::new().await;
        let op = world.user("ann", Role::Admin).await;
        let first = send_broadcast(&op, "old").await;
        let second = send_broadcast(&op, "old too").await;
        world.services.clock.advance(std::time::Duration::from_secs(3_600));
        let third = send_broadcast(&op, "new").await;

        let retention = LogRetention { age: TimeDelta::minutes(30), events: 1_000, bytes: None };
        let gone = trim_logs(&world.services, retention).await.unwrap();

        let head = eventlog::head(&world.services.db, &op.scope).await.unwrap();
        assert_eq!((gone, head.trimmed, head.seq), (2, 2, 3));
        assert_eq!(eventlog::resolve_since(&first, head), Since::Gap(GapReason::Trimmed));
        assert_eq!(eventlog::resolve_since(&second, head), Since::After(2));
        assert_eq!(eventlog::resolve_since(&third, head), Since::After(3));
    }

    #[tokio::test]
    async fn only_so_many_events_are_kept() {
        let world = World::new().await;
        let op = world.user("ann", Role::Admin).await;
        for round in 0..5 {
            send_broadcast(&op, &round.to_string()).await;
        }

        let retention = LogRetention { age: TimeDelta::days(1), events: 2, bytes: None };
        let gone = trim_logs(&world.services, retention).await.unwrap();

        let page = eventlog::read_after(&world.services.db, &op.scope, 0, 10).await.unwrap();
        assert_eq!((gone, page.envelopes.len()), (3, 2));
    }
}
