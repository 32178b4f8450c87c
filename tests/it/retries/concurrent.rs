//! Two identical requests at once: one does the work, the other waits for its answer, for a limited time.

use lotline::auth::tenant_scope::SystemReason;
use lotline::domain::op::Op;
use lotline::eventlog::Appended;
use lotline::protocol::event::Event;
use lotline::protocol::message::{AdminNotification, Logged};

use super::job;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    of_many_duplicates_at_once_one_does_the_work_and_all_get_its_response,
    a_duplicate_of_a_stuck_request_gets_retry_after,
}

async fn of_many_duplicates_at_once_one_does_the_work_and_all_get_its_response(app: &TestApp) {
    let member = app.member("bob").await;

    let body = job();
    let sends = (0..8).map(|_| member.posts_with_key("k", "/api/v1/jobs", &body));
    let answers = futures_util::future::join_all(sends).await;

    assert!(
        answers.iter().all(|answer| (answer.status, &answer.text) == (201, &answers[0].text)),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    assert_eq!(member.counts_jobs().await, 1);
}

/// A change of acme that holds what every other change of acme needs: the writer, or the row that counts events.
async fn hold_writer(app: &TestApp) -> Appended {
    let op = Op::of_system(&app.services, SystemReason::Demo, app.acme);
    let mut change = op.begin().await.unwrap();
    change.emit(Event::AdminNotice {
        message: AdminNotification {
            category: "test".to_owned(),
            message: "in the way".to_owned(),
            timestamp: 0.0,
            broadcast_id: None,
            sender_id: None,
            logged: Logged::default(),
        },
    });
    change.append().await.unwrap()
}

async fn a_duplicate_of_a_stuck_request_gets_retry_after(app: &TestApp) {
    let member = app.member("bob").await;
    // Reads the caller's account before the writer is taken.
    member.get("/api/v1/users/me").await;
    let held = hold_writer(app).await;
    let send = async || member.posts_with_key("k", "/api/v1/jobs", &job()).await;
    let (mut one, mut two) = (Box::pin(send()), Box::pin(send()));

    // Whichever came first is blocked by `held`; the other waits for ten seconds.
    let (waited, first_is_stuck) = app
        .while_time_passes(async {
            tokio::select! {
                answer = &mut one => (answer, false),
                answer = &mut two => (answer, true),
            }
        })
        .await;
    drop(held);
    let done = if first_is_stuck { one.await } else { two.await };
    let again = send().await;

    waited.expect_problem(409, "idempotency_in_flight");
    assert_eq!(waited.header("retry-after"), Some("1"));
    assert_eq!((done.status, done.is_replay()), (201, false), "{done:?}");
    assert_eq!((again.is_replay(), again.text), (true, done.text));
}
