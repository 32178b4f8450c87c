//! What people do together at this moment: who is there, who looks at what, who writes.

mod chat;
mod create_on_join;
mod logs;
mod non_members;
mod presence;
mod rooms;
mod setup;
mod typing;
mod viewers;
