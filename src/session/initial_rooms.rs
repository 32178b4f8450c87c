//! The rooms in a reader's inbox when it connects.

use std::sync::Arc;

use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::RoomId;
use crate::domain::op::Services;
use crate::domain::rooms::membership_cache::UserMemberships;
use crate::protocol::position::Position;
use crate::protocol::subscription::Reader;
use crate::storage::{self, room_members};

/// The reader's rooms in the store, each with the sequence number that its membership began after.
pub(super) async fn read_rooms(
    services: &Services,
    scope: &TenantScope,
    reader: Reader,
) -> storage::Result<Vec<(RoomId, i64)>> {
    match reader.user {
        Some(user) => room_members::rooms_of(&services.db.tenant(scope).read().await?, user).await,
        None => Ok(Vec::new()),
    }
}

/// The same for a reader that has joined the hub: if many connect together, the store is asked once.
pub(super) async fn cached_rooms(
    services: &Services,
    scope: &TenantScope,
    reader: Reader,
    head: Position,
) -> storage::Result<UserMemberships> {
    match reader.user {
        Some(user) => services.membership_cache.get(&services.db, &services.hub, scope, user, head).await,
        None => Ok(UserMemberships { rooms: Arc::default(), as_of: head.seq }),
    }
}
