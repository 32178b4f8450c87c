//! Making a room.

use super::access::{MAX_ROOM_ID, Met, caller};
use super::members::add;
use super::view::view;
use crate::auth::permission::Permission;
use crate::base::ids::{MessageId, RoomId, UserId};
use crate::base::text::{fits, is_line, is_slug};
use crate::domain::error::Result;
use crate::domain::idempotency::Begun;
use crate::domain::jobs::check::{Faults, name, nth, refuse};
use crate::domain::op::{Deed, Op};
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::room::{NewRoom, Room, Visibility};
use crate::storage::{Error, micros, room_members, rooms, users};

/// Characters of a name and of a topic.
pub(super) const MAX_NAME: usize = 100;
pub(super) const MAX_TOPIC: usize = 500;
/// Words that another name is refused with.
pub(super) const NAME_WORDS: &str = "must have 1 to 100 characters on one line";

/// Makes a room; its maker is its first owner.
pub async fn create(op: &Op, new: NewRoom) -> Result<Room> {
    op.require(Permission::ManageRooms)?;
    let maker = caller(op)?;
    refuse(judge(&new))?;
    let slug = id_of(op, &new);
    let mut change = match op.begin_once().await? {
        Begun::First(change) => change,
        Begun::Again(answer) => return Ok(answer),
    };
    let others = others(&change.tx, &new, maker).await?;
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
    let room = Met { row, member: None };
    add(op, &mut change, &room, maker, true).await?;
    for user in others {
        add(op, &mut change, &room, user, false).await?;
    }
    op.audit(&change.tx, deed("room.created", &slug)).await?;
    let member = room_members::find(&change.tx, RoomId(room.row.id), maker).await?;
    op.commit_once(change, |_| view(&Met { member, ..room }, Some(0))).await
}

/// The id that an acceptable room will have.
fn id_of(op: &Op, new: &NewRoom) -> String {
    match (new.visibility, &new.room_id) {
        (Visibility::Private, _) => MessageId::new(&op.kernel.clock).to_string(),
        (Visibility::Public, Some(room_id)) => room_id.clone(),
        (Visibility::Public, None) => slug_of(&new.name),
    }
}

/// Every bad field of a room to make.
pub fn judge(new: &NewRoom) -> Vec<FieldError> {
    let mut faults = Faults::default();
    faults.unless(is_line(&new.name, MAX_NAME), "name", "length", NAME_WORDS);
    let topic = new.topic.as_deref().unwrap_or_default();
    faults.unless(fits(topic, 0, MAX_TOPIC), "topic", "length", "must have at most 500 characters");
    match (new.visibility, &new.room_id) {
        (Visibility::Private, None) => {}
        (Visibility::Private, Some(_)) => {
            let words = "a private room's id is made by the server, so that it tells nothing; leave it out";
            faults.unless(false, "room_id", "unexpected", words);
        }
        (Visibility::Public, Some(room_id)) => {
            let words = "must have 1 to 64 of a-z, 0-9 and -, neither first nor last a dash";
            faults.unless(is_slug(room_id, MAX_ROOM_ID), "room_id", "pattern", words);
        }
        (Visibility::Public, None) => {
            let words = "cannot be made from this name; give one of a-z, 0-9 and -";
            faults.unless(is_slug(&slug_of(&new.name), MAX_ROOM_ID), "room_id", "required", words);
        }
    }
    faults.into_errors()
}

/// The name in the letters of an id.
fn slug_of(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    });
    let spread: String = letters.collect();
    let words: Vec<&str> = spread.split('-').filter(|word| !word.is_empty()).collect();
    crate::base::text::cut(&words.join("-"), MAX_ROOM_ID).trim_end_matches('-').to_owned()
}

/// The members from the start besides the maker, each of whom must be an active user; all who are not are named.
async fn others(tx: &crate::storage::TenantTx, new: &NewRoom, maker: UserId) -> Result<Vec<UserId>> {
    let mut faults = Faults::default();
    let mut found: Vec<UserId> = Vec::new();
    for (index, id) in new.members.iter().flatten().enumerate() {
        let user = users::find(tx, UserId(*id)).await?.filter(|user| user.is_active);
        match user {
            Some(user) if user.id != maker.0 && !found.contains(&UserId(user.id)) => {
                found.push(UserId(user.id));
            }
            Some(_) => {}
            None => faults.add(&[name("members"), nth(index)], "unknown", "no active user has this id"),
        }
    }
    faults.refuse()?;
    Ok(found)
}

fn taken() -> Problem {
    let words = "is the id of another room";
    let errors = vec![FieldError::taken(&["room_id"], words)];
    Problem::conflict_of("A room of this id exists; choose another one, or join it.", errors)
}

pub(super) fn deed(action: &'static str, room_id: &str) -> Deed {
    Deed { action, target_kind: "room", target_id: room_id.to_owned(), detail: None }
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
