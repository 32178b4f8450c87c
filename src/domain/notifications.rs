//! Stored notifications: every notice, alert and summary is stored beside its event, so that users find it after an
//! absence.

use super::error::Result;
use super::op::Op;
use crate::base::clock::rfc3339;
use crate::base::ids::{NotificationId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::notification::NotificationView;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;
use crate::protocol::routing::{Audience, Routing};
use crate::storage::notifications::{self, NewNotification, NotificationRow, Readership};
use crate::storage::{events, micros, time};

/// The sort key of the list: newest first.
pub type NotificationKey = (i64, uuid::Uuid);

/// Publishes an event and stores it as a notification. Events of other kinds are only published.
pub async fn notify(op: &Op, change: &mut EventTx, event: Event) -> Result<()> {
    notify_as(op, change, event, NotificationId::new(&op.services.clock)).await
}

/// Like [`notify`], under an id by which a retry finds the first attempt.
pub async fn notify_as(op: &Op, change: &mut EventTx, event: Event, id: NotificationId) -> Result<()> {
    if let Some(audience) = audience(&event.routing()) {
        let message = event.clone().into_message();
        let new = NewNotification {
            id,
            seq: events::log(&change.tx).await?.head,
            kind: message.kind(),
            audience: audience.to_string(),
            body: message.to_json(),
            now: micros(op.now()),
        };
        notifications::insert(&change.tx, new).await?;
    }
    change.emit(event);
    Ok(())
}

/// The audience of an event's notification. An alert is addressed to the user it concerns; admins see all of them.
fn audience(routing: &Routing) -> Option<Audience> {
    match routing {
        Routing::Summary => Some(Audience::Everyone),
        Routing::Notice { audience } => Some(*audience),
        Routing::Alert { concerns } => Some(concerns.map_or(Audience::Admins, Audience::User)),
        Routing::Job { .. }
        | Routing::Property { .. }
        | Routing::Room { .. }
        | Routing::Membership { .. }
        | Routing::Direct { .. }
        | Routing::Unknown => None,
    }
}

/// The caller's notifications, newest first.
pub async fn list(
    op: &Op,
    page: PageRequest<NotificationKey>,
) -> Result<Page<NotificationView, NotificationKey>> {
    let (user, role) = reader(op)?;
    let tx = op.read().await?;
    let rows = notifications::list(&tx, &readership(user, role), page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| (row.seq, row.id));
    let ids: Vec<_> = page.rows.iter().map(|row| row.id).collect();
    let read = notifications::read_by(&tx, user, &ids).await?;
    Ok(page.map(|row| view(&row, read.contains(&row.id))))
}

/// A notification as one user sees it.
fn view(row: &NotificationRow, read: bool) -> NotificationView {
    NotificationView {
        notification_id: row.id.to_string(),
        kind: row.kind.clone(),
        // The body was written by the server as JSON.
        message: serde_json::from_str(&row.body).unwrap_or_default(),
        read,
        created_at: rfc3339(time(row.created_at)),
    }
}

/// Marks one of the caller's notifications as read.
pub async fn mark_read(op: &Op, id: NotificationId) -> Result<()> {
    let (user, role) = reader(op)?;
    let change = op.begin().await?;
    let row = notifications::find(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    if !readership(user, role).includes(&row) {
        return Err(Problem::not_found());
    }
    notifications::mark_read(&change.tx, id, user, micros(op.now())).await?;
    op.commit(change).await?;
    Ok(())
}

fn readership(user: UserId, role: Role) -> Readership {
    let mut audiences = vec![Audience::Everyone, Audience::Role(role), Audience::User(user)];
    let mut kinds: &[&str] = &[];
    if role == Role::Admin {
        audiences.push(Audience::Admins);
        kinds = &["system_alert"];
    }
    Readership { audiences: audiences.iter().map(Audience::to_string).collect(), kinds }
}

/// The user that reads: a key has no notifications.
fn reader(op: &Op) -> Result<(UserId, Role)> {
    match op.principal() {
        Some(crate::auth::principal::Principal::User(user)) => Ok((user.user_id(), user.role())),
        _ => Err(super::op::not_a_user()),
    }
}
