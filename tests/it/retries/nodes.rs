//! Concurrent duplicates on two nodes, which share only the database.

use lotline::base::entropy::Entropy;
use lotline::cluster::SharedState;
use lotline::domain::ephemeral::EphemeralSettings;
use lotline::domain::idempotency::{IdempotencyKey, SentRequest};
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::jobs::queue::create;
use lotline::domain::op::{Op, Origin, Services};
use lotline::protocol::job::NewJob;
use lotline::storage::idempotency_keys::{AnyTx, acquire_lock};

use crate::support::app::{Backend, TestApp};
use crate::support::on_both_databases;

on_both_databases! {
    of_two_nodes_one_does_the_work,
}

async fn of_two_nodes_one_does_the_work(app: &TestApp) {
    let member = app.member("bob").await;
    let caller = app.identity.authenticate(Credential::Header(member.token())).await.unwrap().principal;
    let here = Services::new(
        app.services.db.clone(),
        app.clock.clone(),
        Entropy,
        SharedState::of_one_node(),
        EphemeralSettings::default(),
    );
    let there = Services::new(
        app.services.db.clone(),
        app.clock.clone(),
        Entropy,
        SharedState::of_one_node(),
        EphemeralSettings::default(),
    );
    let send = async |services: &Services| {
        let sent = SentRequest { key: "k", method: "POST", path: "/api/v1/jobs", query: "", body: b"{}" };
        let op = Op::of_caller(services, caller.clone(), Origin::default()).unwrap();
        let op = op.with_idempotency_key(Some(IdempotencyKey::of_request(
            &app.identity.ring(),
            app.identity.now(),
            &sent,
        )));
        let new = NewJob {
            spider_name: "auto".to_owned(),
            target_urls: Some(vec!["https://listings.example/".to_owned()]),
            ..Default::default()
        };
        (create(&op, new).await.unwrap().job_id, op.idempotency().unwrap().was_replayed())
    };

    for _ in 0..10 {
        let ((one, _), (two, _)) = tokio::join!(send(&here), send(&there));
        assert_eq!(one, two);
    }

    assert!(send(&there).await.1);
    assert_eq!(member.counts_jobs().await, 1);
}

#[tokio::test]
async fn on_postgres_a_key_that_another_node_holds_is_waited_for_and_given_up() {
    let app = TestApp::spawn_with(Backend::Postgres, &[]).await;
    let op = Op::of_system(&app.services, lotline::auth::tenant_scope::SystemReason::Demo, app.acme);
    let wait = std::time::Duration::from_millis(20);
    let (holder, waiter) = (op.begin().await.unwrap(), op.begin().await.unwrap());

    assert!(acquire_lock(AnyTx::Tenant(&holder.tx), 7, wait).await.unwrap());
    assert!(!acquire_lock(AnyTx::Tenant(&waiter.tx), 7, wait).await.unwrap());
    drop((holder, waiter));

    let next = op.begin().await.unwrap();
    assert!(acquire_lock(AnyTx::Tenant(&next.tx), 7, crate::support::wait::DEADLINE).await.unwrap());
    drop(next);
    drop(op);
    app.finish().await;
}
