//! Tests of the quota use cases, on a manual clock.

use super::quota::{Quota, Quotas};
use super::{LimitSettings, Limits, alert};
use crate::auth::key_scope::Role;
use crate::base::ids::TenantId;
use crate::base::page::PageRequest;
use crate::domain::notifications;
use crate::domain::testing::World;

fn limits(quota: Quota, number: u64) -> Limits {
    let quotas = Quotas::default().with(quota, number);
    Limits::new(LimitSettings { quotas, ..LimitSettings::default() })
}

#[tokio::test]
async fn near_the_limit_admins_are_alerted_once_an_hour() {
    let mut world = World::new().await;
    world.services.limits = limits(Quota::MessagesPerSecond, 10).into();
    let ann = world.user("ann", Role::Admin).await;
    let heard = async || {
        alert::raise_due(&world.services).await.unwrap();
        let page = PageRequest { limit: 50, after: None };
        notifications::list(&ann, page).await.unwrap().rows.len()
    };
    let take = |times: usize| {
        let now = world.services.clock.now();
        for _ in 0..times {
            world.services.limits.take(world.tenant, Quota::MessagesPerSecond, now);
        }
    };

    take(8);
    assert_eq!(heard().await, 0);
    take(5);
    assert_eq!(heard().await, 1);
    world.advance_ms(3_599_000);
    take(10);
    assert_eq!(heard().await, 1);
    world.advance_ms(1_000);
    take(10);
    assert_eq!(heard().await, 2);
}

#[test]
fn a_tenant_that_uses_its_quota_up_takes_nothing_of_another() {
    let limits = limits(Quota::RequestsPerSecond, 2);
    let now = chrono::DateTime::from_timestamp(1_764_000_000, 0).unwrap();
    let take =
        |tenant| limits.take(TenantId(tenant), Quota::RequestsPerSecond, now).unwrap().retry_after_secs;

    assert_eq!([take(1), take(1), take(1), take(2)], [None, None, Some(1), None]);
    let refused = |tenant| limits.meter(TenantId(tenant), now).refused(Quota::RequestsPerSecond);
    assert_eq!([refused(1), refused(2)], [1, 0]);
}
