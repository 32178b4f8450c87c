//! Tests of the quota use cases, on a manual clock.

use std::sync::Arc;

use super::quota::{Quota, Quotas};
use super::{LimitSettings, Limits, TenantRate, alert};
use crate::auth::key_scope::Role;
use crate::base::ids::TenantId;
use crate::base::page::PageRequest;
use crate::cluster::rate_counters::MemoryRateCounters;
use crate::domain::notifications;
use crate::domain::testing::World;

fn limits(quota: Quota, number: u64) -> Limits {
    let quotas = Quotas::default().with(quota, number);
    let settings = LimitSettings { quotas, ..LimitSettings::default() };
    Limits::new(settings, Arc::<MemoryRateCounters>::default())
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
    let take = async |times: usize| {
        let now = world.services.clock.now();
        for _ in 0..times {
            world.services.limits.take(world.tenant, TenantRate::Messages, now).await;
        }
    };

    take(8).await;
    assert_eq!(heard().await, 0);
    take(5).await;
    assert_eq!(heard().await, 1);
    world.advance_ms(3_599_000);
    take(10).await;
    assert_eq!(heard().await, 1);
    world.advance_ms(1_000);
    take(10).await;
    assert_eq!(heard().await, 2);
}

#[tokio::test]
async fn a_tenant_that_uses_its_quota_up_takes_nothing_of_another() {
    let limits = limits(Quota::RequestsPerSecond, 2);
    let now = chrono::DateTime::from_timestamp(1_764_000_000, 0).unwrap();
    let take = async |tenant| {
        limits.take(TenantId(tenant), TenantRate::Requests, now).await.unwrap().retry_after_secs
    };

    let taken = [take(1).await, take(1).await, take(1).await, take(2).await];
    assert_eq!(taken, [None, None, Some(1), None]);
    let refused = |tenant| limits.meter(TenantId(tenant), now).refused(Quota::RequestsPerSecond);
    assert_eq!([refused(1), refused(2)], [1, 0]);
}
