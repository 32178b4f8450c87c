//! Creating a room.

use super::access::{MAX_ROOM_ID, RoomAccess, require_user};
use super::announcement::audit_entry;
use super::members::add_member;
use super::read::view;
use crate::auth::permission::Permission;
use crate::base::ids::{RoomId, UserId, uuid_v7};
use crate::base::text::{has_length, is_single_line, is_slug};
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::jobs::validation::{FieldErrors, ensure_valid, field_step, index_step};
use crate::domain::op::Op;
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::room::{NewRoom, Room, Visibility};
use crate::storage::{Error, micros, room_members, rooms, users};

/// Maximum characters of a name and of a topic.
pub(super) const MAX_NAME: usize = 100;
pub(super) const MAX_TOPIC: usize = 500;
/// The error text for an invalid name.
pub(super) const NAME_WORDS: &str = "must have 1 to 100 characters on one line";

/// Creates a room; its creator is its first owner.
pub async fn create(op: &Op, new: NewRoom) -> Result<Room> {
    op.require(Permission::ManageRooms)?;
    let maker = require_user(op)?;
    ensure_valid(validate_new(&new))?;
    let slug = id_of(op, &new);
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let others = initial_members(&change.tx, &new, maker).await?;
    let row = rooms::insert(
        &change.tx,
        rooms::NewRoom {
            slug: &slug,
            name: &new.name,
            topic: new.topic.as_deref(),
            visibility: new.visibility.name(),
            created_by: maker,
            now: micros(op.now()),
        },
    );
    let row = match row.await {
        Err(Error::Duplicate(_)) => return Err(taken()),
        other => other?,
    };
    let room = RoomAccess { row, member: None };
    add_member(op, &mut change, &room, maker, true).await?;
    for user in others {
        add_member(op, &mut change, &room, user, false).await?;
    }
    op.audit(&change.tx, audit_entry("room.created", &slug)).await?;
    let member = room_members::find(&change.tx, RoomId(room.row.id), maker).await?;
    op.commit_idempotent(change, |_| view(&RoomAccess { member, ..room }, Some(0))).await
}

/// The id of a valid new room.
fn id_of(op: &Op, new: &NewRoom) -> String {
    match (new.visibility, &new.room_id) {
        (Visibility::Private, _) => uuid_v7(&op.services.clock).to_string(),
        (Visibility::Public, Some(room_id)) => room_id.clone(),
        (Visibility::Public, None) => slug_of(&new.name),
    }
}

/// All invalid fields of a new room.
pub fn validate_new(new: &NewRoom) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.require(is_single_line(&new.name, MAX_NAME), "name", "length", NAME_WORDS);
    let topic = new.topic.as_deref().unwrap_or_default();
    faults.require(has_length(topic, 0, MAX_TOPIC), "topic", "length", "must have at most 500 characters");
    match (new.visibility, &new.room_id) {
        (Visibility::Private, None) => {}
        (Visibility::Private, Some(_)) => {
            let words = "a private room's id is made by the server, so that it tells nothing; leave it out";
            faults.add(&[field_step("room_id")], "unexpected", words);
        }
        (Visibility::Public, Some(room_id)) => {
            let words = "must have 1 to 64 of a-z, 0-9 and -, neither first nor last a dash";
            faults.require(is_slug(room_id, MAX_ROOM_ID), "room_id", "pattern", words);
        }
        (Visibility::Public, None) => {
            let words = "cannot be made from this name; give one of a-z, 0-9 and -";
            faults.require(is_slug(&slug_of(&new.name), MAX_ROOM_ID), "room_id", "required", words);
        }
    }
    faults.into_errors()
}

/// The name in the characters of an id.
fn slug_of(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    });
    let spread: String = letters.collect();
    let words: Vec<&str> = spread.split('-').filter(|word| !word.is_empty()).collect();
    crate::base::text::truncate(&words.join("-"), MAX_ROOM_ID).trim_end_matches('-').to_owned()
}

/// The initial members besides the creator. All of them must be active users; the error lists those that are not.
async fn initial_members(tx: &crate::storage::TenantTx, new: &NewRoom, maker: UserId) -> Result<Vec<UserId>> {
    let mut faults = FieldErrors::default();
    let mut found: Vec<UserId> = Vec::new();
    for (index, id) in new.members.iter().flatten().enumerate() {
        let user = users::find(tx, UserId(*id)).await?.filter(|user| user.is_active);
        match user {
            Some(user) if user.id != maker.0 && !found.contains(&UserId(user.id)) => {
                found.push(UserId(user.id));
            }
            Some(_) => {}
            None => faults.add(
                &[field_step("members"), index_step(index)],
                "unknown",
                "no active user has this id",
            ),
        }
    }
    faults.into_result()?;
    Ok(found)
}

fn taken() -> Problem {
    let words = "is the id of another room";
    let errors = vec![FieldError::taken(&["room_id"], words)];
    Problem::conflict_of("A room of this id exists; choose another one, or join it.", errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_from_the_letters_of_the_name() {
        assert_eq!(slug_of("Toledo & Lima!"), "toledo-lima");
        assert_eq!(slug_of("  A  b  "), "a-b");
        assert_eq!(slug_of("日本"), "");
        assert!(is_slug(&slug_of(&"x ".repeat(100)), MAX_ROOM_ID));
    }
}
