//! Rooms, in which users of a tenant chat. Public ones may be joined, private ones are known to members and admins.

pub(in crate::domain) mod access;
mod archive;
mod create;
mod get;
mod join;
mod leave;
mod list;
pub mod members;
pub mod membership_cache;
mod update;
mod view;

pub use archive::archive;
pub use create::{create, validate_new as judge_new};
pub use get::get;
pub use join::{Joined, join};
pub use leave::leave;
pub use list::list;
pub use update::{RoomChange, update, validate_change as judge_change};
