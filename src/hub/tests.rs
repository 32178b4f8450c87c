//! A mailbox that is full, and a hub that gets events out of order.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{JobId, UserId};
use crate::protocol::command::Subscribe;
use crate::protocol::message::{GoingAway, JobLog, Pong, PongPayload};
use crate::protocol::problem::CloseCode;
use crate::protocol::reader::Reader;
use crate::protocol::role::Role;
use crate::protocol::routing::{Audience, Routing};
use crate::protocol::subscription::Subscription;

const USER: UserId = UserId(7);
const EPOCH: i64 = 1;

fn scope() -> TenantScope {
    TenantScope::for_system(SystemReason::HeadPoll, TenantId(1))
}

fn envelope(seq: i64, routing: Routing, bytes: usize) -> Arc<Envelope> {
    let body = json!({ "type": "x", "filler": "f".repeat(bytes) }).to_string();
    let position = Position { epoch: EPOCH, seq };
    Arc::new(Envelope::new(position, "x", routing, &body, DateTime::UNIX_EPOCH))
}

fn notice(seq: i64) -> Arc<Envelope> {
    envelope(seq, Routing::Notice { audience: Audience::Everyone }, 100)
}

fn progress(seq: i64, job: i64) -> Arc<Envelope> {
    envelope(
        seq,
        Routing::Job { owner: Some(USER), job_id: JobId(job), spider: "auto".to_owned(), progress: true },
        100,
    )
}

/// An inbox, and `job_updates` with the lines of logs.
fn interest() -> Interest {
    let wanted = json!({ "subscription": "job_updates", "filter": { "logs": true } });
    let filter = Subscribe::from_value(&wanted).unwrap().filter;
    let subscriptions = vec![Subscription { filter, key: None, after: 0 }];
    Interest { subscriptions, ..Interest::new(Reader::unconnected(Some(USER), Some(Role::Member)), Some(0)) }
}

/// A hub that has delivered nothing yet, with one mailbox that has an open gate.
fn joined(most_bytes: usize) -> (Hub, Arc<Mailbox>) {
    let hub = Hub::default();
    let mailbox = Arc::new(Mailbox::new(interest(), most_bytes));
    hub.join(&scope(), &mailbox);
    hub.start_at(&scope(), Position { epoch: EPOCH, seq: 0 });
    mailbox.open_gate(0).unwrap();
    (hub, mailbox)
}

fn sequences(mailbox: &Mailbox) -> Vec<i64> {
    let Some(Ok(items)) = mailbox.try_take() else { return Vec::new() };
    let sequences = items.iter().filter_map(|item| match item {
        Item::Event(envelope) => Some(envelope.seq()),
        Item::Message { .. } | Item::Heartbeat(_) => None,
    });
    sequences.collect()
}

fn log_line(hub: &Hub) {
    let ephemeral = Ephemeral::JobLog { job_id: JobId(1), spider: "auto".to_owned() };
    hub.publish_ephemeral(
        TenantId(1),
        &ephemeral,
        &ServerMessage::JobLog(JobLog { job_id: 1, lines: Vec::new() }),
    );
}

#[test]
fn while_delivery_is_paused_nothing_is_taken_and_nothing_is_lost() {
    let (hub, mailbox) = joined(100_000);
    hub.publish_committed(TenantId(1), &[notice(1)]);

    mailbox.pause_delivery();
    hub.publish_committed(TenantId(1), &[notice(2)]);
    assert!(mailbox.try_take().is_none());
    mailbox.resume_delivery();

    assert_eq!(sequences(&mailbox), [1, 2]);
}

#[tokio::test]
async fn a_close_while_delivery_is_paused_comes_before_what_was_queued() {
    let (hub, mailbox) = joined(100_000);
    hub.publish_committed(TenantId(1), &[notice(1)]);
    assert_eq!(mailbox.delivery_resumed().await, Ok(()), "nothing is held");
    mailbox.pause_delivery();
    let revoked = Closing { code: CloseCode::SessionRevoked, reason: String::new() };
    let close = async { mailbox.close(revoked.clone()) };

    let (released, ()) = tokio::join!(mailbox.delivery_resumed(), close);

    assert_eq!(released, Err(revoked.clone()));
    assert_eq!(mailbox.take().await.unwrap_err(), revoked);
}

#[test]
fn events_out_of_order_or_duplicated_are_delivered_a_single_time_in_sequence() {
    let (hub, mailbox) = joined(100_000);

    hub.publish_committed(TenantId(1), &[notice(3), notice(2)]);
    assert_eq!(
        (sequences(&mailbox), hub.gaps()),
        (vec![], vec![(TenantId(1), Position { epoch: EPOCH, seq: 0 })])
    );
    hub.publish_committed(TenantId(1), &[notice(1), notice(2)]);
    hub.publish_committed(TenantId(1), &[notice(3), notice(4)]);

    assert_eq!((sequences(&mailbox), hub.gaps()), (vec![1, 2, 3, 4], vec![]));
}

#[test]
fn a_frame_that_matches_inbox_and_feed_is_queued_once() {
    let (hub, mailbox) = joined(100_000);

    hub.publish_committed(TenantId(1), &[progress(1, 5)]);

    assert_eq!(sequences(&mailbox), [1]);
}

#[test]
fn a_full_mailbox_keeps_only_the_latest_progress_of_each_job() {
    let (hub, mailbox) = joined(1_000);

    let events: Vec<_> = (1..=6).map(|seq| progress(seq, seq % 2)).chain([notice(7), notice(8)]).collect();
    hub.publish_committed(TenantId(1), &events);

    assert_eq!(sequences(&mailbox), [5, 6, 7, 8]);
    assert_eq!(mailbox.closing(), None);
}

#[test]
fn then_ephemeral_messages_are_dropped_and_counted_but_no_event() {
    let (hub, mailbox) = joined(1_000);

    (0..8).for_each(|_| log_line(&hub));
    hub.publish_committed(TenantId(1), &(1..=5).map(notice).collect::<Vec<_>>());

    assert_eq!((sequences(&mailbox), mailbox.dropped()), (vec![1, 2, 3, 4, 5], 8));
    assert_eq!(mailbox.closing(), None);
}

#[test]
fn then_the_reader_is_closed_as_a_slow_consumer() {
    let (hub, mailbox) = joined(1_000);

    hub.publish_committed(TenantId(1), &(1..=20).map(notice).collect::<Vec<_>>());

    assert_eq!(mailbox.closing().map(|closing| closing.code), Some(CloseCode::SlowConsumer));
    assert!(mailbox.queued_bytes() <= 1_000);
}

#[test]
fn a_gate_that_overflows_is_emptied_and_reported_and_the_reader_stays_connected() {
    let (hub, mailbox) = joined(1_000);
    hub.shut_gate(&scope(), &mailbox).unwrap();

    hub.publish_committed(TenantId(1), &(1..=20).map(notice).collect::<Vec<_>>());

    assert_eq!(mailbox.open_gate(0), Err(Overflowed));
    assert_eq!(mailbox.closing(), None);
    // The caller reads 1 to 20 from the log; what comes after is queued again and follows them.
    hub.publish_committed(TenantId(1), &[notice(21)]);
    assert_eq!(mailbox.open_gate(20), Ok(()));
    assert_eq!(sequences(&mailbox), [21]);
}

#[test]
fn events_replayed_before_the_hub_received_them_are_not_delivered_again() {
    let (hub, mailbox) = joined(100_000);
    hub.publish_committed(TenantId(1), &[notice(1)]);
    hub.shut_gate(&scope(), &mailbox).unwrap();

    // Event 2 is committed and read by the replay; it has not reached the hub yet.
    mailbox.open_gate(2).unwrap();
    let position = hub.shut_gate(&scope(), &mailbox).unwrap().position;
    mailbox.open_gate(2).unwrap();
    hub.publish_committed(TenantId(1), &[notice(2), notice(3)]);

    assert_eq!((position.seq, sequences(&mailbox)), (2, vec![3]));
}

#[test]
fn an_answer_comes_after_the_events_up_to_its_position() {
    let (hub, mailbox) = joined(100_000);
    hub.publish_committed(TenantId(1), &[notice(1)]);

    hub.answer(&scope(), &mailbox, pong);
    hub.publish_committed(TenantId(1), &[notice(2)]);

    let items = mailbox.try_take().unwrap().unwrap();
    let [Item::Event(first), Item::Message { position, .. }, Item::Event(second)] = items.as_slice() else {
        unreachable!("{items:?}")
    };
    assert_eq!((first.seq(), position.unwrap().seq, second.seq()), (1, 1, 2));
}

fn pong(position: Position) -> ServerMessage {
    let payload = PongPayload { timestamp: String::new() };
    ServerMessage::Pong(Pong { timestamp: 0.0, payload, position: position.to_string(), reply_to: None })
}

#[test]
fn an_answer_that_waited_for_a_replay_carries_the_position_that_the_replay_has_come_to() {
    let (hub, mailbox) = joined(100_000);
    hub.shut_gate(&scope(), &mailbox).unwrap();
    hub.publish_committed(TenantId(1), &[notice(1)]);
    hub.answer(&scope(), &mailbox, pong);
    hub.send_heartbeat(&scope(), &mailbox);

    // The log was ahead of the hub.
    mailbox.open_gate(3).unwrap();
    hub.publish_committed(TenantId(1), &[notice(2), notice(3), notice(4)]);

    let items = mailbox.try_take().unwrap().unwrap();
    let [Item::Message { frame, position, .. }, Item::Heartbeat(beat), Item::Event(event)] = items.as_slice()
    else {
        unreachable!("{items:?}")
    };
    let third = Position { epoch: EPOCH, seq: 3 };
    let text: serde_json::Value = serde_json::from_slice(&frame.payload()).unwrap();
    assert_eq!((*position, &text["position"]), (Some(third), &json!(third.to_string())));
    assert_eq!((*beat, event.seq()), (third, 4));
}

#[test]
fn draining_control_behind_a_shut_gate_keeps_only_messages_without_a_position() {
    let (hub, mailbox) = joined(100_000);
    hub.shut_gate(&scope(), &mailbox).unwrap();
    hub.publish_committed(TenantId(1), &[notice(1)]);
    hub.send_heartbeat(&scope(), &mailbox);
    log_line(&hub);
    mailbox.offer(ControlMessage::control(&ServerMessage::GoingAway(GoingAway { reconnect_after_ms: 1 })));

    let last = mailbox.drain_control();

    let kinds: Vec<_> =
        last.iter().map(|item| matches!(item, Item::Message { kind: "going_away", .. })).collect();
    assert_eq!(kinds, [true]);
    assert!(mailbox.drain_control().is_empty());
}

#[test]
fn another_tenants_events_reach_no_mailbox_of_this_one_and_an_empty_tenant_is_forgotten() {
    let (hub, mailbox) = joined(100_000);

    hub.publish_committed(TenantId(2), &[notice(1)]);
    assert_eq!(sequences(&mailbox), [] as [i64; 0]);

    hub.leave(&scope(), &mailbox);
    assert!(hub.cursors().is_empty());
}

#[test]
fn events_of_another_log_are_not_delivered_as_the_continuation_of_this_one() {
    let (hub, mailbox) = joined(10_000);
    hub.publish_committed(TenantId(1), &[notice(1)]);
    let body = json!({ "type": "x" }).to_string();
    let routing = Routing::Notice { audience: Audience::Everyone };
    let position = Position { epoch: EPOCH + 1, seq: 2 };
    let foreign = Arc::new(Envelope::new(position, "x", routing, &body, DateTime::UNIX_EPOCH));

    hub.publish_committed(TenantId(1), &[Arc::clone(&foreign)]);
    assert_eq!(sequences(&mailbox), [1]);

    // Nor when it came before the delivery of this log began.
    hub.reset_cursors();
    hub.publish_committed(TenantId(1), &[foreign]);
    hub.start_at(&scope(), Position { epoch: EPOCH, seq: 1 });
    assert_eq!(sequences(&mailbox), [0; 0]);
    assert_eq!(hub.gaps(), []);
}

#[test]
fn readers_are_closed_before_events_after_a_skipped_gap_are_delivered() {
    let (hub, mailbox) = joined(10_000);
    hub.publish_committed(TenantId(1), &[notice(1), notice(9)]);
    assert_eq!(hub.gaps(), [(TenantId(1), Position { epoch: EPOCH, seq: 1 })]);

    hub.skip_to(TenantId(1), 8, &Closing::to_resume());

    assert_eq!(sequences(&mailbox), [1]);
    assert_eq!(mailbox.closing(), Some(Closing::to_resume()));
    assert_eq!(hub.cursors(), [(TenantId(1), Position { epoch: EPOCH, seq: 9 })]);
    assert_eq!(hub.gaps(), []);
    // A position that is already reached is not skipped to again.
    hub.skip_to(TenantId(1), 9, &Closing::to_resume());
    assert_eq!(hub.head(TenantId(1)), Some(9));
}
