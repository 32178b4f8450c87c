//! Cache of users' rooms, read once for all connections of a user that return together. An entry is valid as long as
//! the hub has delivered no change of membership since.

use std::sync::Arc;

use moka::future::Cache;
use moka::ops::compute::Op;

use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::{RoomId, TenantId, UserId};
use crate::hub::Hub;
use crate::protocol::position::Position;
use crate::storage::{Database, Result, room_members};

/// Bounded: users with cached rooms; those of others are read again.
const MAX_USERS: u64 = 20_000;

/// A user's rooms, each with the sequence number that the membership began after.
#[derive(Clone, Debug)]
pub struct UserMemberships {
    pub rooms: Arc<[(RoomId, i64)]>,
    /// All changes up to this sequence number are included, and possibly later ones.
    pub as_of: i64,
}

struct CachedMemberships {
    rooms: Arc<[(RoomId, i64)]>,
    read_at: Position,
}

/// A node's cache of memberships.
pub struct MembershipCache(Cache<(TenantId, UserId), Arc<CachedMemberships>>);

impl Default for MembershipCache {
    fn default() -> Self {
        Self(Cache::new(MAX_USERS))
    }
}

impl MembershipCache {
    /// The user's rooms, for a connection that receives every later change through the hub. To be called after
    /// joining it and reading `head`.
    pub async fn get(
        &self,
        db: &Database,
        hub: &Hub,
        scope: &TenantScope,
        user: UserId,
        head: Position,
    ) -> Result<UserMemberships> {
        let cursor = hub.cursor(scope).unwrap_or(head);
        let is_current = |known: &CachedMemberships| hub.memberships_unchanged_since(scope, known.read_at);
        let key = (scope.tenant_id(), user);
        if let Some(known) = self.0.get(&key).await.filter(|known| is_current(known)) {
            return Ok(UserMemberships {
                rooms: Arc::clone(&known.rooms),
                as_of: cursor.seq.max(known.read_at.seq),
            });
        }
        let outcome = self.0.entry(key).and_try_compute_with(async |entry| {
            if entry.is_some_and(|entry| is_current(entry.value())) {
                return Ok(Op::Nop);
            }
            // Before the read: the result includes everything up to here at least.
            let read_at = hub.cursor(scope).unwrap_or(cursor);
            let rooms = read(db, scope, user).await?;
            Ok::<_, crate::storage::Error>(Op::Put(Arc::new(CachedMemberships { rooms, read_at })))
        });
        match outcome.await?.into_entry() {
            Some(entry) => {
                let known = entry.into_value();
                Ok(UserMemberships { rooms: Arc::clone(&known.rooms), as_of: known.read_at.seq })
            }
            None => Ok(UserMemberships { rooms: read(db, scope, user).await?, as_of: cursor.seq }),
        }
    }
}

async fn read(db: &Database, scope: &TenantScope, user: UserId) -> Result<Arc<[(RoomId, i64)]>> {
    Ok(room_members::rooms_of(&db.tenant(scope).read().await?, user).await?.into())
}
