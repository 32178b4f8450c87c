//! How a change of a room is announced to its readers and recorded for its tenant.

use super::access::RoomAccess;
use crate::base::ids::UserId;
use crate::domain::op::AuditEntry;
use crate::protocol::message::{RoomEvent, SystemMessage, SystemPayload};

/// A room's system message about a user.
pub(super) fn system_message(room: &RoomAccess, event: RoomEvent, user: UserId) -> SystemMessage {
    let payload = SystemPayload {
        event: Some(event),
        user_id: Some(user.0),
        room_id: room.row.slug.clone(),
        ..Default::default()
    };
    SystemMessage { payload, reply_to: None, position: None, occurred_at: None }
}

/// The audit entry of an action on a room.
pub(super) fn audit_entry(action: &'static str, room_id: &str) -> AuditEntry {
    AuditEntry { action, target_kind: "room", target_id: room_id.to_owned(), detail: None }
}
