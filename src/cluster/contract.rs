//! What every implementation of the traits of this layer has to do: one test body for each trait.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::broker::{Broker, MessagesLost, NodeMessage, QueuedJob};
use super::connection_counts::{
    ConnectionCounts, ConnectionGroup, ConnectionOwner, CountKey, CountLimit, LimitReached,
};
use super::presence_store::{Availability, PresenceStore, TenantUser};
use super::rate_counters::{RateCounters, RateKey, RateLimit, RateSubject};
use super::used_tickets::{TicketUse, UsedTickets, UsedTicketsError};
use super::viewer_store::{TenantProperty, ViewerStore, ViewerSummary};
use crate::auth::authenticate::{TicketGrant, TicketOwner};
use crate::auth::key_scope::Role;
use crate::auth::principal::sample;
use crate::auth::revocation::Revocation;
use crate::auth::ticket::Ticket;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::gcra::Rate;
use crate::base::ids::{ConnectionId, PropertyId, TenantId, UserId};
use crate::base::ip_prefix::IpPrefix;

const ANN: TenantUser = TenantUser { tenant: TenantId(1), user: UserId(7) };
const BOB: UserId = UserId(8);
const HOUSE: TenantProperty = TenantProperty { tenant: TenantId(1), property: PropertyId(5) };

pub fn connection() -> ConnectionId {
    ConnectionId::new(&Clock::manual(DateTime::UNIX_EPOCH))
}

/// Two nodes of one deployment.
pub async fn broker(one: &dyn Broker, other: &dyn Broker) {
    one.publish(job_queued("before"));
    let (mut of_one, mut of_other) = (one.subscribe(), other.subscribe());

    // What one node publishes reaches the other in order, and not itself; what was published before does not.
    one.publish(job_queued("a"));
    one.publish(NodeMessage::Revoked(Revocation::Tenant(TenantId(1))));
    other.publish(job_queued("b"));

    assert_eq!(spider(of_other.next().await), "a");
    let revoked = of_other.next().await.unwrap().unwrap();
    assert!(matches!(revoked, NodeMessage::Revoked(Revocation::Tenant(TenantId(1)))));
    assert_eq!(spider(of_one.next().await), "b");

    // A node that does not read blocks no other. It learns that messages were lost, and gets the later ones.
    (0..100_000).for_each(|number| one.publish(job_queued(&number.to_string())));
    assert!(matches!(of_other.next().await, Some(Err(MessagesLost))));
    assert!(other.lost() > 0);
    let mut last = spider(of_other.next().await);
    while last != "99999" {
        last = spider(of_other.next().await);
    }
}

fn job_queued(name: &str) -> NodeMessage {
    let job = QueuedJob::External { spider_name: name.to_owned(), not_for: None };
    NodeMessage::JobQueued { tenant_id: TenantId(1), job }
}

fn spider(received: Option<Result<NodeMessage, MessagesLost>>) -> String {
    match received {
        Some(Ok(NodeMessage::JobQueued { job: QueuedJob::External { spider_name, .. }, .. })) => spider_name,
        other => panic!("no job but {other:?}"),
    }
}

pub fn presence_store(make: impl Fn() -> Arc<dyn PresenceStore>) {
    a_user_is_online_if_any_connection_is_and_away_if_all_are(&*make());
    only_a_changed_availability_is_a_change(&*make());
    the_same_user_id_of_another_tenant_is_another_user(&*make());
}

fn a_user_is_online_if_any_connection_is_and_away_if_all_are(store: &dyn PresenceStore) {
    let (one, other) = (connection(), connection());

    store.put(ANN, one, Availability::Online);
    store.put(ANN, other, Availability::Away);
    assert_eq!(store.availability_of(ANN), Some(Availability::Online));

    store.put(ANN, one, Availability::Away);
    assert_eq!((store.availability_of(ANN), store.connection_count(ANN)), (Some(Availability::Away), 2));

    store.remove(ANN, one);
    store.remove(ANN, other);
    assert_eq!((store.availability_of(ANN), store.count()), (None, 0));
}

fn only_a_changed_availability_is_a_change(store: &dyn PresenceStore) {
    let (one, other) = (connection(), connection());
    store.put(ANN, one, Availability::Online);
    assert_eq!(store.take_changed(), [ANN]);

    store.put(ANN, other, Availability::Online);
    store.put(ANN, other, Availability::Away);
    store.remove(ANN, other);
    assert_eq!(store.take_changed(), []);

    store.remove(ANN, one);
    assert_eq!(store.take_changed(), [ANN]);
}

fn the_same_user_id_of_another_tenant_is_another_user(store: &dyn PresenceStore) {
    store.put(ANN, connection(), Availability::Online);

    assert_eq!(store.availability_of(TenantUser { tenant: TenantId(2), ..ANN }), None);
}

pub fn viewer_store(make: impl Fn() -> Arc<dyn ViewerStore>) {
    a_user_with_several_connections_counts_once(&*make());
    the_list_pages_by_id_and_omits_properties_without_viewers(&*make());
}

fn a_user_with_several_connections_counts_once(store: &dyn ViewerStore) {
    let tabs = [connection(), connection()];
    tabs.iter().for_each(|tab| store.put(HOUSE, ANN.user, *tab));
    store.put(HOUSE, BOB, connection());

    assert_eq!(store.viewers_of(HOUSE, 20).count, 2);
    assert_eq!(store.viewers_of(HOUSE, 1).first_users.len(), 1);

    store.remove(HOUSE, tabs[0]);
    assert_eq!(store.viewers_of(HOUSE, 20).count, 2);
    store.remove(HOUSE, tabs[1]);
    assert_eq!(store.viewers_of(HOUSE, 20), ViewerSummary { count: 1, first_users: vec![BOB] });
}

fn the_list_pages_by_id_and_omits_properties_without_viewers(store: &dyn ViewerStore) {
    let connections: Vec<_> = (1..=3).map(|id| (PropertyId(id), connection())).collect();
    for (property, connection) in &connections {
        store.put(TenantProperty { property: *property, ..HOUSE }, ANN.user, *connection);
    }

    let listed = |after: Option<i64>| store.list(HOUSE.tenant, after.map(PropertyId), 2);
    assert_eq!(listed(None), [(PropertyId(1), 1), (PropertyId(2), 1)]);
    assert_eq!(listed(Some(2)), [(PropertyId(3), 1)]);
    assert_eq!(store.list(TenantId(2), None, 2), []);

    for (property, connection) in connections {
        store.remove(TenantProperty { property, ..HOUSE }, connection);
    }
    assert_eq!((listed(None), store.count()), (Vec::new(), 0));
    assert_eq!(store.take_changed().len(), 3);
}

pub async fn connection_counts(make: impl Fn() -> Arc<dyn ConnectionCounts>) {
    a_connection_counts_under_all_keys_or_none(&*make()).await;
    concurrent_connections_do_not_exceed_a_limit(&*make()).await;
}

async fn a_connection_counts_under_all_keys_or_none(counts: &dyn ConnectionCounts) {
    let tenant = CountLimit { key: CountKey::Tenant(TenantId(1)), most: None };
    let sockets = CountKey::Owner(ConnectionOwner::User(TenantId(1), UserId(7)), ConnectionGroup::Sockets);
    let limits = [tenant, CountLimit { key: sockets, most: Some(1) }];
    let (first, second) = (connection(), connection());

    assert_eq!(counts.acquire(first, &limits).await, Ok(()));
    assert_eq!(counts.acquire(second, &limits).await, Err(LimitReached(sockets)));
    assert_eq!((counts.count(tenant.key), counts.count(sockets)), (1, 1));
    // Another group and another tenant have counts of their own.
    let uploads = CountKey::Owner(ConnectionOwner::User(TenantId(1), UserId(7)), ConnectionGroup::Uploads);
    assert_eq!((counts.count(uploads), counts.count(CountKey::Tenant(TenantId(2)))), (0, 0));

    counts.release(first, &[tenant.key, sockets]);
    assert_eq!(counts.acquire(second, &limits).await, Ok(()));
    counts.release(second, &[sockets]);
    assert_eq!((counts.count(tenant.key), counts.count(sockets)), (1, 0));
}

async fn concurrent_connections_do_not_exceed_a_limit(counts: &dyn ConnectionCounts) {
    let limits = [CountLimit { key: CountKey::Tenant(TenantId(1)), most: Some(3) }];

    let taken = join_all((0..10).map(|_| counts.acquire(connection(), &limits))).await;

    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 3);
}

pub async fn rate_counters(make: impl Fn() -> Arc<dyn RateCounters>) {
    a_rate_is_granted_at_once_and_comes_back_evenly(&*make()).await;
    each_subject_of_each_limit_has_a_counter(&*make()).await;
    a_look_takes_nothing(&*make()).await;
    a_rate_may_change_while_its_counter_is_in_use(&*make()).await;
    concurrent_callers_get_no_more_than_the_rate(&*make()).await;
}

const ANNS_REQUESTS: RateKey =
    RateKey { limit: RateLimit::CallerRequests, subject: RateSubject::User(ANN.user) };

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::milliseconds(1_764_000_000_000 + ms)
}

async fn a_rate_is_granted_at_once_and_comes_back_evenly(counters: &dyn RateCounters) {
    let rate = Rate::per_second(2);
    let take = async |ms| counters.take(ANNS_REQUESTS, rate, at(ms)).await;

    assert_eq!((take(0).await.remaining, take(0).await.remaining), (1, 0));
    assert_eq!(take(0).await.retry_after_secs, Some(1));
    assert_eq!(take(499).await.retry_after_secs, Some(1));
    assert_eq!(take(500).await.retry_after_secs, None);

    let minute = RateKey { limit: RateLimit::AccountSignIns, ..ANNS_REQUESTS };
    assert_eq!(counters.take(minute, Rate::per_minute(1), at(0)).await.retry_after_secs, None);
    assert_eq!(counters.take(minute, Rate::per_minute(1), at(0)).await.retry_after_secs, Some(60));
}

async fn each_subject_of_each_limit_has_a_counter(counters: &dyn RateCounters) {
    let address = IpPrefix::of([192, 0, 2, 1].into());
    let keys = [
        ANNS_REQUESTS,
        RateKey { subject: RateSubject::User(BOB), ..ANNS_REQUESTS },
        RateKey { subject: RateSubject::UserAt(ANN.user, address), ..ANNS_REQUESTS },
        RateKey { limit: RateLimit::AccountSignIns, ..ANNS_REQUESTS },
        RateKey { limit: RateLimit::AddressRequests, subject: RateSubject::Address(address) },
        // Numbers of different kinds are not confused.
        RateKey { limit: RateLimit::TenantRequests, subject: RateSubject::Tenant(TenantId(7)) },
        RateKey { limit: RateLimit::TenantMessages, subject: RateSubject::Tenant(TenantId(7)) },
    ];

    for key in keys {
        assert_eq!(counters.take(key, Rate::per_second(1), at(0)).await.retry_after_secs, None, "{key:?}");
        assert!(counters.take(key, Rate::per_second(1), at(0)).await.retry_after_secs.is_some(), "{key:?}");
    }
}

async fn a_look_takes_nothing(counters: &dyn RateCounters) {
    let rate = Rate::per_second(1);

    for _ in 0..3 {
        let state = counters.peek(ANNS_REQUESTS, rate, at(0)).await;
        assert_eq!((state.remaining, state.retry_after_secs), (1, None));
    }
    counters.take(ANNS_REQUESTS, rate, at(0)).await;

    assert_eq!(counters.peek(ANNS_REQUESTS, rate, at(0)).await.retry_after_secs, Some(1));
}

async fn a_rate_may_change_while_its_counter_is_in_use(counters: &dyn RateCounters) {
    assert_eq!(counters.take(ANNS_REQUESTS, Rate::per_second(1), at(0)).await.remaining, 0);
    assert_eq!(counters.take(ANNS_REQUESTS, Rate::per_second(10), at(500)).await.remaining, 4);
}

async fn concurrent_callers_get_no_more_than_the_rate(counters: &dyn RateCounters) {
    let take = || counters.take(ANNS_REQUESTS, Rate::per_second(3), at(0));

    let taken = join_all((0..10).map(|_| take())).await;

    assert_eq!(taken.iter().filter(|state| state.retry_after_secs.is_none()).count(), 3);
}

/// How long the tickets of this contract are valid.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

pub fn ticket_use(clock: &Clock, tenant: i64, user: i64) -> TicketUse {
    let grant = TicketGrant::of(&sample::user(Role::Member), clock.now()).unwrap();
    let expires_at: DateTime<Utc> = clock.steady() + TICKET_LIFE;
    let ticket = Ticket::new(grant, expires_at, Entropy);
    let owner = TicketOwner::User(UserId(user));
    TicketUse { tenant_id: TenantId(tenant), owner, ticket: ticket.id, expires_at: ticket.expires_at }
}

/// `store` remembers two uses of an owner and six of a tenant.
pub async fn used_tickets(clock: &Clock, make: impl Fn() -> Arc<dyn UsedTickets>) {
    a_ticket_is_used_once(clock, &*make()).await;
    a_limit_that_is_reached_refuses_only_its_owner(clock, &*make()).await;
}

async fn a_ticket_is_used_once(clock: &Clock, tickets: &dyn UsedTickets) {
    let used = ticket_use(clock, 1, 1);

    assert!(!tickets.is_used(used.ticket).await.unwrap());
    assert!(tickets.record_use(used).await.unwrap());
    assert!(!tickets.record_use(used).await.unwrap());
    assert!(tickets.is_used(used.ticket).await.unwrap());
}

async fn a_limit_that_is_reached_refuses_only_its_owner(clock: &Clock, tickets: &dyn UsedTickets) {
    for _ in 0..2 {
        assert!(tickets.record_use(ticket_use(clock, 1, 1)).await.unwrap());
    }

    let refused = |answer| matches!(answer, Err(UsedTicketsError::LimitReached));
    assert!(refused(tickets.record_use(ticket_use(clock, 1, 1)).await));
    for user in [2, 2, 3, 3] {
        assert!(tickets.record_use(ticket_use(clock, 1, user)).await.unwrap());
    }
    // The tenant's limit is reached now; another tenant has its own.
    assert!(refused(tickets.record_use(ticket_use(clock, 1, 4)).await));
    assert!(tickets.record_use(ticket_use(clock, 2, 1)).await.unwrap());
}
