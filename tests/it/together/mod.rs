//! What people do together at this moment: who is there, who looks at what, who writes.

mod chat;
mod logs;
mod presence;
mod rooms;
mod scene;
mod seeds_rooms;
mod strangers;
mod typing;
mod viewers;
