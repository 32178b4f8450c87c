//! Rooms, in which users of a tenant chat. Public ones may be joined, private ones are known to members and admins.

pub(in crate::domain) mod access;
mod announcement;
mod create;
mod join;
pub mod members;
pub mod membership_cache;
mod read;
mod update;

pub use create::{create, validate_new as judge_new};
pub use join::{Joined, join, leave};
pub use read::{get, list};
pub use update::{RoomChange, archive, update, validate_change as judge_change};
