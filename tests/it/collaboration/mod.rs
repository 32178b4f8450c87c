//! Collaboration: presence, viewers, typing, rooms, chat and log streams.

mod chat;
mod create_on_join;
mod logs;
mod non_members;
mod presence;
mod rooms;
mod setup;
mod typing;
mod viewers;
