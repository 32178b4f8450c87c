//! How far back the logs reach: events past the configured age or number are taken away, oldest first. A reader that
//! comes back later than that is told of a gap.

use chrono::TimeDelta;

use super::error::Result;
use super::limits::quota::Quota;
use super::op::{Kernel, Op};
use crate::auth::scope::SystemReason;
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::TenantId;
use crate::storage::{events, micros, tenants};

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub age: TimeDelta,
    pub events: i64,
}

/// Tenants looked at in one query.
const PAGE: u64 = 200;

/// Trims every tenant's log; returns how many events went.
pub async fn trim_logs(kernel: &Kernel, retention: Retention) -> Result<i64> {
    let mut gone = 0;
    let mut after = None;
    loop {
        let tx = kernel.db.system(SystemReason::Retention).read().await?;
        let page = tenants::list(&tx, after, PAGE).await?;
        drop(tx);
        for tenant in &page {
            gone += trim_log(kernel, TenantId(tenant.id), retention).await?;
        }
        match page.last() {
            Some(last) if page.len() as u64 == PAGE => after = Some(last.id),
            _ => return Ok(gone),
        }
    }
}

/// Trims one log in small transactions, so that its writers never wait for long.
async fn trim_log(kernel: &Kernel, tenant_id: TenantId, retention: Retention) -> Result<i64> {
    let op = Op::of_system(kernel, SystemReason::Retention, tenant_id);
    let before = micros(op.now() - retention.age);
    let keep = match kernel.limits.said(tenant_id, Quota::HistoryEvents) {
        None => retention.events,
        // By age alone; half of the range, because a head is added to it.
        Some(0) => i64::MAX / 2,
        Some(events) => i64::try_from(events).unwrap_or(i64::MAX / 2),
    };
    let mut gone = 0;
    loop {
        let change = op.begin().await?;
        let trimmed = events::trim(&change.tx, before, keep).await?;
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
    use crate::auth::role::Role;
    use crate::domain::broadcast::{self, NewBroadcast};
    use crate::domain::testing::World;
    use crate::eventlog::{self, Since};
    use crate::protocol::message::GapReason;
    use crate::protocol::routing::Audience;

    async fn say(op: &Op, words: &str) -> String {
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
        let first = say(&op, "old").await;
        let second = say(&op, "old too").await;
        world.kernel.clock.advance(std::time::Duration::from_secs(3_600));
        let third = say(&op, "new").await;

        let retention = Retention { age: TimeDelta::minutes(30), events: 1_000 };
        let gone = trim_logs(&world.kernel, retention).await.unwrap();

        let head = eventlog::head(&world.kernel.db, &op.scope).await.unwrap();
        assert_eq!((gone, head.trimmed, head.seq), (2, 2, 3));
        assert_eq!(eventlog::judge(&first, head), Since::Gap(GapReason::Trimmed));
        assert_eq!(eventlog::judge(&second, head), Since::After(2));
        assert_eq!(eventlog::judge(&third, head), Since::After(3));
    }

    #[tokio::test]
    async fn only_so_many_events_are_kept() {
        let world = World::new().await;
        let op = world.user("ann", Role::Admin).await;
        for round in 0..5 {
            say(&op, &round.to_string()).await;
        }

        let retention = Retention { age: TimeDelta::days(1), events: 2 };
        let gone = trim_logs(&world.kernel, retention).await.unwrap();

        let page = eventlog::read_after(&world.kernel.db, &op.scope, 0, 10).await.unwrap();
        assert_eq!((gone, page.envelopes.len()), (3, 2));
    }
}
