//! Rooms, their members and their messages. The conversation of two users is a room that no list shows.

use sea_orm_migration::prelude::*;

use crate::dialect::{Rows, Table, create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[
    Table {
        name: "rooms",
        rows: Rows::OfTenant("tenant_id"),
        // slug: the wire's room_id; a name in public rooms, a UUID in private ones, the two users' ids in
        // conversations of two; these users are in user_low and user_high and not among the members. everyone: the
        // lobby, which has no rows of members either.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            slug text NOT NULL,
            name text NOT NULL,
            topic text,
            visibility text NOT NULL,
            everyone $bool NOT NULL,
            user_low $int,
            user_high $int,
            created_by $int,
            created_at $time NOT NULL,
            updated_at $time NOT NULL,
            archived_at $time,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, slug),
            FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id),
            FOREIGN KEY (tenant_id, user_low) REFERENCES users (tenant_id, id),
            FOREIGN KEY (tenant_id, user_high) REFERENCES users (tenant_id, id)",
        indexes: &[
            // A user's conversations.
            "CREATE INDEX rooms_by_user_low ON rooms (tenant_id, user_low) WHERE user_low IS NOT NULL",
            "CREATE INDEX rooms_by_user_high ON rooms (tenant_id, user_high) WHERE user_high IS NOT NULL",
        ],
    },
    Table {
        name: "room_members",
        rows: Rows::OfTenant("tenant_id"),
        // joined_after: the log's head at the joining, read while the room was locked: a member sees later events
        // only.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            room_id $int NOT NULL,
            user_id $int NOT NULL,
            owner $bool NOT NULL,
            joined_after $int NOT NULL,
            joined_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, room_id, user_id),
            FOREIGN KEY (tenant_id, room_id) REFERENCES rooms (tenant_id, id),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)",
        indexes: &[
            // The rooms of a user, queried at every connect.
            "CREATE INDEX room_members_by_user ON room_members (tenant_id, user_id)",
        ],
    },
    Table {
        name: "room_reads",
        rows: Rows::OfTenant("tenant_id"),
        // last_read: the id of the newest message that the user has read.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            room_id $int NOT NULL,
            user_id $int NOT NULL,
            last_read $int NOT NULL,
            read_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, room_id, user_id),
            FOREIGN KEY (tenant_id, room_id) REFERENCES rooms (tenant_id, id),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)",
        indexes: &[],
    },
    Table {
        name: "messages",
        rows: Rows::OfTenant("tenant_id"),
        // Written while the room is locked, so that within a room the order of ids is the order of the log.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            room_id $int NOT NULL,
            message_id $uuid NOT NULL,
            sender_id $int NOT NULL,
            text text NOT NULL,
            client_message_id text,
            attachments text,
            created_at $time NOT NULL,
            edited_at $time,
            deleted_at $time,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, message_id),
            UNIQUE (tenant_id, sender_id, client_message_id),
            FOREIGN KEY (tenant_id, room_id) REFERENCES rooms (tenant_id, id),
            FOREIGN KEY (tenant_id, sender_id) REFERENCES users (tenant_id, id)",
        indexes: &[
            // A room's history, newest first, and its unread count.
            "CREATE INDEX messages_by_room ON messages (tenant_id, room_id, id)",
        ],
    },
];
