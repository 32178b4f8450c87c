//! The rooms that are in a reader's inbox when it begins.

use crate::auth::scope::TenantScope;
use crate::base::ids::RoomId;
use crate::domain::op::Kernel;
use crate::protocol::subscription::Reader;
use crate::storage::{self, room_members};

/// The reader's rooms, each with the sequence number that its membership began after.
pub(super) async fn read_rooms(
    kernel: &Kernel,
    scope: &TenantScope,
    reader: Reader,
) -> storage::Result<Vec<(RoomId, i64)>> {
    match reader.user {
        Some(user) => room_members::rooms_of(&kernel.db.tenant(scope).read().await?, user).await,
        None => Ok(Vec::new()),
    }
}
