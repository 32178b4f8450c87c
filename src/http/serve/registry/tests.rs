//! Connections by activity and address, without sockets.

use super::*;

fn group_of(last: u8) -> Group {
    Group::of(std::net::Ipv4Addr::new(192, 0, 2, last).into(), |_| false)
}

fn registry(plain: usize, reserve: usize) -> Arc<HttpConnections> {
    HttpConnections::new(Capacity { plain, live: 4, reserve, total: usize::MAX })
}

fn is_evicted(permit: &ConnectionPermit) -> bool {
    use futures_util::FutureExt;
    permit.evicted().now_or_never().is_some()
}

fn admit_and_begin(registry: &Arc<HttpConnections>, group: Group) -> (ConnectionPermit, RequestAdmission) {
    let permit = registry.try_admit(group).unwrap();
    let begun = permit.begin_request();
    (permit, begun)
}

#[test]
fn a_full_server_ends_the_longest_idle_of_the_address_that_holds_most() {
    let registry = registry(4, 1);
    let lone = registry.try_admit(group_of(1)).unwrap();
    let held: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(group_of(2)).unwrap()).collect();
    held[0].begin_request();

    let newcomer = registry.try_admit(group_of(3)).unwrap();

    assert!(!is_evicted(&lone), "it is idle for longer, and holds less");
    assert_eq!(held.iter().map(is_evicted).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(newcomer.begin_request(), RequestAdmission::Allowed);
    assert_eq!(registry.counts(), (4, 0, 0));
}

#[test]
fn an_address_over_its_share_evicts_only_its_own_connections() {
    let registry = registry(4, 1);
    let others = [registry.try_admit(group_of(1)).unwrap(), registry.try_admit(group_of(1)).unwrap()];
    let mut own = vec![registry.try_admit(group_of(2)).unwrap(), registry.try_admit(group_of(2)).unwrap()];

    for _ in 0..10 {
        own.push(registry.try_admit(group_of(2)).unwrap());
    }

    assert!(!others.iter().any(is_evicted));
    assert_eq!(own.iter().filter(|permit| is_evicted(permit)).count(), 10);
}

#[test]
fn an_address_has_requests_on_at_most_half_of_the_connections() {
    let registry = registry(4, 1);

    let begun: Vec<_> = (0..3).map(|_| admit_and_begin(&registry, group_of(1))).collect();

    let verdicts: Vec<_> = begun.iter().map(|(_, begun)| *begun).collect();
    assert_eq!(verdicts, [RequestAdmission::Allowed, RequestAdmission::Allowed, RequestAdmission::TooMany]);
    assert_eq!(admit_and_begin(&registry, group_of(2)).1, RequestAdmission::Allowed);
}

#[test]
fn incomplete_heads_are_evicted_only_from_an_address_over_its_share() {
    let registry = registry(4, 1);
    let other = registry.try_admit(group_of(1)).unwrap();
    other.set_activity(Activity::Head);
    let heads: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(group_of(2)).unwrap()).collect();
    heads.iter().for_each(|permit| permit.set_activity(Activity::Head));

    let newcomer = registry.try_admit(group_of(3)).unwrap();

    assert!(!is_evicted(&other));
    assert_eq!(heads.iter().map(is_evicted).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(newcomer.begin_request(), RequestAdmission::Allowed);
}

#[test]
fn exempt_peers_are_evicted_by_idle_time_alone() {
    let registry = registry(3, 1);
    let proxy = Group::of(std::net::Ipv4Addr::LOCALHOST.into(), |_| false);
    assert_eq!(proxy, Group::Exempt);
    let permits: Vec<ConnectionPermit> = (0..3).map(|_| registry.try_admit(proxy).unwrap()).collect();
    permits[0].begin_request();
    permits[0].set_activity(Activity::Idle);

    let _first = registry.try_admit(proxy).unwrap();
    let _second = registry.try_admit(group_of(1)).unwrap();

    assert_eq!(permits.iter().map(is_evicted).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn the_reserve_is_for_probes_and_is_evicted_too() {
    let registry = registry(1, 2);
    let (busy, begun) = admit_and_begin(&registry, group_of(1));
    assert_eq!(begun, RequestAdmission::Allowed);
    let stalled = [registry.try_admit(group_of(1)).unwrap(), registry.try_admit(group_of(1)).unwrap()];

    let (probe, begun) = admit_and_begin(&registry, group_of(2));

    assert_eq!(begun, RequestAdmission::ProbesOnly);
    assert!(is_evicted(&stalled[0]) && !is_evicted(&stalled[1]));
    drop(busy);
    // There is plain capacity again, so a reserve connection gets it.
    assert_eq!(stalled[1].begin_request(), RequestAdmission::Allowed);
    drop(probe);
    drop(stalled);
    assert_eq!(registry.counts(), (0, 0, 0));
}

#[test]
fn a_reserve_that_only_answers_requests_takes_no_more() {
    let registry = registry(1, 1);
    let _busy = admit_and_begin(&registry, group_of(1));
    let probe = admit_and_begin(&registry, group_of(2));

    assert!(registry.try_admit(group_of(3)).is_none());
    drop(probe);
    assert!(registry.try_admit(group_of(3)).is_some());
}

#[test]
fn sockets_and_streams_do_not_count_as_plain_and_have_a_bound_of_their_own() {
    let registry = registry(2, 1);

    let live: Vec<ConnectionPermit> = (0..4)
        .map(|_| {
            let (permit, begun) = admit_and_begin(&registry, group_of(1));
            assert_eq!(begun, RequestAdmission::Allowed);
            assert!(permit.may_become_live() && permit.become_live());
            permit
        })
        .collect();

    assert_eq!(registry.counts(), (0, 4, 0));
    let (fifth, _) = admit_and_begin(&registry, group_of(1));
    assert!(!fifth.may_become_live() && !fifth.become_live());
    fifth.set_activity(Activity::Idle);
    // A stream that ends is plain again; beyond the plain capacity the connection ends with it.
    live[0].set_activity(Activity::Idle);
    live[1].set_activity(Activity::Idle);
    assert_eq!(registry.counts(), (2, 2, 0));
    assert!(is_evicted(&live[1]) && !is_evicted(&live[0]));
}

#[test]
fn descriptors_bound_plain_and_live_ones_together() {
    let registry = HttpConnections::new(Capacity { plain: 4, live: 4, reserve: 1, total: 3 });
    let live = admit_and_begin(&registry, group_of(1)).0;
    assert!(live.become_live());
    let idle = [registry.try_admit(group_of(2)).unwrap(), registry.try_admit(group_of(2)).unwrap()];

    let _newcomer = registry.try_admit(group_of(3)).unwrap();

    assert!(is_evicted(&idle[0]) && !is_evicted(&idle[1]));
}

#[test]
fn a_request_that_arrives_during_eviction_is_answered() {
    let registry = registry(1, 1);
    let first = registry.try_admit(group_of(1)).unwrap();
    let second = registry.try_admit(group_of(2)).unwrap();

    assert_eq!(first.begin_request(), RequestAdmission::Allowed);

    drop(first);
    assert_eq!(second.begin_request(), RequestAdmission::Allowed);
    drop(second);
    assert_eq!(registry.counts(), (0, 0, 0));
}

#[test]
fn the_cost_of_admission_does_not_grow_with_the_capacity() {
    let registry = registry(100_000, 16);
    let mut held: Vec<ConnectionPermit> =
        (0..100_000_u32).map(|n| registry.try_admit(group_of((n % 200) as u8)).unwrap()).collect();
    let watch = crate::base::clock::Stopwatch::start();

    for n in 0..100_000_u32 {
        held[n as usize] = registry.try_admit(group_of((n % 200) as u8)).unwrap();
    }

    // A scan of all connections for each would be ten thousand million steps.
    assert!(watch.elapsed() < std::time::Duration::from_secs(20), "{:?}", watch.elapsed());
}
