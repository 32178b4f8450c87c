//! The isolation walk: every operation and every channel, as an admin and a key with every scope of another tenant.
//! What belongs to one tenant must answer another exactly as if it had never been.
#![expect(clippy::panic, reason = "a test that cannot go on should stop and say why")]

mod audit;
pub mod call;
pub mod case;
mod channels;
mod collaboration;
mod documents;
pub mod factories;
mod operations;
mod resources;
mod rooms;
mod upkeep;
pub mod world;
