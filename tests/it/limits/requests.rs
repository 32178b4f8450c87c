//! Requests per second: of a caller, a tenant, an address.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const ME: &str = "/api/v1/users/me";
const PER_USER: &[Setting] = &[("LOTLINE__LIMITS__REQUESTS_PER_USER", "3")];
const PER_TENANT: &[Setting] = &[("LOTLINE__LIMITS__REQUESTS_PER_TENANT", "4")];
const PER_ADDRESS: &[Setting] =
    &[("LOTLINE__LIMITS__REQUESTS_PER_ADDRESS", "2"), ("LOTLINE__SERVER__TRUSTED_PROXIES", "127.0.0.1")];
const PER_ADDRESS_WITHOUT_PROXY: &[Setting] = &[("LOTLINE__LIMITS__REQUESTS_PER_ADDRESS", "4")];

on_both_databases! {
    a_user_is_served_up_to_the_limit_refused_after_it_and_served_again_later with super::PER_USER,
    stats_requests_count_like_every_other_request with super::PER_USER,
    every_response_has_the_rate_limit_headers_even_a_refusal with super::PER_USER,
    users_of_a_tenant_share_its_quota_and_another_tenant_has_its_own with super::PER_TENANT,
    an_address_is_refused_before_anything_is_looked_at_and_another_is_not with super::PER_ADDRESS,
    a_64_of_ipv6_counts_as_one_address with super::PER_ADDRESS,
    a_socket_counts_for_its_address_too with super::PER_ADDRESS,
    a_forwarded_address_is_believed_from_a_trusted_proxy_only with super::PER_ADDRESS_WITHOUT_PROXY,
}

async fn a_user_is_served_up_to_the_limit_refused_after_it_and_served_again_later(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);

    for _ in 0..3 {
        assert_eq!(bob.get(ME).await.status, 200);
    }
    let refused = bob.get(ME).await;

    assert!(
        refused.expect_rate_limited().contains("the 3 requests a second that you may make"),
        "{refused:?}"
    );
    assert_eq!(cid.get(ME).await.status, 200);
    app.clock.advance(Duration::from_millis(334));
    assert_eq!(bob.get(ME).await.status, 200);
    bob.get(ME).await.expect_rate_limited();
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(bob.get(ME).await.status, 200);
}

async fn stats_requests_count_like_every_other_request(app: &TestApp) {
    const STATS: &str = "/api/v1/stats";
    let ann = app.admin("ann.too").await;

    assert_eq!(ann.get(&format!("{STATS}?unheard_of=1")).await.status, 422);
    for _ in 0..2 {
        assert_eq!(ann.get(STATS).await.status, 200);
    }

    ann.get(STATS).await.expect_rate_limited();
}

async fn every_response_has_the_rate_limit_headers_even_a_refusal(app: &TestApp) {
    let bob = app.member("bob").await;
    let received = |answer: &crate::support::answer::Response| {
        let header = |name| answer.header(name).unwrap_or_default().to_owned();
        (answer.status, header("ratelimit-policy"), header("ratelimit"))
    };
    let policy = "\"user\";q=3;w=1".to_owned();

    let answers = [
        bob.get(ME).await,
        bob.get("/api/v1/users").await,
        bob.get("/api/v1/jobs/1").await,
        bob.get(ME).await,
    ];

    assert_eq!(received(&answers[0]), (200, policy.clone(), "\"user\";r=2;t=1".to_owned()));
    assert_eq!(received(&answers[1]), (403, policy.clone(), "\"user\";r=1;t=1".to_owned()));
    assert_eq!(received(&answers[2]), (404, policy.clone(), "\"user\";r=0;t=1".to_owned()));
    assert_eq!(received(&answers[3]), (429, policy, "\"user\";r=0;t=1".to_owned()));
    assert_eq!(answers[3].header("retry-after"), Some("1"));
}

async fn users_of_a_tenant_share_its_quota_and_another_tenant_has_its_own(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let sue = app.stranger("sue").await;

    for caller in [&*ann, &*bob, &*ann, &*bob] {
        assert_eq!(caller.get(ME).await.status, 200);
    }

    assert!(ann.get(ME).await.expect_rate_limited().contains("quota of 4 requests a second"));
    bob.get(ME).await.expect_rate_limited();
    assert_eq!(sue.get(ME).await.status, 200);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(bob.get(ME).await.status, 200);
}

async fn an_address_is_refused_before_anything_is_looked_at_and_another_is_not(app: &TestApp) {
    let nobody = app.anonymous();

    for _ in 0..2 {
        nobody.get_from("192.0.2.1", ME).await.expect_problem(401, "unauthenticated");
    }

    let refused = nobody.get_from("192.0.2.1", ME).await;
    assert!(refused.expect_rate_limited().contains("Your address"), "{refused:?}");
    assert_eq!(refused.header("ratelimit"), Some("\"address\";r=0;t=1"));
    nobody.get_from("192.0.2.2", ME).await.expect_problem(401, "unauthenticated");
    for _ in 0..5 {
        assert_eq!(nobody.get_from("192.0.2.1", "/livez").await.status, 200);
    }
    app.clock.advance(Duration::from_secs(1));
    nobody.get_from("192.0.2.1", ME).await.expect_problem(401, "unauthenticated");
}

async fn a_64_of_ipv6_counts_as_one_address(app: &TestApp) {
    let nobody = app.anonymous();

    nobody.get_from("2001:db8:1:2::1", ME).await.expect_problem(401, "unauthenticated");
    nobody.get_from("2001:db8:1:2::2", ME).await.expect_problem(401, "unauthenticated");

    nobody.get_from("2001:db8:1:2:3:4:5:6", ME).await.expect_rate_limited();
    nobody.get_from("2001:db8:1:3::1", ME).await.expect_problem(401, "unauthenticated");
}

async fn a_socket_counts_for_its_address_too(app: &TestApp) {
    let bob = app.member("bob").await;
    app.clock.advance(Duration::from_secs(1));
    let request = || bob.socket_request("/ws").header("x-forwarded-for", "192.0.2.1");

    let _first = request().open().await;
    let _second = request().open().await;

    request().try_handshake().await.expect_rate_limited();
    assert_eq!(request().query("reject", "close").open().await.expect_close().await.0, 4429);
    let _other = bob.socket_request("/ws").header("x-forwarded-for", "192.0.2.2").open().await;
}

async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only(app: &TestApp) {
    let nobody = app.anonymous();

    for number in 1..=4 {
        let claimed = format!("192.0.2.{number}");
        nobody.get_from(&claimed, ME).await.expect_problem(401, "unauthenticated");
    }

    nobody.get_from("192.0.2.5", ME).await.expect_rate_limited();
}
