//! Where a reader stands when it begins: the log's head, and the rooms that are in its inbox.

use crate::auth::scope::TenantScope;
use crate::base::ids::RoomId;
use crate::domain::op::Kernel;
use crate::eventlog::{self, Head};
use crate::protocol::subscription::Reader;
use crate::storage::{self, room_members};

/// The head, and the reader's rooms, each with the sequence number that its membership began after.
pub(super) type Start = (Head, Vec<(RoomId, i64)>);

/// Reads both. The head comes first: memberships that are newer than it are told again by the events after it, while
/// one that was missed would never be.
pub(super) async fn read_start(
    kernel: &Kernel,
    scope: &TenantScope,
    reader: Reader,
) -> storage::Result<Start> {
    let tx = kernel.db.tenant(scope).read().await?;
    let head = eventlog::read_head(&tx).await?;
    let rooms = match reader.user {
        Some(user) => room_members::rooms_of(&tx, user).await?,
        None => Vec::new(),
    };
    Ok((head, rooms))
}
