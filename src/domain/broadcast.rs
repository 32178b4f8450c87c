//! Broadcasts: a message from a user with the permission to an audience of the tenant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::idempotency::Begin;
use super::jobs::validation::{FieldErrors, ensure_valid};
use super::notifications;
use super::op::{AuditEntry, Op};
use crate::auth::permission::Permission;
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::base::ids::BroadcastId;
use crate::base::text;
use crate::protocol::event::Event;
use crate::protocol::message::{AdminNotification, Logged, SystemNotification};
use crate::protocol::position::Position;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::routing::Audience;
use crate::storage::users;

/// Longest text of a broadcast, in characters.
pub const MAX_TEXT: usize = 4_000;
/// Longest category, in characters.
pub const MAX_CATEGORY: usize = 100;

pub struct NewBroadcast {
    pub message: String,
    pub category: Option<String>,
    pub audience: Audience,
    /// For information only; now when absent.
    pub start_time: Option<DateTime<Utc>>,
}

/// The broadcast's id, and its position in the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentBroadcast {
    pub broadcast_id: BroadcastId,
    pub position: Position,
}

/// Stores the broadcast and publishes it, once.
pub async fn send(op: &Op, new: NewBroadcast) -> Result<SentBroadcast> {
    op.require(Permission::Broadcast)?;
    check_text(&new.message, new.category.as_deref())?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    if let Audience::User(user) = new.audience
        && users::find(&change.tx, user).await?.is_none()
    {
        return Err(bad_field("audience", "no user of this tenant has that id"));
    }
    let broadcast_id = BroadcastId::new(&op.services.clock);
    let entry = AuditEntry {
        action: "broadcast.sent",
        target_kind: "broadcast",
        target_id: broadcast_id.to_string(),
        detail: Some(serde_json::json!({ "audience": new.audience.to_string() })),
    };
    op.audit(&change.tx, entry).await?;
    notifications::notify(op, &mut change, event(op, new, broadcast_id)).await?;
    let sent = |position| Ok(SentBroadcast { broadcast_id, position });
    op.commit_idempotent(change, |position| position.ok_or_else(Problem::internal).and_then(sent)).await
}

/// Broadcasts to admins are admin notices; to everyone else they are system notifications.
fn event(op: &Op, new: NewBroadcast, broadcast_id: BroadcastId) -> Event {
    let now = op.now();
    let sender_id = op.principal().and_then(|principal| principal.owner_id()).map(|user| user.0);
    match new.audience {
        Audience::Admins => Event::AdminNotice {
            message: AdminNotification {
                category: new.category.unwrap_or_else(|| "admin".to_owned()),
                message: new.message,
                timestamp: epoch_seconds(now),
                broadcast_id: Some(broadcast_id.to_string()),
                sender_id,
                logged: Logged::default(),
            },
        },
        audience @ (Audience::Everyone | Audience::Role(_) | Audience::User(_)) => Event::Broadcast {
            audience,
            message: SystemNotification {
                category: new.category.unwrap_or_else(|| "general".to_owned()),
                message: new.message,
                start_time: rfc3339(new.start_time.unwrap_or(now)),
                timestamp: epoch_seconds(now),
                broadcast_id: broadcast_id.to_string(),
                sender_id,
                logged: Logged::default(),
            },
        },
    }
}

/// Validates a broadcast's text, for any audience.
pub(super) fn check_text(message: &str, category: Option<&str>) -> Result<()> {
    ensure_valid(validate(message, category))
}

/// All invalid fields of a broadcast.
pub fn validate(message: &str, category: Option<&str>) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.require(
        text::has_length(message, 1, MAX_TEXT),
        "message",
        "invalid",
        "must have 1 to 4,000 characters",
    );
    let fits = category.is_none_or(|category| text::has_length(category, 1, MAX_CATEGORY));
    faults.require(fits, "category", "invalid", "must have 1 to 100 characters");
    faults.into_errors()
}

fn bad_field(name: &str, words: &str) -> Problem {
    Problem::validation(vec![FieldError::in_body(&[PathSegment::Name(name.to_owned())], "invalid", words)])
}
