//! The rooms that are in a reader's inbox when it begins.

use std::sync::Arc;

use crate::auth::scope::TenantScope;
use crate::base::ids::RoomId;
use crate::domain::op::Kernel;
use crate::domain::rooms::reads::RoomsRead;
use crate::protocol::position::Position;
use crate::protocol::subscription::Reader;
use crate::storage::{self, room_members};

/// The reader's rooms, each with the sequence number that its membership began after, as the store has them now.
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

/// The same for a reader who has joined the hub: of many who come at once the store is asked once.
pub(super) async fn rooms_of_joined(
    kernel: &Kernel,
    scope: &TenantScope,
    reader: Reader,
    head: Position,
) -> storage::Result<RoomsRead> {
    match reader.user {
        Some(user) => kernel.rooms.of(&kernel.db, &kernel.hub, scope, user, head).await,
        None => Ok(RoomsRead { rooms: Arc::default(), as_of: head.seq }),
    }
}
