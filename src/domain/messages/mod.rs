//! Messages of users, in rooms and to each other: stored, in one order, published once.

mod conversation;
mod edit;
mod history;
mod read_markers;
mod send;
mod view;

pub use edit::{delete, edit};
pub use history::{conversations, of_room, with_user};
pub use read_markers::{mark_direct_read, mark_room_read};
pub use send::{NewMessage, Recipient, SentMessage, send, validate};
