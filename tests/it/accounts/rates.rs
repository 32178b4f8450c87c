//! Successful sign-ins and refreshes are rate limited too: each writes rows and costs a signature.

use std::time::Duration;

use super::{BEHIND_A_PROXY, PASSWORD, count, refresh_token, refreshes, signs_in};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const FOUR: &[Setting] = &[BEHIND_A_PROXY, ("LOTLINE__LIMITS__SIGN_INS_PER_USER", "4")];
const FIVE_OF_A_TENANT: &[Setting] = &[BEHIND_A_PROXY, ("LOTLINE__LIMITS__SIGN_INS_PER_TENANT", "5")];

on_both_databases! {
    an_account_signs_in_so_often_a_minute_and_then_again_later with super::FOUR,
    refreshes_count_and_repeats_of_one_do_not with super::FOUR,
    a_wrong_password_takes_nothing_of_the_rate with super::FOUR,
    operators_have_the_same_rate with super::FOUR,
    a_tenant_has_a_rate_and_another_does_not_notice with super::FIVE_OF_A_TENANT,
}

const SESSIONS: &str = "SELECT count(*) FROM sessions";

async fn an_account_signs_in_so_often_a_minute_and_then_again_later(app: &TestApp) {
    // The first of the four was made by the helper, from loopback.
    app.member("bob").await;
    app.member("cid").await;
    for n in 0..3 {
        let answer = signs_in(app, "acme/bob", PASSWORD, &format!("192.0.2.{n}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let before = count(app, SESSIONS).await;

    for n in 0..20 {
        signs_in(app, "acme/bob", PASSWORD, &format!("192.0.2.{n}")).await.expect_rate_limited();
    }

    assert_eq!(count(app, SESSIONS).await, before);
    assert_eq!(signs_in(app, "acme/cid", PASSWORD, "192.0.2.1").await.status, 200);
    app.clock.advance(Duration::from_secs(15));
    assert_eq!(signs_in(app, "acme/bob", PASSWORD, "192.0.2.90").await.status, 200);
    signs_in(app, "acme/bob", PASSWORD, "192.0.2.90").await.expect_rate_limited();
}

async fn refreshes_count_and_repeats_of_one_do_not(app: &TestApp) {
    let bob = app.member("bob").await;
    let pair = bob.signs_in_again().await;
    let first = super::text(&pair, "refresh_token");

    let second = refresh_token(&refreshes(app, &first).await);
    for _ in 0..50 {
        assert_eq!(refresh_token(&refreshes(app, &first).await), second);
    }
    let third = refresh_token(&refreshes(app, &second).await);
    refreshes(app, &third).await.expect_rate_limited();

    app.clock.advance(Duration::from_secs(15));
    refresh_token(&refreshes(app, &third).await);
}

async fn a_wrong_password_takes_nothing_of_the_rate(app: &TestApp) {
    app.member("bob").await;
    for n in 0..40 {
        let address = format!("203.0.{n}.1");
        let wrong = signs_in(app, "acme/bob", "wrong", &address);
        assert_eq!(app.while_time_passes(wrong).await.status, 401);
    }

    let right = app.while_time_passes(signs_in(app, "acme/bob", PASSWORD, "192.0.2.1")).await;

    assert_eq!(right.status, 200, "{right:?}");
}

async fn operators_have_the_same_rate(app: &TestApp) {
    app.operator("root").await;
    for _ in 0..3 {
        assert_eq!(signs_in(app, "root", PASSWORD, "192.0.2.1").await.status, 200);
    }

    signs_in(app, "root", PASSWORD, "192.0.2.1").await.expect_rate_limited();
}

async fn a_tenant_has_a_rate_and_another_does_not_notice(app: &TestApp) {
    let names: Vec<String> = (0..5).map(|n| format!("user{n}")).collect();
    for name in &names {
        app.viewer(name).await;
    }

    signs_in(app, "acme/user0", PASSWORD, "192.0.2.1").await.expect_rate_limited();
    app.stranger("sue").await;

    assert_eq!(signs_in(app, "other/sue", PASSWORD, "192.0.2.1").await.status, 200);
    app.clock.advance(Duration::from_secs(12));
    assert_eq!(signs_in(app, "acme/user0", PASSWORD, "192.0.2.1").await.status, 200);
}
