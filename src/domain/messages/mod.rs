//! What people say: in rooms, and to each other. Stored, in one order, told once.

mod change;
mod history;
mod read;
mod send;
mod spot;
mod view;

pub use change::{delete, edit};
pub use history::{Conversation, conversations, of_person, of_room};
pub use read::{read_person, read_room};
pub use send::{NewMessage, Sent, To, judge, send};
