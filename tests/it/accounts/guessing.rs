//! Password guessing: guessers are slowed down, the account's owner can still sign in.

use std::time::Duration;

use futures_util::future::join_all;
use lotline::domain::identity::failed_sign_ins;

use super::{BEHIND_A_PROXY, PASSWORD, count, signs_in};
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;
use crate::support::wait::eventually;

const PROXY: &[Setting] = &[BEHIND_A_PROXY];
const NAME: &str = "acme/ann";
/// The address from which ann has signed in before the attack.
const USUAL: &str = "198.51.100.9";

on_both_databases! {
    one_stranger_cannot_keep_a_person_out with super::PROXY,
    two_hundred_addresses_cannot_keep_a_person_out with super::PROXY,
    addresses_are_remembered_as_many_as_there_may_be_and_not_in_plain with super::PROXY,
    a_new_password_forgets_the_addresses with super::PROXY,
    failures_do_not_fill_the_audit_log with super::PROXY,
}

/// Guesses ann's password for four minutes; each address tries as often as it is allowed to.
async fn guess_passwords(app: &TestApp, addresses: u32) {
    const ROUNDS: u32 = 48;
    for round in 0..ROUNDS {
        // Each of the many addresses tries once in twenty seconds, a single address in every round.
        let interval = addresses.min(4);
        let guesses = (0..addresses).filter(|n| (n + round) % interval == 0).map(|n| {
            let address = format!("203.{}.{}.{}", n % 7, n / 200, n % 200);
            async move { signs_in(app, NAME, "a wrong guess", &address).await.status }
        });
        let answers = app.while_time_passes(join_all(guesses)).await;
        assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
        app.clock.advance(Duration::from_secs(5));
    }
}

/// The answer, and how long it took on the test's clock.
async fn timed(app: &TestApp, address: &str) -> (Response, Duration) {
    let begun = app.clock.now();
    let answer = app.while_time_passes(signs_in(app, NAME, PASSWORD, address)).await;
    (answer, (app.clock.now() - begun).to_std().unwrap())
}

async fn assert_ann_signs_in(app: &TestApp, addresses: u32) {
    app.admin("ann").await;
    assert_eq!(signs_in(app, NAME, PASSWORD, USUAL).await.status, 200);
    guess_passwords(app, addresses).await;

    // The manual clock is not advanced here: from ann's usual address a sign-in takes no time.
    let usual = signs_in(app, NAME, PASSWORD, USUAL).await;
    let (elsewhere, waited) = timed(app, "192.0.2.77").await;

    assert_eq!((usual.status, elsewhere.status), (200, 200), "{usual:?} {elsewhere:?}");
    assert!(waited < Duration::from_secs(6), "{waited:?}");
}

async fn one_stranger_cannot_keep_a_person_out(app: &TestApp) {
    assert_ann_signs_in(app, 1).await;
}

async fn two_hundred_addresses_cannot_keep_a_person_out(app: &TestApp) {
    assert_ann_signs_in(app, 200).await;
}

async fn addresses_are_remembered_as_many_as_there_may_be_and_not_in_plain(app: &TestApp) {
    app.admin("ann").await;
    for n in 0..9 {
        assert_eq!(signs_in(app, NAME, PASSWORD, &format!("198.51.100.{n}")).await.status, 200);
        app.clock.advance(Duration::from_secs(60));
    }

    assert_eq!(count(app, "SELECT count(*) FROM sign_in_addresses").await, 5);
    let plain = "SELECT count(*) FROM sign_in_addresses WHERE mark LIKE '%198.51%' OR mark LIKE '%c63364%'";
    assert_eq!(count(app, plain).await, 0);
    let elsewhere = "SELECT count(DISTINCT mark) FROM sign_in_addresses";
    assert_eq!(count(app, elsewhere).await, 5);
}

async fn a_new_password_forgets_the_addresses(app: &TestApp) {
    let ann = app.admin("ann").await;
    assert!(count(app, "SELECT count(*) FROM sign_in_addresses").await > 0);

    let body = serde_json::json!({ "current_password": PASSWORD, "new_password": "another one of 1915" });
    let changed = ann.post("/api/v1/auth/password", &body).await;

    assert_eq!(changed.status, 204, "{changed:?}");
    assert_eq!(count(app, "SELECT count(*) FROM sign_in_addresses").await, 0);
}

async fn failures_do_not_fill_the_audit_log(app: &TestApp) {
    const FAILED: &str = "SELECT count(*) FROM audit_log WHERE action = 'login.failed'";
    let ann = app.admin("ann").await;
    for n in 0..300 {
        let address = format!("203.{}.113.{}", n % 30, n % 200);
        let names = [NAME.to_owned(), format!("acme/nobody{n}"), format!("nowhere{n}/nobody")];
        for name in names {
            let refused = app.while_time_passes(signs_in(app, &name, "wrong", &address)).await;
            assert!([401, 429].contains(&refused.status), "{refused:?}");
        }
    }
    let at_once = count(app, FAILED).await;
    app.clock.advance(Duration::from_secs(3_700));
    failed_sign_ins::flush(&app.identity).await.unwrap();

    assert!(at_once <= 6, "{at_once}");
    eventually("the sums", async || count(app, FAILED).await > at_once).await;
    assert!(count(app, FAILED).await <= 2 * at_once);
    let again = crate::support::people::Admin::with_fresh_token(&ann).await;
    let log = again.get("/api/v1/audit-log?limit=200").await.json();
    let rows = log["data"].as_array().unwrap();
    let summed = rows.iter().find(|row| {
        row["action"] == "login.failed" && row["detail"]["attempts"].as_u64().is_some_and(|tries| tries > 50)
    });
    assert!(summed.is_some_and(|row| row["detail"]["addresses"].as_u64() > Some(10)), "{log}");
}
